/**
 * Loaded into a process before its program (`NODE_OPTIONS=--import=…`): every opening of a rollout takes some milliseconds more,
 * asleep, so that what else the machine does matters little; with ROLLOUT_TOOL_TEST_SLOW=1 many more, which is a regression
 * that a benchmark has to find.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const SLEEP_MS = process.env.ROLLOUT_TOOL_TEST_SLOW === "1" ? 100 : 5;
const never = new Int32Array(new SharedArrayBuffer(4));

const { openSync } = fs;
fs.openSync = (path, ...args) => {
  if (String(path).includes("rollout-20")) Atomics.wait(never, 0, 0, SLEEP_MS);
  return openSync(path, ...args);
};
syncBuiltinESMExports();
