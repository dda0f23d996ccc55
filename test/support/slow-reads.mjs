/**
 * Loaded into a process before its program (`NODE_OPTIONS=--import=…`): with ROLLOUT_TOOL_TEST_SLOW=1 every opening and
 * every reading of a file takes some milliseconds more, which is a regression that a benchmark has to find.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const SLOWER_BY_MS = 4;

if (process.env.ROLLOUT_TOOL_TEST_SLOW === "1") {
  for (const name of ["openSync", "readSync"]) {
    const original = fs[name];
    fs[name] = (...args) => {
      const until = performance.now() + SLOWER_BY_MS;
      while (performance.now() < until);
      return original(...args);
    };
  }
  syncBuiltinESMExports();
}
