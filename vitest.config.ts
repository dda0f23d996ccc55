import { defineConfig } from "vitest/config";

/** With ROLLOUT_TOOL_TEST_JSON=<file> the results are also written there as JSON; `.ci/run` sums them up. */
const resultsFile = process.env["ROLLOUT_TOOL_TEST_JSON"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // By default one core is left idle, which of two is half of them.
    maxWorkers: "100%",
    reporters: resultsFile === undefined ? ["default"] : ["default", ["json", { outputFile: resultsFile }]],
    coverage: { include: ["src/**"], exclude: ["src/bin.ts"], reportsDirectory: "coverage" },
  },
});
