/** Lets the runner hear from a long property: a process that never rests is taken for one that hangs. */
import { setImmediate } from "node:timers/promises";

const EVERY_MS = 200;
let lastMs = 0;

export async function restPerRun(): Promise<void> {
  const now = performance.now();
  if (now - lastMs < EVERY_MS) return;
  lastMs = now;
  await setImmediate();
}
