import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { namesIn, readEither, threadText } from "../support/archives.ts";
import { cli } from "../support/cli.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { archivedPath, fileName, rolloutText, sessionPath, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: threadText(1, 100),
    [archivedPath(2)]: threadText(2, 100),
    [sessionPath(3)]: rolloutText([userMessage("no metadata")]),
    [sessionPath(4)]: { text: threadText(4), mtimeMs: Date.now() },
  });
});

describe("compress", () => {
  it("tells what became of each file, and leaves out what is not cold", async () => {
    const run = await cli(home, ["compress", "--all"]);
    expect([run.code, run.err]).toEqual([0, ""]);
    const lines = run.out.split("\n").map((line) => line.replaceAll(/ {2,}/g, "  "));
    expect(lines[0]).toBe("Compressed");
    expect(lines[1]).toBe("file  before  after  ratio  time  outcome");
    expect(lines[2]).toMatch(
      new RegExp(`^${archivedPath(2)}  [\\d.]+ kB  [\\d.]+ k?B  [\\d.]+ %  [\\d.]+ s  compressed$`),
    );
    expect(lines[3]).toMatch(
      new RegExp(`^${sessionPath(3)}  [\\d.]+ B  [\\d.]+ s  skipped_unreadable_meta \\(missing_metadata\\)$`),
    );
    expect(lines[4]).toMatch(new RegExp(`^${sessionPath(1)}  .*  compressed$`));
    expect(lines[5]).toBe("files  2 compressed, 1 skipped_not_cold, 1 skipped_unreadable_meta");
    expect(lines.slice(6).map((line) => line.split(" ")[0])).toEqual(["before", "after", "took", ""]);
  });

  it("prints one document for programs", async () => {
    const run = await cli(home, ["compress", "--archived", "--json", "--frames", "single", "--level", "9"]);
    const report = JSON.parse(run.out) as { files: Record<string, unknown>[]; totals: Record<string, unknown> };
    expect(report).toMatchObject({ action: "compressed", status: "completed", recovered: [], problems: [] });
    expect(report.files).toMatchObject([{ path: join(home, archivedPath(2)), outcome: "compressed", frames: 1 }]);
    expect(Object.keys(report.totals)).toEqual([
      "files",
      "outcomes",
      "source_bytes",
      "compressed_bytes",
      "ratio",
      "duration_ms",
    ]);
    expect(readEither(join(home, archivedPath(2)))).toBe(threadText(2, 100));
  });

  it("only looks with --dry-run and --estimate", async () => {
    const before = snapshot(home);
    const dry = await cli(home, ["compress", "--all", "--dry-run", "--older-than", "0"]);
    expect(dry.out).toContain("3 would_compress, 1 skipped_unreadable_meta");
    const estimate = await cli(home, ["compress", "--active", "--estimate"]);
    expect(estimate.out).toMatch(/^Estimated from samples; nothing was written\n/);
    expect(estimate.out).toMatch(/after, about +\d/);
    expect(snapshot(home)).toEqual(before);
  });

  it("stands back for six hours after a run, unless forced, and says so", async () => {
    await cli(home, ["compress", "--archived"]);
    const again = await cli(home, ["compress", "--active"]);
    expect([again.code, again.out]).toEqual([
      0,
      "Nothing done (skipped_already_running): another run began within the last six hours; --force runs all the same.\n",
    ]);
    const forced = await cli(home, ["compress", "--active", "--force", "--quiet"]);
    expect([forced.code, forced.out]).toEqual([0, ""]);
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`, `${fileName(2)}.zst`, fileName(3), fileName(4)].toSorted());
  });

  it("takes paths, and nothing for granted", async () => {
    const path = join(home, sessionPath(1));
    expect(await cli(home, ["compress", path])).toMatchObject({ code: 0, err: "" });
    const refused: readonly (readonly [readonly string[], string])[] = [
      [[], "which rollouts?"],
      [["--all", path], "paths and --all exclude each other"],
      [["--all", "--archived"], "--archived and --all exclude each other"],
      [["--all", "--level", "20"], "--level takes a whole number from 1 to 19"],
      [["--all", "--older-than", "soon"], '--older-than takes a length of time such as 12h or 7d, not "soon"'],
      [["--all", "--frames", "many"], "--frames takes checkpoint, single or seekable=<MiB>"],
    ];
    for (const [argv, message] of refused) {
      const run = await cli(home, ["compress", ...argv]);
      expect([run.code, run.out]).toEqual([2, ""]);
      expect(run.err).toContain(message);
    }
  });
});

it.each(["90s", "15m", "1.5h", "2w", "0"])("an age may be %s", async (age) => {
  const run = await cli(home, ["compress", "--all", "--dry-run", "--json", "--older-than", age]);
  const { totals } = JSON.parse(run.out) as { totals: { outcomes: Record<string, number> } };
  // One of the files has just been written.
  expect(totals.outcomes["would_compress"]).toBe(age === "0" ? 3 : 2);
});

it("hostile names do not reach the terminal", async () => {
  const path = join(home, "sessions", "rollout-\x1b[31mred.jsonl");
  writeFileSync(path, readFileSync(join(home, sessionPath(1))));
  const run = await cli(home, ["compress", "--all", "--older-than", "0"]);
  expect(run.out).toContain("\\x1b[31mred");
  expect(run.out.includes("\x1b")).toBe(false);
});
