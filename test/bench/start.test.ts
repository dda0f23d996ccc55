/** The cases of `bench start`, on fakes that ask the mock model as a release does, or go wrong on the way. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";

import type { CodexBinary } from "../../src/bench/codex.ts";
import type { BenchCase, BenchSample } from "../../src/bench/results.ts";
import { startCases } from "../../src/bench/start.ts";
import { fakeServer } from "../support/fake-codex.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-start-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(root, "t"));
});

/** Prewarms where its settings allow it, asks, lets the guardian ask about a call, and ends the turn; or goes wrong by its name. */
const SCRIPT = `
const fs = require("node:fs"), path = require("node:path"), http = require("node:http");
const fault = path.basename(process.argv[1]);
const config = fs.readFileSync(path.join(process.env.CODEX_HOME, "config.toml"), "utf8");
const port = Number(/127\\.0\\.0\\.1:(\\d+)\\/v1/.exec(config)[1]);
fs.appendFileSync(path.join(process.env.CODEX_HOME, "starts"), "x");
let threads = 0, reviewed = false;
const ask = (body) => new Promise((resolve) => {
  const request = http.request({ host: "127.0.0.1", port, path: "/v1/responses", method: "POST" }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk));
    response.on("end", () => resolve(text));
  });
  request.end(JSON.stringify(body));
});
async function answer({ id, method, params }) {
  if (method === "initialize" && fault !== "hangs") out({ id, result: {} });
  if (method === "thread/start") {
    if (fault === "refuses") return out({ id, error: { code: 5, message: "no threads today" } });
    if (fault === "nameless") return out({ id, result: {} });
    reviewed = params.approvalsReviewer === "auto_review";
    out({ id, result: { thread: { id: "t" + ++threads } } });
    if (config.includes("supports_websockets")) await ask({ generate: false, client_metadata: { thread_id: "t" + threads } });
  }
  if (method === "turn/start") {
    if (fault === "crashes") { process.stderr.write("out of luck"); process.exit(9); }
    const { threadId } = params;
    out({ id, result: { turn: { id: "u" } } });
    const done = (status) => out({ method: "turn/completed", params: { threadId, turn: { id: "u", status } } });
    out({ method: "turn/completed", params: { threadId: "another", turn: { status: "failed" } } });
    if (fault === "fails") return done("failed");
    if (fault === "idle") return done("completed");
    const tools = [{ name: "shell_command" }];
    const text = await ask({ input: [{ type: "message" }], tools, client_metadata: { thread_id: threadId } });
    if (text.includes("function_call")) {
      if (!text.includes("shell_command") || !text.includes("require_escalated")) return done("failed");
      if (fault !== "unguarded" && reviewed) await ask({ client_metadata: { thread_id: "g" + threads, "x-openai-subagent": "guardian" } });
      await ask({ input: [{ type: "function_call_output" }], client_metadata: { thread_id: threadId } });
    }
    done("completed");
  }
}
`;

function fake(name: string): CodexBinary {
  return { ...fakeServer(join(root, "bin", name), SCRIPT), version: "1.0.0" };
}

async function sample(item: BenchCase): Promise<BenchSample> {
  await item.prepare?.();
  return item.run();
}

function pick(cases: readonly BenchCase[], way: string, setup: string): BenchCase {
  const found = cases.find(({ labels }) => labels[1] === way && labels[2] === setup);
  if (found === undefined) throw new Error(`no case ${way} ${setup}`);
  return found;
}

describe("startCases", () => {
  it("has a case for every way and binary, each of its own name", () => {
    const binary = fake("good");
    const { cases, notes } = startCases({ binaries: [binary, { ...binary, version: "2.0.0" }, binary], scratch });
    const names = cases.map(({ labels }) => labels.join("."));
    expect(names.slice(0, 9)).toEqual([
      "start.process.http.codex-1.0.0",
      "start.process.websocket.codex-1.0.0",
      "start.cold.http.codex-1.0.0",
      "start.cold.websocket.codex-1.0.0",
      "start.cold.guardian.codex-1.0.0",
      "start.warm.http.codex-1.0.0",
      "start.warm.websocket.codex-1.0.0",
      "start.warm.guardian.codex-1.0.0",
      "start.review.guardian.codex-1.0.0",
    ]);
    expect(names[9]).toBe("start.process.http.codex-2.0.0");
    expect(names[18]).toBe("start.process.http.codex-1.0.0-2");
    expect(new Set(names).size).toBe(27);
    expect(notes()).toEqual([]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("measures each in its way, counts what was asked, and leaves nothing", async () => {
    const { cases, counts, notes } = startCases({ binaries: [fake("good")], scratch });
    const starts = new Map<string, number>();
    for (const item of cases) {
      for (let round = 0; round < 3; round++) {
        const { wallMs, peakBytes, readBytes } = await sample(item);
        expect(wallMs).toBeGreaterThan(0);
        if (process.platform === "linux") {
          expect(peakBytes).toBeGreaterThan(1e6);
          expect(readBytes).toBeGreaterThan(0);
        }
      }
      const name = item.labels.join(".");
      starts.set(name, readFileSync(join(scratch, item.labels.join("-"), "home", "starts"), "utf8").length);
      await item.release?.();
    }
    // One to make the databases, and then one for every sample or one for all.
    expect([...starts.values()]).toEqual([4, 4, 4, 4, 4, 2, 2, 2, 2]);
    expect(readdirSync(scratch)).toEqual([]);
    expect(counts().map(({ runs, requests }) => [runs, ...Object.values(requests)])).toEqual([
      [3, 3, 0, 0, 0],
      [3, 3, 3, 0, 0],
      [3, 3, 0, 0, 0],
      [3, 3, 3, 0, 0],
      [3, 9, 3, 3, 1],
      [3, 3, 0, 0, 0],
      [3, 3, 3, 0, 0],
      [3, 9, 3, 3, 3],
      [3, 9, 3, 3, 3],
    ]);
    expect(notes()[0]).toBe("start.process.http.codex-1.0.0: 3 threads, 3 requests, 0 prewarm requests");
    expect(notes()[7]).toBe(
      "start.warm.guardian.codex-1.0.0: 3 threads, 9 requests, 3 prewarm requests; 3 guardian sessions made 3 of them",
    );
  });

  it.each([
    ["refuses", "thread/start: 5 no threads today"],
    ["nameless", "thread/start: the answer names no thread"],
    ["crashes", "the server ended with 9: out of luck"],
    ["fails", "turn/start: the turn did not complete"],
    ["idle", "the turn ended without a request to its model"],
  ])("says by name what went wrong when a binary %s, sample by sample", async (name, message) => {
    const binary = fake(name);
    const { cases } = startCases({ binaries: [binary], scratch });
    for (const item of [pick(cases, "process", "http"), pick(cases, "warm", "http")]) {
      for (let round = 0; round < 2; round++) {
        await expect(sample(item)).rejects.toThrow(`Codex 1.0.0 (${binary.path}): `);
        await expect(sample(item)).rejects.toThrow(message);
      }
      await item.release?.();
    }
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("says that a binary hangs, is missing, or has no guardian", async () => {
    const hanging = startCases({ binaries: [fake("hangs")], scratch, timeoutMs: 300 }).cases[0];
    await expect(hanging?.prepare?.()).rejects.toThrow("initialize: no answer in 300 ms");
    await hanging?.release?.();
    const path = join(root, "missing");
    const missing = startCases({ binaries: [{ version: "1.0.0", path }], scratch }).cases[0];
    await expect(missing?.prepare?.()).rejects.toThrow(/could not be started.*ENOENT/u);
    await missing?.release?.();
    const unguarded = pick(startCases({ binaries: [fake("unguarded")], scratch }).cases, "cold", "guardian");
    await expect(sample(unguarded)).rejects.toThrow("no guardian asked about the command");
    await unguarded.release?.();
    expect(existsSync(scratch) && readdirSync(scratch)).toEqual([]);
  });
});
