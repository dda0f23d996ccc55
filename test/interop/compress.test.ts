/**
 * Archives of every profile, read by the real releases: they answer what they answered for the plain files. And both compressing
 * the same home at the same time.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decompressRun } from "../../src/compressor/decompress.ts";
import type { FrameProfile } from "../../src/compressor/profile.ts";
import { compressRun } from "../../src/compressor/run.ts";
import type { CompressReport } from "../../src/compressor/report.ts";
import {
  describeWithCodex,
  readThread,
  resumeThread,
  takeDatabasesAway,
  testHome,
  withServer,
  writeCodexConfig,
  type CodexBinary,
  type TestHome,
} from "./codex.ts";
import { frameInfo } from "../../src/io/zstd.ts";
import { readEither, threadText } from "../support/archives.ts";
import { writeHome } from "../support/homes.ts";
import { fileName } from "../support/lines.ts";
import { corpusFolder, unpackCorpus, type Corpus, type CorpusName } from "./corpus.ts";

const PROFILES: readonly (readonly [string, FrameProfile])[] = [
  ["checkpoint", { kind: "checkpoint" }],
  ["single", { kind: "single" }],
  // Most rollouts of the corpus are small: this way they have several frames, cut in the middle of lines.
  ["frames of 20 kB", { kind: "seekable", frameBytes: 20_000 }],
];
const RESUMED = 12;

function compress(home: TestHome, profile: FrameProfile, paths?: readonly string[]): CompressReport {
  return compressRun({
    what: paths === undefined ? { codexHome: home.path, scope: "all" } : { paths },
    mode: "write",
    profile,
    level: 3,
    keep: false,
    olderThanMs: 0,
    force: true,
    jobs: 1,
    now: Date.now,
  });
}

function rollouts(home: TestHome, suffix: string): readonly string[] {
  return ["sessions", "archived_sessions"]
    .map((root) => join(home.path, root))
    .filter((root) => existsSync(root))
    .flatMap((root) => readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name)))
    .filter((path) => /rollout-[^/]*$/u.test(path) && path.endsWith(suffix))
    .toSorted();
}

/** A copy without databases, and with one thread long enough to be cut at its compaction. */
function prepare(corpus: Corpus): TestHome {
  const home = testHome(corpus.home);
  takeDatabasesAway(home);
  const path = rollouts(home, ".jsonl").find((file) => {
    const text = readFileSync(file, "utf8");
    return (
      text.includes('"type":"compacted"') &&
      !text.includes('"history_mode":"paginated"') &&
      text.includes('"replacement_history":[')
    );
  });
  if (path === undefined) return home;
  const { atime, mtime } = statSync(path);
  const lines = readFileSync(path, "utf8").split("\n");
  const at = lines.findLastIndex((line) => line.includes('"type":"compacted"'));
  const filler = JSON.stringify({
    timestamp: "2025-01-01T00:00:00.000Z",
    type: "event_msg",
    payload: { type: "agent_reasoning", text: "thinking ".repeat(2000) },
  });
  writeFileSync(
    path,
    [...lines.slice(0, at), ...Array.from({ length: 150 }, () => filler), ...lines.slice(at)].join("\n"),
  );
  utimesSync(path, atime, mtime);
  return home;
}

type Answers = Readonly<Record<string, string>>;

async function ask(binary: CodexBinary, home: TestHome, threads: Corpus["threads"]): Promise<Answers> {
  return withServer(binary, home, async (server) => {
    const answers: Record<string, string> = {};
    const note = async (label: string, what: Promise<Readonly<Record<string, unknown>>>): Promise<void> => {
      answers[label] = await what.then(
        (thread) => JSON.stringify({ ...thread, path: null, status: null }).replaceAll(home.root, ""),
        (error: unknown) => String(error).replaceAll(home.root, "").replaceAll(".jsonl.zst", ".jsonl"),
      );
    };
    for (const [label, id] of threads) await note(`read ${label}`, readThread(server, id));
    for (const [label, id] of [...threads].slice(0, RESUMED)) await note(`resume ${label}`, resumeThread(server, id));
    return answers;
  });
}

const CASES = [
  ["0.142.3", "0.142.3"],
  ["0.142.3", "0.169.0"],
  ["0.169.0", "0.169.0"],
] as const satisfies readonly (readonly [CorpusName, string])[];

for (const [name, release] of CASES) {
  describeWithCodex(release, `archives of the home of ${name}, read by ${release}`, (binary) => {
    let corpus: Corpus;
    let plain: Answers;

    beforeAll(async () => {
      if (corpusFolder() === undefined) return;
      corpus = unpackCorpus(name);
      const home = prepare(corpus);
      plain = await ask(binary, home, corpus.threads);
      expect(Object.values(plain).filter((answer) => answer.startsWith("{")).length).toBeGreaterThan(60);
      home.remove();
    });
    afterAll(() => corpus?.remove());

    it.skipIf(corpusFolder() === undefined).each(PROFILES)("%s", async (title, profile) => {
      const home = prepare(corpus);
      const before = new Map(rollouts(home, ".jsonl").map((path) => [path, readFileSync(path)]));
      const report = compress(home, profile);
      const frames = report.files.map((file) => file.frames ?? 0);
      expect(Object.keys(report.totals.outcomes)).toEqual(["compressed"]);
      if (title === "single") expect(Math.max(...frames)).toBe(1);
      if (title === "checkpoint" && name === "0.142.3") expect(Math.max(...frames)).toBe(2);
      if (title.startsWith("frames")) expect(Math.max(...frames)).toBeGreaterThan(5);
      for (const path of rollouts(home, ".zst")) {
        const run = spawnSync("zstd", ["-dc", path], { maxBuffer: 1e9 });
        if (run.error === undefined)
          expect(run.stdout.equals(before.get(path.slice(0, -4)) ?? Buffer.alloc(1))).toBe(true);
      }
      expect(await ask(binary, home, corpus.threads)).toEqual(plain);
      home.remove();
    });
  });
}

describeWithCodex("0.169.0", "both compressing one home", (binary) => {
  it.skipIf(corpusFolder() === undefined)("do no work twice, and lose nothing", async () => {
    const corpus = unpackCorpus("0.169.0");
    const home = testHome(corpus.home);
    takeDatabasesAway(home);
    writeCodexConfig(home.path, { features: { local_thread_store_compression: true } });
    const coldSeconds = Date.now() / 1000 - 30 * 24 * 3600;
    const before = new Map<string, Buffer>();
    for (const path of rollouts(home, ".jsonl")) {
      utimesSync(path, coldSeconds, coldSeconds);
      before.set(path, readFileSync(path));
    }
    const outcomes = new Set<string>();
    await withServer(binary, home, async (server) => {
      const theirs = server.request("rollout/compress", {}).catch((error: unknown) => error);
      const deadline = Date.now() + 120_000;
      do {
        const report = compress(home, { kind: "checkpoint" });
        for (const outcome of Object.keys(report.totals.outcomes)) outcomes.add(outcome);
        await new Promise((resolve) => setTimeout(resolve, 20));
      } while (rollouts(home, ".jsonl").length > 0 && Date.now() < deadline);
      await theirs;
    });
    expect(
      [...outcomes].filter(
        (outcome) =>
          !["compressed", "skipped_already_compressed", "skipped_busy", "skipped_changed", "skipped_vanished"].includes(
            outcome,
          ),
      ),
    ).toEqual([]);
    expect(rollouts(home, ".jsonl")).toEqual([]);
    expect(rollouts(home, ".zst")).toHaveLength(before.size);
    decompressRun({ what: { codexHome: home.path, scope: "all" }, mode: "write", now: Date.now });
    for (const [path, bytes] of before) expect(readFileSync(path).equals(bytes)).toBe(true);
    home.remove();
    corpus.remove();
  });
});

/** Frames of ours end with a checksum, those of Codex do not (state-and-compression §4.4). */
function isOurs(path: string): boolean {
  return frameInfo(readFileSync(path))?.checksum === true;
}

const DAYS = Array.from({ length: 10 }, (_unused, at) => `2025/10/${String(at + 10)}`);
const PER_DAY = 16;
/** Milliseconds after Codex is told to begin, or before. */
const OFFSETS_MS = [-60, -20, 0, 10, 20, 40, 80];
/** How often these are gone through until the two have met: a machine with other work may be slow at the wrong moment. */
const MOST_ROUNDS = 5;

/** 160 cold rollouts on ten days, and what they hold. */
function manyRollouts(home: TestHome): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [at, day] of DAYS.entries()) {
    for (let thread = at * PER_DAY + 1; thread <= (at + 1) * PER_DAY; thread += 1)
      texts.set(`sessions/${day}/${fileName(thread)}`, threadText(thread, 1000 + thread));
  }
  writeHome(home.path, Object.fromEntries(texts));
  return texts;
}

describeWithCodex("0.169.0", "both at work on 160 rollouts", (binary) => {
  it("come between each other, do nothing twice, and lose nothing", async () => {
    const seen = { bothDid: 0, weWereTold: 0, ours: 0, theirs: 0 };
    const haveMet = (): boolean => seen.bothDid > 0 && seen.weWereTold > 0;
    const offsets = Array.from({ length: MOST_ROUNDS }, () => OFFSETS_MS).flat();
    for (const [at, offsetMs] of offsets.entries()) {
      if (at >= OFFSETS_MS.length && haveMet()) break;
      const home = testHome();
      writeCodexConfig(home.path, { features: { local_thread_store_compression: false } });
      const texts = manyRollouts(home);
      const done: string[] = [];
      await withServer(binary, home, async (server) => {
        const theirs = sleep(Math.max(0, -offsetMs)).then(() => server.request("rollout/compress", {}));
        await sleep(Math.max(0, offsetMs));
        for (const deadline = Date.now() + 60_000; rollouts(home, ".jsonl").length > 0 && Date.now() < deadline;) {
          // One day at a time: Codex gets its turn in between.
          for (const day of DAYS) {
            const report = compress(home, { kind: "checkpoint" }, [join(home.path, "sessions", day)]);
            if (report.status === "skipped_maintenance") seen.weWereTold += 1;
            done.push(...report.files.filter(({ outcome }) => outcome === "compressed").map(({ path }) => path));
            await sleep(1);
          }
        }
        await theirs;
      });
      expect(rollouts(home, ".jsonl")).toEqual([]);
      const archives = rollouts(home, ".zst");
      expect(archives).toHaveLength(texts.size);
      const ours = archives.filter(isOurs).map((path) => path.slice(0, -4));
      expect(done.toSorted()).toEqual(ours.toSorted());
      seen.ours += ours.length;
      seen.theirs += texts.size - ours.length;
      if (ours.length > 0 && ours.length < texts.size) seen.bothDid += 1;
      for (const [path, text] of texts) expect(readEither(join(home.path, path)) === text, path).toBe(true);
      expect(
        readdirSync(join(home.path, "sessions"), { recursive: true }).filter((name) => /\/\./.test(String(name))),
      ).toEqual([]);
      home.remove();
    }
    if (process.env["ROLLOUT_TOOL_TELL"] !== undefined) process.stderr.write(`beside Codex: ${JSON.stringify(seen)}\n`);
    expect(haveMet(), JSON.stringify(seen)).toBe(true);
  });
});
