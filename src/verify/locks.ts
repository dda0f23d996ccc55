/** Locks and run markers of a home (state-and-compression §4.3, §4.6). A look only: none is taken, made or removed. */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { listFolder, lstatOrUndefined, readWholeFile } from "../io/files.ts";
import { isLocked } from "../io/locks.ts";
import type { Tell } from "./findings.ts";

/** How a marker of this tool ends as long as its run does; see `compressor/claim.ts`. */
const RUNNING = " rollout-tool is running";
const MAX_TEXT_BYTES = 4096;
/** Clocks of two machines may differ by so much without anybody having set one. */
const FUTURE_MS = 5 * 60 * 1000;

/** `holdsHome`: no other run can be at work. */
export function checkLocks(codexHome: string, nowMs: number, holdsHome: boolean, tell: Tell): void {
  try {
    checkWriterLocks(join(codexHome, "thread-writer-locks"), tell);
    checkMarker(join(codexHome, ".tmp"), nowMs, holdsHome, tell);
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    tell("file-unreadable", { path: error.place.path ?? codexHome }, error.message);
  }
}

function checkWriterLocks(folder: string, tell: Tell): void {
  const stat = lstatOrUndefined(folder);
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    tell("lock-folder", { path: folder });
    return;
  }
  const locks = listFolder(folder).filter(({ name }) => name.endsWith(".lock") && !name.startsWith("."));
  const left = locks.filter(({ name }) => !isLocked(join(folder, name)));
  if (left.length > 0) tell("lock-left", { path: folder }, `${left.length} lock files that nobody holds`);
}

function checkMarker(folder: string, nowMs: number, holdsHome: boolean, tell: Tell): void {
  const stat = lstatOrUndefined(folder);
  if (stat !== undefined && !stat.isDirectory()) {
    tell("lock-folder", { path: folder });
    return;
  }
  const path = join(folder, "rollout-compression.lock");
  const marker = lstatOrUndefined(path);
  if (marker === undefined || !marker.isFile()) return;
  if (marker.mtimeMs > nowMs + FUTURE_MS) tell("lock-run-future", { path });
  const isAtWork = !holdsHome && isLocked(join(folder, "rollout-maintenance.lock"));
  if (marker.size > MAX_TEXT_BYTES || isAtWork) return;
  if (readWholeFile(path).toString("latin1").endsWith(RUNNING)) tell("lock-run-cut", { path });
}
