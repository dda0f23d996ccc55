/** Files to candidates: what is used, what is not, and what the report says about the latter. */
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rulesFor } from "../../src/indexer/rules.ts";
import { rejectedByDiscovery, scanRollouts } from "../../src/indexer/scan.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { fileName, meta, responseItem, rolloutText, sessionPath, threadId, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
const FILLER = Array.from({ length: 300 }, (_, index) => responseItem(`${index}${"x".repeat(500)}`));

function scan(rules: "best" | "codex" = "best", before: () => void = () => undefined) {
  const { files } = discoverRollouts(folder.path);
  before();
  const advanced: number[] = [];
  const result = scanRollouts(files, {
    rules: rulesFor(rules, 62),
    thorough: false,
    advance: (bytes) => void advanced.push(bytes),
  });
  const ids = result.candidates.map(({ facts }) => facts.id);
  return { ...result, ids, advanced, sizes: files.map(({ sizeBytes }) => sizeBytes) };
}

test("good files give candidates in their order, with digests, and progress by size", () => {
  writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([meta(1)]),
    [`${sessionPath(2)}.zst`]: rolloutText([meta(2)]),
  });
  const { ids, heads, rejected, filesRead, bytesRead, advanced, sizes } = scan();
  expect([ids.toSorted(), rejected, filesRead]).toEqual([[threadId(1), threadId(2)].toSorted(), [], 2]);
  expect([...heads.keys()].toSorted()).toEqual([sessionPath(1), `${sessionPath(2)}.zst`].toSorted());
  expect(advanced).toEqual(sizes);
  expect(bytesRead).toBeGreaterThan(0);
});

test.each<[string, string, string]>([
  ["empty", "", "it is empty"],
  ["of blank lines", "\n\n", "it holds no record of a format that Codex still reads"],
  [
    "without metadata under an odd name",
    rolloutText([userMessage("hello")]),
    "no session metadata, and no thread id in the name",
  ],
  [
    "of a newer release",
    rolloutText([meta(1, { history_mode: "future" })]),
    "its history mode is unknown; a newer release may have written it",
  ],
])("a file that is %s is rejected with its reason", (_, text, reason) => {
  writeHome(folder.path, { "sessions/rollout-odd.jsonl": text });
  const { ids, rejected } = scan();
  expect([ids, rejected]).toEqual([
    [],
    [{ path: join(folder.path, "sessions/rollout-odd.jsonl"), reason, indexed: false }],
  ]);
});

test("a compressed file that breaks is used as far as it goes, and told; by Codex's rules it is not used", () => {
  const bytes = compressZstd(Buffer.from(rolloutText([meta(1), userMessage("hello"), ...FILLER])));
  writeHome(folder.path, { [`${sessionPath(1)}.zst`]: bytes.subarray(0, bytes.length - 10) });
  const broken = scan();
  expect(broken.ids).toEqual([threadId(1)]);
  expect(broken.rejected).toEqual([
    {
      path: join(folder.path, sessionPath(1)),
      reason: expect.any(String) as string,
      offset: expect.any(Number) as number,
      indexed: true,
    },
  ]);
  const codex = scan("codex");
  expect([codex.ids, codex.rejected.map(({ indexed }) => indexed)]).toEqual([[], [false]]);
});

test("a compressed file that is none is rejected where it stops being one", () => {
  writeHome(folder.path, { [`${sessionPath(1)}.zst`]: Buffer.from("\u0000garbage".repeat(100)) });
  const { ids, rejected } = scan();
  expect([ids, rejected.map(({ offset, indexed }) => [offset, indexed])]).toEqual([[], [[0, false]]]);
});

test("a file that goes, or becomes something else, while the home is read is told", () => {
  writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([meta(1)]),
    [sessionPath(2)]: rolloutText([meta(2)]),
    [sessionPath(3)]: rolloutText([meta(3)]),
  });
  const { ids, rejected } = scan("best", () => {
    rmSync(join(folder.path, sessionPath(1)));
    rmSync(join(folder.path, sessionPath(2)));
    mkdirSync(join(folder.path, sessionPath(2)));
  });
  expect(ids).toEqual([threadId(3)]);
  expect(rejected.map(({ indexed }) => indexed)).toEqual([false, false]);
});

test("a file that grows or shrinks while the home is read gives what is there", () => {
  writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([meta(1), userMessage("hello"), ...FILLER]),
    [sessionPath(2)]: rolloutText([meta(2)]),
  });
  const { ids } = scan("best", () => {
    truncateSync(join(folder.path, sessionPath(1)), 500);
    writeFileSync(join(folder.path, sessionPath(2)), rolloutText([userMessage("later")]), { flag: "a" });
  });
  expect(ids.toSorted()).toEqual([threadId(1), threadId(2)].toSorted());
});

test("what discovery could not use is told in the same words", () => {
  mkdirSync(join(folder.path, "sessions", fileName(1)), { recursive: true });
  expect(rejectedByDiscovery(discoverRollouts(folder.path))).toEqual([
    { path: join(folder.path, "sessions", fileName(1)), reason: "a folder, not a rollout file", indexed: false },
  ]);
});
