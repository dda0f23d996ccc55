import { defineConfig } from "vitest/config";

/** Tests against real Codex binaries: slow, one file at a time, and only where such a binary can be had. */
const resultsFile = process.env["ROLLOUT_TOOL_TEST_JSON"];

export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    passWithNoTests: true,
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: resultsFile === undefined ? ["verbose"] : ["verbose", ["json", { outputFile: resultsFile }]],
  },
});
