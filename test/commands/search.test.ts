import { describe, expect, it } from "vitest";

import { textWidth } from "../../src/io/text.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  meta,
  META_TIME,
  responseItem,
  rolloutText,
  sessionPath,
  taskStarted,
  threadId,
  userMessage,
} from "../support/lines.ts";
import { IDS, indexedFamily, runTool } from "../support/list-home.ts";

const folder = temporaryFolder();

function smallHome(): string {
  const long = `${"before ".repeat(20)}the needle${" after".repeat(40)}`;
  return writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([
      meta(1),
      taskStarted(),
      userMessage("Find the needle"),
      responseItem(long, "assistant"),
      userMessage("Needle\u001b[31m, \u202eneedle"),
    ]),
    [`${sessionPath(2, { stamp: "2025-11-02T12-00-00" })}.zst`]: rolloutText([meta(2), userMessage("another needle")]),
  });
}

describe("search as text", () => {
  it("has a heading for each thread, the newest first, and the match in the middle", async () => {
    const home = smallHome();
    const before = snapshot(home);
    const env = { HOME: home };
    const { code, out, err } = await runTool(home, ["search", "needle"], { env, columns: 60 });
    expect({ code, err }).toEqual({ code: 0, err: "4 hits in 2 threads\n" });
    expect(out).toBe(
      [
        `${threadId(2)}  /home/user/project  5 d`,
        `~/${sessionPath(2, { stamp: "2025-11-02T12-00-00" })}`,
        "  2  user  another needle",
        "",
        `${threadId(1)}  /home/user/project  5 d`,
        `~/${sessionPath(1)}`,
        "  turn t1",
        "  3  user       Find the needle",
        "  4  assistant  …before the needle after after after after …",
        String.raw`  5  user       Needle\x1b[31m, \u202eneedle`,
        "",
      ].join("\n"),
    );
    expect(snapshot(home)).toEqual(before);
  });

  it("paints the match where that is wanted", async () => {
    const { out } = await runTool(smallHome(), ["search", "another"], { env: { FORCE_COLOR: "1" } });
    expect(out).toContain("\u001b[31manother\u001b[39m needle");
  });

  it("says what it does not show", async () => {
    const home = smallHome();
    const few = await runTool(home, ["search", "needle", "--limit", "1"]);
    expect(few.err).toBe("1 hit in 1 thread\nthere may be more: only the newest 1 thread (--limit 0 shows all)\n");
    const short = await runTool(home, ["search", "the needle", "--hits", "1"]);
    expect(short.out.split("\n").at(-2)).toBe("  … and 1 more (--hits 0 shows all)");
  });

  it("ends with 1 where nothing is found", async () => {
    expect(await runTool(smallHome(), ["search", "no such thing"])).toEqual({
      code: 1,
      out: "",
      err: "nothing found\n",
    });
  });

  it("knows the names of threads", async () => {
    const home = indexedFamily(folder.path);
    const { out } = await runTool(home, ["search", "e", "--thread", IDS.named], { columns: 120 });
    expect(out.split("\n")[0]).toMatch(/^\S.* {2}019a405c-9280-7001-8000-000001234567 {2}/);
  });

  it("fits the terminal, and shows nothing as it stands", async () => {
    const home = indexedFamily(folder.path);
    const { out } = await runTool(home, ["search", "e", "--in", "all", "--hits", "0", "--limit", "0"], { columns: 80 });
    const hits = out.split("\n").filter((line) => /^ {2}[ \d]*\d {2}/.test(line));
    expect(hits.length).toBeGreaterThan(20);
    expect(Math.max(...hits.map(textWidth))).toBeLessThanOrEqual(80);
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
  });
});

describe("search --json", () => {
  it("tells everything", async () => {
    const home = smallHome();
    const { code, out } = await runTool(home, ["search", "another", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      threads: [
        {
          id: threadId(2),
          name: null,
          cwd: "/home/user/project",
          created_at: META_TIME,
          archived: false,
          snippet: "another needle",
          hit_count: 1,
          match_count: 1,
          hidden_copies: 0,
          hits: [
            {
              path: `${home}/${sessionPath(2, { stamp: "2025-11-02T12-00-00" })}`,
              line: 2,
              also_lines: [],
              offset: 278,
              timestamp: "2025-11-01T10:00:01.123Z",
              in: "message",
              speaker: "user",
              conversation: true,
              turn_id: null,
              match_count: 1,
              snippet: "another needle",
              snippet_match: { start: 0, end: 7 },
              copied: false,
              reverted: false,
            },
          ],
        },
      ],
      files: 2,
      bytes: expect.any(Number),
      is_cut: false,
      hidden_threads: 0,
      problems: [],
    });
  });

  it("says that there is nothing", async () => {
    const { code, out, err } = await runTool(smallHome(), ["search", "nothing here", "--json"]);
    expect([code, (JSON.parse(out) as { threads: unknown }).threads, err]).toEqual([1, [], "nothing found\n"]);
  });
});

describe("options", () => {
  it("tell cases apart", async () => {
    const { err } = await runTool(smallHome(), ["search", "Needle", "-s"]);
    expect(err).toBe("1 hit in 1 thread\n");
  });

  it.each([
    [["--since", "2025-11-02"], 0],
    [["--since", "2025-11-01T10:00:03Z"], 2],
    [["--since", "5d"], 0],
    [["--since", "7d"], 4],
    [["--archived"], 0],
    [["--active"], 4],
    [["--cwd", "/home/user/project"], 4],
    [["--cwd", "/home/user"], 0],
    [["--in", "commands"], 0],
    [["--in", "commands", "--in", "messages"], 4],
    [["--in", "all"], 4],
  ] as const)("%j", async (argv, count) => {
    const { out } = await runTool(smallHome(), ["search", "needle", "--json", ...argv]);
    const { threads } = JSON.parse(out) as { threads: readonly { readonly hit_count: number }[] };
    expect(threads.reduce((sum, thread) => sum + thread.hit_count, 0)).toBe(count);
  });

  it.each([
    [["search"], "missing <text>"],
    [["search", "x", "--since", "2025-13-01"], "--since does not understand"],
    [["search", "x", "--since", "soon"], "--since takes a length of time"],
    [["search", "(", "--regex"], "not a regular expression"],
    [["search", "x", "--thread", "no-such-thread"], "no-such-thread"],
  ] as const)("%j is refused", async (argv, message) => {
    const { code, err } = await runTool(smallHome(), argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
