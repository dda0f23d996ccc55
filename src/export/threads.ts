/**
 * The threads that an export is about: their files, their family, their names and the months in which they were begun, from the heads
 * of all rollouts. In the order of the months, so that one file of each table is open at a time.
 */
import { basename } from "node:path";
import { assert } from "../errors.ts";
import { attempt, type FileHead, readFileHead, type UnreadableFile } from "../analysis/inherited.ts";
import { parseTimestamp, parseUuid, plainPath, stampToMs, uuidTimeMs } from "../format/names.ts";
import { statOrUndefined } from "../io/files.ts";
import type { RolloutFile } from "../readers/home.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { readThreadIndex, shownName, type ThreadIndex } from "../readers/thread-index.ts";
import { buildFamily, type Family, type FamilyThread } from "../thread/family.ts";
import { type FileFacts, factsOf } from "../thread/family-facts.ts";
import { NO_MONTH } from "./schema.ts";
import { isInShard, type Shard } from "./shard.ts";

/** A rollout of a thread, without its metadata, which may be large: `readFileHead` reads it again. */
export interface ThreadFile {
  readonly file: RolloutFile;
  readonly facts: FileFacts;
}

export interface ExportThread extends PlainThread, ThreadPlaces {
  /** The file that Codex resumes; the first of `own`. */
  readonly newest: ThreadFile;
}

/** What is a thread's own, as plain data. */
export interface PlainThread {
  /** Lower case. */
  readonly id: string;
  readonly rootId: string;
  /** `2026-11`, or `NO_MONTH`. */
  readonly month: string;
  readonly createdAtMs: number | undefined;
  /** The name that the user gave it. */
  readonly name: string | undefined;
  /** All its files that are exported, at least one, that which Codex resumes first. */
  readonly own: readonly ThreadFile[];
  readonly edges: readonly Edge[];
}

/** Where other threads lie: the same for all of a home. */
export interface ThreadPlaces {
  /** Undefined for files that lie in no home, or in several. */
  readonly codexHome: string | undefined;
  /** All rollouts around, for those that this one continues. */
  readonly files: readonly RolloutFile[];
  /** The file of a thread, where it is at hand. */
  readonly pathOf: (threadId: string) => string | undefined;
  /** Of a file by its path without `.zst`: relative to the home, as tables name it. */
  readonly relativePathOf: (logicalPath: string) => string;
}

/** Places as plain data. */
export interface PlainPlaces {
  readonly codexHome: string | undefined;
  readonly files: readonly RolloutFile[];
  /** The file of each thread that is at hand, by its id. */
  readonly paths: ReadonlyMap<string, string>;
  /** By path without `.zst`. */
  readonly relativePaths: ReadonlyMap<string, string>;
}

export function placesOf({ codexHome, files, paths, relativePaths }: PlainPlaces): ThreadPlaces {
  return {
    codexHome,
    files,
    pathOf: (threadId) => paths.get(threadId),
    relativePathOf: (path) => plainPath(relativePaths.get(path) ?? path),
  };
}

export function threadAt(plain: PlainThread, places: ThreadPlaces): ExportThread {
  const [newest] = plain.own;
  assert(newest !== undefined, "a thread has a file");
  return { ...plain, ...places, newest };
}

export interface Edge {
  readonly sourceId: string;
  readonly kind: "spawn" | "fork" | "base";
}

/** Which rollouts are exported, and where names come from. */
export interface ExportSource {
  readonly codexHome: string | undefined;
  /** Where the databases of the home lie. */
  readonly sqliteHome: string | undefined;
  readonly files: readonly RolloutFile[];
  /** JSON documents of early 2025. */
  readonly documents: readonly string[];
  /** All rollouts around, where `files` are only some of them. */
  readonly others: readonly RolloutFile[] | undefined;
}

export interface FoundThreads {
  readonly threads: readonly ExportThread[];
  /** The same threads, and their places, as data that can be given to another process or thread. */
  readonly plain: { readonly threads: readonly PlainThread[]; readonly places: PlainPlaces };
  readonly unreadable: readonly UnreadableFile[];
}

/** Reads the heads of all files. @throws RolloutError when the session index exists and cannot be read. */
export function findThreads(source: ExportSource, shard: Shard): FoundThreads {
  const survey = new Survey(source);
  const found: PlainThread[] = [];
  for (const member of survey.family.threads.values()) {
    if (!isInShard(member.id, shard)) continue;
    const thread = survey.threadOf(member);
    if (thread !== undefined) found.push(thread);
  }
  const threads = found.toSorted(inOrder);
  const plain = { threads, places: survey.places() };
  const places = placesOf(plain.places);
  return { threads: threads.map((thread) => threadAt(thread, places)), plain, unreadable: survey.unreadable };
}

function inOrder(a: PlainThread, b: PlainThread): number {
  if (a.month !== b.month) return a.month < b.month ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

class Survey {
  readonly family: Family;
  readonly unreadable: UnreadableFile[] = [];
  readonly #source: ExportSource;
  readonly #around: readonly RolloutFile[];
  readonly #byPath = new Map<string, ThreadFile>();
  readonly #isAsked: ReadonlySet<string>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #owners = new Map<string, string>();

  constructor(source: ExportSource) {
    this.#source = source;
    const asked = [...source.files, ...source.documents.flatMap(documentFile)];
    this.#isAsked = new Set(asked.map(({ logicalPath }) => logicalPath));
    this.#around = source.others ?? source.files;
    for (const file of [...asked, ...(source.others ?? [])]) this.#addFile(file);
    const index = source.sqliteHome === undefined ? undefined : readThreadIndex(source.sqliteHome);
    const facts = [...this.#byPath.values()].map((one) => one.facts);
    this.family = buildFamily(facts, index === undefined ? {} : { selected: selectedPaths(facts, index) });
    this.#names = namesOf(source.codexHome, index);
    for (const { threadId, rolloutId } of facts) {
      if (rolloutId !== undefined && this.#owners.get(rolloutId) !== rolloutId) this.#owners.set(rolloutId, threadId);
    }
  }

  #addFile(file: RolloutFile): void {
    const { logicalPath } = file;
    if (this.#byPath.has(logicalPath)) return;
    const head = attempt(logicalPath, () => readFileHead(file));
    if (!("message" in head)) {
      const facts = head.facts ?? anonymous(head);
      this.#byPath.set(logicalPath, { file, facts });
    } else if (this.#isAsked.has(logicalPath)) this.unreadable.push(head);
  }

  threadOf(member: FamilyThread): PlainThread | undefined {
    const all = member.files.flatMap(({ path }) => this.#byPath.get(path) ?? []);
    const own = all.filter(({ file }) => this.#isAsked.has(file.logicalPath));
    if (own.length === 0) return undefined;
    const createdAtMs = beginningOf(member.id, all);
    return {
      id: member.id,
      rootId: member.rootId,
      month: monthOf(createdAtMs),
      createdAtMs,
      name: this.#names.get(member.id),
      own,
      edges: this.#edgesOf(member, own),
    };
  }

  places(): PlainPlaces {
    const paths = new Map<string, string>();
    for (const { id, files } of this.family.threads.values()) {
      const path = files[0]?.path;
      const file = path === undefined ? undefined : this.#byPath.get(path)?.file;
      if (file !== undefined) paths.set(id, file.path);
    }
    const relativePaths = new Map(Array.from(this.#byPath, ([path, { file }]) => [path, file.relativePath]));
    return { codexHome: this.#source.codexHome, files: this.#around, paths, relativePaths };
  }

  #edgesOf({ id, facts }: FamilyThread, own: readonly ThreadFile[]): readonly Edge[] {
    const edges: Edge[] = [];
    if (facts?.parentId !== undefined) edges.push({ sourceId: facts.parentId, kind: "spawn" });
    if (facts?.forkedFromId !== undefined) edges.push({ sourceId: facts.forkedFromId, kind: "fork" });
    const bases = own.flatMap((one) => one.facts.baseRolloutId ?? []).map((base) => this.#owners.get(base) ?? base);
    for (const base of new Set(bases)) if (base !== id) edges.push({ sourceId: base, kind: "base" });
    return edges;
  }
}

/** A file that does not say whose it is, is a thread of its own, which goes by its path. */
function anonymous({ file }: FileHead): FileFacts {
  const { archived, path, logicalPath } = file;
  const threadId = plainPath(file.relativePath);
  const name = { stamp: "", threadId, rolloutId: threadId, compressed: path !== logicalPath };
  const facts = factsOf({ path: logicalPath, archived, isCompressed: path !== logicalPath, name }, undefined);
  assert(facts !== undefined, "a file with a name has facts");
  return facts;
}

function documentFile(path: string): readonly RolloutFile[] {
  const stat = statOrUndefined(path);
  if (stat === undefined) return [];
  const { size: sizeBytes, mtimeMs, ctimeMs, ino: inode } = stat;
  const file = { path, logicalPath: path, relativePath: relativeTo(path), archived: false, name: undefined };
  return [{ ...file, sizeBytes, mtimeMs, ctimeMs, inode, hasCompressedTwin: false }];
}

/** Documents lie in `sessions`, or anywhere. */
function relativeTo(path: string): string {
  const at = path.lastIndexOf("/sessions/");
  return at === -1 ? path : path.slice(at + 1);
}

/** The files that the index has selected, by thread. The home may have moved, so the name decides, not the folder. */
function selectedPaths(facts: readonly FileFacts[], { threads }: ThreadIndex): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { id, rollout_path: path } of threads) {
    // The index may have been written on another system.
    if (typeof id === "string" && typeof path === "string")
      names.set(parseUuid(id) ?? id, plainPath(path).split(/[/\\]/).at(-1) ?? "");
  }
  const selected = facts.filter(({ threadId, path }) => names.get(threadId) === basename(path));
  return new Map(selected.map(({ threadId, path }) => [threadId, path]));
}

function namesOf(codexHome: string | undefined, index: ThreadIndex | undefined): ReadonlyMap<string, string> {
  const names = new Map(codexHome === undefined ? [] : readSessionNames(codexHome).byId);
  for (const row of index?.threads ?? []) {
    if (typeof row.id !== "string") continue;
    const id = parseUuid(row.id) ?? row.id;
    const name = shownName(row, names.get(id));
    if (name !== undefined) names.set(id, name);
  }
  return names;
}

/** By the oldest of its metadata, else by its id or a file's name: a file of a revert is younger than its thread. */
function beginningOf(id: string, files: readonly ThreadFile[]): number | undefined {
  const told = files.flatMap(({ facts }) => parseTimestamp(facts.createdAt ?? "") ?? []);
  if (told.length > 0) return Math.min(...told);
  const named = files.flatMap(({ file }) => (file.name === undefined ? [] : (stampToMs(file.name.stamp) ?? [])));
  return uuidTimeMs(id) ?? (named.length > 0 ? Math.min(...named) : undefined);
}

/** Years that are none of ours would make folders that no reader takes for a month. */
function monthOf(timeMs: number | undefined): string {
  if (timeMs === undefined) return NO_MONTH;
  const month = new Date(timeMs).toISOString().slice(0, 7);
  return /^\d{4}-\d{2}$/.test(month) ? month : NO_MONTH;
}
