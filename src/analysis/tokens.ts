/**
 * Where the tokens went: a ledger of the model's responses over a home, each counted once however often it is told. Forks
 * repeat what they copied, agents what they inherited, and every count repeats the sum of those before; `tokens-file.ts` says how
 * one file is read, and which of its lines are a response.
 */
import type { RolloutFile } from "../readers/home.ts";
import { buildFamily, type Family } from "../thread/family.ts";
import { attempt, type FileHead, pathsByThread, readHeads, type UnreadableFile } from "./inherited.ts";
import { type NaiveSums, scanTokens, type TokenFile, type TokenResponse, type TokenRung } from "./tokens-file.ts";
import { costOf, type PriceTable } from "./tokens-prices.ts";
import { type TokenSums, TokenTally } from "./tokens-sums.ts";

export const TOKEN_GROUPS = ["model", "day", "thread", "session", "cwd"] as const;
export type TokenGroup = (typeof TOKEN_GROUPS)[number];

export interface TokenRow extends TokenSums {
  /** A model, a day (UTC), an id of a thread or of a session's root, a folder; `(unknown)` where nothing tells. */
  readonly key: string;
}

export interface TokensReport {
  readonly totals: TokenSums;
  readonly currency: string | null;
  readonly by: TokenGroup;
  /** The largest first; days in their order. */
  readonly rows: readonly TokenRow[];
  /** Responses counted, by how they were told. */
  readonly rungs: Readonly<Record<TokenRung, number>>;
  /** Lines that tell a response again, or none. */
  readonly leftOut: LeftOut;
  readonly naive: NaiveTotals;
  /** In the order of their paths. */
  readonly files: readonly CountedFile[];
  readonly unreadable: readonly UnreadableFile[];
}

export interface LeftOut {
  /** In copied prefixes, and told by the file of their thread, or by another copy. */
  readonly inherited: number;
  /** In two files of one thread. */
  readonly duplicates: number;
  /** Of a reviewer, between the marks of a review, and told by the reviewer's own file. */
  readonly echoes: number;
  readonly repeated: number;
  readonly estimates: number;
}

/** What simpler ways of counting give over the same files, in tokens; `totals.total` is what was used. */
export interface NaiveTotals {
  readonly everyCount: number;
  readonly lastTotals: number;
  readonly everyRecord: number;
}

export interface CountedFile extends TokenFile {
  /** Responses that this file brought into the ledger. */
  readonly counted: number;
  /** Those of them that stand in its copied prefix, since the file of their thread is gone. */
  readonly countedInherited: number;
}

export interface TokensOptions {
  readonly by: TokenGroup;
  readonly prices?: PriceTable | undefined;
  /** All rollouts of the home, where `files` are only some of them: copied prefixes then do not count at all. */
  readonly others?: readonly RolloutFile[] | undefined;
  /** Told of each file that is done. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

/**
 * Counts the responses that these rollouts tell of. Memory: the ids of the responses, one row a group, one record a file.
 * Never throws for what is wrong with one of the files.
 */
export function countTokens(files: readonly RolloutFile[], options: TokensOptions): TokensReport {
  const { heads, unreadable } = readHeads(files);
  const around = options.others === undefined ? heads : readHeads(options.others).heads;
  const ledger = new Ledger(around, options);
  const problems = [...unreadable];
  for (const head of heads) {
    const told = attempt(head.file.logicalPath, () => ledger.addFile(head));
    if ("message" in told) problems.push(told);
    else if (told.broken !== undefined) problems.push({ path: told.path, message: told.broken });
    options.advance?.(head.file.sizeBytes);
  }
  return { ...ledger.finish(), unreadable: problems };
}

const UNKNOWN = "(unknown)";

interface FileCounts {
  counted: number;
  countedInherited: number;
}

/** Echo and original have the same figures, and are written within the same minute, or the next. */
function echoKey({ usage, atMs = 0 }: TokenResponse, minutes: number): string {
  return `${JSON.stringify(usage)} ${String(Math.floor(atMs / 60_000) + minutes)}`;
}

class Ledger {
  readonly #options: TokensOptions;
  readonly #paths: ReadonlyMap<string, string>;
  readonly #family: Family | undefined;
  readonly #seen = new Set<string>();
  readonly #totals = new TokenTally();
  readonly #groups = new Map<string, TokenTally>();
  readonly #rungs = { record: 0, count: 0, difference: 0 };
  readonly #leftOut = { inherited: 0, duplicates: 0, echoes: 0, repeated: 0, estimates: 0 };
  readonly #naive = { everyCount: 0, lastTotals: 0, everyRecord: 0 };
  readonly #files: { readonly file: TokenFile; readonly counts: FileCounts }[] = [];
  /** Told by reviewers themselves: how often, by `echoKey`. */
  readonly #reviewed = new Map<string, number>();
  /** Told by the threads that asked for a review. */
  readonly #echoes: { readonly response: TokenResponse; readonly counts: FileCounts }[] = [];

  constructor(around: readonly FileHead[], options: TokensOptions) {
    this.#options = options;
    this.#paths = pathsByThread(around);
    this.#family = options.by === "session" ? buildFamily(around.flatMap(({ facts }) => facts ?? [])) : undefined;
  }

  addFile(head: FileHead): TokenFile {
    const counts = { counted: 0, countedInherited: 0 };
    const emit = (response: TokenResponse): void => {
      if (response.isEcho && !response.isInherited) this.#echoes.push({ response, counts });
      else this.#count(response, counts);
      if (head.facts?.kind === "review" && response.rung === "count") this.#noteReviewed(response);
    };
    const file = scanTokens(head, (id) => this.#paths.get(id), emit);
    this.#files.push({ file, counts });
    this.#leftOut.repeated += file.repeated;
    this.#leftOut.estimates += file.estimates;
    this.#addNaive(file.naive);
    return file;
  }

  #count(response: TokenResponse, counts: FileCounts): void {
    if (!this.#add(response)) return;
    counts.counted += 1;
    if (response.isInherited) counts.countedInherited += 1;
  }

  #noteReviewed(response: TokenResponse): void {
    const key = echoKey(response, 0);
    this.#reviewed.set(key, (this.#reviewed.get(key) ?? 0) + 1);
  }

  /** Each told by a reviewer cancels one echo; what is left over has no other witness. */
  #settleEchoes(): void {
    for (const { response, counts } of this.#echoes) {
      const keys = [0, -1, 1].map((minutes) => echoKey(response, minutes));
      const key = keys.find((candidate) => (this.#reviewed.get(candidate) ?? 0) > 0);
      if (key === undefined) this.#count(response, counts);
      else {
        this.#reviewed.set(key, (this.#reviewed.get(key) ?? 0) - 1);
        this.#leftOut.echoes += 1;
      }
    }
  }

  /** Whether it counts. */
  #add(response: TokenResponse): boolean {
    if (response.isInherited && this.#isToldElsewhere(response)) {
      this.#leftOut.inherited += 1;
      return false;
    }
    if (this.#seen.has(response.key)) {
      this.#leftOut[response.isInherited ? "inherited" : "duplicates"] += 1;
      return false;
    }
    this.#seen.add(response.key);
    const cost = costOf(response.usage, response.model ?? UNKNOWN, this.#options.prices);
    this.#rungs[response.rung] += 1;
    this.#totals.add(response.usage, cost);
    this.#groupOf(this.#keyOf(response)).add(response.usage, cost);
    return true;
  }

  /**
   * A response with an id is told by whoever comes first. One without is left to the file of its thread, since agents inherit
   * counts without the records that they belong to (rollout-format §7.5).
   */
  #isToldElsewhere({ rung, threadId }: TokenResponse): boolean {
    if (this.#options.others !== undefined) return true;
    return rung !== "record" && this.#paths.has(threadId);
  }

  #groupOf(key: string): TokenTally {
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = new TokenTally()));
    return group;
  }

  #keyOf({ threadId, model, cwd, atMs }: TokenResponse): string {
    const { by } = this.#options;
    if (by === "model") return model ?? UNKNOWN;
    if (by === "cwd") return cwd ?? UNKNOWN;
    if (by === "day") return atMs === undefined ? UNKNOWN : new Date(atMs).toISOString().slice(0, 10);
    return this.#family?.threads.get(threadId)?.session.id ?? threadId;
  }

  #addNaive({ everyCount, lastTotal, everyRecord }: NaiveSums): void {
    this.#naive.everyCount += everyCount;
    this.#naive.lastTotals += lastTotal;
    this.#naive.everyRecord += everyRecord;
  }

  finish(): Omit<TokensReport, "unreadable"> {
    this.#settleEchoes();
    const { by, prices } = this.#options;
    const rows = [...this.#groups].map(([key, tally]) => ({ key, ...tally.sums(prices) }));
    const inOrder = (a: TokenRow, b: TokenRow): number => (a.key < b.key ? -1 : 1);
    return {
      totals: this.#totals.sums(prices),
      currency: prices?.currency ?? null,
      by,
      rows: rows.toSorted((a, b) => (by === "day" ? inOrder(a, b) : b.total - a.total || inOrder(a, b))),
      rungs: this.#rungs,
      leftOut: this.#leftOut,
      naive: this.#naive,
      files: this.#files.map(({ file, counts }) => ({ ...file, ...counts })),
    };
  }
}
