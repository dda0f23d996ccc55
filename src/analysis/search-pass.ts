/**
 * The pass over the files of a search, by this thread and helpers that take their work from a shared counter. Groups of files
 * are given out in their order, and whoever has enough ends the pass: what is behind the last one wanted is not read.
 */
import { Tickets } from "../io/workers.ts";
import { Crew } from "./search-crew.ts";
import { FileSearcher } from "./search-file.ts";
import { TimeLimit } from "./search-time.ts";
import type { FileOutcome, SearchQuery } from "./search-types.ts";

/** Files that belong together, with their sizes on disk. */
export interface SearchGroup {
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** What a helper thread is given. */
export interface PassAssignment {
  readonly query: SearchQuery;
  readonly groups: readonly SearchGroup[];
}

export interface PassOptions {
  /** Threads to use, this one included; undefined: as the machine allows. */
  readonly jobs: number | undefined;
  /** Helpers that were started already; otherwise they are started here, where they are worth it. */
  readonly crew?: Crew | undefined;
  /** Told of each group that is done, in no order, with the files in which there was something; true ends the pass. */
  readonly onDone: (index: number, outcomes: readonly FileOutcome[]) => boolean;
}

/** Below this a helper costs more than it brings. */
const MIN_BYTES_FOR_HELPERS = 24 * 1024 * 1024;

/** @throws RolloutError `usage` when the query cannot be searched for, or takes too long on what it meets. */
export function searchGroups(query: SearchQuery, groups: readonly SearchGroup[], options: PassOptions): void {
  const searcher = newSearcher(query);
  const crew = isWorthHelp(groups) ? (options.crew ?? new Crew(options.jobs)) : undefined;
  const tickets = new Tickets(groups.length, crew?.tickets, 1);
  const helpers = crew?.assign(assignmentOf(query, groups)) ?? [];
  const pending = new Set(groups.keys());
  let isOver = false;
  const settle = (index: number, outcomes: readonly FileOutcome[]): void => {
    pending.delete(index);
    if (!options.onDone(index, outcomes) || isOver) return;
    isOver = true;
    // Nobody takes another one.
    Atomics.store(new Int32Array(tickets.memory), 0, groups.length);
  };
  const receive = (texts: readonly string[]): void => {
    for (const text of texts) for (const answer of JSON.parse(text) as readonly Answer[]) settle(...answer);
  };
  for (const index of tickets.take()) {
    settle(index, searchOne(searcher, groups[index]));
    for (const helper of helpers) receive(helper.collect());
    if (isOver) break;
  }
  for (const helper of helpers) receive(helper.finish());
  // What a helper took and did not bring back is done here.
  if (!isOver) for (const index of pending) settle(index, searchOne(searcher, groups[index]));
}

function isWorthHelp(groups: readonly SearchGroup[]): boolean {
  return groups.length > 1 && groups.reduce((sum, { bytes }) => sum + bytes, 0) >= MIN_BYTES_FOR_HELPERS;
}

function assignmentOf(query: SearchQuery, groups: readonly SearchGroup[]): PassAssignment {
  return { query, groups: groups.map(({ paths, bytes }) => ({ paths, bytes })) };
}

/** Index of the group and what came of its files; none where nothing did. */
type Answer = readonly [number, readonly FileOutcome[]];

/** Answers in which nothing was found wait for so many others: telling one takes as long as searching a small file. */
const ANSWERS_AT_ONCE = 16;

/** A helper's part of the work, some answers at a time. */
export function* passShare(
  { query, groups }: PassAssignment,
  tickets: SharedArrayBuffer,
): Generator<readonly Answer[]> {
  const searcher = newSearcher(query);
  let answers: Answer[] = [];
  for (const index of new Tickets(groups.length, tickets, 1).take()) {
    const outcomes = searchOne(searcher, groups[index]);
    answers.push([index, outcomes]);
    if (outcomes.length === 0 && answers.length < ANSWERS_AT_ONCE) continue;
    yield answers;
    answers = [];
  }
  if (answers.length > 0) yield answers;
}

type Searcher = (path: string, bytes: number) => FileOutcome;

function searchOne(searcher: Searcher, group: SearchGroup | undefined): readonly FileOutcome[] {
  const told: FileOutcome[] = [];
  for (const path of group?.paths ?? []) {
    const outcome = searcher(path, group?.bytes ?? 0);
    if (outcome.found !== undefined || outcome.problems.length > 0) told.push(outcome);
  }
  return told;
}

/** An expression of the user's may take forever on a text; a text that is looked for as it is cannot. */
function newSearcher(query: SearchQuery): Searcher {
  const searcher = new FileSearcher(query);
  if (!query.isRegex) return (path) => searcher.file(path);
  const limit = new TimeLimit();
  return (path, bytes) =>
    limit.run(LEAST_LIMIT_MS + Math.ceil(bytes / BYTES_PER_MS), () => searcher.file(path)) ??
    // Once more, each match on its own: what takes too long is passed over, and told.
    new FileSearcher(query, (work) => limit.run(TEXT_LIMIT_MS, work)).file(path);
}

/** Far more than a file takes on a busy machine: with an expression that does no harm, too short a time only costs time. */
const LEAST_LIMIT_MS = 5000;
const BYTES_PER_MS = 10_000;
const TEXT_LIMIT_MS = 1000;
