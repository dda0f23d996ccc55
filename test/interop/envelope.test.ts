/**
 * Rollouts of early 2025 brought to today's format, and what Codex 0.169.0 makes of them: it lists, reads and resumes each, and its model is
 * sent what the old file held. Also why the instructions of then are not the base instructions of today.
 */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../src/migrate/migrate.ts";
import type { MigrateReport } from "../../src/migrate/report.ts";
import { openHome } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import { asRequest } from "../../src/thread/normalize.ts";
import { isReplayKind, replay } from "../../src/thread/replay.ts";
import { EARLY_ROLLOUTS, USER_HOME } from "../support/early-rollouts.ts";
import {
  type ClientThread,
  type CodexBinary,
  describeWithCodex,
  listThreads,
  readThread,
  type TestHome,
  testHome,
  withServer,
} from "./codex.ts";
import { comparable, textsOf } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";

const FILE_MS = Date.parse("2025-09-01T12:00:00Z");

describeWithCodex("0.169.0", "rollouts of early 2025, converted", (binary) => {
  const cases = EARLY_ROLLOUTS.filter(({ target }) => target !== undefined);
  const live = cases.filter(({ target }) => target?.startsWith("sessions/") === true);
  let home: TestHome;
  let report: MigrateReport;
  let listed: ReadonlyMap<string, ClientThread>;
  let archived: ReadonlyMap<string, ClientThread>;
  const threads = new Map<string, ClientThread>();
  const resumed = new Map<string, ReturnType<typeof historyOf>>();
  let probes: ReadonlyMap<string, Probe>;

  beforeAll(async () => {
    home = testHome();
    for (const { path, bytes } of EARLY_ROLLOUTS) put(home, path, bytes);
    report = migrate(openHome({ codexHome: home.path }), {
      target: "envelope",
      threads: [],
      apply: true,
      cwd: home.path,
      userHome: USER_HOME,
      now: Date.now,
    });
    await withServer(binary, home, async (server) => {
      listed = byId(await listThreads(server));
      archived = byId(await listThreads(server, { archived: true }));
      for (const { threadId } of cases) threads.set(threadId, await readThread(server, threadId));
    });
    for (const { threadId, target } of live) resumed.set(threadId, historyOf(join(home.path, target ?? "")));
    probes = await probeThreads(
      binary,
      home,
      live.map(({ threadId, target }) => ({ id: threadId, path: join(home.path, target ?? "") })),
    );
  });
  afterAll(() => home.remove());

  test("all but those without a thread are converted", () => {
    expect(report.totals).toEqual({ migrated: cases.length, refused: 2 });
  });

  test.each(cases)("$title: is listed", ({ threadId, turns, target }) => {
    const thread = (target?.startsWith("archived") === true ? archived : listed).get(threadId);
    // Codex lists no thread to which nobody said a word.
    const words = turns[0]?.[0]?.slice(1);
    expect(thread?.preview).toBe(words);
    if (thread !== undefined) expect(thread["updatedAt"]).toBe(FILE_MS / 1000);
  });

  test.each(cases)("$title: is read with its turns", ({ threadId, turns, cwd }) => {
    const thread = threads.get(threadId);
    expect(thread?.turns.map(({ items }) => items.map(shown))).toEqual(turns);
    expect(thread?.["cwd"]).toBe(cwd);
  });

  test.each(live)("$title: is resumed with what it held", ({ threadId }) => {
    const probe = probes.get(threadId);
    expect(probe?.refusal).toBeUndefined();
    expect(probe?.history.map(told)).toEqual(resumed.get(threadId));
  });
});

describeWithCodex("0.169.0", "base instructions", (binary) => {
  const BUILT_IN = /^You are a coding agent/;

  test("take the place of the prompt, so that the user's instructions of then are none", async () => {
    const firsts = await Promise.all(
      [{ base_instructions: { text: "be kind" } }, {}].map((more) => promptOf(binary, more)),
    );
    expect(firsts[0]).toBe("be kind");
    expect(firsts[1]).toMatch(BUILT_IN);
  });
});

/** The first item of what the model is sent. */
async function promptOf(binary: CodexBinary, more: Readonly<Record<string, unknown>>): Promise<string> {
  const home = testHome();
  const id = "0b0d8d3e-6a2f-4f5e-9a3a-000000000999";
  const timestamp = "2025-08-20T07:15:30.123Z";
  const path = join(home.path, `sessions/2025/08/20/rollout-2025-08-20T07-15-30-${id}.jsonl`);
  const meta = { id, timestamp, cwd: USER_HOME, originator: "codex_cli_rs", cli_version: "0.40.0", ...more };
  const words = { type: "message", role: "user", content: [{ type: "input_text", text: "a" }] };
  const lines = [
    { timestamp, type: "session_meta", payload: meta },
    { timestamp, type: "response_item", payload: words },
  ];
  put(home, path.slice(home.path.length + 1), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const probe = (await probeThreads(binary, home, [{ id, path }])).get(id);
  home.remove();
  return textsOf(probe?.requests[0]?.input[0] ?? {}).join("");
}

function put(home: TestHome, relative: string, content: string | Buffer): void {
  const path = join(home.path, relative);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, FILE_MS / 1000, FILE_MS / 1000);
}

function byId(threads: readonly ClientThread[]): ReadonlyMap<string, ClientThread> {
  return new Map(threads.map((thread) => [thread.id, thread]));
}

/** What a request of the converted thread should hold. */
function historyOf(path: string) {
  if (readFileSync(path).length === 0) return [];
  const { history } = replay(() => readRollout(path, { kinds: isReplayKind }));
  return asRequest(history).items.map(({ item }) => told(item));
}

/** Codex writes null where nothing is said, and passes on no member that it does not know. */
function told(item: Parameters<typeof comparable>[0]): unknown {
  const text = JSON.stringify(comparable(item), (key, value: unknown) =>
    value === null || key === "duration_ms" ? undefined : value,
  );
  return JSON.parse(text);
}

function shown(item: Readonly<Record<string, unknown>>): string {
  if (item["type"] === "userMessage") return `>${textsOf(item).join("")}`;
  if (item["type"] === "reasoning") return `~${(item["summary"] as string[]).join("|")}`;
  return String(item["text"]);
}
