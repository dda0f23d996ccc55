import { defineConfig } from "vitest/config";

/** Tests against real Codex binaries: slow, and only where such a binary can be had. None of them looks at a time. */
const resultsFile = process.env["ROLLOUT_TOOL_TEST_JSON"];

export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    passWithNoTests: true,
    globalSetup: "test/interop/setup.ts",
    maxWorkers: "100%",
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: resultsFile === undefined ? ["verbose"] : ["verbose", ["json", { outputFile: resultsFile }]],
  },
});
