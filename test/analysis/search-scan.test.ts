import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { patternsOf } from "../../src/analysis/search-patterns.ts";
import { CHUNK_BYTES, PlainInput } from "../../src/analysis/search-plain.ts";
import { FileScanner, type Scanned } from "../../src/analysis/search-scan.ts";
import { RolloutError } from "../../src/errors.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
const scanner = (): FileScanner =>
  new FileScanner(patternsOf({ text: "needle", isRegex: false, caseSensitive: false, kinds: ["message"] }));

function scan(bytes: string | Uint8Array, by = scanner()): Scanned {
  const path = join(folder.path, "a.jsonl");
  writeFileSync(path, bytes);
  const scanned = by.scan(path);
  if (scanned instanceof PlainInput) scanned.close();
  return scanned;
}

it.each([
  ["in one chunk", 100],
  ["at the very end of a chunk", CHUNK_BYTES - 6],
  ["across two chunks", CHUNK_BYTES - 1],
  ["at the beginning of a chunk", CHUNK_BYTES],
  ["across later chunks", 3 * CHUNK_BYTES - 5],
])("finds what stands %s", (_where, offset) => {
  const by = scanner();
  expect(scan(`${" ".repeat(offset)}NEEDLE${" ".repeat(10)}`, by)).toBeInstanceOf(PlainInput);
  expect(by.reachedBytes).toBeGreaterThanOrEqual(offset + 6);
  expect(scan(`${" ".repeat(offset)}NEEDL`, by)).toBe("nothing");
  expect(by.bytes).toBe(offset + 5);
});

it("gives a file that holds something from its front", () => {
  const path = join(folder.path, "b.jsonl");
  writeFileSync(path, `${" ".repeat(CHUNK_BYTES)}needle`);
  const scanned = scanner().scan(path) as PlainInput;
  const buffer = Buffer.alloc(2 * CHUNK_BYTES);
  expect(scanned.put(buffer)).toBe(CHUNK_BYTES + 6);
  expect(scanned.head(3).toString()).toBe("   ");
  scanned.close();
  scanned.close();
});

it("leaves to others what is not plain or not there, and tells what cannot be read", () => {
  const by = scanner();
  expect(by.scan(join(folder.path, "gone.jsonl"))).toBe("other");
  expect(by.scan(join(folder.path, "gone.jsonl.zst"))).toBe("other");
  expect(scan(compressZstd(Buffer.from("needle")), by)).toBe("other");
  expect(scan("", by)).toBe("nothing");
  mkdirSync(join(folder.path, "below.jsonl"));
  const below = by.scan(join(folder.path, "below.jsonl"));
  expect(below).toBeInstanceOf(RolloutError);
  expect((below as RolloutError).code).toBe("not-a-file");
  expect(by.bytes).toBe(0);
});
