/**
 * The real Codex releases, for tests: where to get one, how to ask it about a home, what it answers.
 *
 * `ROLLOUT_TOOL_CODEX_0_169_0=<prefix>` names a folder where that release is installed already; without it the release is
 * installed from the npm registry into the temporary folder, once, and found there by the next run. Where neither works the
 * tests that need it are skipped, and one line on the console says so.
 *
 * Every home given to these functions must be a copy of one's own: the binaries write into it.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe } from "vitest";

import { AppServer } from "../../src/bench/app-server.ts";
import { runCodex, writeCodexConfig, type CodexBinary } from "../../src/bench/codex.ts";
import { resolveCodex } from "../../src/bench/release.ts";
import { openDatabase } from "./database.ts";
import { removeScratch, scratchFolder } from "./scratch.ts";

export type { CodexBinary } from "../../src/bench/codex.ts";
export { AppServer } from "../../src/bench/app-server.ts";
export { writeCodexConfig } from "../../src/bench/codex.ts";

export type Release = "0.142.3" | "0.169.0";

const releases = new Map<Release, CodexBinary | undefined>();

/** The binary of that release, installed when need be; undefined, said aloud, when it cannot be had. */
export function codexRelease(version: Release): CodexBinary | undefined {
  if (!releases.has(version)) releases.set(version, findRelease(version));
  return releases.get(version);
}

function findRelease(version: Release): CodexBinary | undefined {
  const variable = `ROLLOUT_TOOL_CODEX_${version.replaceAll(".", "_")}`;
  try {
    return resolveCodex(version, { env: process.env, cwd: process.cwd(), tell: () => undefined });
  } catch (error) {
    const cause = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    skipAloud(`tests against Codex ${version} (set ${variable} to an npm prefix that holds it): ${cause}`);
    return undefined;
  }
}

const said = new Set<string>();

/** One line on stderr, whatever the reporter of the test run shows or hides. */
export function skipAloud(what: string): void {
  if (said.has(what)) return;
  said.add(what);
  process.stderr.write(`SKIPPED: ${what}\n`);
}

/** A `describe` whose tests get the binary, skipped when that release cannot be had. */
export function describeWithCodex(version: Release, title: string, body: (binary: CodexBinary) => void): void {
  const binary = codexRelease(version);
  if (binary === undefined) describe.skip(`${title} (Codex ${version} not available)`, () => undefined);
  else describe(title, () => body(binary));
}

/** A home of one's own in a temporary folder: `root/home`, beside which the binary puts its user folder. */
export interface TestHome {
  readonly root: string;
  readonly path: string;
  remove(): void;
}

/** An empty one with our config.toml; give `from` to start with a copy of that home, times of the files kept. */
export function testHome(from?: string): TestHome {
  const root = scratchFolder("interop");
  const path = join(root, "home");
  if (from === undefined) mkdirSync(path);
  else copyTree(from, path);
  rmSync(join(path, "thread-writer-locks"), { recursive: true, force: true });
  writeCodexConfig(path);
  return { root, path, remove: () => removeScratch(root) };
}

/** `cp -a` where there is one: Node's own copy rounds times through a double and may lose a millisecond. */
export function copyTree(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    execFileSync("cp", ["-a", source, target], { stdio: "ignore" });
  } catch {
    cpSync(source, target, { recursive: true, preserveTimestamps: true });
  }
}

const DATABASE = /^(?:state|thread_history|logs|goals|memories|memories_v2|queue)_\d+\.sqlite(?:-wal|-shm)?$/u;

/** Moves the databases whose name begins with one of `names` (all of them by default) out of the home, next to it. */
export function takeDatabasesAway(home: TestHome, names: readonly string[] = [""]): string {
  const away = join(home.root, "databases");
  mkdirSync(away, { recursive: true });
  for (const file of readdirSync(home.path)) {
    if (DATABASE.test(file) && names.some((name) => file.startsWith(name)))
      renameSync(join(home.path, file), join(away, file));
  }
  return away;
}

/** A server that is killed while it still writes would leave less than it was seen to do; one that hangs is another test's affair. */
const STOP_MS = 60_000;

/** Starts a server, shakes hands, lets `use` ask, and stops it however that ends. */
export async function withServer<T>(
  binary: CodexBinary,
  home: TestHome,
  use: (server: AppServer) => Promise<T>,
  startTimeoutMs = 60_000,
): Promise<T> {
  const server = new AppServer(binary, home.path);
  try {
    await server.initialize(startTimeoutMs);
    return await use(server);
  } finally {
    await server.stop(STOP_MS);
  }
}

/** A thread as a client sees it; only the members that tests look at are named. */
export interface ClientThread {
  readonly id: string;
  readonly preview: string;
  readonly name: string | null;
  readonly path: string | null;
  readonly turns: readonly { readonly id: string; readonly items: readonly Readonly<Record<string, unknown>>[] }[];
  readonly [member: string]: unknown;
}

export interface ListQuery {
  readonly archived?: boolean;
  readonly sourceKinds?: readonly string[];
  readonly useStateDbOnly?: boolean;
}

/** All kinds of source that `thread/list` knows; without them it lists only what a person started. */
export const ALL_SOURCES = [
  "cli",
  "vscode",
  "exec",
  "appServer",
  "subAgent",
  "subAgentReview",
  "subAgentCompact",
  "subAgentThreadSpawn",
  "subAgentOther",
  "unknown",
] as const;

/** `thread/list`, all pages, in the order of the answer. */
export async function listThreads(server: AppServer, query: ListQuery = {}): Promise<readonly ClientThread[]> {
  const threads: ClientThread[] = [];
  let cursor: string | null = null;
  do {
    const page = (await server.request("thread/list", { limit: 100, cursor, ...query })) as {
      readonly data: readonly ClientThread[];
      readonly nextCursor: string | null;
    };
    threads.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return threads;
}

/** The four lists that the corpus keeps for each home (`thread-list.json`, `turns.json`). */
export async function allLists(
  server: AppServer,
): Promise<Readonly<Record<"live" | "archived" | "all" | "dbonly", readonly ClientThread[]>>> {
  return {
    live: await listThreads(server),
    archived: await listThreads(server, { archived: true }),
    all: await listThreads(server, { sourceKinds: ALL_SOURCES }),
    dbonly: await listThreads(server, { useStateDbOnly: true }),
  };
}

/** `thread/read` with its turns. @throws CodexRefusal */
export async function readThread(server: AppServer, threadId: string): Promise<ClientThread> {
  return ((await server.request("thread/read", { threadId, includeTurns: true })) as { thread: ClientThread }).thread;
}

/** `thread/resume`; takes the thread's writer lock until the server stops. @throws CodexRefusal */
export async function resumeThread(server: AppServer, threadId: string): Promise<ClientThread> {
  return ((await server.request("thread/resume", { threadId })) as { thread: ClientThread }).thread;
}

export interface DoctorCheck {
  readonly id: string;
  readonly status: string;
  readonly summary: string;
  readonly details: Readonly<Record<string, string>>;
}

/** The checks of `codex doctor --json` about state: `state.paths` and `state.rollout_db_parity`. */
export async function doctor(binary: CodexBinary, home: TestHome): Promise<Readonly<Record<string, DoctorCheck>>> {
  const run = await runCodex(binary, ["doctor", "--json"], home.path);
  const start = run.stdout.indexOf("{");
  if (start < 0) throw new Error(`codex doctor printed no report: ${run.stderr.slice(-500)}`);
  const { checks } = JSON.parse(run.stdout.slice(start)) as { checks: Record<string, DoctorCheck> };
  return Object.fromEntries(Object.entries(checks).filter(([id]) => id.startsWith("state.")));
}

export type Row = Readonly<Record<string, unknown>>;

export interface StateRows {
  readonly threads: readonly Row[];
  readonly edges: readonly Row[];
  readonly backfill: readonly Row[];
  readonly migrations: readonly Row[];
}

/** What the state database of a home holds, rows in a fixed order. @throws when it does not open */
export function stateRows(home: string, file = stateFile(home)): StateRows {
  const database = openDatabase(join(home, file));
  try {
    return {
      threads: database.all("SELECT * FROM threads ORDER BY id"),
      edges: database.all("SELECT * FROM thread_spawn_edges ORDER BY child_thread_id"),
      backfill: database.all("SELECT * FROM backfill_state"),
      migrations: database.all(
        "SELECT version, description, success, hex(checksum) AS checksum FROM _sqlx_migrations ORDER BY version",
      ),
    };
  } finally {
    database.close();
  }
}

/** The newest `state_<n>.sqlite` of a home. */
export function stateFile(home: string): string {
  const files = readdirSync(home).filter((file) => /^state_\d+\.sqlite$/u.test(file));
  return files.toSorted().at(-1) ?? "state_5.sqlite";
}

/** Lets the binary build the state database (databases of that kind must be away) and says how long the handshake took. */
export async function backfill(
  binary: CodexBinary,
  home: TestHome,
): Promise<{ readonly durationMs: number; readonly rows: StateRows }> {
  const started = performance.now();
  const durationMs = await withServer(binary, home, () => Promise.resolve(performance.now() - started), 300_000);
  return { durationMs, rows: stateRows(home.path) };
}
