/**
 * From what a person types to the rollout of a thread: an id, the beginning of one, a name, or a path.
 *
 * Names of files are asked first, the index second, the first lines of all files last. Whatever the file name or the index
 * say, a file is served only if its own first metadata agrees: an index may be stale or of another home, and a file may
 * have been renamed (rollout-format §1.3, state-and-compression §5.3, §5.5). Text becomes an id only by passing as a UUID,
 * and no path is ever made of one.
 */
import { basename, resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { looksLikeRollout, parseUuid, plainPath } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import { type Candidate, candidateOf, Evidence } from "./evidence.ts";
import type { Home } from "./home.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { isArchivedIn } from "./place.ts";
import { shownName, type ThreadIndex } from "./thread-index.ts";

export interface FoundThread {
  /** Lower case; undefined only for a file given by its path that tells no id. */
  readonly id: string | undefined;
  /** Id of this file: another one than `id` after a revert (rollout-format §1.2). Undefined for names of other shapes. */
  readonly rolloutId: string | undefined;
  /** Absolute; the plain path, which every report shows. */
  readonly logicalPath: string;
  /** Absolute; the file that was there when it was looked for. */
  readonly path: string;
  readonly archived: boolean;
  /** What the text was taken for. */
  readonly by: "id" | "rollout-id" | "id-prefix" | "name" | "path";
  /** Where the answer was found. */
  readonly via: "file-name" | "index" | "scan" | "path";
  /** The file's first metadata; undefined when it has none that can be used. */
  readonly meta: SessionMeta | undefined;
  /** Logical paths of other files of the thread: older ones after a revert, or copies. */
  readonly others: readonly string[];
  /** What was passed over on the way. */
  readonly notes: readonly LookupNote[];
}

export interface LookupNote {
  /**
   * `foreign`: its first metadata names the thread `holds`. `gone`: named by the index, and not there. `outside`: named
   * by the index, and outside this home. `unidentified`: named by the index, and without metadata.
   */
  readonly kind: "foreign" | "gone" | "outside" | "unidentified";
  readonly path: string;
  readonly holds?: string | undefined;
}

export interface LookupOptions {
  /** Absolute folder that relative paths are resolved against. Default: the home. */
  readonly cwd?: string | undefined;
  /** Asked at most once, and only if file names do not decide. Default: reads the state database of the home. */
  readonly index?: (() => ThreadIndex) | undefined;
}

/** Shorter beginnings of an id are not looked up. */
const MIN_PREFIX = 4;
/** So many candidates are named when the text fits several threads. */
const SHOWN_CANDIDATES = 5;

/**
 * Finds one thread. An id wins over a path, a path over the beginning of an id, that over a name.
 *
 * @throws RolloutError `not-found`, with what was passed over; `ambiguous`, with the first candidates; `not-a-file` for
 * the path of a folder; `unreadable` when a session folder cannot be listed.
 */
export function findThread(home: Home, text: string, options: LookupOptions = {}): FoundThread {
  const search = new Search(home, options);
  const id = parseUuid(text);
  return (id === undefined ? search.byWords(text) : search.byUuid(id, text)) ?? search.fail(text);
}

/**
 * The rollout at a path, in either form; no home is needed. Undefined when nothing is there.
 * @throws RolloutError `not-a-file` (a folder, a pipe, a device), `unreadable`.
 */
export function findByPath(path: string, home?: Home): FoundThread | undefined {
  // Of two forms the plain one counts, whichever was named.
  const identity = readIdentity(plainPath(path));
  if (identity === undefined) return undefined;
  if (identity.problem !== undefined) throw identity.problem;
  const archived = home !== undefined && isArchivedIn(home, path);
  const { logicalPath, threadId, rolloutId } = candidateOf(plainPath(identity.path), archived);
  return {
    id: identity.id ?? threadId,
    rolloutId,
    logicalPath,
    path: identity.path,
    archived,
    by: "path",
    via: "path",
    meta: identity.meta,
    others: [],
    notes: [],
  };
}

/** True for text that is meant as a path rather than as an id or a name. */
export function looksLikePath(text: string): boolean {
  return /[/\\]|\.jsonl(?:\.zst)?$|\.json$/.test(text) && !text.includes("\0");
}

interface Verified extends Candidate {
  readonly identity: Identity;
}

class Search {
  readonly #known: Evidence;
  readonly #cwd: string;
  readonly #notes: LookupNote[] = [];

  constructor(home: Home, options: LookupOptions) {
    this.#known = new Evidence(home, options.index);
    this.#cwd = options.cwd ?? home.codexHome;
  }

  byUuid(id: string, text: string): FoundThread | undefined {
    return (
      this.#byFileName(id, "id") ??
      this.#byIndex(id, "id") ??
      this.#byRolloutId(id) ??
      this.#byScan(id, "id") ??
      this.#byName(text)
    );
  }

  byWords(text: string): FoundThread | undefined {
    const path = looksLikePath(text) ? this.#byPath(text) : undefined;
    if (path !== undefined) return path;
    const ids = this.#idsFrom(text);
    const [id] = ids;
    if (id !== undefined && ids.length === 1) return this.#byId(id, "id-prefix");
    return this.#byName(text) ?? this.#byPrefix(text, ids);
  }

  /** The error that says why nothing was found. */
  fail(text: string): never {
    const [note] = this.#notes;
    const { hiddenFolders, home } = this.#known;
    const hidden = hiddenFolders === 0 ? "" : `; ${hiddenFolders} session folders cannot be read`;
    if (note !== undefined) {
      throw new RolloutError("not-found", `${quote(text)} has no rollout in this home: ${noteText(note)}${hidden}`, {
        hint:
          note.kind === "gone" ? "rollout-tool reindex --prune forgets it" : "give the path itself to read that file",
      });
    }
    throw new RolloutError("not-found", `there is no thread ${quote(text)} in this home${hidden}`, {
      path: home.codexHome,
      hint: /^[0-9a-f-]{1,3}$/i.test(text)
        ? `the beginning of an id needs ${MIN_PREFIX} characters`
        : "rollout-tool list --all --hidden shows all threads",
    });
  }

  #byId(id: string, by: FoundThread["by"]): FoundThread | undefined {
    return this.#byFileName(id, by) ?? this.#byIndex(id, by) ?? this.#byScan(id, by);
  }

  #byPath(text: string): FoundThread | undefined {
    const path = resolve(this.#cwd, text);
    const found = findByPath(path, this.#known.home);
    if (found !== undefined) return found;
    const name = basename(plainPath(path));
    if (!looksLikeRollout(name)) return undefined;
    const [namesake] = this.#known.files.filter(({ logicalPath }) => basename(logicalPath) === name);
    const verified = namesake === undefined || /[/\\]/.test(text) ? undefined : this.#verify(namesake, undefined);
    if (verified !== undefined) return this.#found(verified, "path", "file-name");
    throw new RolloutError("not-found", "there is no such rollout", {
      path,
      hint: namesake === undefined ? "check the path" : `a rollout of this name lies at ${namesake.logicalPath}`,
    });
  }

  #byFileName(id: string, by: FoundThread["by"]): FoundThread | undefined {
    const named = this.#known.files.filter(({ threadId }) => threadId === id);
    const verified = named.flatMap((candidate) => this.#verify(candidate, id) ?? []);
    const chosen = verified.length < 2 ? verified[0] : this.#choose(id, verified);
    return chosen === undefined ? undefined : this.#found(chosen, by, "file-name", verified);
  }

  /** The file that the index has selected; without one, the newest by name (rollout-format §1.3). */
  #choose(id: string, files: readonly Verified[]): Verified | undefined {
    const readable = files.filter(({ identity }) => identity.id !== undefined);
    const ranked = (readable.length === 0 ? files : readable).toSorted((a, b) => (a.rank < b.rank ? 1 : -1));
    const path = this.#known.rows.get(id)?.["rollout_path"];
    const selected = typeof path === "string" ? fileName(plainPath(path)) : undefined;
    return ranked.find(({ logicalPath }) => basename(logicalPath) === selected) ?? ranked[0];
  }

  #byIndex(id: string, by: FoundThread["by"]): FoundThread | undefined {
    const named = this.#known.rows.get(id)?.["rollout_path"];
    if (typeof named !== "string" || named === "") return undefined;
    const { status, path, logicalPath } = this.#known.place(named);
    if (path === undefined) {
      this.#note({ kind: status === "elsewhere" ? "outside" : "gone", path: logicalPath });
      return undefined;
    }
    const verified = this.#verify(candidateOf(logicalPath, isArchivedIn(this.#known.home, logicalPath)), id);
    if (verified?.identity.id === id) return this.#found(verified, by, "index");
    if (verified !== undefined) this.#note({ kind: "unidentified", path: logicalPath });
    return undefined;
  }

  /** A file of its own id, which is not a thread's: what a revert began (rollout-format §7.4). */
  #byRolloutId(id: string): FoundThread | undefined {
    const named = this.#known.files.filter(({ rolloutId }) => rolloutId === id);
    const [verified] = named.flatMap((candidate) => this.#verify(candidate, candidate.threadId) ?? []);
    return verified === undefined ? undefined : this.#found(verified, "rollout-id", "file-name");
  }

  #byScan(id: string, by: FoundThread["by"]): FoundThread | undefined {
    const scanned = this.#known.files.filter(({ logicalPath }) => this.#known.identity(logicalPath)?.id === id);
    const verified = scanned.flatMap((candidate) => this.#verify(candidate, id) ?? []);
    const chosen = this.#choose(id, verified);
    return chosen === undefined ? undefined : this.#found(chosen, by, "scan", verified);
  }

  /** The thread of exactly this name; threads without a rollout are passed over (state-and-compression §5.5). */
  #byName(name: string): FoundThread | undefined {
    const { names, rows } = this.#known;
    const listed = [...names].filter(([, given]) => given === name).map(([id]) => id);
    const indexed = [...rows].filter(([, row]) => shownName(row, undefined) === name).map(([id]) => id);
    const found = [...new Set([...listed, ...indexed])].flatMap((id) => this.#byId(id, "name") ?? []);
    if (found.length <= 1) return found[0];
    const ids = found.flatMap(({ id }) => id ?? []);
    throw this.#ambiguous(`${found.length} threads have the name ${quote(name)}`, "give an id instead", ids);
  }

  /** Ids that file names or the index know and that begin with the text, in order. */
  #idsFrom(text: string): readonly string[] {
    const prefix = prefixOf(text);
    if (prefix === undefined) return [];
    return withPrefix(
      [...this.#known.files.flatMap(({ threadId }) => threadId ?? []), ...this.#known.rows.keys()],
      prefix,
    );
  }

  /** What is left for the beginning of an id that is no name: too many threads, or one that only a scan finds. */
  #byPrefix(text: string, known: readonly string[]): FoundThread | undefined {
    const prefix = prefixOf(text);
    if (prefix === undefined) return undefined;
    const scan = () => this.#known.files.flatMap(({ logicalPath }) => this.#known.identity(logicalPath)?.id ?? []);
    const ids = known.length > 0 ? known : withPrefix(scan(), prefix);
    const [id] = ids;
    if (id === undefined || ids.length === 1) return id === undefined ? undefined : this.#byId(id, "id-prefix");
    throw this.#ambiguous(`${quote(text)} is the beginning of ${ids.length} thread ids`, "give more of the id", ids);
  }

  /** The file with its first metadata, unless that names another thread than `id`; a file without any belongs to its name. */
  #verify(candidate: Candidate, id: string | undefined): Verified | undefined {
    const identity = this.#known.identity(candidate.logicalPath);
    if (identity === undefined) return undefined;
    if (id !== undefined && identity.id !== undefined && identity.id !== id) {
      this.#note({ kind: "foreign", path: candidate.logicalPath, holds: identity.id });
      return undefined;
    }
    return { ...candidate, identity };
  }

  #found(
    chosen: Verified,
    by: FoundThread["by"],
    via: FoundThread["via"],
    files: readonly Candidate[] = [],
  ): FoundThread {
    const { identity, logicalPath, rolloutId, archived } = chosen;
    const others = files.map((file) => file.logicalPath).filter((path) => path !== logicalPath);
    const id = identity.id ?? chosen.threadId;
    return {
      id,
      rolloutId,
      logicalPath,
      path: identity.path,
      archived,
      by,
      via,
      meta: identity.meta,
      others,
      notes: this.#notes,
    };
  }

  #ambiguous(message: string, advice: string, ids: readonly string[]): RolloutError {
    const { names, rows } = this.#known;
    const shown = ids.slice(0, SHOWN_CANDIDATES).map((id) => {
      const row = rows.get(id);
      const title = (row === undefined ? undefined : shownName(row, undefined)) ?? names.get(id) ?? row?.["preview"];
      return typeof title === "string" && title !== "" ? `${id} (${shorten(title)})` : id;
    });
    const more = ids.length > SHOWN_CANDIDATES ? ` and ${ids.length - SHOWN_CANDIDATES} more` : "";
    return new RolloutError("ambiguous", message, { hint: `${advice}: ${shown.join(", ")}${more}` });
  }

  #note(note: LookupNote): void {
    if (!this.#notes.some(({ kind, path }) => kind === note.kind && path === note.path)) this.#notes.push(note);
  }
}

/** The hexadecimal digits of the beginning of an id, without hyphens; undefined for other text. */
function prefixOf(text: string): string | undefined {
  if (!/^[0-9a-f-]+$/i.test(text)) return undefined;
  const digits = text.replaceAll("-", "").toLowerCase();
  return digits.length >= MIN_PREFIX && digits.length <= 32 ? digits : undefined;
}

function withPrefix(ids: readonly string[], prefix: string): readonly string[] {
  return [...new Set(ids)].filter((id) => id.replaceAll("-", "").startsWith(prefix)).toSorted();
}

/** The last part of a path of any system. */
function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

function shorten(text: string): string {
  const line = text.slice(0, 400).replace(/\s+/g, " ").trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

const NOTES: Readonly<Record<LookupNote["kind"], (note: LookupNote) => string>> = {
  foreign: ({ path, holds }) => `${path} holds another thread (${holds ?? "unknown"})`,
  gone: ({ path }) => `the index names ${path}, which is not there`,
  outside: ({ path }) => `the index names ${path}, which is outside this home`,
  unidentified: ({ path }) => `the index names ${path}, which does not say whose it is`,
};

/** One clause. Paths in it are not safe to print as they are. */
export function noteText(note: LookupNote): string {
  return NOTES[note.kind](note);
}
