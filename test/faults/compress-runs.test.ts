/** Two runs of `compress` at the same time, as processes: on one home, and on the same folders outside of every home. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { CompressReport } from "../../src/compressor/report.ts";
import { PROGRAM } from "../support/kills.ts";
import { namesIn, readEither, threadText } from "../support/archives.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { fileName, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

/** Enough for helpers to start. */
const THREADS = Array.from({ length: 40 }, (_unused, at) => at + 1);
const TEXTS = new Map(THREADS.map((thread) => [thread, threadText(thread, 2200 + thread)]));

interface Run {
  readonly report: CompressReport;
  readonly code: number | null;
  readonly fromMs: number;
  readonly toMs: number;
}

function start(argv: readonly string[], afterMs: number): Promise<Run> {
  return new Promise((resolve) => {
    setTimeout(() => {
      const fromMs = performance.now();
      const child = spawn(process.execPath, [PROGRAM, "compress", "--json", "--quiet", "--jobs", "2", ...argv], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let out = "";
      child.stdout.on("data", (part: Buffer) => {
        out += part.toString();
      });
      child.once("close", (code) =>
        resolve({ report: JSON.parse(out) as CompressReport, code, fromMs, toMs: performance.now() }),
      );
    }, afterMs);
  });
}

const compressedBy = ({ report }: Run): readonly string[] =>
  report.files.filter(({ outcome }) => outcome === "compressed").map(({ path }) => path);

/** Outcomes beside "compressed" that a file may have which the other run has taken, or has in hand. */
const LEFT_TO_THE_OTHER = ["skipped_already_compressed", "skipped_vanished", "skipped_changed", "skipped_busy"];

function expectNothingTwice(a: Run, b: Run): void {
  const all = [...compressedBy(a), ...compressedBy(b)];
  expect(all.length).toBe(new Set(all).size);
  const others = [...a.report.files, ...b.report.files].map(({ outcome }) => outcome);
  expect(others.filter((outcome) => outcome !== "compressed" && !LEFT_TO_THE_OTHER.includes(outcome))).toEqual([]);
}

function renew(pathOf: (thread: number) => string): void {
  rmSync(home, { recursive: true, force: true });
  writeHome(home, Object.fromEntries([...TEXTS].map(([thread, text]) => [pathOf(thread), text])));
}

function expectWhole(pathOf: (thread: number) => string): void {
  for (const [thread, text] of TEXTS) {
    const path = join(home, pathOf(thread));
    expect([path, existsSync(path), readEither(path) === text]).toEqual([path, false, true]);
  }
}

/** Milliseconds by which the second run starts later: the first is just starting, at work, at its end. */
const OFFSETS_MS = [0, 30, 60, 100, 150, 200, 250, 300];

describe("two runs at once", () => {
  test.each([
    ["a home", () => ["--all", "--force", "--codex-home", home]],
    ["its folders, which overlap", () => [join(home, "sessions"), join(home, "sessions", "2025")]],
  ] as const)("over %s: one works, the other is told, nothing is done twice", async (title, argv) => {
    let toldMeanwhile = 0;
    for (const offsetMs of OFFSETS_MS) {
      renew(sessionPath);
      const [a, b] = await Promise.all([start(argv(), 0), start(argv(), offsetMs)]);
      expectNothingTwice(a, b);
      expect(compressedBy(a).length + compressedBy(b).length).toBe(THREADS.length);
      expectWhole(sessionPath);
      expect(namesIn(home)).toEqual(THREADS.map((thread) => `${fileName(thread)}.zst`).toSorted());
      const told = [a, b].find(({ report }) => report.status === "skipped_maintenance");
      const worker = told === a ? b : a;
      if (told !== undefined && told.fromMs < worker.toMs && worker.fromMs < told.toMs) toldMeanwhile += 1;
    }
    note(`${title}: the other was told in ${toldMeanwhile} of ${OFFSETS_MS.length} rounds`);
    expect(toldMeanwhile).toBeGreaterThan(0);
  });

  test("over a folder that no home guards: both work, nothing is done twice", async () => {
    const loose = (thread: number): string => fileName(thread);
    let both = 0;
    for (const offsetMs of OFFSETS_MS) {
      renew(loose);
      const [a, b] = await Promise.all([start([home], 0), start([home], offsetMs)]);
      expect([a.code, b.code]).toEqual([0, 0]);
      expectNothingTwice(a, b);
      expectWhole(loose);
      expect(readdirSync(home).toSorted()).toEqual(THREADS.map((thread) => `${fileName(thread)}.zst`).toSorted());
      const [done, alsoDone] = [compressedBy(a).length, compressedBy(b).length];
      if (done > 0 && alsoDone > 0) both += 1;
      note(`no home, ${offsetMs} ms apart: ${done} and ${alsoDone} files`);
    }
    expect(both).toBeGreaterThan(0);
  });
});

/** Said when somebody wants to know how far they came into each other's way. */
function note(text: string): void {
  if (process.env["ROLLOUT_TOOL_TELL"] !== undefined) process.stderr.write(`${text}\n`);
}
