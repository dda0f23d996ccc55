import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TABLES } from "../../src/export/schema.ts";
import { isInShard, parseShard, shardOf } from "../../src/export/shard.ts";
import { temporaryFolder } from "../support/homes.ts";
import { threadId } from "../support/lines.ts";
import { collect, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();

describe("shards", () => {
  it("are written as i/n, i from 0", () => {
    expect(parseShard("0/1")).toEqual({ index: 0, count: 1 });
    expect(parseShard("3/4")).toEqual({ index: 3, count: 4 });
    for (const text of ["4/4", "0/0", "1", "", "-1/4", "1/4 ", "a/b", "0/10001", "1/2/3"]) {
      expect([text, parseShard(text)]).toEqual([text, undefined]);
    }
  });

  it("are FNV-1a of the id in lower case", () => {
    // Known values of the hash: "a" is e40c292c, "foobar" is bf9cf968.
    expect(shardOf("a", 2 ** 32)).toBe(0xe40c292c);
    expect(shardOf("FOOBAR", 2 ** 32)).toBe(0xbf9cf968);
  });

  it("put each thread into exactly one", () => {
    const property = fc.property(fc.uuid(), fc.integer({ min: 1, max: 50 }), (id, count) => {
      const found = Array.from({ length: count }, (_unused, index) => isInShard(id, { index, count }));
      expect(found.filter(Boolean)).toHaveLength(1);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it("are about equal", () => {
    const counts = [0, 0, 0, 0];
    for (let n = 0; n < 2000; n += 1) counts[shardOf(threadId(n), 4)]! += 1;
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(100);
  });

  it("unite to exactly the rows of the whole", async () => {
    const home = writeExportHome(folder.path);
    const whole = await collect(home);
    const parts = await Promise.all([0, 1, 2, 3].map((index) => collect(home, { shard: { index, count: 4 } })));
    for (const table of Object.keys(TABLES) as (keyof typeof TABLES)[]) {
      const lines = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted();
      expect(lines(parts.flatMap(({ by }) => by[table]))).toEqual(lines(whole.by[table]));
    }
    expect(parts.reduce((sum, { threads }) => sum + threads, 0)).toBe(4);
    expect(parts.every(({ threads }) => threads < 4)).toBe(true);
  });
});
