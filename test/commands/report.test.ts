import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { placeWindows } from "../../src/commands/report-lineage.ts";
import type { LineageSegment } from "../../src/readers/lineage.ts";
import type { ContextWindow } from "../../src/thread/windows.ts";
import { runCli } from "../../src/cli.ts";
import { cli, type CliRun } from "../support/cli.ts";
import { memoryHost } from "../support/host.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  event,
  type LineRecord,
  meta,
  META_MS,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let page = "";
beforeEach(() => {
  page = join(folder.path, "page.html");
});

function homeOf(files: Readonly<Record<string, string>>): string {
  return writeHome(join(folder.path, "home"), files);
}

function report(home: string, ...argv: readonly string[]): Promise<CliRun> {
  return cli(home, ["report", "-o", page, ...argv]);
}

async function madeOf(home: string, ...argv: readonly string[]): Promise<string> {
  const { code, err } = await report(home, ...argv);
  expect([code, err]).toEqual([0, ""]);
  return readFileSync(page, "utf8");
}

/** Text of the page without tags, for sentences that go over several elements. */
function wordsOf(html: string): string {
  return html
    .replace(/<(style|script)>.*?<\/\1>/gs, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");
}

const HOSTILE = `<script>alert("owned")</script> \x1b[31mred\x1b[0m \u202eexe.txt\0`;
const SHOWN = "&lt;script&gt;alert(&quot;owned&quot;)&lt;/script&gt;";

function turn(id: string, question: string, ms: number): readonly LineRecord[] {
  return [
    event("task_started", { turn_id: id }),
    turnContext({ model: HOSTILE, turn_id: id }),
    userMessage(question),
    event("mcp_tool_call_end", {
      call_id: `call-${id}`,
      invocation: { server: HOSTILE, tool: "look", arguments: null },
      duration: { secs: 1, nanos: 0 },
      result: { Err: HOSTILE },
    }),
    tokenCount(ms),
    event("task_complete", { turn_id: id, duration_ms: ms }),
  ];
}

function hostileHome(): string {
  return homeOf({
    [sessionPath(1)]: rolloutText([
      meta(1, { cwd: HOSTILE, git: { branch: HOSTILE, repository_url: "https://me:secret@example.invalid/x.git" } }),
      ...turn("t1", HOSTILE, 5000),
      { type: "compacted", payload: { message: "", replacement_history: [responseItem(HOSTILE).payload] } },
      ...turn("t2", "what is new?", 7000),
    ]),
    [sessionPath(2)]: rolloutText([meta(2, { forked_from_id: threadId(1) }), ...turn("t3", HOSTILE, 10)]),
    [`${archivedPath(3)}.zst`]: rolloutText([meta(3), ...turn("t4", "archived", 10), '{"torn']),
    "session_index.jsonl": `${JSON.stringify({ id: threadId(1), thread_name: HOSTILE, updated_at: "2025-11-01T10:00:00Z" })}\n`,
  });
}

describe("of a home", () => {
  it("shows threads, families, tokens, times, sizes and findings", async () => {
    const home = hostileHome();
    const before = snapshot(home);
    const html = await madeOf(home);
    expect(snapshot(home)).toEqual(before);
    const words = wordsOf(html);
    for (const part of ["Lineage", "Tokens", "Latencies", "Sizes", "Findings", "Threads"])
      expect(words).toContain(part);
    expect(words).toContain("Family 1: 2 threads");
    expect(words).toContain("fork:");
    expect(html).toContain("2 context windows");
    for (const n of [1, 2, 3]) expect(words).toContain(threadId(n));
  });

  it("shows what was recorded as text", async () => {
    const html = await madeOf(hostileHome());
    expect(html).toContain(SHOWN);
    expect(html).not.toContain("<script>alert");
    expect(html).not.toMatch(/[\0\x1b\u202e]/);
    expect(html).toContain('<span class="esc">\\x1b</span>[31mred');
  });

  it("is there for an empty home, too", async () => {
    const html = await madeOf(homeOf({ "config.toml": "" }));
    expect(wordsOf(html)).toContain("nothing found that is broken");
    expect(html).not.toContain("<table");
  });

  it("says what could not be read, and exits with 1", async () => {
    const home = hostileHome();
    const path = join(home, `${archivedPath(3)}.zst`);
    writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 200)]));
    const { code, out } = await report(home);
    expect(code).toBe(1);
    expect(out).toContain("not read whole");
    expect(wordsOf(readFileSync(page, "utf8"))).toContain("Not read whole");
  });

  it("tells scripts what it wrote", async () => {
    const { code, out } = await report(hostileHome(), "--json");
    expect(code).toBe(0);
    const bytes = readFileSync(page).length;
    expect(JSON.parse(out)).toMatchObject({ path: page, bytes, scope: "home", unreadable: [] });
  });
});

describe("of a thread", () => {
  it("shows who it is, its windows and its turns", async () => {
    const html = await madeOf(hostileHome(), threadId(1));
    const words = wordsOf(html);
    for (const part of ["Identity", "Lineage", "Context windows", "Timeline of turns", "Sizes", "Findings"]) {
      expect(words).toContain(part);
    }
    expect(words).toContain("https://example.invalid/x.git");
    expect(html).not.toContain("secret");
    expect(words).toContain("compaction with a new history");
    expect(words).toContain("what is new?");
    expect(html).toContain("turn 1: 5.00 s, 1 tool call of 1.00 s");
    expect(words).toContain("5 k tokens, 0 % cached");
    expect(html).not.toContain("<script>alert");
    expect(html).not.toMatch(/[\0\x1b\u202e]/);
  });

  it("leaves the oldest turns out when there are thousands, and counts them", async () => {
    const turns = Array.from({ length: 1203 }, (_unused, at) => turn(`turn-${at}`, `question ${at}`, 10)).flat();
    const words = wordsOf(await madeOf(homeOf({ [sessionPath(1)]: rolloutText([meta(1), ...turns]) }), threadId(1)));
    expect(words).toContain("1,203 turns");
    expect(words).toContain("… and 203 more turns, older than these.");
    expect(words).toContain("question 1202");
    expect(words).not.toContain("question 202 ");
    expect(words).toContain("question 203 ");
  });

  it("lays turns and windows of a fork behind those it continues", async () => {
    const [started, done] = [
      event("task_started", { turn_id: "t1" }),
      event("task_complete", { turn_id: "t1", duration_ms: 40 }),
    ];
    const source = [paginatedMeta(1), started, userItem("first"), tokenCount(100), done];
    const text = rolloutText(source, { paginated: true });
    const own = [
      event("task_started", { turn_id: "t2" }),
      tokenCount(300),
      event("task_complete", { turn_id: "t2", duration_ms: 50 }),
    ];
    const meta2 = paginatedMeta(2, { forked_from_id: threadId(1), history_base: base(threadId(1), text.length, 5) });
    const home = homeOf({
      [sessionPath(1)]: text,
      [sessionPath(2)]: rolloutText([meta2, ...own], { paginated: true, firstOrdinal: 5, startMs: META_MS + 60_000 }),
    });
    const words = wordsOf(await madeOf(home, threadId(2)));
    expect(words).toContain("2 turns");
    expect(words).toContain("40 ms 100 tokens");
    expect(words).toContain("50 ms 300 tokens");
    expect(words).toContain("continued from here by a fork");
  });

  it("is not made of a thread that there is not", async () => {
    const { code, err } = await report(hostileHome(), threadId(99));
    expect([code, err.split(":")[0]]).toEqual([2, "rollout-tool"]);
    expect(statSync(page, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("--open", () => {
  async function opened(answer: string | undefined, ...argv: readonly string[]) {
    const paths: string[] = [];
    const openPage = (path: string): Promise<string | undefined> => (paths.push(path), Promise.resolve(answer));
    const host = memoryHost({ openPage });
    const code = await runCli(["report", "-o", page, "--codex-home", homeOf({ "config.toml": "" }), ...argv], host);
    return { code, paths, err: host.err() };
  }

  it("shows the page once it is there, and only when asked to", async () => {
    expect(await opened(undefined, "--open")).toEqual({ code: 0, paths: [page], err: "" });
    expect(await opened(undefined)).toEqual({ code: 0, paths: [], err: "" });
  });

  it("says why it is not shown; the page is there all the same", async () => {
    const { code, err } = await opened("xdg-open could not be started", "--open");
    expect([code, err]).toEqual([0, "the page is not shown: xdg-open could not be started\n"]);
    expect(statSync(page).size).toBeGreaterThan(1000);
  });
});

describe("the file", () => {
  it("is readable by its owner alone, also when it replaces one that was not", async () => {
    const home = homeOf({ "config.toml": "" });
    await madeOf(home);
    expect(statSync(page).mode & 0o777).toBe(0o600);
    chmodSync(page, 0o644);
    await madeOf(home);
    expect(statSync(page).mode & 0o777).toBe(0o600);
  });

  it("never takes the place of a file that is no report, unless it is told to", async () => {
    const home = homeOf({ "config.toml": "" });
    for (const text of ["", "<!doctype html><title>mine</title>"]) {
      writeFileSync(page, text);
      const { code, err } = await report(home);
      expect(code).toBe(2);
      expect(err).toContain("no report of this tool");
      expect(readFileSync(page, "utf8")).toBe(text);
    }
    expect((await report(home, "--force")).code).toBe(0);
    expect(readFileSync(page, "utf8")).toContain("rollout-tool report");
  });

  it("has a name that a browser knows, so that no slip can hit a rollout", async () => {
    const home = hostileHome();
    const before = snapshot(home);
    const path = join(home, sessionPath(1));
    const { code, err } = await cli(home, ["report", "-o", path, "--force"]);
    expect([code, err.includes("ends in .html")]).toEqual([2, true]);
    expect(snapshot(home)).toEqual(before);
  });

  it("is no folder, and no link", async () => {
    const home = homeOf({ "config.toml": "" });
    mkdirSync(page);
    expect((await report(home, "--force")).code).toBe(2);
    page = join(folder.path, "link.html");
    writeFileSync(join(folder.path, "target"), "mine");
    symlinkSync(join(folder.path, "target"), page);
    expect((await report(home, "--force")).code).toBe(2);
    expect(readFileSync(join(folder.path, "target"), "utf8")).toBe("mine");
  });
});

describe("windows in one line of bytes", () => {
  const segment = (threadName: string, from: number, endOffset: number | undefined): LineageSegment => ({
    path: "/f",
    logicalPath: "/f",
    rolloutId: undefined,
    threadId: threadName,
    meta: undefined,
    from: { offset: from, line: 1 },
    endOffset,
    firstOrdinal: undefined,
    endOrdinal: undefined,
  });
  const at = (offset: number, part: number) => ({ line: 1, offset, length: 9, segment: part });
  const window = (changes: Partial<ContextWindow>): ContextWindow => ({
    number: 0,
    id: undefined,
    firstId: undefined,
    previousId: undefined,
    isNumbered: true,
    cause: "start",
    start: undefined,
    end: undefined,
    isLast: false,
    compaction: undefined,
    ...changes,
  });

  it("begin where the files before them end", () => {
    const segments = [segment("a", 100, 500), segment("b", 50, 250), segment("c", 0, undefined)];
    const windows = [
      window({ start: at(0, 2), end: at(150, 1) }),
      window({ number: 1, cause: "replacement", start: at(150, 1), end: at(40, 2) }),
      window({ number: 2, cause: "replacement", start: at(40, 2), end: at(90, 2), isLast: true }),
    ];
    const placed = placeWindows(windows, segments, "c");
    expect(placed.windows.map(({ begin, end }) => [begin, end])).toEqual([
      [0, 500],
      [500, 640],
      [640, 700],
    ]);
    expect([placed.length, placed.inheritedBytes, placed.ownBegin]).toEqual([700, 600, 600]);
  });

  it("inherit nothing from older files of their own thread", () => {
    const segments = [segment("c", 100, 500), segment("c", 0, undefined)];
    expect(placeWindows([window({ end: at(9, 1), isLast: true })], segments, "c").inheritedBytes).toBe(0);
  });
});
