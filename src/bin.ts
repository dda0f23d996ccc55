#!/usr/bin/env node
/**
 * The process: hands its arguments, streams and surroundings to `runCli`, and takes an exit code back. The only file that
 * touches `process`.
 *
 * There is no handler for SIGINT on purpose. The work is synchronous, so a handler would not run before the work ends;
 * without one the system ends the program at once (130 in a shell), and every write of the tool is made to survive that.
 */
import { fstatSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import type { Host } from "./cli.ts";

const STDOUT = 1;
const STDERR = 2;

const argv = process.argv.slice(2);
// The helpers of a search need as long to be there as all the rest does: they are started first.
const [{ reportError, runCli }, { fdWriter }] = await Promise.all([
  import("./cli.ts"),
  import("./io/console.ts"),
  isSearch(argv) ? import("./analysis/search-crew.ts").then(({ prepareCrew }) => prepareCrew()) : undefined,
]);

/** As nearly every search is called; how many helpers there shall be is not read here. */
function isSearch([command, ...words]: readonly string[]): boolean {
  return command === "search" && !words.some((word) => /^(?:-j|--jobs|-h|--help)/.test(word));
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
}

/** Most calls of scripts have no terminal, and need not load what asks for one. */
function isTerminal(fd: number): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  return process.getBuiltinModule("node:tty").isatty(fd);
}

/** The terminal's width, or what COLUMNS says for a pipe; undefined where neither limits the line. */
function findColumns(isTTY: boolean): number | undefined {
  // Terminals without a size, as some recorders have them, say 0.
  if (isTTY) return process.stdout.columns > 0 ? process.stdout.columns : undefined;
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

const isTTY = isTerminal(STDOUT);
const host: Host = {
  stdout: fdWriter(STDOUT, { buffered: true }),
  stderr: fdWriter(STDERR, { buffered: false, ignoreBrokenPipe: true }),
  env: process.env,
  cwd: process.cwd(),
  userHome: homedir(),
  now: Date.now,
  isTTY,
  columns: findColumns(isTTY),
  progressStream: () => (isTerminal(STDERR) ? process.stderr : undefined),
  version: readVersion(),
  node: { path: process.execPath, version: process.version },
  openPage,
};

process.on("uncaughtException", (error) => {
  process.exit(reportError(error, argv, host));
});
const code = await runCli(argv, host);
// All is written by now. To let the process end by itself would take it apart first, with the threads it had: 8 ms for nothing.
process.exit(code);
