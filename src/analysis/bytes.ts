/**
 * Where the bytes of a home went: by what lines are (`bytes-labels.ts`), by thread, by month, by the family of forks, by text that
 * is stored more than once (`bytes-blobs.ts`), and what could be saved. Each file is read once, its copied prefix twice.
 */
import { statOrUndefined } from "../io/files.ts";
import type { RolloutFile } from "../readers/home.ts";
import { buildFamily, type Family } from "../thread/family.ts";
import { type BlobReport, BlobTable } from "./bytes-blobs.ts";
import { addCount, type Checkpoint, countFile, type FileBytes, type LabelCount } from "./bytes-file.ts";
import { type ByteLabel, LINE_ENDS } from "./bytes-labels.ts";
import { type CompressSavings, estimateCompression, type PlainFile, supersededBytes } from "./bytes-savings.ts";
import {
  attempt,
  type FileHead,
  type ForkLayout,
  inheritedPart,
  pathsByThread,
  readFileHead,
  threadOf,
  type UnreadableFile,
} from "./inherited.ts";

export interface LabelRow {
  readonly label: ByteLabel;
  /** Lines; of a document its items. */
  readonly records: number;
  readonly bytes: number;
  /** What of them Codex 0.169.0 would write again: before and after its persistence policy, as it were. */
  readonly keptRecords: number;
  readonly keptBytes: number;
}

export interface ByteSums {
  readonly files: number;
  /** Of the plain text; the labels add up to them. */
  readonly plainBytes: number;
  /** On the disk: less for archives. */
  readonly diskBytes: number;
  /** In copied prefixes: another thread's records, stored again. */
  readonly inheritedBytes: number;
}

export interface ThreadBytes extends ByteSums {
  readonly threadId: string;
  /** How its newest file is laid out. */
  readonly layout: ForkLayout;
  /** Of its largest file. */
  readonly path: string;
}

export interface MonthBytes extends ByteSums {
  /** In which the rollout was begun, by its name: `2026-11`; `(unknown)` where nothing tells. */
  readonly month: string;
}

export interface FamilyBytes extends ByteSums {
  /** The thread that all others of the family hang on. */
  readonly rootId: string;
  readonly threads: number;
  /** How many of them are forks, and how many agents. */
  readonly forks: number;
  readonly agents: number;
}

export interface SupersededSavings {
  readonly checkpoints: number;
  readonly files: number;
  readonly bytes: number;
}

/** Lines that Codex 0.169.0 would not write, with their ends: of older releases, or damaged. */
export interface PolicySavings {
  readonly records: number;
  readonly bytes: number;
}

export interface BytesReport {
  readonly totals: ByteSums;
  /** All of them, the largest first. */
  readonly labels: readonly LabelRow[];
  /** The largest; `threadCount` says how many there are. */
  readonly threads: readonly ThreadBytes[];
  readonly threadCount: number;
  readonly months: readonly MonthBytes[];
  /** The largest families of more than one thread; `familyCount` says how many there are. */
  readonly families: readonly FamilyBytes[];
  readonly familyCount: number;
  readonly repeated: BlobReport;
  readonly savings: {
    readonly compress: CompressSavings;
    readonly superseded: SupersededSavings;
    readonly policy: PolicySavings;
  };
  /** Also archives that could be decoded in part only: that part is counted. */
  readonly unreadable: readonly UnreadableFile[];
}

export interface BytesOptions {
  /** Threads, families and repeated texts that are listed. */
  readonly top: number;
  readonly nowMs: number;
  /** All rollouts of the home, where `files` are only some of them. */
  readonly others?: readonly RolloutFile[] | undefined;
  /** Documents of early 2025 (`discoverRollouts`). */
  readonly documents?: readonly string[] | undefined;
  /** Told of bytes that were read. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

/** Memory: one record a file, and the digests of repeated texts, of which there are bounded many. */
export function countBytes(files: readonly RolloutFile[], options: BytesOptions): BytesReport {
  const account = new Account(options);
  for (const file of files) account.addFile(file);
  for (const path of options.documents ?? []) account.addDocument(path);
  return account.finish();
}

/** What is kept of a file. */
interface Counted {
  readonly head: FileHead | undefined;
  readonly threadId: string;
  readonly path: string;
  readonly month: string;
  readonly plainBytes: number;
  readonly diskBytes: number;
  readonly inheritedBytes: number;
  readonly checkpoints: readonly Checkpoint[];
  readonly hasRollbacks: boolean;
}

class Account {
  readonly #options: BytesOptions;
  readonly #labels = new Map<ByteLabel, LabelCount>();
  readonly #blobs = new BlobTable();
  readonly #counted: Counted[] = [];
  readonly #unreadable: UnreadableFile[] = [];
  readonly #known: FileHead[] = [];

  constructor(options: BytesOptions) {
    this.#options = options;
    for (const file of options.others ?? []) {
      const head = attempt(file.logicalPath, () => readFileHead(file));
      if (!("message" in head)) this.#known.push(head);
    }
  }

  addFile(file: RolloutFile): void {
    const told = attempt(file.logicalPath, () => {
      const head = readFileHead(file);
      this.#blobs.beginFile(file.logicalPath);
      const bytes = countFile(file.path, this.#blobs, this.#options.advance);
      this.#note(file.logicalPath, head, bytes, file);
      return head;
    });
    if ("message" in told) this.#unreadable.push(told);
  }

  addDocument(path: string): void {
    const told = attempt(path, () => {
      this.#blobs.beginFile(path);
      const bytes = countFile(path, this.#blobs, this.#options.advance);
      const { size: sizeBytes, mtimeMs } = statOrUndefined(path) ?? { size: bytes.plainBytes, mtimeMs: Number.NaN };
      this.#note(path, undefined, bytes, { sizeBytes, mtimeMs });
      return bytes;
    });
    if ("message" in told) this.#unreadable.push(told);
  }

  #note(
    path: string,
    head: FileHead | undefined,
    bytes: FileBytes,
    { sizeBytes, mtimeMs }: Pick<RolloutFile, "sizeBytes" | "mtimeMs">,
  ): void {
    for (const [label, more] of bytes.labels) addCount(this.#labels, label, more);
    if (bytes.broken !== undefined) this.#unreadable.push({ path, message: bytes.broken });
    this.#counted.push({
      head,
      threadId: head === undefined ? path : threadOf(head),
      path,
      month: monthOf(head, mtimeMs),
      plainBytes: bytes.plainBytes,
      diskBytes: sizeBytes,
      inheritedBytes: 0,
      checkpoints: bytes.checkpoints,
      hasRollbacks: bytes.hasRollbacks,
    });
  }

  finish(): BytesReport {
    const counted = this.#withInherited();
    const heads = counted.flatMap(({ head }) => head ?? []);
    const family = buildFamily(
      (this.#options.others === undefined ? heads : this.#known).flatMap(({ facts }) => facts ?? []),
    );
    const { top, nowMs } = this.#options;
    const threads = threadRows(counted);
    const families = familyRows(counted, family);
    const labels = [...this.#labels].map(([label, count]) => ({ label, ...count }));
    return {
      totals: sumOf(counted),
      labels: labels.toSorted((a, b) => b.bytes - a.bytes || (a.label < b.label ? -1 : 1)),
      threads: threads.slice(0, top),
      threadCount: threads.length,
      months: monthRows(counted),
      families: families.slice(0, top),
      familyCount: families.length,
      repeated: this.#blobs.report(top),
      savings: {
        compress: estimateCompression(counted.flatMap(plainFile), nowMs),
        superseded: supersededOf(counted, this.#cuts(heads)),
        policy: droppedOf(labels),
      },
      unreadable: this.#unreadable,
    };
  }

  /** Copied prefixes are measured last, when every source is known. */
  #withInherited(): readonly Counted[] {
    const heads = [...this.#known, ...this.#counted.flatMap(({ head }) => head ?? [])];
    const paths = pathsByThread(heads);
    return this.#counted.map((counted) => {
      const { head, plainBytes, path } = counted;
      if (head === undefined) return counted;
      const found = attempt(path, () => ({ part: inheritedPart(head, (id) => paths.get(id)) }));
      const part = "part" in found ? found.part : undefined;
      if (part === undefined) return counted;
      const inheritedBytes = Math.max(0, (part.ownOffset ?? plainBytes) - part.copyOffset);
      return { ...counted, inheritedBytes };
    });
  }

  /** Where rollouts are continued by others, by their rollout id. */
  #cuts(heads: readonly FileHead[]): ReadonlyMap<string, readonly number[]> {
    const cuts = new Map<string, number[]>();
    for (const { facts } of this.#options.others === undefined ? heads : this.#known) {
      if (facts?.baseRolloutId === undefined || facts.baseEndOffset === undefined) continue;
      const known = cuts.get(facts.baseRolloutId);
      if (known === undefined) cuts.set(facts.baseRolloutId, [facts.baseEndOffset]);
      else known.push(facts.baseEndOffset);
    }
    return cuts;
  }
}

const UNKNOWN = "(unknown)";

function monthOf(head: FileHead | undefined, mtimeMs: number): string {
  const stamp = head?.file.name?.stamp ?? head?.meta?.timestamp;
  if (stamp !== undefined && /^\d{4}-\d{2}/.test(stamp)) return stamp.slice(0, 7);
  const date = new Date(mtimeMs);
  return Number.isNaN(date.getTime()) ? UNKNOWN : date.toISOString().slice(0, 7);
}

function sumOf(counted: readonly Counted[]): ByteSums {
  const sums = { files: 0, plainBytes: 0, diskBytes: 0, inheritedBytes: 0 };
  for (const { plainBytes, diskBytes, inheritedBytes } of counted) {
    sums.files += 1;
    sums.plainBytes += plainBytes;
    sums.diskBytes += diskBytes;
    sums.inheritedBytes += inheritedBytes;
  }
  return sums;
}

function groupsOf(
  counted: readonly Counted[],
  keyOf: (one: Counted) => string,
): ReadonlyMap<string, readonly Counted[]> {
  const groups = new Map<string, Counted[]>();
  for (const one of counted) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

function threadRows(counted: readonly Counted[]): readonly ThreadBytes[] {
  const groups = groupsOf(counted, ({ threadId }) => threadId);
  const rows = [...groups].map(([threadId, files]) => {
    const largest = files.reduce((a, b) => (b.plainBytes > a.plainBytes ? b : a));
    const newest = files.reduce((a, b) => ((b.head?.facts?.newness ?? "") > (a.head?.facts?.newness ?? "") ? b : a));
    return { threadId, layout: newest.head?.layout ?? ("own" as const), path: largest.path, ...sumOf(files) };
  });
  return rows.toSorted((a, b) => b.plainBytes - a.plainBytes || (a.threadId < b.threadId ? -1 : 1));
}

function monthRows(counted: readonly Counted[]): readonly MonthBytes[] {
  const rows = [...groupsOf(counted, ({ month }) => month)].map(([month, files]) => ({ month, ...sumOf(files) }));
  return rows.toSorted((a, b) => (a.month < b.month ? -1 : 1));
}

function familyRows(counted: readonly Counted[], family: Family): readonly FamilyBytes[] {
  const groups = groupsOf(counted, ({ threadId }) => family.threads.get(threadId)?.rootId ?? threadId);
  const rows = [...groups].map(([rootId, files]) => {
    const threads = new Set(files.map(({ threadId }) => threadId));
    const stems = [...threads].flatMap((id) => family.threads.get(id)?.stem?.by ?? []);
    const forks = stems.filter((by) => by === "fork").length;
    return { rootId, threads: threads.size, forks, agents: stems.length - forks, ...sumOf(files) };
  });
  const related = rows.filter(({ forks, agents }) => forks + agents > 0);
  return related.toSorted((a, b) => b.plainBytes - a.plainBytes || (a.rootId < b.rootId ? -1 : 1));
}

function plainFile({ head, plainBytes: bytes }: Counted): readonly PlainFile[] {
  if (head === undefined || head.file.path !== head.file.logicalPath) return [];
  return [{ path: head.file.path, bytes, mtimeMs: head.file.mtimeMs }];
}

/** The ends of lines are no lines of their own. */
function droppedOf(labels: readonly LabelRow[]): PolicySavings {
  const sums = { records: 0, bytes: 0 };
  for (const { label, records, bytes, keptRecords, keptBytes } of labels) {
    if (label !== LINE_ENDS) sums.records += records - keptRecords;
    sums.bytes += bytes - keptBytes;
  }
  return sums;
}

function supersededOf(counted: readonly Counted[], cuts: ReadonlyMap<string, readonly number[]>): SupersededSavings {
  const sums = { checkpoints: 0, files: 0, bytes: 0 };
  for (const { head, checkpoints, hasRollbacks } of counted) {
    const found = supersededBytes(checkpoints, cuts.get(head?.file.name?.rolloutId ?? "") ?? [], hasRollbacks);
    sums.checkpoints += found.checkpoints;
    sums.bytes += found.bytes;
    if (found.checkpoints > 0) sums.files += 1;
  }
  return sums;
}
