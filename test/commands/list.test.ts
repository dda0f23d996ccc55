import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ageText, shortFolder, uniqueLength } from "../../src/commands/list-text.ts";
import { textWidth } from "../../src/io/text.ts";
import { change, snapshot, temporaryFolder } from "../support/homes.ts";
import { FAMILY, IDS, indexedFamily, runTool, unpackFamily } from "../support/list-home.ts";

const folder = temporaryFolder();

interface JsonList {
  readonly source: string;
  readonly matched: number;
  readonly hidden: number;
  readonly threads: readonly Readonly<Record<string, unknown>>[];
}

async function json(home: string, ...argv: readonly string[]): Promise<JsonList> {
  const { out } = await runTool(home, ["list", "--json", ...argv]);
  return JSON.parse(out) as JsonList;
}

async function ids(home: string, ...argv: readonly string[]): Promise<readonly unknown[]> {
  return (await json(home, ...argv)).threads.map(({ id }) => id);
}

describe("list as text", () => {
  it("is a table that fits the terminal, with every recorded text made safe", async () => {
    const home = indexedFamily(folder.path);
    const before = snapshot(home);
    const env = { HOME: "/home/user" };
    const { code, out, err } = await runTool(home, ["list", "--all", "--hidden"], { columns: 100, env });
    if (process.env["ROLLOUT_TOOL_RECORD"] === "1") writeFileSync(join(FAMILY, "list.txt"), out);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(readFileSync(join(FAMILY, "list.txt"), "utf8"));
    expect(Math.max(...out.split("\n").map(textWidth))).toBeLessThanOrEqual(100);
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
    expect(snapshot(home)).toEqual(before);
  });

  it("gives ids that show takes", async () => {
    const home = indexedFamily(folder.path);
    const { out } = await runTool(home, ["list", "--all", "--hidden"]);
    const shown = out
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(" ")[0] ?? "");
    expect(shown).toHaveLength(12);
    for (const id of shown) expect((await runTool(home, ["show", id])).code).toBe(0);
  });

  it("says how many more there are, and what is hidden, on stderr", async () => {
    const home = indexedFamily(folder.path);
    const { out, err } = await runTool(home, ["list", "--limit", "3"]);
    expect(out.split("\n")).toHaveLength(5);
    expect(err.split("\n")).toEqual([
      "… and 5 more threads (--limit 0 shows all)",
      "3 threads hidden as in Codex: no first message, or attached to another (--hidden shows them)",
      "",
    ]);
    expect((await runTool(home, ["list", "--limit", "3", "--quiet"])).err).toBe("");
    expect(await runTool(home, ["list", "--search", "zzz"])).toEqual({ code: 0, out: "", err: "no thread matches\n" });
  });

  it("says when the list comes from the rollouts", async () => {
    const home = unpackFamily(folder.path);
    const { code, out, err } = await runTool(home, ["list"]);
    expect(code).toBe(0);
    expect(out.split("\n")).toHaveLength(10);
    expect(err).toMatch(/^no usable index \(absent: there is none\); this list comes from the rollouts\./);
  });

  it("says when the index is of another place, and which rows harm", async () => {
    const home = indexedFamily(folder.path);
    change(home, "update threads set rollout_path = replace(rollout_path, '/family/', '/before/')");
    change(home, `update threads set history_mode = 'odd' where id = '${IDS.silent}'`);
    rmSync(join(home, "archived_sessions"), { recursive: true });
    const { err } = await runTool(home, ["list", "--all", "--hidden"]);
    expect(err.split("\n")).toEqual([
      "the index names 11 files of another folder, as after a move; rollout-tool reindex puts it right",
      "1 of these threads have no rollout where the index says",
      "1 row makes Codex refuse its whole list (--all --hidden --json: flag breaks-codex)",
      "",
    ]);
  });
});

describe("list as JSON", () => {
  it("is one document with every column, and what is no column", async () => {
    const home = indexedFamily(folder.path);
    const answer = await json(home, "--all", "--hidden");
    expect(answer).toMatchObject({ source: "database", database_state: "sound", total: 12, matched: 12, hidden: 0 });
    const thread = (id: string) => answer.threads.find((each) => each["id"] === id);
    expect(thread(IDS.named)).toMatchObject({
      rollout_path: join(home, `sessions/2025/11/01/rollout-2025-11-01T17-00-00-${IDS.named}.jsonl`),
      title: "Parser fix",
      name: null,
      shown_name: "Parser fix",
      git_branch: "main",
      tokens_used: 1234,
      parent_thread_id: null,
      file: join(home, `sessions/2025/11/01/rollout-2025-11-01T17-00-00-${IDS.named}.jsonl`),
      flags: [],
    });
    expect(thread(IDS.compressed)?.["file"]).toBe(`${String(thread(IDS.compressed)?.["rollout_path"])}.zst`);
    expect(thread(IDS.child)?.["parent_thread_id"]).toBe(IDS.parent);
    expect(thread(IDS.parent)?.["thread_section_id"]).toBe("01984de2-8f74-7c91-a3b2-5c5e937cf318");
    const flags = Object.entries(IDS).map(([label, id]) => [label, thread(id)?.["flags"]]);
    expect(Object.fromEntries(flags)).toEqual({
      named: [],
      paginated: [],
      compressed: ["zst"],
      parent: [],
      child: ["agent"],
      grandchild: ["agent", "hidden"],
      archived: ["archived"],
      attached: ["attached", "hidden"],
      hostile: [],
      imported: ["odd-folder"],
      silent: ["hidden"],
      reverted: [],
    });
  });

  it("says where the files of stale rows are", async () => {
    const home = indexedFamily(folder.path);
    change(home, `update threads set rollout_path = '/old/sessions/2025/11/04/none.jsonl' where id = '${IDS.silent}'`);
    change(home, `update threads set rollout_path = '${home}/sessions/none.jsonl' where id = '${IDS.parent}'`);
    change(
      home,
      `update threads set rollout_path = '/old' || substr(rollout_path, ${home.length + 1}) where id = '${IDS.named}'`,
    );
    change(home, `update threads set id = x'00ff', title = x'0102' where id = '${IDS.imported}'`);
    const { threads } = await json(home, "--hidden");
    const facts = (id: string) => {
      const thread = threads.find((each) => each["id"] === id);
      return [thread?.["file"] === null, thread?.["flags"]];
    };
    expect(facts(IDS.silent)).toEqual([true, ["hidden", "elsewhere"]]);
    expect(facts(IDS.parent)).toEqual([true, ["missing", "odd-folder"]]);
    expect(facts(IDS.named)).toEqual([false, ["moved"]]);
    expect(threads.find(({ title }) => title === "0102")).toMatchObject({
      id: "00ff",
      flags: ["odd-folder", "breaks-codex"],
    });
  });

  it("has no limit but the one that is asked for", async () => {
    const home = indexedFamily(folder.path);
    expect(await ids(home, "--all", "--hidden")).toHaveLength(12);
    expect(await json(home, "--limit", "2")).toMatchObject({
      matched: 8,
      hidden: 3,
      threads: [{ id: IDS.reverted }, { id: IDS.imported }],
    });
  });
});

describe("list's options", () => {
  it("take a thread as show does", async () => {
    const home = indexedFamily(folder.path);
    for (const text of [IDS.parent, "019a44de", "Split this work among agents"]) {
      if (text.startsWith("Split"))
        change(home, `update threads set first_user_message = 'other' where id = '${IDS.parent}'`);
      expect(await ids(home, "--ancestor", text)).toEqual([IDS.grandchild, IDS.child]);
    }
    // A parent whose rollout is gone still has children.
    expect(await ids(home, "--parent", "019a44de-2300-7004-8000-ffffffffffff")).toEqual([]);
    const { code, err } = await runTool(home, ["list", "--parent", "nobody"]);
    expect([code, err]).toEqual([
      2,
      `rollout-tool: there is no thread "nobody" in this home (${home})\nhint: rollout-tool list --all --hidden shows all threads\n`,
    ]);
  });

  it("take folders in any spelling, from where the caller stands", async () => {
    const home = indexedFamily(folder.path);
    const other = (cwd: string, ...argv: readonly string[]) => runTool(home, ["list", "--json", ...argv], { cwd });
    for (const [cwd, text] of [
      ["/", "/home/user/other/"],
      ["/home/user/project", "../other"],
      ["/home/user/other", "."],
    ] as const) {
      const { out } = await other(cwd, "--cwd", text);
      expect((JSON.parse(out) as JsonList).threads.map(({ id }) => id)).toEqual([IDS.compressed]);
    }
    expect(await ids(home, "--cwd", "/home/user/other", "--cwd", "/home/user/project")).toHaveLength(7);
  });

  it("take sections by name or id", async () => {
    const home = indexedFamily(folder.path);
    for (const text of ["Pinned", "01984de2-8f74-7c91-a3b2-5c5e937cf318"])
      expect(await ids(home, "--section", text)).toEqual([IDS.parent]);
    const { code, err } = await runTool(home, ["list", "--section", "Pined"]);
    expect([code, err]).toEqual([2, 'rollout-tool: there is no section "Pined"\nhint: did you mean Pinned?\n']);
  });

  it("know the kinds of source", async () => {
    const home = indexedFamily(folder.path);
    expect(await ids(home, "--source", "subagent:thread_spawn")).toEqual([IDS.child]);
    expect(await ids(home, "--source", "exec", "--source", "vscode")).toEqual([IDS.compressed, IDS.paginated]);
    const { code, err } = await runTool(home, ["list", "--source", "subagnet"]);
    expect([code, err]).toEqual([2, 'rollout-tool: --source does not know "subagnet"\nhint: did you mean subagent?\n']);
  });

  it("order and reverse", async () => {
    const home = indexedFamily(folder.path);
    const forth = await ids(home, "--all", "--hidden");
    expect(await ids(home, "--all", "--hidden", "-r")).toEqual(forth.toReversed());
    change(home, `update threads set recency_at_ms = 1762500000000 where id = '${IDS.named}'`);
    expect((await ids(home, "--sort", "recency"))[0]).toBe(IDS.named);
  });

  it("exclude each other where they must", async () => {
    const home = unpackFamily(folder.path);
    for (const argv of [
      ["--archived", "--all"],
      ["--from-files", "--section", "Pinned"],
    ]) {
      expect((await runTool(home, ["list", ...argv])).err).toMatch(/exclude each other/);
    }
  });
});

describe("the parts of a line", () => {
  it.each([
    [0, "now"],
    [-3_600_000, "now"],
    [60_000, "1 min"],
    [3_599_000, "59 min"],
    [3_600_000, "1 h"],
    [47 * 3_600_000, "47 h"],
    [48 * 3_600_000, "2 d"],
    [29 * 86_400_000, "29 d"],
    [30 * 86_400_000, "2025-10-08"],
    [-86_400_001, "2025-11-08"],
  ])("an age of %d ms is %j", (ageMs, text) => {
    expect(ageText(ageMs, Date.parse("2025-11-07T00:00:00.000Z") - ageMs)).toBe(text);
  });

  it("an age without a time, or beyond all calendars, is nothing", () => {
    expect([ageText(5, 0), ageText(0, -1), ageText(-1e300, 1e300)]).toEqual(["", "", ""]);
  });

  it.each([
    ["/home/user", "~"],
    ["/home/user/a", "~/a"],
    ["/home/username/a", "/home/username/a"],
    ["/one/very/long/path/to/the/folder/of/a/project", "…/to/the/folder/of/a/project"],
    ["C:\\one\\very\\long\\path\\to\\a\\project\\folder", "…/path/to/a/project/folder"],
    [`/${"x".repeat(60)}`, `…/${"x".repeat(60)}`],
  ])("the folder %j is %j", (cwd, text) => {
    expect(shortFolder(cwd, "/home/user")).toBe(text);
  });

  it("ids are as long as they must be", () => {
    const id = (tail: string) => `019a405c-9280-7001-8000-${tail.padStart(12, "0")}`;
    const other = "019a41dd-1800-7002-8000-000002468ace";
    expect(uniqueLength([other], [id("1"), other])).toBe(8);
    expect(uniqueLength([id("1")], [id("1"), id("2"), other])).toBe(36);
    expect(uniqueLength([other], [id("1"), id("2"), other])).toBe(8);
    // Never cut behind a hyphen.
    expect(uniqueLength([id("1")], [id("1"), "019a405c-7280-7001-8000-000000000001"])).toBe(10);
    expect(uniqueLength([], [])).toBe(8);
  });
});
