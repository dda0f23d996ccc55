/** Reading little must give what reading everything gives. */
import fc from "fast-check";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { extractFacts, headDigest } from "../../src/indexer/extract.ts";
import { rulesFor } from "../../src/indexer/rules.ts";
import type { Extraction } from "../../src/indexer/survey.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { discoverRollouts, type RolloutFile } from "../../src/readers/home.ts";
import { runs } from "../support/budget.ts";
import { rollouts } from "../support/generate.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import {
  agentItem,
  lineText,
  META_MS,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  settings,
  taskStarted,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
const BEST = rulesFor("best", 62);
const CODEX = rulesFor("codex", 62);

function rolloutFile(text: string, form: "plain" | "zstd" = "plain"): RolloutFile {
  rmSync(join(folder.path, "sessions"), { recursive: true, force: true });
  writeHome(folder.path, { [sessionPath(1) + (form === "zstd" ? ".zst" : "")]: text });
  const [file] = discoverRollouts(folder.path).files;
  if (file === undefined) throw new Error("the rollout was not discovered");
  return file;
}

function facts(text: string, rules = BEST, form: "plain" | "zstd" = "plain") {
  const { result } = extractFacts(rolloutFile(text, form), rules);
  if (!result.ok) throw new Error(result.reason);
  return result.facts;
}

/** More than the quick reader thinks worth passing over. */
const FILLER = Array.from({ length: 400 }, () => responseItem("x".repeat(500), "assistant"));

describe("the quick reading", () => {
  const both = (text: string, form: "plain" | "zstd", rules = BEST): readonly [Answer, Answer] => {
    const file = rolloutFile(text, form);
    return [answer(extractFacts(file, rules)), answer(extractFacts(file, rules, { thorough: true }))];
  };

  test.each(["plain", "zstd"] as const)("gives what the thorough one gives of any file, %s", (form) => {
    fc.assert(
      fc.property(rollouts(), ({ text }) => {
        const [quick, thorough] = both(text, form);
        expect(quick).toEqual(thorough);
      }),
      runs(150),
    );
  });

  test("gives the same by the rules codex, but for the times of turns, which these do not use", () => {
    const judged = ({ result, ...rest }: Answer) => ({
      ...rest,
      result: result.ok ? { ...result.facts, lastTurnStartMs: undefined } : result,
    });
    fc.assert(
      fc.property(rollouts(), fc.constantFrom(39, 62), ({ text }, level) => {
        const [quick, thorough] = both(text, "plain", rulesFor("codex", level));
        expect(judged(quick)).toEqual(judged(thorough));
      }),
      runs(80),
    );
  });

  test("gives the same of files whose middle it passes over", () => {
    fc.assert(
      fc.property(rollouts({ largeMiddle: true, plausible: true }), ({ text }) => {
        const [quick, thorough] = both(text, "plain");
        expect(quick).toEqual(thorough);
      }),
      runs(50),
    );
  });

  test("gives the same of files with long last lines, wherever chunks end", () => {
    const length = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 60_000, max: 400_000 }));
    fc.assert(
      fc.property(fc.boolean(), length, length, (paginated, before, last) => {
        const first = paginated ? paginatedMeta(1) : meta(1);
        const lines = [
          first,
          turnContext(),
          userItem("hello"),
          responseItem("x".repeat(before)),
          agentItem("y".repeat(last)),
        ];
        const [quick, thorough] = both(rolloutText(lines, { paginated }), "plain");
        expect(quick).toEqual(thorough);
        expect(quick.lastLineMs).toBe(META_MS + 4000);
      }),
      runs(30),
    );
  });
});

type Answer = Omit<Extraction, "bytesRead">;

function answer({ result, lastLineMs, broken, head }: Extraction): Answer {
  return { result, lastLineMs, broken, head };
}

describe("what is read", () => {
  test("head and tail of a long paginated file, all of a long legacy one", () => {
    const lines = [
      turnContext(),
      userItem("hello"),
      ...FILLER,
      ...FILLER,
      ...FILLER,
      turnContext({ model: "late" }),
      tokenCount(9),
      taskStarted(),
    ];
    const paginated = rolloutText([paginatedMeta(1), settings(), ...lines, settings({ model: "last" })], {
      paginated: true,
    });
    const found = extractFacts(rolloutFile(paginated), BEST);
    expect(found.result.ok && [found.result.facts.turn?.model, found.result.facts.tokensUsed]).toEqual(["last", 9]);
    expect(found.bytesRead).toBeLessThan(paginated.length / 2);

    const legacy = rolloutText([meta(1), ...lines]);
    const whole = extractFacts(rolloutFile(legacy), BEST);
    expect(whole.result.ok && [whole.result.facts.turn?.model, whole.result.facts.tokensUsed]).toEqual(["late", 9]);
    expect(whole.bytesRead).toBeGreaterThanOrEqual(legacy.length);
  });

  test("everything by the rules codex, since Codex reads everything", () => {
    const text = rolloutText([paginatedMeta(1), userItem("hello"), ...FILLER, tokenCount(9)], { paginated: true });
    expect(extractFacts(rolloutFile(text), CODEX).bytesRead).toBeGreaterThanOrEqual(text.length);
  });

  test("the same digest of the first bytes, whoever asks", () => {
    const text = rolloutText([meta(1), userMessage("hello"), ...FILLER]);
    for (const form of ["plain", "zstd"] as const) {
      const file = rolloutFile(text, form);
      const digest = headDigest(file.path);
      expect(extractFacts(file, BEST).head).toBe(digest);
      expect(extractFacts(file, BEST, { thorough: true }).head).toBe(digest);
    }
  });
});

describe("the newest of a kind", () => {
  test("counts only if it is a record: a broken last one gives way to the one before", () => {
    const good = rolloutText([meta(1), turnContext({ model: "good" }), tokenCount(7), userMessage("hello")]);
    expect(facts(good + lineText(turnContext({ model: "torn" }), "x").slice(0, 90)).turn?.model).toBe("good");
    expect(facts(good + rolloutText([turnContext({ model: 5 })])).turn?.model).toBe("good");
    expect(facts(good + rolloutText([tokenCount(undefined)])).tokensUsed).toBe(7);
    expect(facts(`${good}not a line at all\n`).tokensUsed).toBe(7);
  });

  test("of a thread without own folder it is the first turn that names it, not the last", () => {
    const turns = [
      turnContext({ cwd: "/home/user/first" }),
      userMessage("hello"),
      turnContext({ cwd: "/home/user/last" }),
    ];
    expect(facts(rolloutText(turns)).cwd).toBe("/home/user/first");
    expect(facts(rolloutText([meta(1, { cwd: "" }), ...turns])).cwd).toBe("/home/user/first");
    expect(
      facts(rolloutText([paginatedMeta(1, { cwd: "" }), ...turns, ...FILLER, ...turns], { paginated: true })).cwd,
    ).toBe("/home/user/first");
  });
});

describe("a compressed file that breaks", () => {
  test("gives the facts of what precedes the break, and where it is", () => {
    const text = rolloutText([
      meta(1),
      turnContext(),
      userMessage("hello"),
      ...FILLER.map((line, index) => (index % 2 ? tokenCount(index) : line)),
    ]);
    const whole = compressZstd(Buffer.from(text));
    const file = rolloutFile(text, "zstd");
    writeFileSync(file.path, whole.subarray(0, whole.length - 20));
    const { result, broken } = extractFacts(file, BEST);
    expect(result.ok && result.facts.firstUserMessage).toBe("hello");
    expect(broken?.offset).toBeGreaterThan(0);
    expect(broken?.offset).toBeLessThan(text.length);
  });
});
