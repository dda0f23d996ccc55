import fc from "fast-check";
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";
import type { Row } from "../../src/export/format.ts";
import { type ParquetLimits, PARQUET, parquetWriter } from "../../src/export/parquet.ts";
import { type Column, TABLES } from "../../src/export/schema.ts";
import { decodeZstd } from "../../src/io/zstd.ts";
import { temporaryFolder } from "../support/homes.ts";
import { collect, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();

const COLUMNS = [
  { name: "id", type: "string", nullable: false, describe: "" },
  { name: "words", type: "text", nullable: true, describe: "" },
  { name: "flag", type: "boolean", nullable: true, describe: "" },
  { name: "small", type: "int32", nullable: true, describe: "" },
  { name: "large", type: "int64", nullable: true, describe: "" },
  { name: "part", type: "double", nullable: true, describe: "" },
  { name: "at", type: "timestamp", nullable: true, describe: "" },
] as const satisfies readonly Column[];

function write(rows: readonly Row[], columns: readonly Column[] = COLUMNS, limits?: ParquetLimits): Buffer {
  const parts: Buffer[] = [];
  const sink = (bytes: Uint8Array): void => void parts.push(Buffer.from(bytes));
  const kind = { table: "t", columns, about: { schema: "1", created_by: "rollout-tool 9" } };
  const writer = limits === undefined ? PARQUET.open(kind, sink) : parquetWriter(kind, sink, limits);
  for (const row of rows) writer.add(row);
  writer.finish();
  return Buffer.concat(parts);
}

function asFile(bytes: Buffer): AsyncBuffer {
  const all = new Uint8Array(bytes).buffer;
  return { byteLength: all.byteLength, slice: (start, end) => all.slice(start, end) };
}

const compressors = {
  ZSTD: (input: Uint8Array) => Buffer.concat(Array.from(decodeZstd([input]), (part) => Buffer.from(part))),
};

/** Values as they were given: numbers for what the file has as 64 bits, microseconds for its times. */
async function read(bytes: Buffer): Promise<Row[]> {
  const rows = await parquetReadObjects({ file: asFile(bytes), compressors });
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
}

function plain(value: unknown): string | number | boolean | null {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Date ? value.getTime() * 1000 : (value as string | number | boolean | null);
}

const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("", "\0", "a\0b", "漢🦀"));
const row = fc.record({
  id: text,
  words: fc.option(text),
  flag: fc.option(fc.boolean()),
  small: fc.option(fc.integer()),
  large: fc.option(fc.maxSafeInteger()),
  part: fc.option(fc.double({ noNaN: true })),
  at: fc.option(fc.integer({ min: -8e12, max: 8e12 }).map((ms) => ms * 1000)),
});

describe("a second reader", () => {
  it("reads back what was written, in groups of any size", async () => {
    const property = fc.asyncProperty(
      fc.array(row, { maxLength: 40 }),
      fc.integer({ min: 1, max: 10 }),
      async (rows, n) => {
        expect(await read(write(rows, COLUMNS, { rows: n, bytes: 1e9 }))).toEqual(rows);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("reads every table of a home", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    for (const [table, columns] of Object.entries(TABLES)) {
      const rows = by[table as keyof typeof TABLES].map(({ month: _month, ...cells }) => cells);
      expect([table, await read(write(rows, columns))]).toEqual([table, rows]);
    }
  });

  it("finds types, version and row groups in the footer", async () => {
    const rows = Array.from({ length: 25 }, (_unused, at) => ({ id: `r${at}`, at: 1_795_222_669_261_000 }));
    const meta = await parquetMetadataAsync(asFile(write(rows, COLUMNS, { rows: 10, bytes: 1e9 })));
    expect(meta.row_groups.map(({ num_rows: count }) => Number(count))).toEqual([10, 10, 5]);
    expect(meta.created_by).toBe("rollout-tool 9");
    expect(meta.key_value_metadata).toContainEqual({ key: "rollout-tool.schema", value: "1" });
    expect(meta.schema.at(-1)).toMatchObject({
      name: "at",
      type: "INT64",
      repetition_type: "OPTIONAL",
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
    });
    const chunks = meta.row_groups.flatMap(({ columns }) => columns.flatMap(({ meta_data: data }) => data ?? []));
    expect(new Set(chunks.map(({ codec }) => codec))).toEqual(new Set(["ZSTD"]));
  });

  it("finds no words of people in the statistics", async () => {
    const bytes = write([{ id: "a", words: "my password" }]);
    const meta = await parquetMetadataAsync(asFile(bytes));
    const [words] = meta.row_groups[0]!.columns.filter(({ meta_data: data }) => data?.path_in_schema[0] === "words");
    expect(words?.meta_data?.statistics).toBeUndefined();
    expect(
      bytes
        .subarray(Number(words?.meta_data?.data_page_offset) + Number(words?.meta_data?.total_compressed_size))
        .includes("password"),
    ).toBe(false);
  });
});

describe("hostile text", () => {
  it("lone surrogates become U+FFFD, NUL stays", async () => {
    expect(await read(write([{ id: "a\ud800b", words: "\0" }]))).toMatchObject([{ id: "a\ufffdb", words: "\0" }]);
  });

  it("a text larger than any buffer of the writer comes back whole", async () => {
    const words = "x".repeat(5_000_000);
    const rows = [
      { id: "a", words },
      { id: "b", words: "after" },
    ];
    expect((await read(write(rows))).map((found) => String(found["words"]).length)).toEqual([5_000_000, 5]);
  });
});

describe("memory", () => {
  it("bytes go out group by group, and nothing larger than a group is held", () => {
    let given = 0;
    let largest = 0;
    const sink = (bytes: Uint8Array): void => {
      given += bytes.length;
      largest = Math.max(largest, bytes.length);
    };
    const writer = parquetWriter({ table: "t", columns: COLUMNS, about: {} }, sink, { rows: 1e6, bytes: 200_000 });
    const given_by_row: number[] = [];
    for (let at = 0; at < 400; at += 1) {
      // Nothing that could be compressed.
      writer.add({
        id: `r${at}`,
        words: Array.from({ length: 500 }, (_unused, n) => ((at * 7919 + n * 104729) ** 2).toString(36)).join(""),
      });
      given_by_row.push(given);
    }
    expect(given_by_row[200]).toBeGreaterThan(0);
    expect(new Set(given_by_row).size).toBeGreaterThan(5);
    writer.finish();
    expect(largest).toBeLessThan(2_000_000);
  });
});
