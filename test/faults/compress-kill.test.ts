/**
 * `compress` and `decompress` killed at any moment: every thread is there afterwards, whole, and the next run leaves nothing
 * unfinished. `ROLLOUT_TOOL_KILLS` sets the number of kills by time, and `ROLLOUT_TOOL_BIN` names another build than that of
 * this folder.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { PRELOAD, PROGRAM, runFor } from "../support/kills.ts";
import { namesIn, readEither, threadText } from "../support/archives.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { archivedPath, lineText, META_TIME, sessionPath } from "../support/lines.ts";

const KILLS = Number(process.env["ROLLOUT_TOOL_KILLS"] ?? 6);

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

type Verb = "compress" | "decompress";

function command(verb: Verb, what: readonly string[], ...more: readonly string[]): string[] {
  return [PROGRAM, verb, ...what, "--quiet", ...more, "--codex-home", home];
}

/** Path below the home, and text, of each thread. */
type Threads = ReadonlyMap<string, string>;

/** Every third is archived. */
function threads(count: number, text: (thread: number) => string): Threads {
  return new Map(
    Array.from({ length: count }, (_unused, at) => at + 1).map((thread) => [
      thread % 3 === 0 ? archivedPath(thread) : sessionPath(thread),
      text(thread),
    ]),
  );
}

const FEW = threads(3, (thread) => threadText(thread, thread * 10));

/** Small ones, some of 200 kB, some of 3 MB that are cut at a compaction: enough, in all, for a second worker to be started. */
const MANY = threads(50, (thread) => {
  if (thread % 10 === 0) return withCompaction(thread);
  return threadText(thread, thread % 3 === 1 ? 1200 + thread : thread);
});

function withCompaction(thread: number): string {
  const half = threadText(thread, 10_000);
  const compaction = { type: "compacted", payload: { message: "", replacement_history: [] } };
  return `${half}${lineText(compaction, META_TIME)}\n${half.slice(half.indexOf("\n") + 1)}`;
}

function renew(all: Threads, verb: Verb): void {
  rmSync(home, { recursive: true, force: true });
  const suffix = verb === "compress" ? "" : ".zst";
  writeHome(home, Object.fromEntries([...all].map(([path, text]) => [path + suffix, text])));
}

function expectWhole(all: Threads, when: string): void {
  for (const [path, text] of all) {
    const found = readEither(join(home, path));
    if (found !== text) expect([when, path, found?.length]).toEqual([when, path, text.length]);
    expect(found === text, `${when}: ${path} holds other bytes`).toBe(true);
  }
}

interface Finish {
  readonly recovered: readonly { readonly action: string }[];
}

/** The next run, with nothing said that would force it. */
function expectFinished(all: Threads, verb: Verb, what: readonly string[], when: string): Finish {
  const run = spawnSync(process.execPath, command(verb, what, "--json"), { encoding: "utf8", maxBuffer: 1 << 26 });
  expect([run.status, run.stderr], when).toEqual([0, ""]);
  expectWhole(all, when);
  const suffix = verb === "compress" ? ".zst" : "";
  const names = [...all.keys()].map((path) => path.slice(path.lastIndexOf("/") + 1) + suffix);
  expect(namesIn(home), when).toEqual(names.toSorted());
  return JSON.parse(run.stdout) as Finish;
}

describe.each(["compress", "decompress"] as const)("%s", (verb) => {
  // How many there are is not known beforehand: what takes longer is settled in more parts.
  test("killed before each change to the file system", () => {
    const env = { PATH: process.env["PATH"] };
    const argv = [...PRELOAD, ...command(verb, ["--all"])];
    for (let change = 1; ; change += 1) {
      renew(FEW, verb);
      const run = spawnSync(process.execPath, argv, { env: { ...env, KILL_AT: String(change) }, encoding: "utf8" });
      const when = `killed before change ${change}`;
      expectWhole(FEW, when);
      if (run.signal !== "SIGKILL") {
        const changes = Number(/^CHANGES (\d+)\n$/.exec(run.stderr)?.[1]);
        expect([run.status, changes < change, changes > 20], `${when}\n${run.stderr}`).toEqual([0, true, true]);
        return;
      }
      expectFinished(FEW, verb, ["--all"], when);
    }
  }, 600_000);
});

/** How a run may be called, and with it how many threads it has and when it makes what. */
const VARIANTS: Readonly<Record<Verb, readonly (readonly string[])[]>> = {
  compress: [
    ["--all", "--jobs", "2"],
    ["--all", "--jobs", "1", "--frames", "single"],
    ["--all", "--jobs", "2", "--frames", "seekable=1", "--level", "1"],
    ["--jobs", "2"],
  ],
  decompress: [["--all"], []],
};

/** What a killed run left: how far it was, and what of it needs an end. */
interface Tally {
  runs: number;
  killed: number;
  beforeFirst: number;
  amid: number;
  afterLast: number;
  readonly leftovers: Record<string, number>;
  pairs: number;
  readonly recovered: Record<string, number>;
}

const newTally = (): Tally => ({
  runs: 0,
  killed: 0,
  beforeFirst: 0,
  amid: 0,
  afterLast: 0,
  leftovers: {},
  pairs: 0,
  recovered: {},
});

const addTo = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

function note(tally: Tally, all: Threads, verb: Verb): void {
  const forms = [...all.keys()].map((path) => [existsSync(join(home, path)), existsSync(join(home, `${path}.zst`))]);
  const done = forms.filter(([plain, archive]) => (verb === "compress" ? archive : plain)).length;
  if (done === 0) tally.beforeFirst += 1;
  else if (done < all.size) tally.amid += 1;
  else tally.afterLast += 1;
  tally.pairs += forms.filter(([plain, archive]) => plain && archive).length;
  for (const name of namesIn(home)) {
    const [, kind] = /^\..*\.(packing|unpacking|aside)\./.exec(name) ?? [];
    if (kind !== undefined) addTo(tally.leftovers, kind);
  }
}

describe.each(["compress", "decompress"] as const)("%s of 50 rollouts", (verb) => {
  test("killed at moments spread over a run", async () => {
    const tally = newTally();
    const variants = VARIANTS[verb].map((variant) => {
      const isHome = variant.includes("--all");
      const what = isHome ? variant : [join(home, "sessions"), join(home, "archived_sessions"), ...variant];
      return { what, title: [isHome ? "home" : "paths", ...variant].join(" ") };
    });
    for (const [at, { what, title }] of variants.entries()) {
      const kills = Math.ceil((KILLS - at) / variants.length);
      renew(MANY, verb);
      // The start of the engine, before which there is nothing to interrupt, is not what is looked at.
      const startMs = (await runFor(command(verb, what, "--dry-run"))) ?? 0;
      const lengthMs = (await runFor(command(verb, what))) ?? 0;
      for (let kill = 1; kill <= kills; kill += 1) {
        let afterMs = startMs * 0.8 + ((lengthMs - startMs * 0.8) * kill) / kills;
        // Some runs are over sooner than the one that was measured: then it is done again, and killed sooner.
        for (let isKilled = false; !isKilled; afterMs *= 0.9) {
          renew(MANY, verb);
          tally.runs += 1;
          isKilled = (await runFor(command(verb, what), afterMs)) === undefined;
        }
        tally.killed += 1;
        note(tally, MANY, verb);
        const when = `${title} killed after ${afterMs.toFixed(1)} of ${lengthMs.toFixed(1)} ms`;
        expectWhole(MANY, when);
        for (const { action } of expectFinished(MANY, verb, what, when).recovered) addTo(tally.recovered, action);
      }
    }
    if (KILLS > 100) process.stderr.write(`${verb}: ${JSON.stringify(tally)}\n`);
    expect(tally.recovered["kept"]).toBeUndefined();
  }, 3_600_000);
});
