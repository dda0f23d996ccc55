/** Running a binary: its end, its settings, its name. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { killChildren } from "../../src/bench/children.ts";
import { codexLabels, runCodex, writeCodexConfig } from "../../src/bench/codex.ts";
import { writeExecutable } from "../support/fake-codex.ts";

const folder = mkdtempSync(join(tmpdir(), "rollout-tool-codex-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const home = join(folder, "home");
const path = writeExecutable(
  join(folder, "codex"),
  `
const [what] = process.argv.slice(2);
if (what === "hang") setInterval(() => undefined, 1000);
else {
  process.stderr.write("x".repeat(100_000) + "!");
  process.stdout.write(JSON.stringify({ home: process.env.CODEX_HOME, proxy: process.env.HTTPS_PROXY, user: process.env.USER }));
  process.exitCode = 2;
}
`,
);
const fake = { version: "0.0.0", path };

describe("runCodex", () => {
  it("gives what it printed to its end, in an environment that leads nowhere", async () => {
    const run = await runCodex(fake, [], home);
    expect(run).toMatchObject({ exit: 2, timedOut: false });
    expect(JSON.parse(run.stdout)).toEqual({ home, proxy: "http://127.0.0.1:1" });
    expect(run.stderr).toBe(`${"x".repeat(64 * 1024 - 1)}!`);
  });

  it("ends one that hangs, at its time or when all are killed", async () => {
    expect(await runCodex(fake, ["hang"], home, 50)).toMatchObject({ exit: "SIGKILL", timedOut: true });
    const run = runCodex(fake, ["hang"], home);
    killChildren();
    expect(await run).toMatchObject({ exit: "SIGKILL", timedOut: false });
  });

  it("refuses one that is missing", async () => {
    const missing = { version: "1.2.3", path: join(folder, "missing") };
    await expect(runCodex(missing, [], home)).rejects.toThrow(`Codex 1.2.3 (${missing.path}): could not be started`);
  });
});

describe("writeCodexConfig", () => {
  it("names one model server, on loopback, and WebSocket only where it is wanted", () => {
    writeCodexConfig(home, { modelPort: 4711, websocket: true, features: { goals: false } });
    const text = readFileSync(join(home, "config.toml"), "utf8");
    expect(text.match(/\w+:\/\/\S+/gu)).toEqual(['http://127.0.0.1:4711/v1"']);
    expect(text).toContain("\nsupports_websockets = true\n");
    expect(text).toContain("\ngoals = false\n");
    writeCodexConfig(home);
    expect(readFileSync(join(home, "config.toml"), "utf8")).not.toContain("websockets");
  });
});

describe("codexLabels", () => {
  it("tells two binaries of one version apart", () => {
    const versions = ["0.169.0", "0.142.3", "0.169.0"].map((version) => ({ version, path: "" }));
    expect(codexLabels(versions)).toEqual(["codex-0.169.0", "codex-0.142.3", "codex-0.169.0-2"]);
  });
});
