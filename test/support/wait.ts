/** Waiting for what another process does in its own time. */
import { setTimeout as pause } from "node:timers/promises";

/** Looks again and again; whether it holds at last. */
export async function waitUntil(holds: () => boolean, timeoutMs: number): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  while (!holds() && performance.now() < until) await pause(10);
  return holds();
}
