#!/usr/bin/env node
/**
 * The process: hands its arguments, streams and surroundings to `runCli`, and takes an exit code back. The only file that
 * touches `process`.
 *
 * There is no handler for SIGINT on purpose. The work is synchronous, so a handler would not run before the work ends;
 * without one the system ends the program at once (130 in a shell), and every write of the tool is made to survive that.
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isatty } from "node:tty";
import { type Host, reportError, runCli } from "./cli.ts";
import { fdWriter } from "./io/console.ts";

const STDOUT = 1;
const STDERR = 2;

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
}

/** The terminal's width, or what COLUMNS says for a pipe; undefined where neither limits the line. */
function findColumns(isTTY: boolean): number | undefined {
  if (isTTY) return process.stdout.columns;
  const columns = Number(process.env["COLUMNS"]);
  return Number.isInteger(columns) && columns > 0 ? columns : undefined;
}

/** What a system opens files with. No shell reads the path. */
function opener(path: string): readonly [command: string, ...words: string[]] {
  if (process.platform === "darwin") return ["open", path];
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", path];
  return ["xdg-open", path];
}

async function openPage(path: string): Promise<string | undefined> {
  // Loaded for the few calls that want it.
  const { spawn } = await import("node:child_process");
  const [command, ...words] = opener(path);
  return new Promise((done) => {
    const child = spawn(command, words, { stdio: "ignore", detached: true });
    child.once("error", () => done(`${command} could not be started`));
    child.once("spawn", () => {
      child.unref();
      done(undefined);
    });
  });
}

const isTTY = isatty(STDOUT);
const host: Host = {
  stdout: fdWriter(STDOUT, { buffered: true }),
  stderr: fdWriter(STDERR, { buffered: false, ignoreBrokenPipe: true }),
  env: process.env,
  cwd: process.cwd(),
  userHome: homedir(),
  now: Date.now,
  isTTY,
  columns: findColumns(isTTY),
  progressStream: () => (isatty(STDERR) ? process.stderr : undefined),
  version: readVersion(),
  node: { path: process.execPath, version: process.version },
  openPage,
};

const argv = process.argv.slice(2);
process.on("uncaughtException", (error) => {
  process.exit(reportError(error, argv, host));
});
const code = await runCli(argv, host);
// All is written by now. To let the process end by itself would take it apart first, with the threads it had: 8 ms for nothing.
process.exit(code);
