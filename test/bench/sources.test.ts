import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { rolloutsBelow } from "../../src/bench/case-home.ts";
import {
  homeSource,
  labelOf,
  syntheticHomeSource,
  syntheticSource,
  threadSource,
  uniqueLabels,
} from "../../src/bench/sources.ts";
import { forkThread } from "../../src/fork/fork.ts";
import { openHome } from "../../src/readers/home.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  fileName,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let [home, made] = ["", ""];
beforeEach(() => {
  home = join(folder.path, "a home");
  made = join(folder.path, "made");
  mkdirSync(made);
});

const text = (n: number): string => rolloutText([meta(n), userMessage(`hello ${String(n)}`)]);

function source(thread: string) {
  const found = openThread(openHome({ codexHome: home }), thread, { cwd: folder.path });
  return threadSource(found, home, { mostBytes: 1e9 });
}

describe("labels", () => {
  it("hold nothing that a terminal or a criterion takes for its own", () => {
    const given = [".codex", "my home", "a/b>c", "\u001b[2J\n", "legacy:2.5MB", "día", "x".repeat(99), "\u202Egpj", ""];
    expect(given.map((name) => labelOf(name, "home"))).toEqual([
      "codex",
      "my-home",
      "a-b-c",
      "2J",
      "legacy:2.5MB",
      "día",
      "x".repeat(60),
      "gpj",
      "home",
    ]);
  });

  it("are never the same for two inputs", () => {
    expect(uniqueLabels(["a", "a", "a-2", "a", "b"])).toEqual(["a", "a-2", "a-2-2", "a-3", "b"]);
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "a-2", "a-3", "a-2-2", "b")), (labels) => {
        const unique = uniqueLabels(labels);
        expect(new Set(unique).size).toBe(labels.length);
        expect(unique.every((label, index) => label.startsWith(labels[index] ?? "?"))).toBe(true);
      }),
    );
  });
});

describe("a thread of the user's", () => {
  it("is copied with its times, wherever it lies and in whatever form, and stays as it is", () => {
    const outside = join(folder.path, "else where", fileName(4));
    writeHome(home, {
      [sessionPath(1)]: text(1),
      [archivedPath(2)]: text(2),
      [`${sessionPath(3)}.zst`]: text(3),
      [sessionPath(9)]: text(9),
    });
    writeHome(dirname(outside), { [fileName(4)]: text(4) });
    const before = [snapshot(home), snapshot(dirname(outside))];
    const named = [
      threadId(1),
      threadId(2).slice(0, 18),
      join(home, `${sessionPath(3)}.zst`),
      `else where/${fileName(4)}`,
    ];
    for (const [index, thread] of named.entries()) {
      const number = index + 1;
      const { label, bytes, make } = source(thread);
      expect([label, bytes]).toEqual([threadId(number).slice(-12), Buffer.byteLength(text(number))]);
      rmSync(made, { recursive: true });
      mkdirSync(made);
      expect(make(made)).toEqual({
        home: made,
        threadId: threadId(number),
        historyMode: "legacy",
        // An archived one too: Codex resumes active threads only.
        paths: [sessionPath(number)],
        bytes,
        note: `thread ${threadId(number)}, legacy, 1 file of ${String(bytes)} B`,
      });
      expect(rolloutsBelow(made)).toEqual([sessionPath(number)]);
      const written = number === 3 ? `${sessionPath(3)}.zst` : number === 2 ? archivedPath(2) : sessionPath(number);
      const original = number === 4 ? outside : join(home, written);
      expect(statSync(join(made, sessionPath(number))).mtimeMs).toBe(statSync(original).mtimeMs);
    }
    expect([snapshot(home), snapshot(dirname(outside))]).toEqual(before);
  });

  it("comes with what it continues", () => {
    const lines = [paginatedMeta(1), turnContext(), userItem("hello")];
    writeHome(home, { [sessionPath(1)]: rolloutText(lines, { paginated: true }) });
    const fork = forkThread(openHome({ codexHome: home }), threadId(1), { kind: "reference" });
    const before = snapshot(home);
    const { paths, historyMode, note } = source(fork.id ?? "").make(made);
    expect([paths.length, paths[0], historyMode]).toEqual([2, sessionPath(1), "paginated"]);
    expect(note).toContain("2 files");
    expect(openThread(openHome({ codexHome: made }), fork.id ?? "").segments).toHaveLength(2);
    expect(snapshot(home)).toEqual(before);
  });

  it("is refused by its own path, before anything is copied, where no Codex would resume it", () => {
    const strange = rolloutText([meta(3, { history_mode: "strange" }), userMessage("hello")]);
    writeHome(home, {
      [sessionPath(1)]: rolloutText([userMessage("no metadata")]),
      [sessionPath(3)]: strange,
      "sessions/rollout-foo.jsonl": text(4),
    });
    const refusal = (thread: string): unknown => {
      try {
        source(thread);
        return undefined;
      } catch (error) {
        return error;
      }
    };
    const place = (path: string) => ({ path: join(home, path) });
    expect(refusal(sessionPath(1))).toMatchObject({ code: "not-found" });
    expect(refusal(join(home, sessionPath(1)))).toMatchObject({
      code: "unsupported",
      message: "the rollout cannot be measured: it has no metadata",
      place: place(sessionPath(1)),
    });
    expect(refusal(join(home, sessionPath(3)))).toMatchObject({ code: "unsupported", place: place(sessionPath(3)) });
    expect(refusal(join(home, "sessions/rollout-foo.jsonl"))).toMatchObject({
      code: "unsupported",
      message: "the rollout cannot be measured: its name is not one that Codex gives to a rollout",
    });
  });

  it("is refused where its archive breaks, with the place", () => {
    const long = rolloutText([
      meta(1),
      ...Array.from({ length: 3000 }, (_, index) => userMessage(`${index} ${index * index}`)),
    ]);
    writeHome(home, { [`${sessionPath(1)}.zst`]: long });
    const path = join(home, `${sessionPath(1)}.zst`);
    const { size } = statSync(path);
    expect(() => source(path)).not.toThrow();
    writeFileSync(path, readFileSync(path).subarray(0, size - 100));
    expect(() => source(path)).toThrow("the archive breaks");
  });

  it("of which archives are large is not decoded further than matters", () => {
    writeHome(home, { [`${sessionPath(1)}.zst`]: rolloutText([meta(1), userMessage("x".repeat(5e6))]) });
    const found = openThread(openHome({ codexHome: home }), threadId(1));
    const { bytes } = threadSource(found, home, { mostBytes: 1e6 });
    expect(bytes).toBeGreaterThan(1e6);
    expect(bytes).toBeLessThan(2e6);
  });
});

describe("a home of the user's", () => {
  const options = { cwd: "", isPlain: false, mostBytes: 1e9 };

  it("is copied with all rollouts, as they are or unpacked, and stays as it is", () => {
    writeHome(home, {
      [sessionPath(1)]: text(1),
      [archivedPath(2)]: text(2),
      [`${sessionPath(3)}.zst`]: text(3),
      [`${sessionPath(1)}.zst`]: text(1),
      "sessions/notes.txt": "nothing",
      "auth.json": "secret",
    });
    symlinkSync("/dev/zero", join(home, sessionPath(8)));
    const before = snapshot(home);
    const asIs = homeSource("a home", { ...options, cwd: folder.path });
    expect(asIs.label).toBe("a-home");
    expect(asIs.make(made)).toMatchObject({ home: made, form: "mixed" });
    const copied = Object.entries(snapshot(made)).filter(([, what]) => what !== "folder");
    expect(copied.map(([path]) => path)).toEqual([archivedPath(2), sessionPath(1), `${sessionPath(3)}.zst`].toSorted());
    for (const [path, what] of copied) expect(before[path]).toBe(what);

    const plain = homeSource(home, { ...options, isPlain: true });
    expect(plain.bytes).toBe([1, 2, 3].reduce((sum, n) => sum + Buffer.byteLength(text(n)), 0));
    const other = join(folder.path, "other");
    mkdirSync(other);
    expect(plain.make(other)).toMatchObject({ form: "plain" });
    expect(rolloutsBelow(other)).toEqual([archivedPath(2), sessionPath(1), sessionPath(3)].toSorted());
    expect(snapshot(home)).toEqual(before);
  });

  it("of archives alone is one, and what cannot be unpacked is left out and told", () => {
    writeHome(home, { [`${archivedPath(1)}.zst`]: text(1), [`${archivedPath(2)}.zst`]: Buffer.from("no archive") });
    expect(homeSource(home, options).make(made)).toMatchObject({ form: "zst" });
    const other = join(folder.path, "other");
    mkdirSync(other);
    const { note } = homeSource(home, { ...options, isPlain: true }).make(other);
    expect(note).toMatch(/^1 rollout of .* in .*; 1 more could not be read$/);
    expect(rolloutsBelow(other)).toEqual([archivedPath(1)]);
  });

  it("is an error where there is none", () => {
    writeFileSync(join(folder.path, "file"), "");
    mkdirSync(join(home, "sessions"), { recursive: true });
    const refusals = ["missing", "file", "a home"].map((path) => {
      try {
        return homeSource(path, { ...options, cwd: folder.path }).label;
      } catch (error) {
        const { code, message, place } = error as { code: string; message: string; place: { path: string } };
        return [code, message, place.path];
      }
    });
    expect(refusals).toEqual([
      ["not-found", "there is no such home", join(folder.path, "missing")],
      ["not-a-file", "this is no folder", join(folder.path, "file")],
      ["not-found", "there are no rollouts in this home", home],
    ]);
  });
});

describe("what is made up", () => {
  it("is a thread or a home, no larger than was said", () => {
    const thread = syntheticSource("forks:200kB", 1);
    const { paths, bytes, threadId: id } = thread.make(made);
    expect([thread.label, paths.length > 1, bytes <= thread.bytes]).toEqual(["forks:200kB", true, true]);
    expect(openThread(openHome({ codexHome: made }), id).id).toBe(id);
    const other = join(folder.path, "other");
    mkdirSync(other);
    expect(syntheticHomeSource("small:50kB", 1).make(other)).toMatchObject({ form: "plain" });
    expect(existsSync(join(other, "sessions"))).toBe(true);
  });

  it("is refused by its name", () => {
    expect(() => syntheticSource("nothing:1MB", 1)).toThrow("no synthetic input is called");
  });
});
