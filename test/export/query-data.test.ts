import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { openDataSet } from "../../src/export/query-data.ts";
import type { TableName } from "../../src/export/schema.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
let data = "";
beforeEach(() => {
  data = join(folder.path, "data");
  mkdirSync(join(data, "_rollout-tool"), { recursive: true });
});

function note(part: string, changes: Readonly<Record<string, unknown>> = {}): void {
  const [, index = "0", count = "1"] = /-(\d+)of(\d+)$/.exec(part) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  const settings = { format: "parquet", schema: 1, tables: ["threads", "turns"], content: true, redacted: false };
  const all = { ...settings, part, home: "/h", host: "x", installation: null, shard, state: "complete", ...changes };
  writeFileSync(join(data, "_rollout-tool", `${part}.json`), JSON.stringify(all));
}

function touch(path: string): string {
  mkdirSync(join(data, path, ".."), { recursive: true });
  writeFileSync(join(data, path), "");
  return join(data, path);
}

const TURNS: ReadonlySet<TableName> = new Set(["turns"]);

function failure(path = data, tables = TURNS): Partial<RolloutError> {
  try {
    openDataSet(path, tables);
  } catch (error) {
    if (error instanceof RolloutError) return { code: error.code, message: error.message };
    throw error;
  }
  return {};
}

describe("the files of a table", () => {
  it("are those of its months, of all parts, in order", () => {
    note("part-a-0of1");
    const files = [
      touch("turns/month=2025-12/part-a-0of1.parquet"),
      touch("turns/month=2026-01/part-a-0of1.parquet"),
      touch("turns/month=2026-01/part-b-0of1.parquet"),
    ];
    touch("turns/month=2026-01/.part-a-0of1.parquet.aabb.partial");
    touch("turns/month=2026-01/.hidden.parquet");
    touch("turns/month=2026-01/notes.txt");
    touch("turns/part.parquet");
    touch("turns/other/part.parquet");
    symlinkSync("/etc", join(data, "turns", "month=2026-02"));
    symlinkSync("/etc/passwd", join(data, "turns", "month=2026-01", "link.parquet"));
    const set = openDataSet(data, TURNS);
    expect(set.files("turns")).toEqual(files);
    expect(set.files("threads")).toEqual([]);
    expect([set.content, set.gaps]).toEqual([true, []]);
  });
});

describe("an export that is not whole", () => {
  it("says which part is being written, and which home lacks shards", () => {
    note("part-a-0of3");
    note("part-a-2of3", { state: "writing" });
    note("part-b-0of1", { content: false });
    const { gaps, content } = openDataSet(data, TURNS);
    expect(gaps).toEqual([
      "part-a-2of3 is being written, or its export was interrupted",
      "of part-a there are 2 of 3 shards",
    ]);
    expect(content).toBe(false);
  });
});

describe("refuses", () => {
  it("what is no export of tables", () => {
    expect(failure(join(folder.path, "nowhere"))).toEqual({ code: "not-found", message: "no such folder" });
    expect(failure(touch("file"))).toEqual({
      code: "not-a-file",
      message: "it is a file, not the folder of an export",
    });
    rmSync(join(data, "_rollout-tool"), { recursive: true });
    expect(failure()).toEqual({ code: "mismatch", message: "the folder is no export of tables" });
    // Documents have their note in a file.
    touch("_rollout-tool.json");
    expect(failure()).toEqual({ code: "mismatch", message: "the folder is no export of tables" });
  });

  it("another format, another version, and a table that was left out", () => {
    note("part-a-0of1", { format: "jsonl" });
    expect(failure()).toEqual({ code: "unsupported", message: 'the export is of "jsonl", not of Parquet' });
    note("part-a-0of1", { schema: 2 });
    expect(failure()).toEqual({ code: "mismatch", message: "its tables are of version 2, and 1 is known here" });
    note("part-a-0of1");
    expect(failure(data, new Set(["turns", "usage"]))).toEqual({
      code: "not-found",
      message: "the export has no table usage",
    });
    expect(failure()).toEqual({});
  });
});
