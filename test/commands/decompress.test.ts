import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { namesIn, threadText } from "../support/archives.ts";
import { cli } from "../support/cli.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { archivedPath, fileName, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), {
    [`${sessionPath(1)}.zst`]: threadText(1, 100),
    [`${archivedPath(2)}.zst`]: threadText(2, 100),
    [sessionPath(3)]: threadText(3),
  });
});

it("brings everything back, and says so", async () => {
  const run = await cli(home, ["decompress", "--all"]);
  expect([run.code, run.err]).toEqual([0, ""]);
  expect(run.out).toMatch(/^Decompressed\nfile +archive +plain +outcome\n/);
  expect(run.out).toContain("files  2 decompressed\n");
  expect(namesIn(home)).toEqual([fileName(1), fileName(2), fileName(3)].toSorted());
  expect((await cli(home, ["decompress", "--all"])).out).toContain("files  none\n");
});

it("only looks with --dry-run and --verify-only", async () => {
  const before = snapshot(home);
  expect((await cli(home, ["decompress", "--active", "--dry-run"])).out).toContain("1 would_decompress");
  const sound = await cli(home, ["decompress", "--all", "--verify-only"]);
  expect([sound.code, sound.out.includes("2 sound")]).toEqual([0, true]);
  expect(snapshot(home)).toEqual(before);
});

it("tells damage with its place, and ends with 1", async () => {
  const path = join(home, `${sessionPath(1)}.zst`);
  writeFileSync(path, compressZstd(Buffer.from(threadText(1, 100))).subarray(0, 50));
  for (const argv of [["--verify-only"], []]) {
    const run = await cli(home, ["decompress", path, ...argv]);
    expect(run.code).toBe(1);
    expect(run.out).toContain(": the compressed stream is cut short (after 0 plain bytes)\n");
  }
});

it("resolves rollouts in both forms when asked to, and tells of them when not", async () => {
  writeHome(home, { [sessionPath(1)]: threadText(1, 100) });
  const found = await cli(home, ["decompress", "--all", "--verify-only", "--json"]);
  const { files } = JSON.parse(found.out) as { files: { outcome: string; pair?: string }[] };
  expect([found.code, files.map(({ outcome, pair }) => [outcome, pair])]).toEqual([
    1,
    [
      ["sound", undefined],
      ["pair", "equal"],
    ],
  ]);
  const resolved = await cli(home, ["decompress", "--all", "--resolve-pairs"]);
  expect([resolved.code, resolved.out.includes("kept_archive (equal)")]).toEqual([0, true]);
  expect(namesIn(home)).toEqual([`${fileName(1)}.zst`, `${fileName(2)}.zst`, fileName(3)].toSorted());
});
