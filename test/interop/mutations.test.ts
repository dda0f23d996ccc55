/**
 * Rollouts with one line changed by chance (`test/support/mutate.ts`), judged by the real reader: what it passes over is a
 * finding of `verify`, what it takes is none, and a thread that it refuses has an error. What clients see of each, and what the
 * model is sent, is what our views say.
 *
 * `ROLLOUT_TOOL_MUTATIONS=500` changes so many instead of sixty, `ROLLOUT_TOOL_MUTATIONS_SEED` others.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenedThread, openThread } from "../../src/analysis/open-thread.ts";
import { discoverRollouts, openHome } from "../../src/readers/home.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { describeRollout } from "../../src/verify/describe.ts";
import type { Finding } from "../../src/verify/findings.ts";
import { verifyFiles } from "../../src/verify/verify.ts";
import { codexRelease, testHome } from "./codex.ts";
import { corpusFolder, unpackCorpus } from "./corpus.ts";
import { comparable, type InputItem } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";
import { writeTable } from "./history-table.ts";
import { copyOriginals, judge, type Mutant, type Original, originalOf, type Verdict, writeMutants } from "./mutants.ts";

const COUNT = Number(process.env["ROLLOUT_TOOL_MUTATIONS"] ?? 60);
const SEED = Number(process.env["ROLLOUT_TOOL_MUTATIONS_SEED"] ?? 1);
const SOURCES = ["0.169.0", "0.142.3", "0.128.0", "0.98.0", "0.77.0", "0.47.0"] as const;

function originals(): readonly Original[] {
  return SOURCES.flatMap((name) => {
    const corpus = unpackCorpus(name);
    const files = discoverRollouts(corpus.home).files.filter(({ path }) => path.endsWith(".jsonl"));
    const found = files.flatMap(
      ({ path, relativePath }) => originalOf(`${name} ${relativePath}`, readFileSync(path, "utf8")) ?? [],
    );
    corpus.remove();
    return found;
  });
}

/** What `verify` says of a file, and our views of it, from before the release has seen it. */
interface Ours {
  readonly findings: readonly Finding[];
  readonly turns: unknown;
  readonly history: unknown;
}

function oursOf(codexHome: string, path: string): Ours {
  const files = [describeRollout(path)].flatMap((file) => file ?? []);
  const target = { codexHome, files, documents: [], problems: [], others: [] };
  const { findings } = verifyFiles(target, { readData: 1, keep: Infinity, jobs: 1, now: Date.now });
  const thread = openThread(openHome({ codexHome }), path);
  return { findings, turns: asJson(thread.turns().turns), history: historyOf(thread) };
}

function historyOf(thread: OpenedThread): unknown {
  const { request } = thread.history({ release: "0.169.0", asRequest: true, truncation: FALLBACK_TRUNCATION });
  return request?.items.map(({ item }) => comparable(item));
}

/** Members and kinds that Codex does not know are told by us as they are; it sends nothing of them, or `other`. */
function known(item: InputItem): InputItem {
  const text = JSON.stringify(item, (name, value: unknown) =>
    value === null || (name === "type" && value === "other") ? undefined : value,
  );
  return JSON.parse(text) as InputItem;
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** Codes that say that Codex passes over a line. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  "line-torn",
  "line-nul",
  "line-not-utf8",
  "line-not-json",
  "line-wrong-shape",
  "line-refused",
  "line-retired",
  "line-unknown-kind",
]);

interface Case {
  readonly mutant: Mutant;
  readonly ours: Ours;
  readonly verdict: Verdict;
  /** What the model is sent; undefined of a thread that is refused. */
  readonly probe: Probe | undefined;
  /** Findings on the changed line. */
  readonly here: readonly Finding[];
  readonly isPassedOver: boolean;
  readonly isRefused: boolean;
}

function caseOf(mutant: Mutant, ours: Ours, verdict: Verdict, probe: Probe | undefined): Case {
  const { line, lines, offset } = mutant;
  const here = ours.findings.filter(({ line: at = 0 }) => at >= line && at < line + Math.max(1, lines));
  const isPassedOver = (verdict.passedOver ?? 0) > 0 || verdict.unreadable.has(offset);
  return { mutant, ours, verdict, probe, here, isPassedOver, isRefused: verdict.refusals.length > 0 };
}

function saysPassedOver({ here }: Case): boolean {
  return here.some(({ code }) => PASSED_OVER.has(code));
}

/** A provider that the settings of this machine do not name: nothing that a file could tell. */
function isMatterOfSettings({ verdict }: Case): boolean {
  return verdict.refusals.every((refusal) => refusal.includes("uses model provider"));
}

/** Of a key that comes twice `JSON.parse` keeps the last value alone; Codex minds how deep the first one is. */
function isDeepAndGone({ mutant: { after } }: Case): boolean {
  return /(?:\[|\{"a":){100}/u.test(after);
}

/** Codex reads a list as the members of an object in their order, a number as a word's place, and some numbers as objects. */
function isReadOtherwise({ here }: Case): boolean {
  return here.every(({ message }) => /is not an object|type is not a string/u.test(message));
}

/**
 * The database of the thread history has 63 bits for an ordinal. One of the metadata that is larger than those behind it hides
 * them from a client of Codex, though not from one of ours: it may be that of a fork, which stands before what it continues.
 */
function isBeyondProjection({ mutant: { after, line }, verdict }: Case): boolean {
  return /"ordinal":\d{19}/u.test(after) || (line === 1 && verdict.outOfOrder.size > 0);
}

/** Codex looks for the history of a paginated thread from its end, and takes any metadata for the head. Ours is all of it. */
function isHeadInTheMiddle({ here }: Case): boolean {
  return here.some(({ code }) => code === "file-metadata-again");
}

const binary = corpusFolder() === undefined ? undefined : codexRelease("0.169.0");

describe.skipIf(binary === undefined)("lines changed by chance, as Codex 0.169.0 takes them", () => {
  let cases: readonly Case[] = [];
  let unchanged: ReadonlyMap<string, Verdict> = new Map();

  beforeAll(async () => {
    if (binary === undefined) return;
    const [home, plain, model] = [testHome(), testHome(), testHome()];
    const all = originals();
    const mutants = writeMutants(home, all, COUNT, SEED);
    const used = [...new Set(mutants.map(({ original }) => original))];
    unchanged = await judge(binary, plain, copyOriginals(plain, used));
    const ours = mutants.map(({ path }) => oursOf(home.path, path));
    const copies = writeMutants(model, all, COUNT, SEED);
    const verdicts = await judge(binary, home, mutants);
    const resumed = copies.filter(({ id }) => verdicts.get(id)?.refusals.length === 0);
    const probes = await probeThreads(binary, model, resumed, "mock");
    cases = mutants.flatMap((mutant, index) => {
      const [view, verdict] = [ours[index], verdicts.get(mutant.id)];
      return view === undefined || verdict === undefined ? [] : [caseOf(mutant, view, verdict, probes.get(mutant.id))];
    });
    for (const done of [home, plain, model]) done.remove();
  });

  afterAll(() => {
    const count = (wanted: (found: Case) => boolean): number => cases.filter(wanted).length;
    writeTable("Lines changed by chance, judged by 0.169.0", [
      ["changed", "passed over", "thread refused", "taken"],
      [
        cases.length,
        count(({ isPassedOver }) => isPassedOver),
        count(({ isRefused }) => isRefused),
        count(({ isPassedOver, isRefused }) => !isPassedOver && !isRefused),
      ],
    ]);
  });

  function whatOf(wanted: (found: Case) => boolean): readonly unknown[] {
    return cases.filter(wanted).map(({ mutant, ours, verdict }) => ({
      what: mutant.what,
      found: ours.findings.map(({ code, line }) => `${code} ${String(line)}`),
      refusals: verdict.refusals,
      log: verdict.log.filter((line) => /pars|skipping/u.test(line)),
    }));
  }

  /** Of whose lines `verify` and the release say the same. */
  function alike(): readonly Case[] {
    return cases.filter((found) => saysPassedOver(found) === found.isPassedOver || found.isRefused);
  }

  test("the lines are taken before they are changed", () => {
    const clean = { refusals: [], passedOver: 0 };
    for (const verdict of unchanged.values()) {
      expect({ refusals: verdict.refusals, passedOver: verdict.passedOver ?? 0 }).toEqual(clean);
    }
  });

  test("what is passed over is a finding on its line", () => {
    expect(whatOf((found) => found.isPassedOver && !saysPassedOver(found) && !isDeepAndGone(found))).toEqual([]);
  });

  test("what comes to clients out of order is a finding on its line", () => {
    expect(
      whatOf(({ mutant, verdict, here }) => {
        return verdict.outOfOrder.has(mutant.offset) && !here.some(({ code }) => code.startsWith("ordinal-"));
      }),
    ).toEqual([]);
  });

  test("what is taken is none", () => {
    expect(
      whatOf((found) => !found.isPassedOver && !found.isRefused && saysPassedOver(found) && !isReadOtherwise(found)),
    ).toEqual([]);
  });

  test("a thread that is refused has an error", () => {
    const hasError = ({ ours }: Case) => ours.findings.some(({ severity }) => severity === "error");
    expect(whatOf((found) => found.isRefused && !hasError(found) && !isMatterOfSettings(found))).toEqual([]);
  });

  test("a thread with an error is refused, or something of it is passed over", () => {
    expect(
      whatOf(
        (found) =>
          found.ours.findings.some(({ severity }) => severity === "error") &&
          !found.isRefused &&
          !found.isPassedOver &&
          !isBeyondProjection(found) &&
          found.verdict.outOfOrder.size === 0,
      ),
    ).toEqual([]);
  });

  test("clients see the turns that we see", () => {
    const seen = alike().filter(({ verdict, isRefused }) => verdict.read !== undefined && !isRefused);
    const equal = seen.filter((found) => !isBeyondProjection(found));
    for (const { mutant, ours, verdict } of equal) expect(ours.turns, mutant.what).toEqual(verdict.read);
    expect(equal.length).toBeGreaterThan(cases.length / 2);
  });

  test("the model is sent the history that we see", () => {
    const equal = alike().filter((found) => !isHeadInTheMiddle(found));
    const sent = equal.flatMap(({ mutant, ours, probe }) => (probe === undefined ? [] : [{ mutant, ours, probe }]));
    for (const { mutant, ours, probe } of sent) {
      expect(probe.refusal, mutant.what).toBeUndefined();
      expect(ours.history, mutant.what).toMatchObject(probe.history.map((item) => known(comparable(item))));
    }
    expect(sent.length).toBeGreaterThan(cases.length / 2);
  });
});
