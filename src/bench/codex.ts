/**
 * Runs a released Codex binary, so that this tool can be measured and checked against the real thing: its settings, its
 * environment, and the processes themselves.
 *
 * Stands outside the way from bytes to answer: whoever asks gives a home (always a copy of their own). `release.ts` finds a
 * binary, `app-server.ts` talks with one. Nothing here reads a rollout or a database.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { type ErrorCode, RolloutError } from "../errors.ts";
import { escapeText } from "../io/console.ts";
import { track } from "./children.ts";

export interface CodexBinary {
  /** As in its package, for example `0.169.0`. */
  readonly version: string;
  /** The native executable, not the launcher script of the npm package: a signal then reaches the process that does the work. */
  readonly path: string;
}

/** What each is called in the name of a case: `codex-0.169.0`, and a second one of that version `codex-0.169.0-2`. */
export function codexLabels(binaries: readonly CodexBinary[]): readonly string[] {
  return binaries.map(({ version }, index) => {
    const earlier = binaries.slice(0, index).filter((other) => other.version === version).length;
    return earlier === 0 ? `codex-${version}` : `codex-${version}-${String(earlier + 1)}`;
  });
}

/**
 * The binary did not do what was asked: it answered an error, ended, kept silent or did not start. The message names it; what
 * it quotes of the binary's stderr may have several lines.
 */
export class CodexRefusal extends RolloutError {
  constructor({ version, path }: CodexBinary, what: string, code: ErrorCode = "unsupported") {
    super(code, `Codex ${version} (${escapeText(path)}): ${escapeText(what, { newlines: "keep" })}`);
  }
}

export interface CodexConfig {
  /** Port of a model server on loopback; the default is the discard port, where nobody answers. */
  readonly modelPort?: number | undefined;
  /** Whether that server also speaks WebSocket. Only then does Codex prepare its first request ahead of the turn. */
  readonly websocket?: boolean | undefined;
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
    // Unknown to releases before the WebSocket transport, hence not `false`.
    ...(config.websocket === true ? ["supports_websockets = true"] : []),
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
    NO_COLOR: "1",
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

/** Starts it beside its home, with three pipes. Most of what keeps it from starting is told by `exitOf`. @throws CodexRefusal */
export function spawnCodex(binary: CodexBinary, args: readonly string[], home: string): ChildProcessWithoutNullStreams {
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn(binary.path, [...args], {
      cwd: dirname(home),
      env: codexEnvironment(home),
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (error) {
    throw new CodexRefusal(binary, `could not be started: ${String(error)}`, "not-found");
  }
  track(child);
  // A binary that died is told by its exit; a broken pipe on top of that says nothing new.
  child.stdin.on("error", () => undefined);
  return child;
}

/** How long after the end of the binary its pipes may stay open, in case a process that it started has them. */
const PIPES_MS = 500;

/** The exit code, or the signal that ended it. @throws what kept it from starting, for example ENOENT */
export function exitOf(child: ChildProcessWithoutNullStreams): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => {
      const destroy = (): void => {
        child.stdout.destroy();
        child.stderr.destroy();
      };
      // Timers come before what is there to be read: where this process was kept from running meanwhile, that comes first.
      const timer = setTimeout(() => void setImmediate(destroy), PIPES_MS);
      child.once("close", () => clearTimeout(timer));
    });
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
}

const TAIL_BYTES = 64 * 1024;

/** The last 64 KiB of a stream that may be endless. */
export class Tail {
  #kept: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    const all = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    this.#kept = all.length > TAIL_BYTES ? all.subarray(all.length - TAIL_BYTES) : all;
  }

  get text(): string {
    return this.#kept.toString("utf8");
  }
}

export interface CodexRun {
  /** Exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null;
  readonly stdout: string;
  /** Its last 64 KiB. */
  readonly stderr: string;
  readonly timedOut: boolean;
}

/**
 * Runs the binary to its end, for example `["doctor", "--json"]`.
 *
 * @throws CodexRefusal when it does not start.
 */
export async function runCodex(
  binary: CodexBinary,
  args: readonly string[],
  home: string,
  timeoutMs = 60_000,
): Promise<CodexRun> {
  const child = spawnCodex(binary, args, home);
  child.stdin.end();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const stdout: Buffer[] = [];
  const stderr = new Tail();
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
  try {
    const exit = await exitOf(child);
    return { exit, stdout: Buffer.concat(stdout).toString("utf8"), stderr: stderr.text, timedOut };
  } catch (error) {
    throw new CodexRefusal(binary, `could not be started: ${String(error)}`, "not-found");
  } finally {
    clearTimeout(timer);
  }
}
