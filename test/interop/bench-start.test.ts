/** What `bench start` needs of the real releases: finding one, its requests to a model of ours, and that none is left behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

import { AppServer } from "../../src/bench/app-server.ts";
import { type CodexBinary, writeCodexConfig } from "../../src/bench/codex.ts";
import { startMockModel } from "../../src/bench/mock-model.ts";
import { resolveCodex } from "../../src/bench/release.ts";
import type { BenchCase } from "../../src/bench/results.ts";
import { startCases } from "../../src/bench/start.ts";
import { errnoOf } from "../../src/errors.ts";
import { ROOT } from "../support/sources.ts";
import { waitUntil } from "../support/wait.ts";
import { describeWithCodex, type Release } from "./codex.ts";
import { removeScratch, scratchFolder } from "./scratch.ts";

const RELEASES: readonly Release[] = ["0.142.3", "0.169.0"];
const ROUNDS = 2;

/** Runs with the program as it is built: starts a server in the home, tells its number when it is at work, and waits. */
const KEEPER = `
const [module, version, path, home, work] = process.argv.slice(1);
const { AppServer } = await import(module);
const server = new AppServer({ version, path }, home);
setInterval(() => undefined, 1000);
if (work !== "handshake") {
  await server.initialize();
  const { thread } = await server.request("thread/start", { cwd: home });
  await server.request("turn/start", { threadId: thread.id, input: [{ type: "text", text: "Hello." }] });
}
process.stdout.write(String(server.pid));
`;

/** A process that has ended, and that nobody has asked about yet, keeps its number. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/mu.test(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  } catch (error) {
    return errnoOf(error) !== "ESRCH" && !existsSync("/proc/self");
  }
}

for (const release of RELEASES) {
  describeWithCodex(release, "bench start", (binary: CodexBinary) => {
    it("finds the same binary by its file, its launcher, its package and its prefix", () => {
      const { path, version } = binary;
      const options = { env: {}, cwd: ROOT, tell: () => undefined };
      expect(resolveCodex(path, options)).toEqual({ version, path });
      const modules = path.slice(0, path.indexOf(join("@openai", "")));
      for (const text of [dirname(modules), join(modules, "@openai", "codex"), join(modules, ".bin", "codex")]) {
        expect(resolveCodex(text, options)).toEqual({ version: release, path });
      }
    });

    it("measures every case, and counts what is sent ahead and what guardians ask", async () => {
      const scratch = scratchFolder("start");
      const { cases, counts, notes } = startCases({ binaries: [binary], scratch });
      const run = async (item: BenchCase): Promise<void> => {
        await item.prepare?.();
        const { wallMs, peakBytes, readBytes, writtenBytes } = await item.run();
        expect(wallMs).toBeGreaterThan(1);
        if (process.platform !== "linux") return;
        expect(peakBytes).toBeGreaterThan(10e6);
        expect(readBytes).toBeGreaterThan(0);
        expect(writtenBytes).toBeGreaterThan(0);
      };
      // In turns, as the suite does it: servers of several cases run at once.
      for (let round = 0; round < ROUNDS; round++) for (const item of cases) await run(item);
      for (const item of cases) await item.release?.();
      const found = counts().map(({ case: name, runs, requests }) => {
        const [, way, setup] = name.split(".");
        return [
          way,
          setup,
          runs,
          requests.generating,
          requests.prewarm,
          requests.byGuardians,
          requests.guardianSessions,
        ];
      });
      expect(found).toEqual([
        ["process", "http", ROUNDS, ROUNDS, 0, 0, 0],
        ["process", "websocket", ROUNDS, ROUNDS, ROUNDS, 0, 0],
        ["cold", "http", ROUNDS, ROUNDS, 0, 0, 0],
        ["cold", "websocket", ROUNDS, ROUNDS, ROUNDS, 0, 0],
        ["cold", "guardian", ROUNDS, 3 * ROUNDS, 2 * ROUNDS, 2 * ROUNDS, ROUNDS],
        ["warm", "http", ROUNDS, ROUNDS, 0, 0, 0],
        ["warm", "websocket", ROUNDS, ROUNDS, ROUNDS, 0, 0],
        ["warm", "guardian", ROUNDS, 3 * ROUNDS, 2 * ROUNDS, 2 * ROUNDS, ROUNDS],
        ["review", "guardian", ROUNDS, 3 * ROUNDS, 2 * ROUNDS, 2 * ROUNDS, ROUNDS],
      ]);
      expect(notes()).toHaveLength(9);
      expect(readdirSync(scratch)).toEqual([]);
      removeScratch(scratch);
    });

    it("refuses by name, and stops, when the model does not answer in time", async () => {
      const root = scratchFolder("silent");
      const home = join(root, "home");
      writeCodexConfig(home);
      const server = new AppServer(binary, home);
      await server.initialize();
      await expect(server.request("thread/resume", { threadId: "nonsense" })).rejects.toThrow(
        `Codex ${release} (${binary.path}): thread/resume: -32`,
      );
      await expect(server.notification("turn/completed", () => true, 50)).rejects.toThrow(
        "no such notification in 50 ms",
      );
      await server.stop(60_000);
      expect(server.exit).toBe(0);
      removeScratch(root);
    });

    const module = join(ROOT, "dist", "bench", "app-server.js");
    it.runIf(existsSync(module)).each(["handshake", "turn"])(
      "dies with the program that started it, in the middle of a %s",
      async (work) => {
        const root = scratchFolder("orphan");
        const home = join(root, "home");
        mkdirSync(home);
        // A command that runs longer than this test: the turn is still under way when the program is killed.
        const model = await startMockModel({
          script: () => [
            {
              type: "function_call",
              name: "exec_command",
              arguments: JSON.stringify({ cmd: "sleep 60", yield_time_ms: 30_000 }),
            },
          ],
        });
        writeCodexConfig(home, { modelPort: model.port });
        const args = ["--input-type=module", "-e", KEEPER, module, release, binary.path, home, work];
        const keeper = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
        const [pid] = (await once(keeper.stdout, "data")) as [Buffer];
        if (work === "turn") await model.waitForRequest(() => true, 60_000);
        expect(isAlive(Number(pid.toString()))).toBe(true);
        keeper.kill("SIGKILL");
        await once(keeper, "close");
        expect(await waitUntil(() => !isAlive(Number(pid.toString())), 40_000)).toBe(true);
        await model.close();
        removeScratch(root);
      },
    );
  });
}
