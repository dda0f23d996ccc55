import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { cli, type CliRun } from "../support/cli.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  event,
  type LineRecord,
  meta,
  rolloutText,
  sessionPath,
  threadId,
  tokenCount,
  turnContext,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: rolloutText(thread(1, 100, [20, 30, 40])),
    [sessionPath(2)]: rolloutText([meta(2, { forked_from_id: threadId(1) }), ...thread(1, 100, []), ...own(500)]),
    [`${archivedPath(3)}.zst`]: rolloutText(thread(3, 1000, [50, 60, 70, 80])),
  });
});

function thread(n: number, tokens: number, turns: readonly number[]): readonly LineRecord[] {
  const done = turns.map((ms) => event("task_complete", { turn_id: "t", duration_ms: ms, time_to_first_token_ms: 5 }));
  return [
    meta(n),
    event("task_started", { turn_id: threadId(n + 9) }),
    turnContext(),
    userMessage("hello"),
    tokenCount(tokens),
    ...done,
  ];
}

function own(tokens: number): readonly LineRecord[] {
  return [event("task_started", { turn_id: threadId(0) }), turnContext({ model: "other" }), tokenCount(tokens)];
}

function stats(...argv: readonly string[]): Promise<CliRun> {
  return cli(home, ["stats", ...argv]);
}

async function json<T>(...argv: readonly string[]): Promise<T> {
  const { code, out, err } = await stats(...argv, "--json");
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out) as T;
}

it("writes nothing", async () => {
  const before = snapshot(home);
  for (const what of ["bytes", "tokens", "latency"]) expect((await stats(what)).code).toBe(0);
  expect(snapshot(home)).toEqual(before);
});

describe("bytes", () => {
  it("as a document", async () => {
    const answer = await json<Record<string, unknown>>("bytes");
    expect(answer).toMatchObject({ scope: "home", codexHome: home, unreadable: [], threadCount: 3, familyCount: 1 });
    const labels = answer["labels"] as readonly { readonly bytes: number }[];
    expect(answer["totals"]).toMatchObject({ files: 3, plainBytes: labels.reduce((sum, { bytes }) => sum + bytes, 0) });
    expect(Object.keys(answer).toSorted()).toEqual([
      "codexHome",
      "families",
      "familyCount",
      "labels",
      "months",
      "repeated",
      "savings",
      "scope",
      "threadCount",
      "threads",
      "totals",
      "unreadable",
    ]);
  });

  it("as tables", async () => {
    const { out } = await stats("bytes", "--top", "1");
    expect(out).toMatch(/^label +records +bytes +share\n/);
    expect(out).toMatch(/\nsession_meta +4 /);
    expect(out).toMatch(/\nthread +layout +files +bytes +on disk +inherited\n/);
    expect(out).toMatch(/\nfamily of +threads +forks +agents +bytes +on disk +inherited\n/);
    expect(out).toMatch(/\nthreads +3, 1 shown \(--top\)\n/);
    expect(out).toMatch(
      /\nold checkpoints +none that a newer one has replaced\nkept +Codex 0\.169\.0 would write every line again\n$/,
    );
  });
});

describe("tokens", () => {
  it("as a document", async () => {
    const answer = await json<Record<string, unknown>>("tokens", "--by", "thread");
    expect(answer).toMatchObject({
      scope: "home",
      files: 3,
      by: "thread",
      currency: null,
      totals: { responses: 3, input: 1600, cost: null },
      rungs: { record: 0, count: 3, difference: 0 },
      leftOut: { inherited: 1 },
      naive: { everyCount: 1700, lastTotals: 1600, everyRecord: 0 },
    });
    expect(answer).not.toHaveProperty("explain");
  });

  it("as a table, with costs", async () => {
    const prices = join(folder.path, "prices.json");
    writeFileSync(prices, JSON.stringify({ currency: "EUR", per: 1000, models: { "gpt*": { input: 2, output: 0 } } }));
    const { code, out } = await stats("tokens", "--prices", prices);
    expect(code).toBe(0);
    const lines = out.split("\n").map((line) => line.replaceAll(/ +/g, " "));
    expect(lines.slice(0, 4)).toEqual([
      "model responses input cached output reasoning total EUR",
      "gpt-5.1-codex 2 1,100 0.0 % 0 1,100 2.2000",
      "other 1 500 0.0 % 0 500 ",
      "all 3 1,600 0.0 % 0 1,600 2.2000+",
    ]);
    expect(lines).toContain("without a price 1 responses, not in EUR");
    expect(lines).toContain("counts added up 1,700 (1.06 times the total)");
  });

  it("explained file by file", async () => {
    const { out } = await stats("tokens", "--explain");
    expect(out).toMatch(/\nfile +layout +counted +by +left out\n/);
    expect(out).toMatch(/copied-legacy +1 +counts +1 copied from 019a3edb-2304-7000-8000-000000000001\n/);
    const { explain } = await json<{ readonly explain: readonly unknown[] }>("tokens", "--explain");
    expect(explain).toHaveLength(3);
  });

  it("of a thread that is named, and of a folder", async () => {
    const one = await json<Record<string, unknown>>("tokens", threadId(2));
    expect(one).toMatchObject({ scope: "files", codexHome: home, totals: { responses: 1, input: 500 } });
    const some = await json<Record<string, unknown>>("tokens", join(home, "sessions"));
    expect(some).toMatchObject({ scope: "files", totals: { responses: 2, input: 600 } });
  });
});

describe("latency", () => {
  it("as a document", async () => {
    const answer = await json<{ readonly rows: readonly unknown[] }>("latency");
    expect(answer.rows).toEqual([
      {
        measure: "turn",
        source: "user",
        origin: "written",
        count: 7,
        meanMs: 50,
        medianMs: 50,
        p95Ms: 77,
        maxMs: 80,
      },
      {
        measure: "first token",
        source: "user",
        origin: "written",
        count: 7,
        meanMs: 5,
        medianMs: 5,
        p95Ms: 5,
        maxMs: 5,
      },
    ]);
    expect(answer).not.toHaveProperty("comparisons");
  });

  it("beside another home", async () => {
    const slow = writeHome(join(folder.path, "slow"), {
      [sessionPath(1)]: rolloutText(thread(1, 100, [200, 300, 400, 500, 600, 700, 800])),
    });
    const answer = await json<{ readonly comparisons: readonly unknown[] }>("latency", "--compare", slow);
    expect(answer.comparisons).toMatchObject([
      { measure: "turn", count: 7, otherCount: 7, medianMs: 50, otherMedianMs: 500, ratio: 0.1, verdict: "faster" },
      { measure: "first token", ratio: 1, interval: [1, 1], verdict: "same" },
    ]);
    const { out } = await stats("latency", "--compare", slow);
    expect(out).toMatch(/\nturn +user +written +50 ms +500 ms +0\.10 .* faster\n/);
  });

  it("compares what one home wrote with what is derived of the other", async () => {
    const old = writeHome(join(folder.path, "old"), {
      [sessionPath(1)]: rolloutText([meta(1), userMessage("a"), event("agent_message", { message: "b" })]),
    });
    const { comparisons } = await json<{ readonly comparisons: readonly unknown[] }>("latency", "--compare", old);
    expect(comparisons).toMatchObject([
      { measure: "turn", origin: "mixed", otherCount: 1, otherMedianMs: 1000, verdict: "unclear" },
      { measure: "first token", origin: "mixed" },
    ]);
  });
});

describe("what cannot be", () => {
  it.each([
    [["bytes", "--by", "day"], "--by means nothing for bytes"],
    [["latency", "--explain"], "--explain means nothing for latency"],
    [["tokens", "--compare", "x"], "--compare means nothing for tokens"],
    [["tokens", "--by", "week"], "--by is one of model, day, thread, session, cwd"],
    [["words"], "<what> is one of bytes, tokens, latency"],
    [[], "missing <what>"],
  ])("stats %j", async (argv, message) => {
    const { code, err } = await stats(...argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it("a price table that is none", async () => {
    const path = join(folder.path, "prices.json");
    writeFileSync(path, "[]");
    expect(await stats("tokens", "--prices", path)).toMatchObject({ code: 2 });
    expect(await stats("tokens", "--prices", `${path}.not`)).toMatchObject({ code: 2 });
  });

  it("a file that is broken: counted as far as it goes, and told", async () => {
    writeHome(home, { [`${archivedPath(4)}.zst`]: Buffer.from("no archive \u001b[31m") });
    for (const what of ["bytes", "tokens", "latency"]) {
      const { code, out } = await stats(what);
      expect(code).toBe(1);
      expect(out).toContain("not counted");
      expect(out).not.toContain("\u001b");
    }
  });

  it("a home without rollouts has nothing to tell", async () => {
    home = writeHome(join(folder.path, "empty"), {});
    expect((await stats("tokens")).out).toMatch(/^no responses\n/);
    expect((await stats("latency")).out).toMatch(/^no turns\n/);
    expect((await stats("bytes")).code).toBe(0);
  });
});

it("shows no text of a rollout raw", async () => {
  const evil = "\u001b[2J\u202eevil";
  const lines = [meta(5), turnContext({ model: evil, cwd: `/${evil}` }), tokenCount(7)];
  const call = { type: "function_call", name: evil, arguments: "{}", call_id: "c" };
  const output = { type: "function_call_output", call_id: "c", output: "" };
  const tools = [call, output].map((payload) => ({ type: "response_item", payload }));
  writeHome(home, { [sessionPath(5)]: rolloutText([...lines, ...tools]) });
  for (const argv of [
    ["tokens"],
    ["tokens", "--by", "cwd"],
    ["latency"],
    ["tokens", "--json"],
    ["latency", "--json"],
  ]) {
    const { out } = await stats(...argv);
    expect(out).toContain("evil");
    expect(out).not.toMatch(/\u001b|\u202e/);
  }
});
