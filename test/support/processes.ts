/** Other processes that are at work on a home, as Codex would be. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { afterEach } from "vitest";
import { ROOT } from "./sources.ts";

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

/** Starts a process that holds it, and waits until it does; it ends with the test. See `holder.mjs`. */
export function hold(...what: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, "test", "support", "holder.mjs"), ...what], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  running.add(child);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the holder ended with ${String(code)}`)));
    child.stdout?.once("data", () => resolve(child));
  });
}
