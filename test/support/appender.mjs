/**
 * A writer that appends numbered lines to a rollout, as fast as it can: `hold <path> <count>` opens it once, `lock <path>
 * <count> <lock>` also holds a lock meanwhile, `reopen <path> <count>` opens it anew for each line and makes it where it is not
 * there. Says "ready" once it has it and "done" at the end, and holds on to it until it is killed.
 */
import { closeSync, openSync, writeSync } from "node:fs";

const [, , how, path, count, lock] = process.argv;
if (lock !== undefined) {
  const { default: fsExt } = await import("fs-ext");
  fsExt.flockSync(openSync(lock, "a"), "exnb");
}
const fd = how === "reopen" ? undefined : openSync(path, "a");
process.stdout.write("ready\n");
for (let line = 1; line <= Number(count); line += 1) {
  const at = fd ?? openSync(path, "a");
  writeSync(at, `{"line":${line}}\n`);
  if (fd === undefined) closeSync(at);
  // Time for others to get in between.
  if (line % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
process.stdout.write("done\n");
setInterval(() => undefined, 1_000_000);
