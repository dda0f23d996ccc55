/** The client of `codex app-server`, on servers of ours that misbehave in known ways. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { AppServer } from "../../src/bench/app-server.ts";
import { type CodexBinary, CodexRefusal } from "../../src/bench/codex.ts";
import { fakeServer, writeExecutable } from "../support/fake-codex.ts";

const folder = mkdtempSync(join(tmpdir(), "rollout-tool-app-server-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const home = join(folder, "home");

/** Answers `echo` in two chunks after a notification and `late` out of order, refuses `no`, ignores `hang`, ends at `die`, and so on. */
const fake = fakeServer(
  join(folder, "codex"),
  `
function answer({ id, method, params, result }) {
  if (method === undefined) out({ method: "answered", params: { id, result } });
  if (method === "initialize") out({ id, result: {} });
  if (method === "echo") {
    out({ method: "noise", params: { id } });
    const text = JSON.stringify({ id, result: params });
    process.stdout.write(text.slice(0, 7));
    setTimeout(() => process.stdout.write(text.slice(7) + "\\nnot json\\n[1]\\nnull\\n"), 5);
  }
  if (method === "late") setTimeout(() => out({ id, result: params }), params.ms);
  if (method === "tell") for (const n of params) out({ method: "told", params: { n } });
  if (method === "ask") out({ id: "question", method: "may I?", params: {} });
  if (method === "no") out({ id, error: { code: -32600, message: "not today\\u001b[31m" } });
  if (method === "die") { process.stderr.write("fell over"); process.exit(3); }
  if (method === "flood") {
    process.stderr.write("x".repeat(300_000) + "the end", () => out({ id, result: null }));
  }
  if (method === "long") process.stdout.write("y".repeat(5_000));
  if (method === "heir") {
    const { spawn } = require("node:child_process");
    const { pid } = spawn("sleep", ["20"], { stdio: ["ignore", "inherit", "inherit"] });
    process.stderr.write("left " + pid, () => process.exit(4));
  }
  if (method === "stubborn") { onEnd = () => undefined; out({ id, result: null }); }
}
`,
);

const started: AppServer[] = [];
afterAll(() => Promise.all(started.map((server) => server.kill())));

function serve(binary: CodexBinary = fake, maxLineBytes?: number): AppServer {
  const server = new AppServer(binary, home, maxLineBytes);
  started.push(server);
  return server;
}

describe("AppServer", () => {
  it("matches answers to questions, over split chunks, notifications and noise", async () => {
    const server = serve();
    await server.initialize();
    expect(await server.request("echo", { n: "ü" })).toEqual({ n: "ü" });
    const answers = await Promise.all([server.request("late", { ms: 40 }), server.request("late", { ms: 1 })]);
    expect(answers).toEqual([{ ms: 40 }, { ms: 1 }]);
    await server.stop();
    expect(server.exit).toBe(0);
  });

  it("gives the notification that is waited for, and answers what the server asks", async () => {
    const server = serve();
    const second = server.notification("told", ({ n }) => n === 2);
    const answered = server.notification("answered", () => true);
    void server.request("tell", [1, 2, 3]).catch(() => undefined);
    void server.request("ask", {}).catch(() => undefined);
    expect(await second).toEqual({ n: 2 });
    // The answer to a question whose id is a string.
    expect(await answered).toEqual({ id: "question", result: {} });
    await expect(server.notification("told", () => true, 30)).rejects.toThrow("told: no such notification in 30 ms");
    await server.stop();
  });

  it("turns an error answer, silence and an early end into a refusal that names the binary and the question", async () => {
    const server = serve();
    await expect(server.request("no", {})).rejects.toThrow(`Codex 0.0.0 (${fake.path}): no: -32600 not today\\x1b[31m`);
    await expect(server.request("hang", {}, 30)).rejects.toThrow("hang: no answer in 30 ms");
    const told = expect(server.notification("told", () => true)).rejects.toThrow("told: the server ended with 3");
    await expect(server.request("die", {})).rejects.toThrow("die: the server ended with 3: fell over");
    await told;
    await expect(server.request("echo", {})).rejects.toBeInstanceOf(CodexRefusal);
    expect(server.account()).toBeUndefined();
  });

  it("kills a server that outlives its stdin", async () => {
    const server = serve();
    await server.request("stubborn", {});
    await server.stop(50);
    expect(server.exit).toBe("SIGKILL");
  });

  it("keeps only the end of what floods stderr", async () => {
    const server = serve();
    await server.request("flood", {});
    expect(server.stderr).toHaveLength(64 * 1024);
    expect(server.stderr.endsWith("xthe end")).toBe(true);
    await server.stop();
  });

  it("kills a server whose line does not end", async () => {
    const server = serve(fake, 4_000);
    await expect(server.request("long", {})).rejects.toThrow("the server ended with SIGKILL: a line of more than 4000");
  });

  it("does not wait for a process that the server left behind with its pipes", async () => {
    const server = serve();
    await expect(server.request("heir", {})).rejects.toThrow("the server ended with 4: left ");
    process.kill(Number(/left (\d+)/u.exec(server.stderr)?.[1]));
  });

  it("reports a binary that is missing, or none, as an end, not as a crash of the caller", async () => {
    const missing = serve({ version: "0.0.0", path: join(folder, "missing") });
    await expect(missing.request("initialize", {})).rejects.toThrow(/could not be started: .*ENOENT/u);
    await expect(missing.initialize()).rejects.toMatchObject({ code: "not-found" });
    const garbage = join(folder, "garbage");
    writeFileSync(garbage, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 2, 3]));
    chmodSync(garbage, 0o755);
    // Whether the system refuses it or takes it for a script of the shell.
    await expect(async () => serve({ version: "0.0.0", path: garbage }).initialize()).rejects.toThrow(CodexRefusal);
    chmodSync(garbage, 0o644);
    const locked = serve({ version: "0.0.0", path: garbage });
    await expect(locked.initialize()).rejects.toThrow(/could not be started: .*EACCES/u);
    await missing.stop();
  });

  it("stays calm when a binary prints garbage and ends", async () => {
    const path = writeExecutable(
      join(folder, "prints"),
      'process.stdout.write("\\0\\xff{}\\n{\\n\\n"); process.exit(0);',
    );
    await expect(serve({ version: "0.0.0", path }).initialize()).rejects.toThrow("initialize: the server ended with 0");
  });

  it.runIf(process.platform === "linux")("gives the account of its process while it runs", async () => {
    const server = serve();
    await server.initialize();
    const account = server.account();
    expect(account?.peakBytes).toBeGreaterThan(10_000_000);
    expect(account?.readBytes).toBeGreaterThan(100);
    expect(account?.writtenBytes).toBeGreaterThan(10);
    await server.stop();
    expect(server.account()).toBeUndefined();
  });
});
