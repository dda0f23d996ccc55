/**
 * The pass over the files of a search, by this thread and helpers that take their work from a shared counter. Groups of files
 * are given out in their order, and whoever has enough ends the pass: what is behind the last one wanted is not read.
 */
import { RolloutError } from "../errors.ts";
import { optimizeWhenDue } from "../io/optimizing.ts";
import type { BytePattern } from "../io/byte-search.ts";
import { type Helper, Tickets } from "../io/workers.ts";
import { Crew } from "./search-crew.ts";
import type { Lazily } from "./search-lazy.ts";
import { FileScanner } from "./search-scan.ts";
import type { Teller, Telling } from "./search-telling.ts";
import type { FileOutcome, SearchQuery } from "./search-types.ts";

/** Files that belong together. */
export interface SearchGroup {
  readonly paths: readonly string[];
}

/** What came of a group: the files in which there was something, and the bytes of all of them on disk. */
export interface GroupOutcome {
  readonly outcomes: readonly FileOutcome[];
  readonly bytes: number;
}

/** What is looked for: by the user's words, and by the bytes that give away where it may be. */
export interface Wanted {
  readonly query: SearchQuery;
  readonly patterns: readonly BytePattern[];
}

/** What a helper thread is given: patterns too, so that it need not load what makes them. */
export interface PassAssignment {
  readonly query: SearchQuery;
  readonly patterns: readonly { readonly wanted: readonly number[]; readonly mask: readonly number[] }[];
  readonly groups: readonly SearchGroup[];
}

export interface PassOptions {
  /** Threads to use, this one included; undefined: as the machine allows. */
  readonly jobs: number | undefined;
  /** Helpers that were started already; otherwise they are started here, where they are worth it. */
  readonly crew?: Crew | undefined;
  /** Told of each group that is done, in no order; true ends the pass. */
  readonly onDone: (index: number, outcome: GroupOutcome) => boolean;
}

/** With fewer a helper that is not there yet costs more than it brings. */
const MIN_GROUPS_FOR_HELPERS = 16;

/** @throws RolloutError `usage` when the query takes too long on what it meets. */
export function* searchGroups(
  wanted: Wanted,
  groups: readonly SearchGroup[],
  options: PassOptions,
): Lazily<void, Telling> {
  const searcher = new GroupSearcher(wanted);
  const crew = options.crew ?? (groups.length < MIN_GROUPS_FOR_HELPERS ? undefined : new Crew(options.jobs));
  const tickets = new Tickets(groups.length, crew?.tickets, 1);
  const helpers = crew?.assign(assignmentOf(wanted, groups)) ?? [];
  const pending = new Set(groups.keys());
  let isOver = false;
  const settle = (index: number, outcome: GroupOutcome): void => {
    pending.delete(index);
    if (!options.onDone(index, outcome) || isOver) return;
    isOver = true;
    // Nobody takes another one.
    Atomics.store(new Int32Array(tickets.memory), 0, groups.length);
  };
  for (const index of tickets.take()) {
    settle(index, yield* searcher.search(groups[index]));
    for (const [done, outcome] of answersOf(helpers, (helper) => helper.collect()))
      if (outcome !== null) settle(done, outcome);
      else if (!isOver) settle(done, yield* searcher.search(groups[done]));
    if (isOver) break;
  }
  // A helper that has taken nothing, perhaps as it is not there yet, is not waited for.
  if (pending.size === 0) return;
  for (const [done, outcome] of answersOf(helpers, (helper) => helper.finish()))
    if (outcome !== null) settle(done, outcome);
  // What a helper took and did not bring back, or handed back, is done here.
  for (const index of pending) {
    if (isOver) break;
    settle(index, yield* searcher.search(groups[index]));
  }
}

function assignmentOf({ query, patterns }: Wanted, groups: readonly SearchGroup[]): PassAssignment {
  return {
    query,
    patterns: patterns.map(({ wanted, mask }) => ({ wanted: [...wanted], mask: [...mask] })),
    groups: groups.map(({ paths }) => ({ paths })),
  };
}

function wantedOf({ query, patterns }: PassAssignment): Wanted {
  const made = patterns.map(({ wanted, mask }) => ({ wanted: Uint8Array.from(wanted), mask: Uint8Array.from(mask) }));
  return { query, patterns: made };
}

/** Index of the group and what came of it; null: something is there, and somebody else may tell what. */
type Answer = readonly [number, GroupOutcome | null];

function answersOf(helpers: readonly Helper[], ask: (helper: Helper) => readonly string[]): readonly Answer[] {
  return helpers.flatMap((helper) => ask(helper).flatMap((text) => JSON.parse(text) as readonly Answer[]));
}

/** Answers in which nothing was found wait for so many others: telling one takes as long as searching a small file. */
const ANSWERS_AT_ONCE = 16;
/**
 * So many groups a helper hands back: where no more hold what is looked for, this thread alone has to load what tells it. They
 * are read once more, so what was found in them must not be far.
 */
const MAX_HANDED_BACK = 32;
const MAX_HANDED_BYTES = 8 * 1024 * 1024;

/** A helper's part of the work; posts some answers at a time. */
export function* passShare(
  assignment: PassAssignment,
  tickets: SharedArrayBuffer,
  post: (answers: readonly Answer[]) => void,
): Lazily<void, Telling> {
  const { groups } = assignment;
  const searcher = new GroupSearcher(wantedOf(assignment));
  let answers: Answer[] = [];
  let handedBack = 0;
  for (const index of new Tickets(groups.length, tickets, 1).take()) {
    const outcome = yield* searcher.searchHere(groups[index] as SearchGroup, handedBack < MAX_HANDED_BACK);
    if (outcome === null) handedBack += 1;
    answers.push([index, outcome]);
    if (outcome?.outcomes.length === 0 && answers.length < ANSWERS_AT_ONCE) continue;
    post(answers);
    answers = [];
  }
  if (answers.length > 0) post(answers);
}

class GroupSearcher {
  readonly #query: SearchQuery;
  readonly #scanner: FileScanner;
  #teller: Teller | undefined;

  constructor({ query, patterns }: Wanted) {
    this.#query = query;
    this.#scanner = new FileScanner(patterns);
  }

  *search(group: SearchGroup | undefined): Lazily<GroupOutcome, Telling> {
    return (group && (yield* this.searchHere(group, false))) ?? { outcomes: [], bytes: 0 };
  }

  /** The same, or null where something is found and what tells it would have to be loaded. */
  *searchHere({ paths }: SearchGroup, mayHandBack: boolean): Lazily<GroupOutcome | null, Telling> {
    optimizeWhenDue();
    const outcomes: FileOutcome[] = [];
    const before = this.#scanner.bytes;
    for (const path of paths) {
      const scanned = this.#scanner.scan(path);
      if (scanned === "nothing") continue;
      if (scanned instanceof RolloutError) {
        outcomes.push({ found: undefined, problems: [{ path, line: 0, message: scanned.message }] });
        continue;
      }
      const opened = scanned === "other" ? undefined : scanned;
      const isNear = opened !== undefined && this.#scanner.reachedBytes <= MAX_HANDED_BYTES;
      if (mayHandBack && this.#teller === undefined && isNear) {
        opened.close();
        return null;
      }
      this.#teller ??= (yield).tellerOf(this.#query, this.#scanner);
      const outcome = this.#teller(path, opened);
      if (outcome.found !== undefined || outcome.problems.length > 0) outcomes.push(outcome);
    }
    return { outcomes, bytes: this.#scanner.bytes - before };
  }
}
