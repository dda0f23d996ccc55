/**
 * All files of a home to all rows of its index: who wins when a thread has several files, times made unique, spawn edges.
 * Pure. `--rules codex` walks the files as Codex's rebuild does; `--rules best` is explained rule by rule in
 * docs/reindex-rules.md.
 */
import { uuidTimeMs } from "../format/names.ts";
import type { RolloutFile } from "../readers/home.ts";
import type { FileFacts } from "./facts.ts";
import { mergeRows, type RowContext, type RowTimes, type ThreadRow, threadRow, timeColumns } from "./row.ts";
import type { Rules } from "./rules.ts";

export interface Candidate {
  readonly file: RolloutFile;
  readonly facts: FileFacts;
  readonly lastLineMs: number | undefined;
}

export interface SpawnEdge {
  readonly parent_thread_id: string;
  readonly child_thread_id: string;
  readonly status: string;
}

/** Several files for one thread. After a revert that is as it should be: `reverted`. */
export interface Duplicate {
  readonly id: string;
  readonly chosen: RolloutFile;
  readonly others: readonly RolloutFile[];
  readonly reverted: boolean;
}

export interface Assembly {
  readonly rows: readonly ThreadRow[];
  readonly edges: readonly SpawnEdge[];
  readonly duplicates: readonly Duplicate[];
}

export interface AssembleInput {
  /** In Codex's order of processing: by relative path. */
  readonly candidates: readonly Candidate[];
  readonly rules: Rules;
  readonly context: RowContext;
  /** Thread id to the name it has in `session_index.jsonl`. */
  readonly names: ReadonlyMap<string, string>;
  /** Thread id to the file name that the old database had selected. */
  readonly selected: ReadonlyMap<string, string>;
}

export function assemble(input: AssembleInput): Assembly {
  return input.rules.best ? assembleBest(input) : assembleAsCodex(input);
}

function assembleAsCodex({ candidates, rules, context }: AssembleInput): Assembly {
  const rows = new Map<string, ThreadRow>();
  const edges = new Map<string, SpawnEdge>();
  const chosen = new Map<string, Candidate[]>();
  const updated = uniqueTimes();
  const recency = uniqueTimes();
  for (const candidate of candidates) {
    const { file, facts } = candidate;
    const old = rows.get(facts.id);
    const times: RowTimes = {
      createdAtMs: facts.createdAtMs,
      updatedAtMs: updated(file.mtimeMs),
      recencyAtMs: recency(file.mtimeMs),
    };
    const row = threadRow(file, facts, times, rules, context);
    rows.set(facts.id, old === undefined ? row : mergeRows(old, row, replacesMemoryMode(facts, rules)));
    chosen.set(facts.id, [...(chosen.get(facts.id) ?? []), candidate]);
    addEdge(edges, facts);
  }
  const duplicates = [...chosen.values()].flatMap((group) => duplicateOf(group, group.length - 1));
  return { rows: [...rows.values()], edges: [...edges.values()], duplicates };
}

/** A legacy file sets the mode of an existing row even where it states none; a paginated one leaves it. */
function replacesMemoryMode(facts: FileFacts, rules: Rules): boolean {
  return rules.release === "0.142.3" || facts.historyMode === "legacy";
}

/** Only the first edge of a child is kept; a rebuilt one is always open (state-and-compression §2.11). */
function addEdge(edges: Map<string, SpawnEdge>, facts: FileFacts): void {
  if (facts.spawnParentId === undefined || edges.has(facts.id)) return;
  edges.set(facts.id, { parent_thread_id: facts.spawnParentId, child_thread_id: facts.id, status: "open" });
}

function duplicateOf(group: readonly Candidate[], winner: number): readonly Duplicate[] {
  const chosen = group[winner];
  if (group.length < 2 || chosen === undefined) return [];
  const others = group.filter((candidate) => candidate !== chosen).map(({ file }) => file);
  const ids = new Set(group.map(({ file }) => file.name?.rolloutId));
  return [{ id: chosen.facts.id, chosen: chosen.file, others, reverted: ids.size === group.length }];
}

/**
 * Codex's allocator (state-and-compression §2.9): a value above the mark is kept, one at least a second below it too;
 * anything between becomes the mark plus one millisecond.
 */
function uniqueTimes(): (timeMs: number) => number {
  let markMs = Number.NEGATIVE_INFINITY;
  return (timeMs) => {
    if (timeMs <= markMs - 1000) return timeMs;
    markMs = timeMs > markMs ? timeMs : markMs + 1;
    return markMs;
  };
}

function assembleBest(input: AssembleInput): Assembly {
  const { candidates, rules, context, names, selected } = input;
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const group = groups.get(candidate.facts.id);
    if (group === undefined) groups.set(candidate.facts.id, [candidate]);
    else group.push(candidate);
  }
  const heirs = new Heirs(candidates);
  const rows: ThreadRow[] = [];
  const edges = new Map<string, SpawnEdge>();
  const duplicates: Duplicate[] = [];
  for (const [id, group] of groups) {
    const winner = group.length === 1 ? 0 : winnerOf(group, selected.get(id));
    const candidate = group[winner];
    if (candidate === undefined) continue;
    const facts = heirs.withInherited(candidate);
    rows.push(named(threadRow(candidate.file, facts, bestTimes(candidate), rules, context), names.get(id)));
    addEdge(edges, facts);
    duplicates.push(...duplicateOf(group, winner));
  }
  return { rows: spreadTimes(rows), edges: [...edges.values()], duplicates };
}

/** The file that the database had selected; else the newest by name, which is the tip after a revert; active before archived. */
function winnerOf(group: readonly Candidate[], selected: string | undefined): number {
  const preferred =
    selected === undefined ? -1 : group.findIndex(({ file }) => baseName(file.logicalPath) === selected);
  const rank = ({ file }: Candidate): string =>
    `${file.name?.stamp ?? ""} ${file.name?.rolloutId ?? ""} ${file.archived ? 0 : 1}`;
  let best = 0;
  for (const [index, candidate] of group.entries()) {
    const current = group[best];
    if (current !== undefined && rank(candidate) > rank(current)) best = index;
  }
  const chosen = group[preferred];
  // Two copies under one name: the active one, as in Codex, whatever the database said.
  const sameName =
    chosen !== undefined && baseName(chosen.file.logicalPath) === baseName(group[best]?.file.logicalPath ?? "");
  return preferred < 0 || sameName ? best : preferred;
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** Half a day: a creation time that differs by more from the one in an id was written by something else than Codex. */
const ID_TIME_TOLERANCE_MS = 12 * 3600 * 1000;

function bestTimes({ file, facts, lastLineMs }: Candidate): RowTimes {
  const createdAtMs = creationTime(file, facts);
  return {
    createdAtMs,
    updatedAtMs: lastLineMs ?? file.mtimeMs,
    recencyAtMs: facts.lastTurnStartMs ?? createdAtMs,
  };
}

/** Ids are made, and the row is written, some milliseconds before the file gets its metadata. */
function creationTime({ name }: RolloutFile, facts: FileFacts): number {
  // A revert starts a new file, and Codex then takes that file's time for the thread's.
  if (name !== undefined && name.rolloutId !== name.threadId) return facts.createdAtMs;
  const times = [facts.firstWindowMs, uuidTimeMs(facts.id)];
  const near = (timeMs: number | undefined) =>
    timeMs !== undefined && Math.abs(timeMs - facts.createdAtMs) <= ID_TIME_TOLERANCE_MS;
  return times.find(near) ?? facts.createdAtMs;
}

/** A name that the user gave stands in the title of a legacy thread, in `name` of a paginated one (state-and-compression §2.14). */
function named(row: ThreadRow, name: string | undefined): ThreadRow {
  if (name === undefined || name === "") return row;
  return row.history_mode === "paginated" ? { ...row, name } : { ...row, title: name };
}

/** Makes `updated_at_ms` and `recency_at_ms` unique by whole milliseconds, moving only values that are equal, in time order. */
function spreadTimes(rows: readonly ThreadRow[]): readonly ThreadRow[] {
  const updated = spread(rows, (row) => row.updated_at_ms);
  const recency = spread(rows, (row) => row.recency_at_ms);
  return rows.map((row, index) => {
    const updatedAtMs = updated[index] ?? row.updated_at_ms;
    const recencyAtMs = recency[index] ?? row.recency_at_ms;
    if (updatedAtMs === row.updated_at_ms && recencyAtMs === row.recency_at_ms) return row;
    return { ...row, ...timeColumns({ createdAtMs: row.created_at_ms, updatedAtMs, recencyAtMs }) };
  });
}

function spread(rows: readonly ThreadRow[], timeOf: (row: ThreadRow) => number): readonly number[] {
  const order = rows.map((row, index) => ({ index, id: row.id, timeMs: timeOf(row) }));
  order.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1));
  const times: number[] = [];
  let previousMs = Number.NEGATIVE_INFINITY;
  for (const { index, timeMs } of order) {
    previousMs = Math.max(timeMs, previousMs + 1);
    times[index] = previousMs;
  }
  return times;
}

/**
 * What a copy-on-write fork or a reverted thread shows comes from the file that it continues: a fork has the preview of
 * its parent, a reverted thread its own earlier title and first message too. Codex's rebuild looks at the file alone.
 */
class Heirs {
  readonly #byRollout = new Map<string, Candidate>();
  readonly #resolved = new Map<string, FileFacts>();

  constructor(candidates: readonly Candidate[]) {
    for (const candidate of candidates) this.#byRollout.set(rolloutIdOf(candidate), candidate);
  }

  withInherited(candidate: Candidate, depth = 0): FileFacts {
    const key = rolloutIdOf(candidate);
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const facts = this.#inherit(candidate.facts, depth);
    this.#resolved.set(key, facts);
    return facts;
  }

  #inherit(facts: FileFacts, depth: number): FileFacts {
    const { historyBase } = facts;
    const base = historyBase === undefined ? undefined : this.#byRollout.get(historyBase.rolloutId);
    if (historyBase === undefined || base === undefined || depth >= MAX_LINEAGE || facts.guardian) return facts;
    const inherited = this.withInherited(base, depth + 1);
    const inPrefix = inherited.previewOffset === undefined || inherited.previewOffset < historyBase.endByteOffset;
    if (inherited.preview === "" || !inPrefix) return facts;
    const shown = { preview: inherited.preview, previewOffset: undefined };
    if (inherited.id !== facts.id) return { ...facts, ...shown };
    return { ...facts, ...shown, title: inherited.title, firstUserMessage: inherited.firstUserMessage };
  }
}

/** Deeper chains, or circles, are cut: such a thread shows its own first message. */
const MAX_LINEAGE = 1000;

function rolloutIdOf({ file, facts }: Candidate): string {
  return file.name?.rolloutId ?? facts.id;
}
