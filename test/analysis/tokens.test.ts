import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { costOf, parsePrices, priceOfModel } from "../../src/analysis/tokens-prices.ts";
import { countTokens, type TokenGroup, type TokensReport } from "../../src/analysis/tokens.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { type HomeSpec, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  base,
  event,
  type LineRecord,
  meta,
  META_MS,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  settings,
  threadId,
  turnContext,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

interface Usage {
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_output_tokens: number;
  readonly total_tokens: number;
}

/** Input; a tenth of it output, half of it cached, a fifth of the output reasoning. */
function usage(input: number): Usage {
  const output = input / 10;
  return {
    input_tokens: input,
    cached_input_tokens: input / 2,
    output_tokens: output,
    reasoning_output_tokens: output / 5,
    total_tokens: input + output,
  };
}

function count(total: number, last: number): LineRecord {
  return event("token_count", { info: { total_token_usage: usage(total), last_token_usage: usage(last) } });
}

/** After a compaction: nothing but an estimate of what is left. */
function estimate(total: number): LineRecord {
  const last = { ...usage(0), total_tokens: 5000 };
  return event("token_count", { info: { total_token_usage: usage(total), last_token_usage: last } });
}

const NO_COUNT = event("token_count", { info: null, rate_limits: null });

function record(n: number, response: string, total: number, last: number, turn = 1): LineRecord {
  const payload = {
    thread_id: threadId(n),
    turn_id: threadId(turn),
    session_id: threadId(n),
    root_turn_id: threadId(turn),
    response_id: response,
    usage: usage(last),
    turn_token_usage: usage(last),
    thread_token_usage: usage(total),
  };
  return { type: "token_usage_record", payload };
}

function started(turn: number): LineRecord {
  return event("task_started", { turn_id: threadId(turn) });
}

function write(files: HomeSpec): void {
  writeHome(home, files);
}

function tokens(by: TokenGroup = "thread", prices?: string): TokensReport {
  const table = prices === undefined ? undefined : parsePrices(prices, "prices.json");
  return countTokens(discoverRollouts(home).files, { by, prices: table });
}

/** Input tokens by row. */
function inputs(report: TokensReport): Readonly<Record<string, number>> {
  return Object.fromEntries(report.rows.map(({ key, input }) => [key, input]));
}

describe("one file", () => {
  it("counts records by their ids, and the counts behind them not again", () => {
    const lines = [
      paginatedMeta(1),
      started(0),
      turnContext(),
      record(1, "r1", 100, 100),
      count(100, 100),
      record(1, "r2", 300, 200),
      count(300, 200),
      count(300, 200),
    ];
    write({ [sessionPath(1)]: rolloutText(lines, { paginated: true }) });
    const report = tokens("model");
    expect(report.totals).toEqual({
      responses: 2,
      input: 300,
      cached: 150,
      cacheWrite: 0,
      output: 30,
      reasoning: 6,
      total: 330,
      cachedShare: 0.5,
      reasoningShare: 0.2,
      cost: null,
      unpriced: 0,
    });
    expect(report.rungs).toEqual({ record: 2, count: 0, difference: 0 });
    expect(report.leftOut).toEqual({ inherited: 0, duplicates: 0, echoes: 0, repeated: 3, estimates: 0 });
    expect(report.rows).toEqual([{ key: "gpt-5.1-codex", ...report.totals }]);
    expect(report.naive).toEqual({ everyCount: 550, lastTotals: 330, everyRecord: 330 });
    expect(report.files).toMatchObject([{ layout: "own", own: { record: 2 }, counted: 2, repeated: 3, isExact: true }]);
  });

  it("takes a record whose count was never written, as of a process that was killed", () => {
    write({ [sessionPath(1)]: rolloutText([paginatedMeta(1), record(1, "r1", 100, 100)], { paginated: true }) });
    expect(tokens("model").rows).toMatchObject([{ key: "(unknown)", input: 100 }]);
  });

  it("takes counts where there are no records, once for every new sum", () => {
    const lines = [
      meta(1),
      NO_COUNT,
      turnContext(),
      count(100, 100),
      turnContext(),
      count(100, 100),
      count(300, 200),
      estimate(300),
      count(300, 200),
    ];
    write({ [sessionPath(1)]: rolloutText(lines) });
    const report = tokens();
    expect(report.totals).toMatchObject({ responses: 2, input: 300 });
    expect(report.rungs).toEqual({ record: 0, count: 2, difference: 0 });
    expect(report.leftOut.repeated).toBe(3);
  });

  it("takes no estimate for a response: a window that is full has a sum of its own", () => {
    const full = {
      total_token_usage: { ...usage(0), total_tokens: 258_400 },
      last_token_usage: { ...usage(0), total_tokens: 248_272 },
    };
    const lines = [meta(1), turnContext(), count(100, 100), event("token_count", { info: full }), count(50, 50)];
    write({ [sessionPath(1)]: rolloutText(lines) });
    expect(tokens()).toMatchObject({ totals: { responses: 2, input: 150 }, leftOut: { estimates: 1 } });
  });

  it("goes on after a resume that begins the sum anew, as 0.47 does", () => {
    const lines = [
      meta(1),
      turnContext(),
      count(100, 100),
      count(300, 200),
      NO_COUNT,
      count(300, 300),
      count(700, 400),
    ];
    write({ [sessionPath(1)]: rolloutText(lines) });
    expect(tokens()).toMatchObject({ totals: { responses: 4, input: 1000 }, rungs: { count: 4, difference: 0 } });
  });

  it("finds by the sum what lost lines have told", () => {
    const lines = [meta(1), turnContext(), count(100, 100), "no record", count(700, 200)];
    write({ [sessionPath(1)]: rolloutText(lines) });
    const report = tokens();
    expect(report.totals).toMatchObject({ responses: 3, input: 700 });
    expect(report.rungs).toEqual({ record: 0, count: 2, difference: 1 });
  });

  it("finds by the sum of an estimate what was rolled back and migrated away", () => {
    write({ [sessionPath(1)]: rolloutText([meta(1), turnContext(), count(100, 100), estimate(500), count(700, 200)]) });
    expect(tokens()).toMatchObject({ totals: { input: 700 }, rungs: { count: 2, difference: 1 } });
  });

  it("goes from counts to records in a thread that was begun by an older release", () => {
    const lines = [
      meta(1),
      started(0),
      turnContext(),
      count(100, 100),
      started(0),
      turnContext(),
      record(1, "r1", 300, 200),
      count(300, 200),
      started(0),
      turnContext(),
      count(700, 400),
    ];
    write({ [sessionPath(1)]: rolloutText(lines) });
    expect(tokens()).toMatchObject({ totals: { input: 700 }, rungs: { record: 1, count: 2, difference: 0 } });
  });

  it("leaves to a reviewer's own file what 0.77 repeats of it", () => {
    const review = [event("entered_review_mode", { prompt: "p" }), NO_COUNT, count(50, 50)];
    const parent = [meta(1), turnContext(), count(100, 100), ...review, event("exited_review_mode"), turnContext()];
    write({ [sessionPath(1)]: rolloutText([...parent, count(100, 100), count(300, 200)]) });
    expect(tokens()).toMatchObject({ totals: { responses: 3, input: 350 }, leftOut: { echoes: 0 } });
    const reviewer = [meta(2, { source: { subagent: "review" } }), turnContext({ model: "m2" }), count(50, 50)];
    write({ [sessionPath(2)]: rolloutText(reviewer) });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(1)]: 300, [threadId(2)]: 50 });
    expect(report.leftOut).toMatchObject({ echoes: 1, repeated: 1 });
  });
});

describe("the three layouts of forks", () => {
  /** Thread 9 with two responses, made before thread 1. */
  const records = [started(8), turnContext(), record(9, "r1", 100, 100, 8), count(100, 100)];
  const more = [started(7), turnContext(), record(9, "r2", 300, 200, 7), count(300, 200)];
  const own = [started(0), turnContext(), record(1, "r3", 700, 400, 0), count(700, 400)];

  it("a copied legacy prefix", () => {
    const source = rolloutText([meta(9), ...records, ...more]);
    const copy = rolloutText([meta(1, { forked_from_id: threadId(9) }), meta(9), ...records, ...more, ...own]);
    write({ [sessionPath(9)]: source, [sessionPath(1)]: copy });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(9)]: 300, [threadId(1)]: 400 });
    expect(report.leftOut.inherited).toBe(2);
    expect(report.files.map(({ layout, counted, inherited }) => [layout, counted, inherited])).toEqual([
      ["own", 2, 0],
      ["copied-legacy", 1, 2],
    ]);
    expect(report.naive).toEqual({ everyCount: 1100, lastTotals: 1100, everyRecord: 1100 });
  });

  it("a copied legacy prefix whose source is gone: counted once, however many forks have it", () => {
    const copy = (n: number, response: string): string => {
      const mine = [started(0), turnContext(), record(n, response, 700, 400, 0), count(700, 400)];
      return rolloutText([meta(n, { forked_from_id: threadId(9) }), meta(9), ...records, ...more, ...mine]);
    };
    write({ [sessionPath(1)]: copy(1, "r3"), [sessionPath(2)]: copy(2, "r4") });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(9)]: 300, [threadId(1)]: 400, [threadId(2)]: 400 });
    expect(new Set(report.files.map(({ countedInherited }) => countedInherited))).toEqual(new Set([0, 2]));
  });

  it("the same of a release without records", () => {
    const counts = [started(8), turnContext(), count(100, 100), started(7), turnContext(), count(300, 200)];
    const copy = (n: number, turn: number): string => {
      const mine = [started(turn), turnContext(), count(700, 400)];
      return rolloutText([meta(n, { forked_from_id: threadId(9) }), meta(9), ...counts, ...mine]);
    };
    write({ [sessionPath(1)]: copy(1, 0), [sessionPath(2)]: copy(2, 1) });
    const expected = { [threadId(9)]: 300, [threadId(1)]: 400, [threadId(2)]: 400 };
    expect(inputs(tokens())).toEqual(expected);
    write({ [sessionPath(9)]: rolloutText([meta(9), ...counts]) });
    expect(inputs(tokens())).toEqual(expected);
  });

  it("the same of a release without ids of turns, told by the source", () => {
    const turn = (words: string, total: number, last: number): readonly LineRecord[] => [
      responseItem(words),
      userMessage(words),
      turnContext(),
      NO_COUNT,
      count(total, last),
    ];
    const source = [...turn("one", 100, 100), ...turn("two", 300, 200)];
    const copy = [meta(1, { forked_from_id: threadId(9) }), meta(9), ...source, ...turn("three", 700, 400)];
    write({ [sessionPath(9)]: rolloutText([meta(9), ...source], { startMs: META_MS - 500_000 }) });
    write({ [sessionPath(1)]: rolloutText(copy) });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(9)]: 300, [threadId(1)]: 400 });
    expect(report.files.map(({ rule, isExact }) => [rule, isExact])).toEqual([
      [undefined, true],
      ["source", true],
    ]);
  });

  it("a copied paginated prefix: an agent has the counts of its parent without their records", () => {
    const inherited = [meta(9), started(8), turnContext(), count(100, 100), started(7), count(300, 200)];
    const agentMeta = paginatedMeta(1, {
      forked_from_id: threadId(9),
      subagent_history_start_ordinal: 1 + inherited.length,
      source: { subagent: { thread_spawn: { parent_thread_id: threadId(9), depth: 1 } } },
      session_id: threadId(9),
    });
    write({
      [sessionPath(9)]: rolloutText([paginatedMeta(9), ...records, ...more], { paginated: true }),
      [sessionPath(1)]: rolloutText([agentMeta, ...inherited, ...own], { paginated: true }),
    });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(9)]: 300, [threadId(1)]: 400 });
    expect(report.files.map(({ layout, rule }) => [layout, rule])).toEqual([
      ["own", undefined],
      ["copied-paginated", "declared"],
    ]);
    expect(inputs(tokens("session"))).toEqual({ [threadId(9)]: 700 });
  });

  it("a reference, and a revert", () => {
    const source = rolloutText([paginatedMeta(9), ...records, ...more], { paginated: true });
    const fork = paginatedMeta(1, { forked_from_id: threadId(9), history_base: base(threadId(9), 700, 5) });
    const reverted = paginatedMeta(9, { history_base: base(threadId(9), 700, 5) });
    const again = [started(6), turnContext(), record(9, "r5", 500, 50, 6), count(500, 50)];
    write({
      [sessionPath(9)]: source,
      [sessionPath(1)]: rolloutText([fork, ...own], { paginated: true, firstOrdinal: 5 }),
      [sessionPath(9, { segment: 3 })]: rolloutText([reverted, ...again], { paginated: true, firstOrdinal: 5 }),
    });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(9)]: 350, [threadId(1)]: 400 });
    expect(report.leftOut.inherited).toBe(0);
    expect(report.files.map(({ layout }) => layout).toSorted()).toEqual(["own", "reference", "revert"]);
  });

  it("a copied paginated prefix that was migrated: without the metadata of its source", () => {
    const counts = [started(8), turnContext(), count(100, 100), started(7), turnContext(), count(300, 200)];
    const mine = [started(0), turnContext(), count(700, 400)];
    const fork = paginatedMeta(1, { forked_from_id: threadId(9) });
    write({
      [sessionPath(9)]: rolloutText([paginatedMeta(9), ...counts], { paginated: true }),
      [sessionPath(1)]: rolloutText([fork, ...counts, ...mine], { paginated: true }),
    });
    const report = tokens();
    expect(inputs(report)).toEqual({ [threadId(9)]: 300, [threadId(1)]: 400 });
    expect(report.files.map(({ layout, rule }) => [layout, rule])).toEqual([
      ["own", undefined],
      ["copied-paginated", "turns"],
    ]);
  });

  it("the same of a release without ids of turns: as far as the source tells the same", () => {
    const turn = (n: number, total: number, last: number): readonly LineRecord[] => [
      event("task_started", { turn_id: `made-up-${String(n)}` }),
      turnContext(),
      count(total, last),
    ];
    const source = [...turn(1, 100, 100), ...turn(2, 300, 200)];
    const later = { startMs: META_MS - 500_000 };
    const fork = paginatedMeta(1, { forked_from_id: threadId(9) });
    write({
      [sessionPath(9)]: rolloutText([paginatedMeta(9), ...source], { paginated: true, ...later }),
      [sessionPath(1)]: rolloutText([fork, ...source, ...turn(3, 700, 400)], { paginated: true }),
      [sessionPath(2)]: rolloutText([paginatedMeta(2), ...turn(1, 100, 100)], { paginated: true }),
    });
    expect(inputs(tokens())).toEqual({ [threadId(9)]: 300, [threadId(1)]: 400, [threadId(2)]: 100 });
  });

  it("an agent that was migrated: all of it is hidden, and its own all the same", () => {
    const mine = [started(0), turnContext(), count(700, 700)];
    const agent = paginatedMeta(1, {
      subagent_history_start_ordinal: 1 + mine.length,
      source: { subagent: { thread_spawn: { parent_thread_id: threadId(9), depth: 1 } } },
    });
    write({ [sessionPath(1)]: rolloutText([agent, ...mine], { paginated: true }) });
    expect(tokens()).toMatchObject({ totals: { input: 700 }, leftOut: { inherited: 0 } });
  });

  it("one thread in two files is counted once", () => {
    const text = rolloutText([meta(9), ...records, ...more]);
    write({ [sessionPath(9)]: text, [sessionPath(9).replace("/11/", "/12/")]: text });
    expect(tokens()).toMatchObject({ totals: { responses: 2, input: 300 }, leftOut: { duplicates: 2 } });
  });

  it("of a fork that was named only what is its own", () => {
    const copy = rolloutText([meta(1, { forked_from_id: threadId(9) }), meta(9), ...records, ...more, ...own]);
    write({ [sessionPath(1)]: copy });
    const { files } = discoverRollouts(home);
    expect(countTokens(files, { by: "thread", others: files })).toMatchObject({
      totals: { responses: 1, input: 400 },
      leftOut: { inherited: 2 },
    });
  });
});

describe("rows", () => {
  beforeEach(() => {
    const day2 = META_MS + 86_400_000;
    const first = [
      meta(1),
      started(0),
      turnContext(),
      count(100, 100),
      turnContext({ model: "m2", cwd: "/b" }),
      count(300, 200),
    ];
    const second = [meta(2), settings({ model: "m2" }), started(0), count(1000, 1000)];
    write({ [sessionPath(1)]: rolloutText(first), [sessionPath(2)]: rolloutText(second, { startMs: day2 }) });
  });

  it.each([
    ["model", { m2: 1200, "gpt-5.1-codex": 100 }],
    ["day", { "2025-11-01": 300, "2025-11-02": 1000 }],
    ["thread", { [threadId(2)]: 1000, [threadId(1)]: 300 }],
    ["session", { [threadId(2)]: 1000, [threadId(1)]: 300 }],
    ["cwd", { "/home/user/project": 1100, "/b": 200 }],
  ] as const)("by %s", (by, expected) => {
    const report = tokens(by);
    expect(inputs(report)).toEqual(expected);
    expect(Object.keys(inputs(report))).toEqual(Object.keys(expected));
  });

  it("with prices", () => {
    const prices = { per: 100, models: { "gpt-5*": { input: 1, cached_input: 0.5, output: 4 } } };
    const report = tokens("model", JSON.stringify(prices));
    // 50 fresh, 50 cached, 10 out.
    expect(report.rows).toMatchObject([
      { key: "m2", cost: null, unpriced: 2 },
      { key: "gpt-5.1-codex", cost: 0.5 + 0.25 + 0.4, unpriced: 0 },
    ]);
    expect(report.totals).toMatchObject({ cost: 1.15, unpriced: 2 });
    expect(report.currency).toBe("USD");
  });

  it("goes on after a file that cannot be read", () => {
    write({ [`${sessionPath(3)}.zst`]: Buffer.from("no archive") });
    expect(tokens().totals.input).toBe(1300);
  });
});

describe("prices", () => {
  it.each([
    ["[]", "it is not a JSON object"],
    ["{", "it is not JSON"],
    ["{}", "it has no object models"],
    ['{"models":{"m":{"input":1}}}', 'the price of "m" lacks input or output'],
    ['{"models":{"m":{"input":-1,"output":1}}}', 'the price of "m" has no number in input'],
    ['{"models":{"m":{"input":1,"output":1,"cache":1}}}', 'the price of "m" has an unknown member "cache"'],
    ['{"models":{},"per":0}', "per is no number of tokens"],
    ['{"models":{},"currency":"\\u001b[31m"}', "currency is no name"],
  ])("refuses %s", (text, reason) => {
    expect(() => parsePrices(text, "p")).toThrow(`the price table cannot be used: ${reason}`);
  });

  it("takes the exact name, else the longest beginning", () => {
    const one = { input: 1, output: 1 };
    const models = { "gpt*": one, "gpt-5*": { input: 2, output: 2 }, "gpt-5": { input: 3, output: 3 } };
    const table = parsePrices(JSON.stringify({ models }), "p");
    expect(["gpt-5", "gpt-5.1", "gpt-4", "o9"].map((model) => priceOfModel(table, model)?.input)).toEqual([
      3,
      2,
      1,
      undefined,
    ]);
  });

  it("counts input once: fresh, cached or written to the cache", () => {
    const models = { m: { input: 10, cached_input: 1, cache_write_input: 20, output: 100 } };
    const table = parsePrices(JSON.stringify({ models, per: 1, currency: "EUR" }), "p");
    const told = { ...usage(100), cached_input_tokens: 50, cache_write_input_tokens: 20 };
    expect(costOf(told, "m", table)).toBe(30 * 10 + 50 * 1 + 20 * 20 + 10 * 100);
    expect(costOf(told, "other", table)).toBeUndefined();
  });
});
