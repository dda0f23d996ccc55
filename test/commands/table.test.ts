import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { type Column, renderTable } from "../../src/commands/table.ts";
import { createPaint } from "../../src/io/console.ts";
import { textWidth } from "../../src/io/text.ts";

interface Row {
  readonly id: string;
  readonly bytes: number;
  readonly title: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "ID", value: (row) => row.id },
  { title: "BYTES", value: (row) => String(row.bytes), align: "right" },
  { title: "TITLE", value: (row) => row.title, flexible: true },
];
const ROWS: readonly Row[] = [
  { id: "a1", bytes: 7, title: "first" },
  { id: "b", bytes: 12_345_678, title: "a title that is rather long" },
];
const plain = createPaint(false);

describe("renderTable", () => {
  it("aligns columns under their headings, without spaces at the line's end", () => {
    expect(renderTable(COLUMNS, ROWS, { columns: undefined, paint: plain })).toBe(
      [
        "ID     BYTES  TITLE", //
        "a1         7  first",
        "b   12345678  a title that is rather long",
        "",
      ].join("\n"),
    );
  });

  it("cuts the flexible column to the terminal's width", () => {
    expect(renderTable(COLUMNS, ROWS, { columns: 28, paint: plain })).toBe(
      [
        "ID     BYTES  TITLE", //
        "a1         7  first",
        "b   12345678  a title that …",
        "",
      ].join("\n"),
    );
  });

  it("cuts all columns when the flexible one has no more to give", () => {
    expect(renderTable(COLUMNS, ROWS, { columns: 14, paint: plain })).toBe(
      [
        "ID  BY…  TITLE", //
        "a1    7  first",
        "b   12…  a ti…",
        "",
      ].join("\n"),
    );
  });

  it("escapes cells and measures wide characters", () => {
    const rows = [
      { id: "漢", bytes: 1, title: "\x1b[31mred\nline" },
      { id: "ab", bytes: 2, title: "" },
    ];
    expect(renderTable(COLUMNS, rows, { columns: undefined, paint: plain })).toBe(
      "ID  BYTES  TITLE\n漢      1  \\x1b[31mred\\nline\nab      2  \n",
    );
  });

  it("colours after measuring", () => {
    const paint = createPaint(true);
    const columns: Column<Row>[] = [{ title: "ID", value: (row) => row.id, paint: (text) => paint.red(text) }];
    expect(renderTable(columns, ROWS, { columns: 80, paint })).toBe(
      "\x1b[1mID\x1b[22m\n\x1b[31ma1\x1b[39m\n\x1b[31mb\x1b[39m\n",
    );
  });

  it("is empty for no rows", () => {
    expect(renderTable(COLUMNS, [], { columns: 80, paint: plain })).toBe("");
  });

  it("never exceeds the terminal, whatever the cells hold", () => {
    const row = fc.record({
      id: fc.string({ unit: "grapheme" }),
      bytes: fc.nat(),
      title: fc.string({ maxLength: 200 }),
    });
    fc.assert(
      fc.property(fc.array(row), fc.integer({ min: 13, max: 120 }), (rows, columns) => {
        const lines = renderTable(COLUMNS, rows, { columns, paint: plain }).split("\n");
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});
