import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import type { ForkReport } from "../../src/fork/types.ts";
import { cli } from "../support/cli.ts";
import { turn } from "../support/fork-lines.ts";
import { runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, paginatedMeta, rolloutText, sessionPath, threadId } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  const paginated = [
    paginatedMeta(2),
    ...turn("a", { mode: "paginated" }),
    ...turn("b", { mode: "paginated", open: true }),
  ];
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: rolloutText([meta(1), ...turn("a"), ...turn("b")]),
    [sessionPath(2)]: rolloutText(paginated, { paginated: true }),
  });
  runReindex(home);
});

it("says what it has made", async () => {
  const run = await cli(home, ["fork", threadId(1)]);
  expect([run.code, run.err]).toEqual([0, ""]);
  const lines = run.out.split("\n");
  expect(lines[0]).toBe("Forked");
  expect(lines.slice(1).map((line) => line.slice(0, 8).trimEnd())).toEqual([
    "source",
    "thread",
    "file",
    "kind",
    "keeps",
    "written",
    "index",
    "",
  ]);
  expect(run.out).toContain(`source   ${threadId(1)} (legacy)\n`);
  expect(run.out).toContain("kind     copy\n");
  expect(run.out).toContain("keeps    2 turns; the model is shown 4 items; 13 lines copied\n");
  expect(run.out).toContain("index    row written\n");
});

it("says what a reference continues, and what was closed", async () => {
  const { out } = await cli(home, ["fork", threadId(2)]);
  expect(out).toMatch(/\nkind +reference to the first [\d.]+ kB of .*\.jsonl\n/u);
  expect(out).toMatch(/\nclosed +the open turn b, as interrupted\n/u);
  const all = await cli(home, ["fork", threadId(2), "--before-turn", "a"]);
  expect(all.out).toContain("kind     reference to nothing: all was cut off\n");
  const end = await cli(home, ["fork", threadId(2), "--last-turns", "1"]);
  expect(end.out).toContain("kind     copy: only the end of the source is kept, and a reference keeps a beginning\n");
});

it("answers in JSON", async () => {
  const run = await cli(home, ["fork", threadId(1), "--last-turn", "a", "--json"]);
  const report = JSON.parse(run.out) as ForkReport;
  expect([run.code, report.kind, report.turns, report.row.state, report.linesCopied]).toEqual([
    0,
    "copy",
    1,
    "written",
    7,
  ]);
});

it("makes an agent", async () => {
  expect((await cli(home, ["fork", threadId(1), "--as-subagent"])).out).toContain(
    "row and edge to its parent written\n",
  );
});

it("only tells with --dry-run, and is silent with --quiet", async () => {
  const before = snapshot(home);
  const { out } = await cli(home, ["fork", threadId(1), "--dry-run", "--copy"]);
  expect(out).toMatch(/^Would fork; nothing was written\nsource .*\nkind +copy\nkeeps .*\nindex +would get a row\n$/u);
  expect(snapshot(home)).toEqual(before);
  expect((await cli(home, ["fork", threadId(1), "--quiet"])).out).toBe("");
});

it.each([
  [["--reference"], "the fork cannot be a reference: the source is a legacy thread, which only can be copied"],
  [["--copy", "--reference"], "--copy and --reference exclude each other"],
  [["--last-turn", "a", "--last-turns", "1"], "--last-turn and --last-turns exclude each other"],
  [["--last-turn", "x"], 'the source thread has no turn "x" that its records tell of'],
])("refuses %j", async (options, message) => {
  const before = snapshot(home);
  const run = await cli(home, ["fork", threadId(1), ...options]);
  expect([run.code, run.out, run.err.includes(message)]).toEqual([2, "", true]);
  expect(snapshot(home)).toEqual(before);
});
