/**
 * Rollouts of which lines were changed by chance (`test/support/mutate.ts`), through `verify`, `history`, `windows` and `turns`:
 * each ends in an answer or in one of our own errors, every line that does not decode is a finding, and the ways that go by
 * less than the whole line or file agree with those that do not.
 *
 * `ROLLOUT_TOOL_MUTATIONS=1000000` changes a million lines instead of four thousand, `ROLLOUT_TOOL_MUTATIONS_SEED` begins
 * elsewhere, and `ROLLOUT_TOOL_MUTATIONS_OF` names a folder of Codex homes to take in the place of our fixtures.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenedThread, openThread } from "../../src/analysis/open-thread.ts";
import { Rng } from "../../src/bench/rng.ts";
import { RolloutError } from "../../src/errors.ts";
import { acceptedBy } from "../../src/format/decode.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { discoverRollouts, openHome, type RolloutFile } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import type { ThreadState } from "../../src/thread/state.ts";
import { describeRollout } from "../../src/verify/describe.ts";
import { isAccepted } from "../../src/verify/record-checks.ts";
import { verifyFiles, type VerifyReport } from "../../src/verify/verify.ts";
import { Mutator } from "../support/mutate.ts";
import { NOW_MS } from "../support/homes.ts";
import { fileName } from "../support/lines.ts";
import { ROOT } from "../support/sources.ts";

const WANTED = Number(process.env["ROLLOUT_TOOL_MUTATIONS"] ?? 4000);
const FIRST_SEED = Number(process.env["ROLLOUT_TOOL_MUTATIONS_SEED"] ?? 1);
const SOURCES = process.env["ROLLOUT_TOOL_MUTATIONS_OF"] ?? join(ROOT, "fixtures");
const PER_PIECE = 2000;
/** Of the heap, beyond what there is before the first file: the longest file is a few hundred kilobytes. */
const MEMORY_BYTES = 400 * 2 ** 20;

interface Source {
  readonly codexHome: string;
  readonly file: RolloutFile;
  readonly lines: readonly string[];
  /** All rollouts of its home. */
  readonly others: readonly RolloutFile[];
}

let folder = "";
const sources: Source[] = [];
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rollout-tool-mutations-")));
  cpSync(SOURCES, folder, { recursive: true, preserveTimestamps: true });
  gatherLoose(folder);
  for (const codexHome of homesBelow(folder)) {
    const { files } = discoverRollouts(codexHome);
    for (const file of files.filter(({ path }) => path.endsWith(".jsonl"))) {
      const lines = readFileSync(file.path, "utf8").trimEnd().split("\n");
      if (file.sizeBytes > 0) sources.push({ codexHome, file, lines, others: files });
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rollouts of our fixtures that lie in no home, as a home: those of `turns`, and all kinds of lines that releases wrote. */
function gatherLoose(root: string): void {
  const day = join(root, "loose", "sessions", "2026", "11", "21");
  const loose = ["turns", "lines"].flatMap((name) => (existsSync(join(root, name)) ? [join(root, name)] : []));
  const files = loose.flatMap((from) =>
    readdirSync(from, { recursive: true, encoding: "utf8" }).map((name) => join(from, name)),
  );
  for (const [index, file] of files.filter((name) => /input\.jsonl$|\d\.jsonl$/.test(name)).entries()) {
    mkdirSync(day, { recursive: true });
    copyFileSync(file, join(day, fileName(index)));
  }
}

function homesBelow(root: string): readonly string[] {
  const entries = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (entries.some(({ name }) => name === "sessions")) return [root];
  return entries.flatMap(({ name }) => homesBelow(join(root, name)));
}

const seen = { lines: 0, files: 0, defects: 0, findings: 0, refused: 0, answered: 0, fast: 0 };

interface Mutant {
  readonly source: Source;
  readonly text: Buffer;
  readonly changes: readonly string[];
}

/** One file with some, most or all of its lines changed, and now and then without its last line end. */
function mutantOf(source: Source, mutator: Mutator, rng: Rng): Mutant {
  const rate = rng.pick([0.05, 0.3, 1]);
  const changes: string[] = [];
  const parts = source.lines.flatMap((line, index) => {
    if (!rng.chance(index === 0 ? rate / 5 : rate)) return [Buffer.from(`${line}\n`)];
    const { lines, what } = mutator.mutate(line);
    changes.push(`line ${index + 1}: ${what}`);
    return lines.flatMap((changed) => [changed, Buffer.from("\n")]);
  });
  const text = Buffer.concat(parts);
  return { source, text: rng.chance(0.1) ? text.subarray(0, -1) : text, changes };
}

function verified({ codexHome, others }: Source, path: string): VerifyReport {
  const file = describeRollout(path);
  expect(file).toBeDefined();
  const files = file === undefined ? [] : [file];
  const target = { codexHome, files, documents: [], problems: [], others };
  return verifyFiles(target, { readData: 1, keep: Infinity, jobs: 1, now: () => NOW_MS });
}

/** Every line that does not decode has a finding, and every finding stands at the beginning of a line. */
function expectFound(path: string, { findings }: VerifyReport): void {
  const found = new Set(findings.map(({ line }) => line));
  const offsets = new Map<number, number>();
  const wrong: string[] = [];
  for (const entry of readRollout(path)) {
    const { line, offset } = entry.position;
    offsets.set(line, offset);
    if (entry.ok) {
      if (isAccepted(entry.record) !== acceptedBy(entry.record, "0.169.0")) wrong.push(`line ${line}: accepted or not`);
    } else if (entry.defect.kind !== "blank" && entry.defect.kind !== "state-marker") {
      seen.defects += 1;
      if (!found.has(line)) wrong.push(`line ${line}: no finding of ${entry.defect.message}`);
    }
  }
  for (const { code, line, offset } of findings) {
    if (line !== undefined && offset !== offsets.get(line)) wrong.push(`line ${line}: ${code} at ${offset}`);
  }
  seen.findings += findings.length;
  expect(wrong).toEqual([]);
}

/** All views, each of which is answered, or refused by an error that is none of our own faults. */
function expectViews({ codexHome }: Source, path: string): void {
  const thread = expectAnswer(() => openThread(openHome({ codexHome }), path));
  if (thread === undefined) return;
  const histories = expectAnswer(() => [thread.history(), thread.history({ fullReplay: true })] as const);
  if (histories !== undefined) {
    const [either, full] = histories;
    if (either.reading.how === "fast") seen.fast += 1;
    expect(essence(either.state, thread)).toEqual(essence(full.state, thread));
  }
  expectAnswer(() => thread.history({ asRequest: true, release: "0.142.3" }));
  expectAnswer(() => thread.windows());
  expectAnswer(() => thread.turns());
  expectAnswer(() => thread.usage());
}

function expectAnswer<T>(ask: () => T): T | undefined {
  try {
    const answer = ask();
    seen.answered += 1;
    return answer;
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    seen.refused += 1;
    return undefined;
  }
}

/** Without line numbers, which a reader that comes from the end does not know. */
function essence(state: ThreadState, thread: OpenedThread): unknown {
  const { previousTurnSettings, referenceContext, worldStateBaseline, window, lastStartedTurnId } = state;
  const history = state.history.map(({ item, place, index, origin }) => {
    return [item, thread.segmentOf(place).logicalPath, place.offset, place.length, index, origin];
  });
  return { history, previousTurnSettings, referenceContext, worldStateBaseline, window, lastStartedTurnId };
}

/** In the place of the file that it was made of, plain or compressed; afterwards all is as before. */
function withFile<T>({ source, text }: Mutant, isPacked: boolean, use: (path: string) => T): T {
  const { path } = source.file;
  const original = readFileSync(path);
  const at = isPacked ? `${path}.zst` : path;
  rmSync(path);
  writeFileSync(at, isPacked ? compressZstd(text) : text);
  try {
    return use(at);
  } finally {
    rmSync(at);
    writeFileSync(path, original);
  }
}

const pieces = Array.from({ length: Math.ceil(WANTED / PER_PIECE) }, (_, index) => FIRST_SEED + index);

test.each(pieces)("lines changed by chance, seed %i", (seed) => {
  const rng = new Rng(seed);
  const mutator = new Mutator(
    sources.flatMap(({ lines }) => lines),
    seed,
  );
  const start = process.memoryUsage().heapUsed;
  for (let changed = 0; changed < PER_PIECE;) {
    const mutant = mutantOf(rng.pick(sources), mutator, rng);
    changed += mutant.changes.length;
    seen.files += 1;
    withFile(mutant, rng.chance(0.1), (path) => {
      try {
        expectFound(path, verified(mutant.source, path));
        expectViews(mutant.source, path);
      } catch (error) {
        const where = mutant.source.file.relativePath;
        throw new Error(`${where}\n${mutant.changes.join("\n")}\n${String(error)}`, { cause: error });
      }
    });
    expect(process.memoryUsage().heapUsed - start).toBeLessThan(MEMORY_BYTES);
  }
  seen.lines += PER_PIECE;
});

test("all of it was met", () => {
  expect(seen.lines).toBe(pieces.length * PER_PIECE);
  expect(Math.min(seen.defects, seen.findings, seen.answered)).toBeGreaterThan(20);
  if (process.env["ROLLOUT_TOOL_MUTATIONS"] !== undefined) process.stderr.write(`${JSON.stringify(seen)}\n`);
});
