/**
 * One maintenance run at a time on a home: Codex's maintenance lock and its run marker, which also keeps runs six hours apart
 * (state-and-compression §4.3). Codex's own worker stands back while this tool runs, and the other way round.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { errnoOf, RolloutError } from "../errors.ts";
import { fileError, lstatOrUndefined, readWholeFile, removeIfThere } from "../io/files.ts";
import { type HeldLock, tryLock } from "../io/locks.ts";
import { ensureFolder } from "../io/swap.ts";
import { requireLockFolder } from "./thread-lock.ts";

export type Claim =
  | { readonly kind: "claimed"; release(hasSucceeded: boolean): void }
  | { readonly kind: "skipped_maintenance" | "skipped_already_running" };

export type Claims = ReadonlyMap<string, Claim>;

/** Claims all homes or, should one not be free, tells it by `blockerOf`. The caller releases them in either case. */
export function claimAll(homes: Iterable<string>, options: ClaimOptions): Claims {
  const claims = new Map<string, Claim>();
  try {
    for (const home of homes) claims.set(home, claimRun(home, options));
  } catch (error) {
    releaseAll(claims, false);
    throw error;
  }
  return claims;
}

export function blockerOf(claims: Claims): Exclude<Claim["kind"], "claimed"> | undefined {
  for (const { kind } of claims.values()) if (kind !== "claimed") return kind;
  return undefined;
}

export function releaseAll(claims: Claims, hasSucceeded: boolean): void {
  for (const claim of claims.values()) if (claim.kind === "claimed") claim.release(hasSucceeded);
}

export interface ClaimOptions {
  readonly nowMs: number;
  /** Write the run marker, and stand back where a fresh one is. */
  readonly marker: boolean;
  /** Go on in spite of a fresh marker. */
  readonly force: boolean;
}

const STALE_MS = 6 * 3600 * 1000;
/** Behind Codex's text while the run lasts: what a killed run leaves must not keep the next one away. */
const RUNNING = " rollout-tool is running";
const MAX_TEXT_BYTES = 4096;

/** @throws RolloutError `unsupported` when a folder of locks is a link; `unwritable`. */
function claimRun(codexHome: string, options: ClaimOptions): Claim {
  requireLockFolder(codexHome);
  const folder = join(codexHome, ".tmp");
  const stat = lstatOrUndefined(folder);
  if (stat !== undefined && !stat.isDirectory()) {
    throw new RolloutError("unsupported", "a folder that has to be written to is a link or a file", {
      path: folder,
      hint: "move it away and run again; nothing was changed",
    });
  }
  ensureFolder(folder);
  const lock = tryLock(join(folder, "rollout-maintenance.lock"));
  if (lock === undefined) return { kind: "skipped_maintenance" };
  if (!options.marker) return { kind: "claimed", release: () => lock.release() };
  return claimMarker(join(folder, "rollout-compression.lock"), lock, options);
}

function claimMarker(path: string, lock: HeldLock, { nowMs, force }: ClaimOptions): Claim {
  try {
    if (!isFresh(path, nowMs) || force) removeIfThere(path);
    const text = `pid=${ownPid()} started_at=SystemTime { tv_sec: ${Math.floor(nowMs / 1000)}, tv_nsec: ${(nowMs % 1000) * 1_000_000} }`;
    if (!create(path, text + RUNNING)) {
      lock.release();
      return { kind: "skipped_already_running" };
    }
    const release = (hasSucceeded: boolean): void => {
      if (hasSucceeded) finish(path, text);
      else removeIfThere(path);
      lock.release();
    };
    return { kind: "claimed", release };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** One of a run that has not ended, or has not even written its text, is stale as soon as the maintenance lock is free. */
function isFresh(path: string, nowMs: number): boolean {
  const stat = lstatOrUndefined(path);
  if (stat === undefined || nowMs - stat.mtimeMs >= STALE_MS) return false;
  if (!stat.isFile() || stat.size > MAX_TEXT_BYTES) return true;
  return stat.size > 0 && !readWholeFile(path).toString("latin1").endsWith(RUNNING);
}

function create(path: string, text: string): boolean {
  try {
    fs.writeFileSync(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw fileError(error, "write", path);
  }
}

/** The window counts from the start of the run: its time stays. */
function finish(path: string, text: string): void {
  try {
    const { mtimeMs } = fs.lstatSync(path);
    fs.truncateSync(path, Buffer.byteLength(text));
    fs.utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw fileError(error, "write", path);
  }
}

/** As far as the system tells; the text is for people. */
function ownPid(): string {
  try {
    return fs.readlinkSync("/proc/self");
  } catch {
    return "0";
  }
}
