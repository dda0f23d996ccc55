/** The driver of real binaries, on a server of ours that misbehaves in known ways. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { AppServer, CodexRefusal, findCodex, runCodex } from "../../src/bench/codex.ts";

const folder = mkdtempSync(join(tmpdir(), "rollout-tool-harness-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A server that answers `echo` in two chunks after a notification and `late` out of order, refuses `no`, ignores `hang`, ends at `die`, and outlives its stdin when told. */
const SERVER = `#!${process.execPath}
const out = (message) => process.stdout.write(JSON.stringify(message) + "\\n");
let stubborn = false, rest = "";
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\\n");
  rest = lines.pop();
  for (const line of lines) answer(JSON.parse(line));
});
process.stdin.on("end", () => { if (!stubborn) process.exit(0); });
setInterval(() => undefined, 1000);
function answer({ id, method, params }) {
  if (method === "initialize") out({ id, result: {} });
  if (method === "echo") {
    out({ method: "noise", params: { id } });
    const text = JSON.stringify({ id, result: params });
    process.stdout.write(text.slice(0, 7));
    setTimeout(() => process.stdout.write(text.slice(7) + "\\nnot json\\n"), 5);
  }
  if (method === "late") setTimeout(() => out({ id, result: params }), params.ms);
  if (method === "no") out({ id, error: { code: -32600, message: "not today" } });
  if (method === "die") { process.stderr.write("fell over"); process.exit(3); }
  if (method === "stubborn") { stubborn = true; out({ id, result: null }); }
}
`;
const path = join(folder, "codex");
writeFileSync(path, SERVER);
chmodSync(path, 0o755);
const fake = { version: "0.0.0", path };

describe("AppServer", () => {
  it("matches answers to questions, over split chunks, notifications and noise", async () => {
    const server = new AppServer(fake, join(folder, "home"));
    await server.initialize();
    expect(await server.request("echo", { n: "ü" })).toEqual({ n: "ü" });
    const answers = await Promise.all([server.request("late", { ms: 40 }), server.request("late", { ms: 1 })]);
    expect(answers).toEqual([{ ms: 40 }, { ms: 1 }]);
    await server.stop();
    expect(server.exit).toBe(0);
  });

  it("turns an error answer, silence and an early end into a refusal that names the question", async () => {
    const server = new AppServer(fake, join(folder, "home"));
    await expect(server.request("no", {})).rejects.toThrow("no: -32600 not today");
    await expect(server.request("hang", {}, 30)).rejects.toThrow("hang: no answer in 30 ms");
    await expect(server.request("die", {})).rejects.toThrow("die: the server ended with 3: fell over");
    await expect(server.request("echo", {})).rejects.toBeInstanceOf(CodexRefusal);
  });

  it("kills a server that outlives its stdin", async () => {
    const server = new AppServer(fake, join(folder, "home"));
    await server.request("stubborn", {});
    await server.stop(50);
    expect(server.exit).toBe("SIGKILL");
  });

  it("reports a binary that is not there as an end, not as a crash of the caller", async () => {
    const server = new AppServer({ version: "0.0.0", path: join(folder, "missing") }, join(folder, "home"));
    await expect(server.request("initialize", {})).rejects.toThrow(/the server ended with null: .*ENOENT/u);
  });

  it("runs to the end, or to the time-out", async () => {
    const run = await runCodex(fake, [], join(folder, "home"), 5_000);
    expect(run).toMatchObject({ exit: 0, timedOut: false });
  });
});

describe("findCodex", () => {
  it("says that there is none, and how to get one", () => {
    expect(() => findCodex(folder)).toThrow("no Codex package there");
  });
});
