/** The built program as a process that is killed: after some time, or before one of its changes to the file system. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { BIN } from "./bin.ts";
import { ROOT } from "./sources.ts";

/** `ROLLOUT_TOOL_BIN` names another build than that of this folder. */
export const PROGRAM = process.env["ROLLOUT_TOOL_BIN"] ?? BIN;

/** Arguments of node, by which a run counts its changes, or is killed before the one that is wanted (see `kill-at.mjs`). */
export const PRELOAD = ["--import", join(ROOT, "test", "support", "kill-at.mjs")];

/** Milliseconds that a run took, or undefined when it was killed. */
export function runFor(argv: readonly string[], afterMs?: number): Promise<number | undefined> {
  const startMs = performance.now();
  const child = spawn(process.execPath, argv, { stdio: "ignore" });
  const timer = afterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), afterMs);
  return new Promise((resolve) => {
    child.once("exit", (_code, signal) => {
      clearTimeout(timer);
      resolve(signal === "SIGKILL" ? undefined : performance.now() - startMs);
    });
  });
}
