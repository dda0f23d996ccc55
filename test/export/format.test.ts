/** The formats of lines: JSON Lines and CSV. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CSV, RAW_CSV } from "../../src/export/csv.ts";
import type { Row, TableFormat } from "../../src/export/format.ts";
import { JSONL } from "../../src/export/jsonl.ts";
import { type Column, TABLES } from "../../src/export/schema.ts";
import { temporaryFolder } from "../support/homes.ts";
import { collect, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();

const COLUMNS = [
  { name: "id", type: "string", nullable: false, describe: "" },
  { name: "words", type: "text", nullable: true, describe: "" },
  { name: "flag", type: "boolean", nullable: true, describe: "" },
  { name: "part", type: "double", nullable: true, describe: "" },
  { name: "at", type: "timestamp", nullable: true, describe: "" },
] as const satisfies readonly Column[];

function write(format: TableFormat, rows: readonly Row[], columns: readonly Column[] = COLUMNS): string {
  const parts: Buffer[] = [];
  const writer = format.open({ table: "t", columns, about: {} }, (bytes) => void parts.push(Buffer.from(bytes)));
  for (const row of rows) writer.add(row);
  writer.finish();
  return Buffer.concat(parts).toString("utf8");
}

/** A reader by RFC 4180 alone; null for an empty field that is not quoted. */
function parseCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = [];
  let fields: (string | null)[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === '"') {
      let value = "";
      for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
        value += text[at];
        if (text[at] === '"') at += 1;
      }
      at += 1;
      fields.push(value);
    } else {
      const end = /[,\r]|$/.exec(text.slice(at))!.index + at;
      fields.push(end === at ? null : text.slice(at, end));
      at = end;
    }
    if (text[at] === ",") {
      at += 1;
      if (text[at] === "\r") fields.push(null);
    }
    if (text.startsWith("\r\n", at)) {
      records.push(fields);
      fields = [];
      at += 2;
    }
  }
  return records;
}

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.stringMatching(/^[=+\-@\t\r\n", ']{0,6}x?$/),
  fc.constantFrom("", "a\rb", '""', "=1+1", "'=1"),
);
const printable = anyText.map((text) => text.replaceAll("\0", ""));

describe("CSV", () => {
  it("comes back as it was by RFC 4180, null and empty text told apart", () => {
    const row = fc.record({ id: printable, words: fc.option(printable) });
    const property = fc.property(fc.array(row, { maxLength: 8 }), (rows) => {
      const [head, ...records] = parseCsv(write(RAW_CSV, rows));
      expect(head).toEqual(["id", "words", "flag", "part", "at"]);
      expect(records).toEqual(rows.map(({ id, words }) => [id, words, null, null, null]));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("for spreadsheets no cell begins as a formula, and one apostrophe taken away gives the text back", () => {
    const property = fc.property(printable, (id) => {
      const cell = parseCsv(write(CSV, [{ id }]))[1]?.[0] ?? "";
      expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      expect(/^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell).toBe(id);
    });
    fc.assert(property, { numRuns: 300 });
    expect(write(CSV, [{ id: '=HYPERLINK("http://x")' }])).toContain(`"'=HYPERLINK(""http://x"")"`);
    expect(write(RAW_CSV, [{ id: "=1+1" }])).toContain("\r\n=1+1,");
  });

  it("has numbers and times as they are, a negative one too", () => {
    const row = { id: "a", words: null, flag: false, part: -1.5, at: 1_795_222_669_261_000 };
    expect(write(CSV, [row])).toBe("id,words,flag,part,at\r\na,,false,-1.5,2026-11-21T00:57:49.261Z\r\n");
  });

  it("has U+FFFD for NUL and for half a pair", () => {
    expect(write(RAW_CSV, [{ id: "a\0b\ud800c" }])).toContain("a\ufffdb\ufffdc");
  });
});

describe("JSON Lines", () => {
  it("has every column in every row, times as text", () => {
    const row = { id: "a", words: null, flag: true, part: 0.5, at: 1_795_222_669_261_000 };
    const line = '{"id":"a","words":null,"flag":true,"part":0.5,"at":"2026-11-21T00:57:49.261Z"}\n';
    expect(write(JSONL, [row, row])).toBe(line + line);
  });

  it("is valid UTF-8 and JSON whatever the text", () => {
    const property = fc.property(fc.array(fc.record({ id: anyText, words: fc.option(anyText) })), (rows) => {
      const lines = write(JSONL, rows).split("\n").slice(0, -1);
      expect(lines.map((line) => JSON.parse(line) as Row)).toEqual(
        rows.map(({ id, words }) => ({ id, words, flag: null, part: null, at: null })),
      );
    });
    fc.assert(property, { numRuns: 200 });
    expect(write(JSONL, [{ id: "\ud800" }])).toContain('"\ufffd"');
  });

  it("a huge text goes out in one piece, the others in large ones", () => {
    const sizes: number[] = [];
    const writer = JSONL.open({ table: "t", columns: COLUMNS, about: {} }, ({ length }) => void sizes.push(length));
    for (let at = 0; at < 3; at += 1) writer.add({ id: "x".repeat(1_000_000) });
    writer.finish();
    expect(sizes.filter((size) => size > 900_000)).toHaveLength(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(3_000_000);
  });

  it("reads every table of a home", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    for (const [table, columns] of Object.entries(TABLES)) {
      const rows = by[table as keyof typeof TABLES];
      const lines = write(JSONL, rows, columns).split("\n").slice(0, -1);
      expect(lines.map((line) => Object.keys(JSON.parse(line) as object))).toEqual(
        rows.map(() => columns.map(({ name }) => name)),
      );
    }
  });
});
