import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";

import type { CaseContext } from "../../src/bench/case-context.ts";
import { codexCases } from "../../src/bench/codex-contender.ts";
import { groupsOf } from "../../src/bench/groups.ts";
import type { BenchCase } from "../../src/bench/results.ts";
import { syntheticSource } from "../../src/bench/sources.ts";
import { LeftOut } from "../../src/bench/suite.ts";
import { fakeServer } from "../support/fake-codex.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
let log = "";
beforeEach(() => {
  log = join(folder.path, "log");
});

/** Notes every question, and answers as `body` says. */
function server(body: string): string {
  return `const { appendFileSync } = require("node:fs");
appendFileSync(${JSON.stringify(log)}, "start\\n");
function answer({ id, method }) {
  if (id === undefined) return;
  if (method !== "initialize") appendFileSync(${JSON.stringify(log)}, method + "\\n");
  ${body}
}`;
}

const KNOWS = `out({ id, result: { thread: { historyMode: "paginated" } } });`;

/** Who answers has all the time of a busy machine; `timeoutMs` is for one who does not. */
function casesOf(script: string, unloads = true, timeoutMs = 60_000) {
  const home = join(folder.path, "input");
  mkdirSync(home);
  const name = "paginated:30kB";
  const input = { ...syntheticSource(name, 1).make(home), name };
  const binary = fakeServer(join(folder.path, "codex"), script);
  const context: CaseContext = { node: "", program: "", scratch: folder.path, binaries: [binary], timeoutMs };
  const notes = new Set<string>();
  const ways = [
    { name: "cold", isCold: true, params: {} },
    { name: "warm", isCold: false, plainOnly: true, params: {} },
  ];
  const request = { benchmark: "resume", method: "thread/resume", ways, unloads, notes };
  const groups = groupsOf([input], folder.path);
  const cases = groups.flatMap((group) => codexCases(request, group, context));
  const [cold, warm] = cases as [BenchCase, BenchCase];
  return { cases, cold, warm, notes };
}

async function twice(item: BenchCase): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await item.prepare?.();
    expect((await item.run()).wallMs).toBeGreaterThan(0);
  }
  await item.release?.();
}

const asked = (): readonly string[] => readFileSync(log, "utf8").trim().split("\n");

describe("a Codex as a contender", () => {
  it("has a case for each way that the form allows", () => {
    const names = casesOf(server(KNOWS)).cases.map(({ labels }) => labels.join(" "));
    expect(names).toEqual([
      "resume paginated:30kB plain codex-0.0.0 cold",
      "resume paginated:30kB plain codex-0.0.0 warm",
      "resume paginated:30kB zst codex-0.0.0 cold",
    ]);
    expect(existsSync(log)).toBe(false);
  });

  it("is a new process for each cold sample, after one that makes the databases", async () => {
    const { cold, notes } = casesOf(server(KNOWS));
    await twice(cold);
    expect(asked()).toEqual(["start", "thread/resume", "start", "thread/resume", "start", "thread/resume"]);
    expect([...notes]).toEqual([]);
    expect(existsSync(join(folder.path, "input-0-plain", "codex-0.0.0", "cold", "home"))).toBe(false);
  });

  it("is one process for all warm samples, with the thread unloaded before each", async () => {
    const { warm } = casesOf(server(KNOWS));
    await twice(warm);
    const round = ["thread/archive", "thread/unarchive", "thread/resume"];
    expect(asked()).toEqual(["start", "thread/resume", ...round, ...round]);
  });

  it("keeps the thread loaded where that is asked for", async () => {
    const { warm } = casesOf(server(KNOWS), false);
    await twice(warm);
    expect(asked()).toEqual(["start", "thread/resume", "thread/resume", "thread/resume"]);
  });

  it("that does not know paginated threads is noted, and left out where it cannot unload one", async () => {
    const refuses = `out(method === "thread/unarchive" ? { id, error: { code: -1, message: "no" } } : { id, result: { thread: {} } });`;
    const { cold, warm, notes } = casesOf(server(refuses));
    await twice(cold);
    expect([...notes]).toEqual([
      "codex-0.0.0 answers for paginated:30kB as if it were a legacy thread: it knows no paginated ones, and its figures are those of other work",
    ]);
    const refusal: unknown = await Promise.resolve(warm.prepare?.()).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LeftOut);
    expect(String(refusal)).toContain("Codex 0.0.0 knows no paginated threads, and cannot unload one");
    await warm.release?.();
  });

  it("that knows them and refuses has failed", async () => {
    const refuses = `if (method === "thread/unarchive") out({ id, error: { code: -1, message: "no" } }); else { ${KNOWS} }`;
    const { warm } = casesOf(server(refuses));
    await expect(Promise.resolve(warm.prepare?.())).rejects.toThrow("thread/unarchive: -1 no");
    await warm.release?.();
  });

  it("that does not answer its handshake is killed, so that it keeps no processor busy", async () => {
    const pids = `const { writeFileSync } = require("node:fs");
writeFileSync(${JSON.stringify(join(folder.path, "pid"))}, String(process.pid));
onEnd = () => undefined;
function answer() {}`;
    const { cold } = casesOf(pids, true, 4000);
    await expect(Promise.resolve(cold.prepare?.())).rejects.toThrow("initialize: no answer in 4000 ms");
    const pid = Number(readFileSync(join(folder.path, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await cold.release?.();
  });
});
