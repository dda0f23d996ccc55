/**
 * `stats` on homes that real releases wrote, and beside real releases at work: tokens are those of the responses that the model
 * answered, bytes are those of the files, times are those that Codex wrote.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BlobTable } from "../../src/analysis/bytes-blobs.ts";
import { countFile } from "../../src/analysis/bytes-file.ts";
import { countBytes } from "../../src/analysis/bytes.ts";
import { gatherLatencies } from "../../src/analysis/latency.ts";
import { countTokens, type TokensReport } from "../../src/analysis/tokens.ts";
import { decodeZstd } from "../../src/io/zstd.ts";
import { runCodex } from "../../src/bench/codex.ts";
import { type MockModel, startMockModel } from "../../src/bench/mock-model.ts";
import { discoverRollouts, type RolloutFile } from "../../src/readers/home.ts";
import { snapshot } from "../support/homes.ts";
import {
  type AppServer,
  codexRelease,
  type Release,
  type TestHome,
  testHome,
  withServer,
  writeCodexConfig,
} from "./codex.ts";
import { type Corpus, CORPUS_NAMES, corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";

/**
 * Responses, input and output of each home, and what adding up every `token_count` and the last of every file gives. The mock
 * model of the homes counted what it answered; where it answered more, no file tells of it: ephemeral and deleted threads, and a
 * process that was killed before it wrote.
 */
const LEDGERS: Readonly<Record<CorpusName, readonly [number, number, number, everyCount: number, lastTotals: number]>> =
  {
    "0.47.0": [15, 356_472, 2297, 411_526, 67_762],
    "0.77.0": [191, 2_302_991, 28_620, 3_947_904, 1_836_053],
    "0.98.0": [242, 3_004_356, 34_131, 7_818_426, 4_294_758],
    "0.128.0": [251, 3_638_995, 35_468, 10_012_754, 5_489_365],
    "0.142.3": [244, 3_745_618, 33_890, 6_485_295, 5_596_150],
    "0.142.3-zst": [245, 3_760_456, 33_934, 6_501_509, 5_612_274],
    "0.169.0": [245, 3_275_680, 34_105, 4_275_281, 4_582_210],
    "0.169.0-zst": [245, 3_277_060, 34_105, 4_276_756, 4_584_227],
  };

/** Forks, how they are laid out, and what is their own: one turn, of which the plan `echo` has one response, `tools2` three. */
const FORKS: Readonly<Partial<Record<CorpusName, Readonly<Record<string, readonly [layout: string, own: number]>>>>> = {
  "0.98.0": { fork: ["copied-legacy", 1] },
  "0.128.0": { fork: ["copied-legacy", 1] },
  "0.142.3": { fork: ["copied-legacy", 1], "fork-of-fork": ["copied-legacy", 4] },
  "0.169.0": {
    fork: ["reference", 1],
    "fork-of-fork": ["reference", 4],
    "fork-idle": ["reference", 0],
    "fork-legacy": ["copied-legacy", 1],
  },
};

describe.skipIf(corpusFolder() === undefined).each(CORPUS_NAMES)("the home of %s", (name) => {
  let corpus: Corpus;
  let files: readonly RolloutFile[];
  let before: ReturnType<typeof snapshot>;
  beforeAll(() => {
    corpus = unpackCorpus(name);
    before = snapshot(corpus.home);
    ({ files } = discoverRollouts(corpus.home));
  });
  afterAll(() => {
    const after = snapshot(corpus.home);
    corpus.remove();
    expect(after).toEqual(before);
  });

  const text = ({ path, logicalPath }: RolloutFile): Buffer =>
    path === logicalPath
      ? readFileSync(path)
      : Buffer.concat(Array.from(decodeZstd([readFileSync(path)]), (chunk) => Buffer.from(chunk)));

  it("tokens are those of the responses that were answered", () => {
    const { totals, naive, unreadable, rungs } = countTokens(files, { by: "model" });
    expect([totals.responses, totals.input, totals.output, naive.everyCount, naive.lastTotals]).toEqual(LEDGERS[name]);
    expect([unreadable, rungs.difference]).toEqual([[], 0]);
    const ids = new Set(files.flatMap((file) => responseIds(text(file))));
    if (rungs.record > 0) expect(totals.responses).toBe(ids.size);
  });

  it("groups add up to the whole", () => {
    for (const by of ["model", "day", "thread", "session", "cwd"] as const) {
      const { rows, totals } = countTokens(files, { by });
      expect(rows.reduce((sum, { total }) => sum + total, 0)).toBe(totals.total);
    }
  });

  it("forks have their own responses alone, in each of their layouts", () => {
    const report = countTokens(files, { by: "thread" });
    for (const [label, expected] of Object.entries(FORKS[name] ?? {})) {
      const id = corpus.threads.get(label);
      const file = report.files.find(({ threadId }) => threadId === id);
      const row = report.rows.find(({ key }) => key === id);
      expect([label, [file?.layout, row?.responses ?? 0]]).toEqual([label, expected]);
      expect(file?.isExact).toBe(true);
    }
  });

  it("labels add up to the plain bytes of every rollout", () => {
    for (const file of files) {
      const blobs = new BlobTable();
      blobs.beginFile(file.path);
      const { labels, plainBytes } = countFile(file.path, blobs);
      const sum = [...labels.values()].reduce((total, { bytes }) => total + bytes, 0);
      expect([file.path, sum, plainBytes]).toEqual([file.path, text(file).length, text(file).length]);
    }
    const report = countBytes(files, { top: 5, nowMs: 0 });
    expect(report.labels.filter(({ label }) => /defect|other/.test(label))).toEqual([]);
  });

  it("times of turns are those that Codex wrote", () => {
    const written = { turn: new Map<string, number>(), "first token": new Map<string, number>() };
    for (const file of files) {
      for (const { turn_id: turn, duration_ms: ms, time_to_first_token_ms: firstMs, error } of completions(
        text(file),
      )) {
        if (ms !== undefined && error == null) written.turn.set(turn, ms);
        if (firstMs !== undefined) written["first token"].set(turn, firstMs);
      }
    }
    const { series } = gatherLatencies(files);
    for (const measure of ["turn", "first token"] as const) {
      const told = series.filter((one) => one.measure === measure && one.origin === "written");
      const ours = told.flatMap(({ samples }) => samples).toSorted((a, b) => a - b);
      expect(ours).toEqual([...written[measure].values()].toSorted((a, b) => a - b));
    }
    const derived = series.filter(({ measure, origin }) => measure === "turn" && origin === "derived");
    expect(derived.length > 0).toBe(["0.47.0", "0.77.0", "0.98.0"].includes(name));
  });
});

/** Turns that were rolled back are then gone from the files, and told by the sums alone. */
describe.skipIf(corpusFolder() === undefined).each(["0.47.0", "0.98.0", "0.128.0", "0.142.3", "0.169.0"] as const)(
  "the home of %s, migrated by Codex 0.169.0",
  (name) => {
    const binary = codexRelease("0.169.0");

    it.skipIf(binary === undefined)("has the tokens that it had", async () => {
      if (binary === undefined) return;
      const corpus = unpackCorpus(name);
      const home = testHome(corpus.home);
      corpus.remove();
      await runCodex(binary, ["migrate-rollouts", "--apply"], home.path);
      const { totals, files, leftOut } = countTokens(discoverRollouts(home.path).files, { by: "thread" });
      home.remove();
      expect([totals.input, totals.output]).toEqual(LEDGERS[name].slice(1, 3));
      expect(leftOut.duplicates).toBe(0);
      if (name !== "0.47.0") expect(files.some(({ layout }) => layout === "copied-paginated")).toBe(true);
    });
  },
);

interface Line {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

interface Completion {
  readonly turn_id: string;
  readonly duration_ms?: number;
  readonly time_to_first_token_ms?: number;
  readonly error?: unknown;
}

function linesOf(text: Buffer): readonly Line[] {
  return text
    .toString("utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Line];
      } catch {
        return [];
      }
    });
}

function responseIds(text: Buffer): readonly string[] {
  return linesOf(text).flatMap(({ type, payload }) =>
    type === "token_usage_record" ? [payload["response_id"] as string] : [],
  );
}

function completions(text: Buffer): readonly Completion[] {
  return linesOf(text).flatMap(({ type, payload }) =>
    type === "event_msg" && payload["type"] === "task_complete" ? [payload as unknown as Completion] : [],
  );
}

const RELEASES: readonly Release[] = ["0.142.3", "0.169.0"];

describe.each(RELEASES)("beside Codex %s at work", (release) => {
  const binary = codexRelease(release);
  let home: TestHome;
  let model: MockModel;
  const threads = new Map<string, string>();
  beforeAll(async () => {
    if (binary === undefined) return;
    home = testHome();
    model = await startMockModel();
    writeCodexConfig(home.path, { modelPort: model.port });
    await withServer(binary, home, (server) => work(server, release, threads));
    // A new process goes on with threads of the old one.
    await withServer(binary, home, async (server) => {
      for (const label of ["one", "fork"]) {
        await server.request("thread/resume", { threadId: threads.get(label) });
        await say(server, threads.get(label) ?? "");
      }
    });
  });
  afterAll(async () => {
    await model?.close();
    home?.remove();
  });

  const ask = it.skipIf(binary === undefined);

  ask("each thread has the tokens that the model was asked and answered for it", () => {
    const expected = new Map<string, { responses: number; input: number }>();
    for (const { threadId, promptCacheKey, bytes } of model.requests) {
      const id = threadId ?? promptCacheKey ?? "";
      const sum = expected.get(id) ?? { responses: 0, input: 0 };
      expected.set(id, { responses: sum.responses + 1, input: sum.input + Math.ceil(bytes / 4) });
    }
    const report = ledger();
    expect(new Map(report.rows.map(({ key, responses, input }) => [key, { responses, input }]))).toEqual(expected);
    expect(report.totals.output).toBe(10 * model.requests.length);
    expect(report.naive.everyCount).toBeGreaterThan(report.totals.total);
  });

  ask("in each layout of forks that the release has", () => {
    const layouts = new Set(ledger().files.map(({ layout }) => layout));
    expect([...layouts].toSorted()).toEqual(
      release === "0.142.3" ? ["copied-legacy", "own"] : ["copied-legacy", "own", "reference"],
    );
  });

  function ledger(): TokensReport {
    return countTokens(discoverRollouts(home.path).files, { by: "thread" });
  }
});

/** Two turns, a compaction, a fork with a turn, a fork of that; where there are two kinds of threads, of both. */
async function work(server: AppServer, release: Release, threads: Map<string, string>): Promise<void> {
  const modes = release === "0.142.3" ? [undefined] : ["legacy", "paginated"];
  for (const historyMode of modes) {
    const one = await threadBy(server, "thread/start", historyMode === undefined ? {} : { historyMode });
    await say(server, one);
    await say(server, one);
    await compact(server, one);
    const fork = await threadBy(server, "thread/fork", { threadId: one });
    await say(server, fork);
    const again = await threadBy(server, "thread/fork", { threadId: fork });
    await say(server, again);
    await say(server, one);
    threads.set("one", one).set("fork", fork);
  }
}

async function threadBy(server: AppServer, method: string, params: object): Promise<string> {
  const answer = (await server.request(method, params)) as { readonly thread: { readonly id: string } };
  return answer.thread.id;
}

async function say(server: AppServer, threadId: string): Promise<void> {
  const done = server.notification("turn/completed", (params) => params["threadId"] === threadId);
  await server.request("turn/start", { threadId, input: [{ type: "text", text: "Say something." }] });
  await done;
}

async function compact(server: AppServer, threadId: string): Promise<void> {
  const done = server.notification("turn/completed", (params) => params["threadId"] === threadId);
  await server.request("thread/compact/start", { threadId });
  await done;
}
