/**
 * Legacy threads of real homes, brought into paginated form by the tool and by the release itself: the turns that a client is shown
 * afterwards, and what the release sends to its model, which must be what it sent before. Bounded by default;
 * `ROLLOUT_TOOL_MIGRATE_ALL=1` takes every thread of four homes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual as isDeepEqual } from "node:util";
import { afterAll, expect, test } from "vitest";
import { runCodex } from "../../src/bench/codex.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import type { MigrateReport } from "../../src/migrate/report.ts";
import { discoverRollouts, openHome, type RolloutFile } from "../../src/readers/home.ts";
import { writeHome } from "../support/homes.ts";
import {
  event,
  meta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userMessage,
} from "../support/lines.ts";
import {
  type ClientThread,
  type CodexBinary,
  describeWithCodex,
  readThread,
  resumeThread,
  type TestHome,
  testHome,
  withServer,
} from "./codex.ts";
import { type Corpus, corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";
import { withFreshIndex } from "./fork-sides.ts";
import { comparable } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";
import { writeTable } from "./history-table.ts";

const ALL = process.env["ROLLOUT_TOOL_MIGRATE_ALL"] === "1";
const LIMIT_MS = ALL ? 900_000 : 240_000;
const HOMES: readonly CorpusName[] = ALL ? ["0.142.3", "0.128.0", "0.98.0", "0.77.0"] : ["0.142.3", "0.98.0"];
const table: (string | number)[][] = [];

afterAll(() => {
  const head = [
    "home",
    "rollouts",
    "migrated",
    "by Codex",
    "probed",
    "same request",
    "same request, by Codex",
    "same turns",
    "differences",
  ];
  writeTable("Migrated by the tool and by 0.169.0", [head, ...table]);
});

/** What is not as Codex leaves it, by the labels of threads and of the release that wrote them, and why. */
const NAMED: readonly {
  readonly what: "turns" | "request";
  readonly home: RegExp;
  readonly label: RegExp;
  readonly why: string;
}[] = [
  {
    what: "turns",
    home: /^0\.(?:142|128)/u,
    label: /^(?:exec-review|review|review-detached)$/u,
    why: "ends of reviews that name a turn which was never begun make no turn of their own, as before",
  },
  {
    what: "turns",
    home: /^0\.(?:98|77)/u,
    label: /^(?:exec-review|review-detached)$/u,
    why: "the message of a review without a turn keeps the turn of its own that it had",
  },
  { what: "turns", home: /^0\.98/u, label: /^rollback-compact$/u, why: "Codex does not migrate it at all" },
  {
    what: "request",
    home: /^0\.98/u,
    label: /^(?:rollback|rollback-compact|fork-rollback)$/u,
    why: "no record begins a turn, so that a rollback takes all settings; now that turns begin, the model is told of its change",
  },
];

function nameOf(what: "turns" | "request", home: CorpusName, label: string): string | undefined {
  return NAMED.find((one) => one.what === what && one.home.test(home) && one.label.test(label))?.why;
}

interface Thread {
  readonly label: string;
  readonly id: string;
}

/** Those that the release resumes: not archived ones. */
function activeThreads(corpus: Corpus, home: TestHome): readonly Thread[] {
  const ids = new Set(rolloutsOf(home).flatMap(({ name, archived }) => (archived ? [] : [name?.threadId])));
  const all = [...corpus.threads].flatMap(([label, id]) => (ids.has(id) ? [{ label, id }] : []));
  return all.filter((_thread, rank) => ALL || rank % 10 === 0 || WATCHED.test(all[rank]?.label ?? ""));
}

/** Always among those that are looked at. */
const WATCHED = /^(?:rollback|review|compact$)/u;

function rolloutsOf(home: TestHome): readonly RolloutFile[] {
  return discoverRollouts(home.path).files;
}

/** By thread id: what the release sends for the probed words. */
async function requestsOf(
  binary: CodexBinary,
  home: TestHome,
  threads: readonly Thread[],
): Promise<ReadonlyMap<string, unknown>> {
  const files = new Map(rolloutsOf(home).map(({ name, path }) => [name?.threadId, path]));
  const probed = threads.map(({ id }) => ({ id, path: files.get(id) ?? "" }));
  const probes = await probeThreads(binary, home, probed);
  return new Map([...probes].map(([id, probe]) => [id, withoutFolder(requestOf(probe), home)]));
}

/** Skills are named by the folder of the home. */
function withoutFolder(value: unknown, home: TestHome): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(home.root, "$ROOT"));
}

function requestOf({ refusal, requests }: Probe): unknown {
  if (refusal !== undefined) return { refusal };
  return requests.map(({ input, windowNumber }) => ({ windowNumber, input: input.map(comparable) }));
}

/** By thread id: turns as a client is shown them once the thread is resumed, but for what the two migrations leave of times. */
async function turnsOf(
  binary: CodexBinary,
  home: TestHome,
  threads: readonly Thread[],
): Promise<ReadonlyMap<string, unknown>> {
  return withServer(binary, home, async (server) => {
    const turns = new Map<string, unknown>();
    for (const { id } of threads) {
      await resumeThread(server, id);
      turns.set(id, withoutStarts(await readThread(server, id)));
    }
    return turns;
  });
}

/** The beginnings of turns that the tool keeps, and the release loses. */
function withoutStarts({ turns }: ClientThread): unknown {
  return turns.map(({ startedAt: _started, ...turn }: ClientThread["turns"][number] & { startedAt?: unknown }) => turn);
}

function migrateByTool(home: TestHome): MigrateReport {
  return migrate(openHome({ codexHome: home.path }), {
    target: "paginated",
    threads: [],
    apply: true,
    cwd: home.path,
    userHome: home.root,
    now: Date.now,
  });
}

async function migrateByCodex(binary: CodexBinary, home: TestHome): Promise<number> {
  const run = await runCodex(binary, ["migrate-rollouts", "--apply", "--json"], home.path);
  const { outcomes } = JSON.parse(run.stdout.slice(run.stdout.indexOf("{"))) as { outcomes: { status: string }[] };
  return outcomes.filter(({ status }) => status === "migrated").length;
}

function compareOn(name: CorpusName): void {
  describeWithCodex("0.169.0", `threads of ${name}, migrated`, (binary) => {
    test("come to the same as before, and as by the release", { timeout: LIMIT_MS }, async () => {
      const corpus = unpackCorpus(name);
      const homes = [testHome(corpus.home), testHome(corpus.home), testHome(corpus.home)] as const;
      const [before, byCodex, byTool] = homes;
      try {
        for (const home of homes) await withFreshIndex(binary, home);
        const report = migrateByTool(byTool);
        const migrated = await migrateByCodex(binary, byCodex);
        expect(report.files.filter(({ status }) => status !== "migrated")).toEqual([]);
        const threads = activeThreads(corpus, before);
        const turns = [await turnsOf(binary, byTool, threads), await turnsOf(binary, byCodex, threads)] as const;
        const requests = await Promise.all(homes.map((home) => requestsOf(binary, home, threads)));
        const same = { request: 0, requestByCodex: 0, turns: 0 };
        const differences: string[] = [];
        for (const { id, label } of threads) {
          const [old, theirs, ours] = requests.map((side) => side.get(id));
          const [ownTurns, theirTurns] = turns.map((side) => side.get(id));
          same.request += Number(isDeepEqual(old, ours));
          same.requestByCodex += Number(isDeepEqual(old, theirs));
          same.turns += Number(isDeepEqual(ownTurns, theirTurns));
          if (nameOf("request", name, label) === undefined) expect.soft(ours, `${label}: request`).toEqual(old);
          else differences.push(`${label} (request)`);
          if (nameOf("turns", name, label) === undefined) expect.soft(ownTurns, `${label}: turns`).toEqual(theirTurns);
          else differences.push(`${label} (turns)`);
        }
        table.push([
          name,
          report.files.length,
          report.totals.migrated ?? 0,
          migrated,
          threads.length,
          same.request,
          same.requestByCodex,
          same.turns,
          differences.join(", "),
        ]);
      } finally {
        for (const home of homes) home.remove();
        corpus.remove();
      }
    });
  });
}

if (corpusFolder() !== undefined) for (const name of HOMES) compareOn(name);

describeWithCodex("0.169.0", "lines that are longer than Codex's own migration takes", (binary) => {
  test("stay, and the model is sent the same", { timeout: LIMIT_MS }, async () => {
    const homes = [testHome(), testHome(), testHome()] as const;
    const [before, byCodex, byTool] = homes;
    const [said, put] = ["y".repeat(20 * MIB), "z".repeat(60 * MIB)];
    try {
      for (const { path } of homes) writeHome(path, { [sessionPath(1)]: longThread(said, put) });
      for (const home of homes) await withFreshIndex(binary, home);
      expect(migrateByTool(byTool).totals).toEqual({ migrated: 1 });
      await migrateByCodex(binary, byCodex);
      const kept = readFileSync(join(byTool.path, sessionPath(1)));
      expect(kept.includes(`"text":"${said}"`)).toBe(true);
      expect(kept.includes(`"output":"${put}"`)).toBe(true);
      expect(readFileSync(join(byCodex.path, sessionPath(1))).length).toBeLessThan(MIB);
      const thread = [{ id: threadId(1), label: "long" }];
      const old = (await requestsOf(binary, before, thread)).get(threadId(1));
      const ours = (await requestsOf(binary, byTool, thread)).get(threadId(1));
      expect(JSON.stringify(old).includes(said)).toBe(true);
      // Not by `toEqual`, which would print them.
      expect(isDeepEqual(ours, old)).toBe(true);
    } finally {
      for (const home of homes) home.remove();
    }
  });
});

const MIB = 1024 * 1024;

/** A turn whose answer and whose tool's output are that long. */
function longThread(said: string, put: string): string {
  const call = { name: "shell", arguments: "{}", call_id: "c1" };
  return rolloutText([
    meta(1, { model_provider: "mock" }),
    event("task_started", { turn_id: "t1", started_at: 5, model_context_window: null }),
    turnContext({ turn_id: "t1", model: "mock" }),
    responseItem("hello"),
    userMessage("hello"),
    { type: "response_item", payload: { type: "function_call", ...call } },
    { type: "response_item", payload: { type: "function_call_output", call_id: "c1", output: put } },
    responseItem(said, "assistant"),
    event("agent_message", { message: "long" }),
    event("task_complete", { turn_id: "t1", last_agent_message: "long" }),
  ]);
}
