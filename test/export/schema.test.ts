import { expect, it } from "vitest";
import { EXPORT_VERSION, TABLES } from "../../src/export/schema.ts";
import { readText } from "../support/sources.ts";

it("docs/export.md has every table with its columns, and no others", () => {
  const text = readText("docs/export.md");
  const sections = text.slice(text.indexOf("## Tables"), text.indexOf("## A fleet")).split(/^### /m).slice(1);
  const written = sections.map((section) => {
    const rows = [...section.matchAll(/^\| `(\w+)` \| ([^|]+) \| (.+) \|$/gm)];
    return [section.slice(0, section.indexOf("\n")), rows.map(([, name, type, describe]) => [name, type, describe])];
  });
  const tables = Object.entries(TABLES).map(([table, columns]) => [
    table,
    columns.map(({ name, type, nullable, describe }) => [name, nullable ? type : `${type}, not null`, describe]),
  ]);
  expect(written).toEqual(tables);
  expect(text).toContain(`Version ${EXPORT_VERSION}.`);
});
