import { defineConfig } from "vitest/config";

/** With ROLLOUT_TOOL_TEST_JSON=<file> the results are also written there as JSON; `.ci/run` sums them up. */
const resultsFile = process.env["ROLLOUT_TOOL_TEST_JSON"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**"],
    // Only what hangs is to fail by time: on a busy machine a test may take ten times as long.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // By default one core is left idle, which of two is half of them.
    maxWorkers: "100%",
    reporters: resultsFile === undefined ? ["default"] : ["default", ["json", { outputFile: resultsFile }]],
    coverage: { include: ["src/**"], exclude: ["src/bin.ts"], reportsDirectory: "coverage" },
  },
});
