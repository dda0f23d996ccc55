/**
 * When V8 begins to optimize. To compile a function once more, well, takes the cores away from what is run: over a second, half a
 * tenth to an eighth of a search that has all cores at work. In the long run it pays.
 *
 * It is put off for the whole process by whoever calls `optimizeFrom`, but not before its threads are there: Node starts a thread from
 * code that was compiled beforehand, and V8 takes such code only with the very flags with which it was made. 30 ms a thread.
 */
import { setFlagsFromString } from "node:v8";

let dueMs: number | undefined;

/** Since 1970: until then helpers that are started are to put it off, and whoever goes on asks `optimizeWhenDue`. */
export function letHelpersOptimizeFrom(ms: number): void {
  dueMs = ms;
}

/** What `letHelpersOptimizeFrom` said. */
export function optimizingDueMs(): number | undefined {
  return dueMs;
}

/**
 * Puts it off until `ms` milliseconds since 1970. Somebody has to ask `optimizeWhenDue` now and then. Meant for a program's own process,
 * not for a library's host.
 */
export function optimizeFrom(ms: number | undefined): void {
  dueMs = ms;
  if (ms !== undefined) setFlagsFromString("--no-opt");
}

/** Costs nothing where nothing has been put off. */
export function optimizeWhenDue(): void {
  if (dueMs === undefined || Date.now() < dueMs) return;
  dueMs = undefined;
  setFlagsFromString("--opt");
}
