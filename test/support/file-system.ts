/** File systems that refuse, or on which a process dies in the middle: Node's own calls replaced for one test. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import Database from "better-sqlite3";
import { afterEach, vi } from "vitest";

/** The calls that can be replaced, as they are outside of tests. */
const { linkSync, lstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } = fs;
export const system = { linkSync, lstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync };

/** By which files change. */
const { fsyncSync, mkdirSync, rmdirSync, unlinkSync } = fs;
const CHANGES = { fsyncSync, linkSync, mkdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeSync };

type Call = (...values: unknown[]) => unknown;
type Calls = Readonly<Record<string, unknown>>;
let replaced: Calls = {};

/** Until the end of the test, also for a process that dies on it. */
export function useFileSystem(calls: Calls): void {
  replaced = calls;
  live();
}

export function live(): void {
  vi.restoreAllMocks();
  Object.assign(fs, CHANGES, system, replaced);
  syncBuiltinESMExports();
}

afterEach(() => useFileSystem({}));

/** From the first change on for which it says so, the process is as good as dead: nothing changes any more, no row either. */
export function dieWhen(isEnd: (call: string, values: readonly unknown[], count: number) => boolean): {
  calls: number;
} {
  const state = { calls: 0 };
  let isDead = false;
  for (const name of Object.keys(CHANGES) as (keyof typeof CHANGES)[]) {
    const original = fs[name] as Call;
    const mortal: Call = (...values) => {
      // Locks are given back by the system when a process dies.
      if (String(values[0]).includes("thread-writer-locks")) return original(...values);
      state.calls += 1;
      isDead ||= isEnd(name, values, state.calls);
      if (isDead) die();
      return original(...values);
    };
    Object.assign(fs, { [name]: mortal });
  }
  syncBuiltinESMExports();
  return state;
}

function die(): never {
  const refuse = (): never => {
    throw new Error("killed");
  };
  vi.spyOn(Database.prototype, "exec").mockImplementation(refuse);
  vi.spyOn(Database.prototype, "prepare").mockImplementation(refuse);
  return refuse();
}

export function dieAt(count: number): { calls: number } {
  return dieWhen((_call, _values, calls) => calls >= count);
}

/** Work that is killed where `end` says so, or before a manifest gets a line of that kind. */
export function killed(work: () => unknown, end: Parameters<typeof dieWhen>[0] | string): void {
  dieWhen(
    typeof end === "string" ? (call, [, data]) => call === "writeSync" && String(data).includes(`"${end}"`) : end,
  );
  try {
    work();
  } catch (error) {
    if (!/killed|could not be taken back/.test(String(error))) throw error;
  } finally {
    live();
  }
}

/**
 * For a test that kills a process hundreds of times, each at another change. A process that dies loses nothing of what it has written, only
 * a machine does: bringing it to the disk is a change like the others, which has to be asked for rightly, but nobody waits for the disk.
 */
export const NO_WAITING: Calls = { fsyncSync: (fd: number) => void fs.fstatSync(fd) };

/** As on exFAT and many shares. */
export function refuseLink(_from: fs.PathLike, to: fs.PathLike): never {
  throw Object.assign(new Error("no links here"), { code: fs.existsSync(to) ? "EEXIST" : "EPERM" });
}

/** As if the folder were a disk of its own. */
export function acrossDisks(folder: string): Calls {
  const isThere = (path: unknown): boolean => String(path).startsWith(`${folder}/`);
  const within =
    (call: (from: string, to: string) => void) =>
    (from: string, to: string): void => {
      if (isThere(from) !== isThere(to)) throw Object.assign(new Error("another disk"), { code: "EXDEV" });
      call(from, to);
    };
  return { linkSync: within(linkSync), renameSync: within(renameSync) };
}
