/**
 * Drives a released Codex binary, so that this tool can be measured and checked against the real thing.
 *
 * Stands outside the way from bytes to answer: whoever asks gives a home (always a copy of their own), and gets back what the
 * binary says about it over `codex app-server` (JSON-RPC, one message a line, stdin and stdout) or prints when run to its end.
 * Nothing here reads a rollout or a database.
 */
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { RolloutError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../format/json.ts";

export interface CodexBinary {
  /** As in its package, for example `0.169.0`. */
  readonly version: string;
  /** The native executable, not the launcher script of the npm package: a signal then reaches the process that does the work. */
  readonly path: string;
}

/**
 * The binary that `npm install --prefix <prefix> @openai/codex@<version>` left below `prefix`.
 *
 * @throws RolloutError `not-found` when there is none for this machine.
 */
export function findCodex(prefix: string): CodexBinary {
  const scope = join(prefix, "node_modules", "@openai");
  const manifest = join(scope, "codex", "package.json");
  if (!existsSync(manifest)) {
    throw new RolloutError("not-found", "no Codex package there", {
      path: prefix,
      hint: `Install one with: npm install --prefix ${prefix} @openai/codex`,
    });
  }
  const { version } = parseObject(readFileSync(manifest, "utf8"));
  for (const name of readdirSync(scope)) {
    const vendor = join(scope, name, "vendor");
    if (!existsSync(vendor)) continue;
    for (const target of readdirSync(vendor)) {
      // `bin/` since 2026, `codex/` before.
      for (const place of ["bin", "codex"]) {
        const path = join(vendor, target, place, "codex");
        if (existsSync(path)) return { version: plain(version), path };
      }
    }
  }
  throw new RolloutError("not-found", "the Codex package there holds no binary for this machine", { path: prefix });
}

export interface CodexConfig {
  /** Port of a model server on loopback; the default is the discard port, where nobody answers. */
  readonly modelPort?: number | undefined;
  readonly features?: Readonly<Record<string, boolean>> | undefined;
  /** Text appended as it is, for tables of one's own. */
  readonly extra?: string | undefined;
}

/** Writes a `config.toml` that every release since 0.40 takes and that names no model server but one on loopback. */
export function writeCodexConfig(home: string, config: CodexConfig = {}): void {
  const features = { plugins: false, apps: false, ...config.features };
  const lines = [
    'model = "mock"',
    'model_provider = "mock"',
    'approval_policy = "never"',
    'sandbox_mode = "danger-full-access"',
    "check_for_update_on_startup = false",
    "",
    "[model_providers.mock]",
    'name = "mock"',
    `base_url = "http://127.0.0.1:${String(config.modelPort ?? 9)}/v1"`,
    'wire_api = "responses"',
    'env_key = "MOCK_API_KEY"',
    "request_max_retries = 0",
    "stream_max_retries = 0",
    "",
    "[analytics]",
    "enabled = false",
    "",
    "[features]",
    ...Object.entries(features).map(([name, on]) => `${name} = ${String(on)}`),
    "",
    config.extra ?? "",
  ];
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "config.toml"), lines.join("\n"));
}

/** The whole environment of the binary: nothing is inherited, and every proxy is a closed port, so that nothing leaves the machine. */
export function codexEnvironment(home: string): Readonly<Record<string, string>> {
  const userHome = join(dirname(home), ".user");
  mkdirSync(userHome, { recursive: true });
  const nowhere = "http://127.0.0.1:1";
  const loopback = "127.0.0.1,localhost";
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: userHome,
    CODEX_HOME: home,
    MOCK_API_KEY: "x",
    LANG: "C.UTF-8",
    TERM: "dumb",
    TZ: "UTC",
    RUST_LOG: "error",
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    http_proxy: nowhere,
    https_proxy: nowhere,
    NO_PROXY: loopback,
    no_proxy: loopback,
  };
}

const running = new Set<ChildProcess>();

/** Kills every binary still running; for the moment when the program that started them ends early. */
export function killAllCodex(): void {
  for (const child of running) child.kill("SIGKILL");
}

function start(binary: CodexBinary, args: readonly string[], home: string): ChildProcessWithoutNullStreams {
  const child = spawn(binary.path, [...args], {
    cwd: dirname(home),
    env: codexEnvironment(home),
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  child.once("close", () => running.delete(child));
  // A binary that died is told by its exit; a broken pipe on top of that says nothing new.
  child.stdin.on("error", () => undefined);
  return child;
}

export interface CodexRun {
  /** Exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Runs the binary to its end, for example `["doctor", "--json"]`. */
export async function runCodex(
  binary: CodexBinary,
  args: readonly string[],
  home: string,
  timeoutMs = 60_000,
): Promise<CodexRun> {
  const child = start(binary, args, home);
  child.stdin.end();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const exit = await exitOf(child);
  clearTimeout(timer);
  return {
    exit,
    stdout: Buffer.concat(stdout).toString("utf8"),
    stderr: Buffer.concat(stderr).toString("utf8"),
    timedOut,
  };
}

function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
}

interface Waiter {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** An answer of the server that says no, or no answer at all. */
export class CodexRefusal extends Error {
  override readonly name = "CodexRefusal";
}

/** One `codex app-server` on one home. Start it, ask, and always `stop` it: it holds locks on the home. */
export class AppServer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiters = new Map<number, Waiter>();
  readonly #closed: Promise<void>;
  #nextId = 1;
  #exit: number | NodeJS.Signals | null | undefined;
  #stderr = "";

  constructor(binary: CodexBinary, home: string) {
    this.#child = start(binary, ["app-server"], home);
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString("utf8")));
    const split = lineSplitter((line) => this.#take(line));
    this.#child.stdout.on("data", split);
    this.#closed = exitOf(this.#child).then(
      (exit) => this.#end(exit),
      (error: unknown) => {
        this.#stderr += String(error);
        this.#end(null);
      },
    );
  }

  /** What it wrote to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Exit code or signal once it has ended, undefined while it runs. */
  get exit(): number | NodeJS.Signals | null | undefined {
    return this.#exit;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The handshake. Its answer comes only after the state database is open and its backfill done, hence the long time-out. */
  async initialize(timeoutMs = 60_000): Promise<void> {
    const clientInfo = { name: "rollout_tool", title: "rollout-tool", version: "0" };
    await this.request("initialize", { clientInfo, capabilities: { experimentalApi: true } }, timeoutMs);
    this.#write({ method: "initialized" });
  }

  /**
   * Asks and waits for the answer to that question.
   *
   * @throws CodexRefusal when the server answers an error, ends, or says nothing for `timeoutMs`.
   */
  request(method: string, params: unknown, timeoutMs = 60_000): Promise<unknown> {
    if (this.#exit !== undefined) return Promise.reject(this.#gone(method));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(id);
        reject(new CodexRefusal(`${method}: no answer in ${String(timeoutMs)} ms`));
      }, timeoutMs);
      this.#waiters.set(id, {
        method,
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#write({ id, method, params });
    });
  }

  /** Closes its stdin, which ends it; kills it when that takes longer than `graceMs`. */
  async stop(graceMs = 5_000): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.#closed;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  #write(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #take(line: string): void {
    const { id, method, error, result } = parseObject(line);
    if (typeof id !== "number") return;
    if (method !== undefined) {
      // A question of the server's; the threads here never run a turn that would need a true answer.
      this.#write({ id, result: {} });
      return;
    }
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    this.#waiters.delete(id);
    if (!isJsonObject(error)) waiter.resolve(result);
    else waiter.reject(new CodexRefusal(`${waiter.method}: ${plain(error["code"])} ${plain(error["message"])}`));
  }

  #end(exit: number | NodeJS.Signals | null): void {
    this.#exit = exit;
    for (const waiter of this.#waiters.values()) waiter.reject(this.#gone(waiter.method));
    this.#waiters.clear();
  }

  #gone(method: string): CodexRefusal {
    return new CodexRefusal(
      `${method}: the server ended with ${String(this.#exit)}: ${this.#stderr.slice(-2_000).trim()}`,
    );
  }
}

/** The object in a line of JSON; an empty one for anything else. */
function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** A string or number as text, anything else as JSON. */
function plain(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

function lineSplitter(take: (line: string) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  return (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      take(Buffer.concat(parts).toString("utf8"));
      parts = [];
      from = at + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  };
}
