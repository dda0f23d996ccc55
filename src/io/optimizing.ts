/**
 * When V8 begins to optimize. To compile a function once more, well, takes the cores away from what is run: over a second, half a
 * tenth to an eighth of a search that has all cores at work. In the long run it pays.
 */
import { setFlagsFromString } from "node:v8";

let dueMs: number | undefined;

/** Since 1970, when optimizing is due that has been put off, so that threads that are started meanwhile see to it too. */
export function optimizingDueMs(): number | undefined {
  return dueMs;
}

/**
 * Puts it off until `ms` milliseconds since 1970, for all threads of the process. Somebody has to ask `optimizeWhenDue` now and then.
 * Meant for a program's own process, not for a library's host.
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
