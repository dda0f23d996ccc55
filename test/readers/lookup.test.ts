import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { openHome } from "../../src/readers/home.ts";
import { findByPath, findThread, type FoundThread, looksLikePath, noteText } from "../../src/readers/lookup.ts";
import type { ThreadIndex } from "../../src/readers/thread-index.ts";
import { change, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  fileName,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();

/** Thread n, whose metadata says so. */
function thread(n: number, text = `message ${n}`): string {
  return rolloutText([meta(n), userMessage(text)]);
}

function find(home: string, text: string, options: Parameters<typeof findThread>[2] = {}): FoundThread {
  return findThread(openHome({ codexHome: home }), text, options);
}

function refusal(home: string, text: string): { code: string; message: string; hint: string } {
  try {
    find(home, text);
  } catch (error) {
    if (error instanceof RolloutError) return { code: error.code, message: error.message, hint: error.hint ?? "" };
    throw error;
  }
  throw new Error(`${text} was found`);
}

/** An index made of rows; asking for it may be forbidden. */
function indexOf(threads: ThreadIndex["threads"]): () => ThreadIndex {
  return () => ({ path: "", state: "sound", problem: undefined, level: 62, threads, edges: [], sections: [] });
}

const forbidden = (): ThreadIndex => {
  throw new Error("the index was asked");
};

describe("an id", () => {
  it("is found by the name of its file, in any spelling, without asking the index", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(1), [archivedPath(2)]: thread(2) });
    const spellings = [
      threadId(1),
      threadId(1).toUpperCase(),
      `urn:uuid:${threadId(1)}`,
      threadId(1).replaceAll("-", ""),
    ];
    for (const text of spellings) {
      expect(find(home, text, { index: forbidden })).toMatchObject({
        id: threadId(1),
        rolloutId: threadId(1),
        logicalPath: join(home, sessionPath(1)),
        path: join(home, sessionPath(1)),
        archived: false,
        by: "id",
        via: "file-name",
        others: [],
        notes: [],
      });
    }
    expect(find(home, threadId(2))).toMatchObject({ archived: true, logicalPath: join(home, archivedPath(2)) });
  });

  it("is told under the plain path whatever the form", () => {
    const home = writeHome(folder.path, { [`${sessionPath(1)}.zst`]: thread(1) });
    expect(find(home, threadId(1))).toMatchObject({
      logicalPath: join(home, sessionPath(1)),
      path: join(home, `${sessionPath(1)}.zst`),
      meta: { id: threadId(1) },
    });
  });

  it("names the file that the index has selected, else the newest; a revert's file by its own id too", () => {
    const newer = { stamp: "2025-11-01T13-00-00", segment: 901 };
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText([paginatedMeta(1), userMessage("first")], { paginated: true }),
      [sessionPath(1, newer)]: rolloutText([paginatedMeta(1, { history_base: base(threadId(1), 10) })], {
        paginated: true,
      }),
    });
    const [old, tip] = [join(home, sessionPath(1)), join(home, sessionPath(1, newer))];
    expect(find(home, threadId(1))).toMatchObject({ logicalPath: tip, rolloutId: threadId(901), others: [old] });
    const row = { id: threadId(1), rollout_path: `/elsewhere/.codex/${sessionPath(1)}` };
    expect(find(home, threadId(1), { index: indexOf([row]) })).toMatchObject({ logicalPath: old, others: [tip] });
    expect(find(home, threadId(901))).toMatchObject({ id: threadId(1), logicalPath: tip, by: "rollout-id" });
  });

  it("prefers the active one of two copies", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(1), [archivedPath(1)]: thread(1) });
    expect(find(home, threadId(1))).toMatchObject({ archived: false, others: [join(home, archivedPath(1))] });
  });

  it("is not found in a file whose first metadata names another thread, and the answer says so", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(2), [sessionPath(3)]: thread(3) });
    const { code, message } = refusal(home, threadId(1));
    expect(code).toBe("not-found");
    expect(message).toContain(`${join(home, sessionPath(1))} holds another thread (${threadId(2)})`);
    // The thread that it does hold is found by the scan.
    expect(find(home, threadId(2))).toMatchObject({
      id: threadId(2),
      via: "scan",
      logicalPath: join(home, sessionPath(1)),
    });
  });

  it("counts the first metadata only: copies of a parent's do not make a file foreign", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: rolloutText([meta(1), meta(2), userMessage("x")]) });
    expect(find(home, threadId(1)).notes).toEqual([]);
    expect(refusal(home, threadId(2)).code).toBe("not-found");
  });

  it("is found by its name where the metadata is lost, but not before a sound copy", () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText(["garbage", userMessage("x")]),
      [sessionPath(2, { stamp: "2025-11-02T00-00-00" })]: "broken\n",
      [sessionPath(2)]: thread(2),
    });
    expect(find(home, threadId(1))).toMatchObject({ id: threadId(1), meta: undefined });
    expect(find(home, threadId(2))).toMatchObject({ logicalPath: join(home, sessionPath(2)) });
  });

  it("is found through the index where the file's name does not tell", () => {
    const home = writeHome(folder.path, { "sessions/rollout-mine.jsonl": thread(1) });
    runReindex(home);
    expect(find(home, threadId(1))).toMatchObject({ via: "index", rolloutId: undefined });
  });

  it.each([
    ["gone", "rollout-gone.jsonl", "which is not there"],
    ["foreign", "rollout-foreign.jsonl", "holds another thread"],
    ["nameless", "rollout-nameless.jsonl", "which does not say whose it is"],
    ["a folder", "rollout-folder.jsonl", "which is not there"],
  ])("is not served from a path in the index that is %s", (_what, name, words) => {
    const home = writeHome(folder.path, {
      "sessions/rollout-foreign.jsonl": thread(2),
      "sessions/rollout-nameless.jsonl": "{}\n",
    });
    mkdirSync(join(home, "sessions", "rollout-folder.jsonl"));
    const row = { id: threadId(1), rollout_path: join(home, "sessions", name) };
    expect(() => find(home, threadId(1), { index: indexOf([row]) })).toThrow(words);
  });

  it("is not served from outside the home, even if the file there is the thread's", () => {
    const outside = writeHome(join(folder.path, "old"), { [sessionPath(1)]: thread(1) });
    const home = writeHome(join(folder.path, "new"), { [sessionPath(2)]: thread(2) });
    const row = { id: threadId(1), rollout_path: join(outside, sessionPath(1)) };
    expect(() => find(home, threadId(1), { index: indexOf([row]) })).toThrow("which is outside this home");
    // Paths that climb out are no paths below the home.
    const climbing = { id: threadId(1), rollout_path: `${home}/sessions/../../old/${sessionPath(1)}` };
    expect(() => find(home, threadId(1), { index: indexOf([climbing]) })).toThrow("which is outside this home");
  });

  it("is found in a home that has moved: at the same place below this one", () => {
    const home = writeHome(folder.path, { "sessions/2025/11/01/rollout-mine.jsonl": thread(1) });
    for (const rollout_path of [
      "/old/.codex/sessions/2025/11/01/rollout-mine.jsonl.zst",
      "\\\\?\\C:\\Users\\user\\.codex\\sessions\\2025\\11\\01\\rollout-mine.jsonl",
    ]) {
      const found = find(home, threadId(1), { index: indexOf([{ id: threadId(1), rollout_path }]) });
      expect(found).toMatchObject({ via: "index", logicalPath: join(home, "sessions/2025/11/01/rollout-mine.jsonl") });
    }
  });

  it("is found by a scan where neither names nor index tell", () => {
    const home = writeHome(folder.path, {
      "sessions/rollout-a.jsonl": thread(1),
      "sessions/x/rollout-b.jsonl.zst": thread(2),
    });
    expect(find(home, threadId(2))).toMatchObject({ via: "scan", path: join(home, "sessions/x/rollout-b.jsonl.zst") });
  });

  it("that no file has is not found, and nothing was written while looking", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(1) });
    runReindex(home);
    const before = snapshot(home);
    expect(refusal(home, threadId(9))).toEqual({
      code: "not-found",
      message: `there is no thread "${threadId(9)}" in this home`,
      hint: "rollout-tool list --all --hidden shows all threads",
    });
    expect(snapshot(home)).toEqual(before);
  });

  it("of a document of the TypeScript CLI is found", () => {
    const id = "5f0a9d4e-1c7b-4e7a-9a57-0123456789ab";
    const session = { timestamp: "2025-04-20T10:00:00.000Z", id, instructions: "" };
    const path = `sessions/rollout-2025-04-20-${id}.json`;
    const home = writeHome(folder.path, { [path]: JSON.stringify({ session, items: [] }, null, 2) });
    for (const text of [id, "5f0a", join(home, path)])
      expect(find(home, text)).toMatchObject({ id, path: join(home, path) });
  });

  it("of a bare rollout is found", () => {
    const line = JSON.stringify({ id: threadId(1), timestamp: "2025-06-01T10:00:00.000Z", instructions: null });
    const home = writeHome(folder.path, { [sessionPath(1)]: `${line}\n` });
    expect(find(home, threadId(1)).meta).toMatchObject({ id: threadId(1), originator: "codex_cli_rs" });
  });
});

describe("the beginning of an id", () => {
  const ids = [
    "0199aaaa-0000-7000-8000-000000000001",
    "0199aaaa-1111-7000-8000-000000000002",
    "0199bbbb-0000-7000-8000-000000000003",
  ];

  function homeOf(): string {
    const files = ids.map((id) => [
      `sessions/2025/11/01/rollout-2025-11-01T12-00-00-${id}.jsonl`,
      rolloutText([meta(1, { id }), userMessage(`words of ${id.slice(-1)}`)]),
    ]);
    return writeHome(folder.path, Object.fromEntries(files) as Record<string, string>);
  }

  it("is enough if no other id has it, with or without hyphens, in either case", () => {
    const home = homeOf();
    for (const text of ["0199b", "0199bbbb-", "0199BBBB-00", "0199bbbb0000"]) {
      expect(find(home, text)).toMatchObject({ id: ids[2], by: "id-prefix", via: "file-name" });
    }
  });

  it("that several have is refused with the candidates", () => {
    const home = homeOf();
    runReindex(home);
    expect(refusal(home, "0199aaaa")).toEqual({
      code: "ambiguous",
      message: '"0199aaaa" is the beginning of 2 thread ids',
      hint: `give more of the id: ${ids[0]} (words of 1), ${ids[1]} (words of 2)`,
    });
  });

  it("names five candidates at most", () => {
    const many = Array.from({ length: 8 }, (_unused, n) => `0199cccc-0000-7000-8000-00000000000${n}`);
    const files = many.map(
      (id) => [`sessions/rollout-2025-11-01T12-00-00-${id}.jsonl`, rolloutText([meta(1, { id })])] as const,
    );
    const home = writeHome(folder.path, Object.fromEntries(files));
    expect(refusal(home, "0199cccc").hint).toBe(`give more of the id: ${many.slice(0, 5).join(", ")} and 3 more`);
  });

  it("needs 4 characters", () => {
    expect(refusal(homeOf(), "019")).toMatchObject({
      code: "not-found",
      hint: "the beginning of an id needs 4 characters",
    });
  });

  it("counts ids that only the index knows", () => {
    const home = homeOf();
    const index = indexOf([{ id: "0199bbbb-9999-7000-8000-000000000009" }]);
    expect(() => find(home, "0199bbbb", { index })).toThrow("is the beginning of 2 thread ids");
  });

  it("yields to an exact name where it fits several, and is scanned for last", () => {
    const home = homeOf();
    const line = { id: ids[2], thread_name: "0199aaaa", updated_at: "2025-11-01T00:00:00Z" };
    writeFileSync(join(home, "session_index.jsonl"), `${JSON.stringify(line)}\n`);
    expect(find(home, "0199aaaa")).toMatchObject({ id: ids[2], by: "name" });
    writeFileSync(join(home, "sessions", "rollout-mine.jsonl"), thread(7));
    expect(find(home, threadId(7).slice(0, 8))).toMatchObject({ id: threadId(7), by: "id-prefix", via: "scan" });
  });
});

describe("a name", () => {
  function indexLines(names: readonly (readonly [n: number, name: string])[]): string {
    return names
      .map(
        ([n, name]) =>
          `${JSON.stringify({ id: threadId(n), thread_name: name, updated_at: "2025-11-01T00:00:00Z" })}\n`,
      )
      .join("");
  }

  it("is the last one that the session index has for the thread, minding the case", () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: thread(1),
      "session_index.jsonl": indexLines([
        [1, "Old"],
        [1, "Fix src/main.ts"],
      ]),
    });
    expect(find(home, "Fix src/main.ts")).toMatchObject({ id: threadId(1), by: "name" });
    for (const text of ["Old", "fix src/main.ts"]) expect(refusal(home, text).code).toBe("not-found");
  });

  it("may stand in the index alone: the column of a paginated thread, the explicit title of a legacy one", () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText([paginatedMeta(1), userMessage("a")], { paginated: true }),
      [sessionPath(2)]: thread(2, "the first message"),
    });
    runReindex(home);
    change(home, `update threads set name = 'Column' where id = '${threadId(1)}'`);
    change(home, `update threads set title = 'Title' where id = '${threadId(2)}'`);
    expect(find(home, "Column").id).toBe(threadId(1));
    expect(find(home, "Title").id).toBe(threadId(2));
    change(home, `update threads set title = 'the first message' where id = '${threadId(2)}'`);
    expect(refusal(home, "the first message").code).toBe("not-found");
  });

  it("that several have is refused; one without a rollout does not count", () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: thread(1),
      [sessionPath(2)]: thread(2),
      "session_index.jsonl": indexLines([
        [1, "Same"],
        [2, "Same"],
        [3, "Same"],
      ]),
    });
    expect(refusal(home, "Same")).toMatchObject({ code: "ambiguous", message: '2 threads have the name "Same"' });
    rmSync(join(home, sessionPath(2)));
    expect(find(home, "Same").id).toBe(threadId(1));
  });
});

describe("a path", () => {
  it("is found in either form, and the plain file wins", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(1) });
    const path = join(home, sessionPath(1));
    for (const text of [path, `${path}.zst`, sessionPath(1)]) {
      expect(find(home, text)).toMatchObject({ logicalPath: path, path, by: "path", via: "path", id: threadId(1) });
    }
    writeFileSync(`${path}.zst`, compressZstd(Buffer.from(thread(2))));
    expect(find(home, `${path}.zst`)).toMatchObject({ path, id: threadId(1) });
    rmSync(path);
    expect(find(home, path)).toMatchObject({ logicalPath: path, path: `${path}.zst`, id: threadId(2) });
  });

  it("needs neither a home nor a usual name, and is taken from the folder of the caller", () => {
    const path = join(folder.path, "copy.jsonl");
    writeFileSync(path, thread(1));
    expect(findByPath(path)).toMatchObject({ id: threadId(1), rolloutId: undefined });
    const home = writeHome(join(folder.path, "home"), {});
    expect(find(home, "copy.jsonl", { cwd: folder.path }).path).toBe(path);
    expect(find(home, "./copy.jsonl", { cwd: folder.path }).path).toBe(path);
  });

  it("that is only a name is looked for in the whole home; a place that is wrong is answered with the right one", () => {
    const home = writeHome(folder.path, { [archivedPath(1)]: thread(1) });
    expect(find(home, fileName(1))).toMatchObject({ id: threadId(1), via: "file-name", archived: true });
    expect(refusal(home, join(home, sessionPath(1)))).toMatchObject({
      code: "not-found",
      hint: `a rollout of this name lies at ${join(home, archivedPath(1))}`,
    });
  });

  it("of a folder, or of nothing, is an error", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(1) });
    expect(refusal(home, join(home, "sessions")).code).toBe("not-a-file");
    expect(refusal(home, join(home, "nothing.jsonl"))).toMatchObject({
      code: "not-found",
      hint: "rollout-tool list --all --hidden shows all threads",
    });
    expect(refusal(home, join(home, fileName(5)))).toMatchObject({ code: "not-found", hint: "check the path" });
  });

  it("is told from ids and names by its look", () => {
    expect(["a/b", "a\\b", "x.jsonl", "x.jsonl.zst", "x.json"].map(looksLikePath)).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(["019a3edc", "My name", "json", "x.jsonl.bak"].map(looksLikePath)).toEqual([false, false, false, false]);
  });

  it("is found while the file changes its form", () => {
    const home = writeHome(folder.path, { [`${sessionPath(1)}.zst`]: thread(1) });
    const plain = join(home, sessionPath(1));
    const found = find(home, threadId(1));
    copyFileSync(`${plain}.zst`, join(home, "aside"));
    rmSync(`${plain}.zst`);
    writeFileSync(plain, thread(1));
    expect(findByPath(found.path)).toMatchObject({ path: plain, id: threadId(1) });
    renameSync(join(home, "aside"), `${plain}.zst`);
    rmSync(plain);
    expect(findByPath(found.logicalPath)?.path).toBe(`${plain}.zst`);
  });
});

describe("hostile text", () => {
  it("finds nothing, harms nothing, and reads nothing outside the home", () => {
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: thread(1) });
    runReindex(home);
    writeFileSync(join(folder.path, "secret.jsonl"), thread(2));
    symlinkSync(join(folder.path, "secret.jsonl"), join(home, "sessions", "rollout-link.jsonl"));
    for (const text of ["../", `../${threadId(1)}`, `${threadId(1)}/../..`, "", " ", "\0", "a\0b.jsonl", threadId(2)]) {
      expect(() => find(home, text), JSON.stringify(text)).toThrow(RolloutError);
    }
  });

  it("never throws anything but the tool's own errors", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: thread(1) });
    runReindex(home);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[0-9a-f-]{1,40}$/)), (text) => {
        try {
          expect(find(home, text).id).toBe(threadId(1));
        } catch (error) {
          if (!(error instanceof RolloutError) || error.code === "internal") throw error;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("notes", () => {
  it("have words", () => {
    expect(noteText({ kind: "foreign", path: "/a", holds: "b" })).toBe("/a holds another thread (b)");
    expect(noteText({ kind: "gone", path: "/a" })).toBe("the index names /a, which is not there");
  });
});
