/** What a whole run takes care of: what fits together, what its parts are called, and that nothing is left of it. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { measure, type Measurement } from "../../src/bench/measurement.ts";
import { openHome } from "../../src/readers/home.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, rolloutText, sessionPath, threadId, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
let [home, temporary] = ["", ""];
beforeEach(() => {
  [home, temporary] = [join(folder.path, "home"), join(folder.path, "tmp")];
  mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
});
afterEach(() => void vi.unstubAllEnvs());

function run(changes: Partial<Measurement>) {
  return measure({
    what: "parse",
    inputs: [],
    synthetic: [],
    codex: [],
    codexHome: home,
    openThread: (text) => openThread(openHome({ codexHome: home }), text),
    cwd: folder.path,
    env: {},
    node: { path: process.execPath, version: "v20.19.0" },
    toolVersion: "9.8.7",
    rounds: 1,
    warmupRounds: 0,
    seed: 1,
    timeoutMs: 1000,
    now: Date.now,
    tell: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    ...changes,
  });
}

describe("a run", () => {
  it("tells inputs of one name apart, and what each of the user's is", async () => {
    const text = rolloutText([meta(1), userMessage("hello")]);
    for (const name of ["a", "b"]) writeHome(join(folder.path, name, "home"), { [sessionPath(1)]: text });
    const before = snapshot(join(folder.path, "a"));
    const { cases, notes, setting } = await run({
      inputs: ["a/home", "b/home"],
      synthetic: ["small:20kB", "small:20kB"],
    });
    const inputs = new Set(cases.map(({ labels }) => labels[1]));
    expect([...inputs]).toEqual(["home", "home-2", "small:20kB", "small:20kB-2"]);
    expect(notes).toEqual([
      `home: 1 rollout of ${String(text.length)} B in a/home`,
      `home-2: 1 rollout of ${String(text.length)} B in b/home`,
    ]);
    expect(setting).toMatchObject({ node: "v20.19.0", page_cache: "warm", rounds: 1, warmup_rounds: 0 });
    expect(snapshot(join(folder.path, "a"))).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("foresees its cases, and measures nothing where that is not what was wanted", async () => {
    const advance = vi.fn<() => void>();
    const seen: string[] = [];
    const foreseen: Measurement["foreseen"] = ({ cases }) => {
      seen.push(...cases.map(({ name }) => name));
      throw new Error("not that");
    };
    const progress: Measurement["progress"] = (label) =>
      label.startsWith("Measuring") ? { advance, end: advance } : { advance: () => undefined, end: () => undefined };
    await expect(run({ synthetic: ["small:20kB"], foreseen, progress })).rejects.toThrow("not that");
    expect(seen).toHaveLength(4);
    expect(advance).not.toHaveBeenCalled();
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("shows how far it is", async () => {
    const told: string[] = [];
    await run({
      synthetic: ["small:20kB"],
      rounds: 2,
      progress: (label, total) => {
        let done = 0;
        return { advance: (count) => (done += count), end: () => void told.push(`${label} ${done} of ${total}`) };
      },
    });
    expect(told).toEqual(["Making the inputs 1 of 1", "Measuring parse 8 of 8"]);
  });
});

describe("what does not fit together is refused before anything else happens", () => {
  it.each([
    [{ what: "start" }, "bench start measures a Codex, and none was given"],
    [{ what: "start", codex: ["x"], synthetic: ["legacy:1MB"] }, "bench start takes no input"],
    [{ what: "start", codex: ["x"], inputs: ["."] }, "bench start takes no input"],
    [{ what: "parse", codex: ["x"] }, "bench parse measures this tool alone"],
    [{ what: "compress", codex: ["x"] }, "bench compress measures this tool alone"],
    [{ what: "resume", inputs: ["zzzz"], codex: ["9.9.9"] }, "there is no thread"],
    [{ what: "fork", synthetic: ["legacy"] }, "no synthetic input is called"],
    [{ what: "reindex", inputs: ["missing"] }, "there is no such home"],
    [{ what: "resume", synthetic: ["legacy:99GB"] }, "of temporary room may be needed"],
    [{ what: "resume", codex: ["./missing"] }, "no Codex there"],
  ] as const)("%j", async (changes, message) => {
    mkdirSync(home);
    await expect(run(changes)).rejects.toThrow(message);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

it("a thread that no Codex would resume is refused by its own path", async () => {
  writeHome(home, { [sessionPath(1)]: rolloutText([userMessage("no metadata")]) });
  writeFileSync(join(home, "notes"), "");
  const path = join(home, sessionPath(1));
  await expect(run({ what: "resume", inputs: [path] })).rejects.toMatchObject({ code: "unsupported", place: { path } });
  await expect(run({ what: "resume", inputs: [threadId(1)] })).rejects.toMatchObject({ code: "unsupported" });
});
