/** That optimizing is put off for a while, and then begins; each time in a process of its own. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

import { letHelpersOptimizeFrom, optimizeWhenDue, optimizingDueMs } from "../../src/io/optimizing.ts";

const MODULE = new URL("../../dist/io/optimizing.js", import.meta.url).href;
const BUSY = "const busy = () => { let sum = 0; for (let n = 0; n < 3e7; n += 1) sum += n * 2; return sum; };";

/** Whether V8 has optimized what keeps it busy. */
function isOptimized(script: string): boolean {
  const source = `import * as v8 from ${JSON.stringify(MODULE)};\n${BUSY}\n${script}`;
  // Later releases have a compiler in between, for which this is not work enough.
  const flags = ["--trace-opt", "--no-concurrent-recompilation", "--no-maglev", "--input-type=module"];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, "-e", source], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  // What V8 says of a flag that it does not know.
  expect(stderr).not.toContain("unrecognized flag");
  return /completed .*<JSFunction busy .*TURBOFAN/.test(stdout);
}

it("begins when it is due, and somebody asks", () => {
  expect(isOptimized("v8.optimizeFrom(Date.now() + 1e9); v8.optimizeWhenDue(); busy();")).toBe(false);
  expect(isOptimized("v8.optimizeFrom(Date.now()); busy();")).toBe(false);
  expect(isOptimized("v8.optimizeFrom(Date.now()); v8.optimizeWhenDue(); busy();")).toBe(true);
});

it("is as ever where nobody has put it off", () => {
  expect(isOptimized("v8.optimizeFrom(undefined); v8.optimizeWhenDue(); busy();")).toBe(true);
});

it("is left to helpers until it is due", () => {
  const soonMs = Date.now() + 60_000;
  letHelpersOptimizeFrom(soonMs);
  optimizeWhenDue();
  expect(optimizingDueMs()).toBe(soonMs);
  letHelpersOptimizeFrom(Date.now());
  optimizeWhenDue();
  expect(optimizingDueMs()).toBeUndefined();
});
