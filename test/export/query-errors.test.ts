import { describe, expect, it } from "vitest";
import { errorPlace } from "../../src/export/query-errors.ts";

describe("an error of DuckDB in one line", () => {
  it.each([
    ["Catalog Error: no", "Catalog Error: no", undefined],
    [
      'Parser Error: syntax error at or near "x"\n\nLINE 1: select 1 frm x y\n                     ^',
      'Parser Error: syntax error at or near "x" (at "x y")',
      1,
    ],
    [
      'Binder Error: Referenced column "foo" not found!\nCandidate bindings: "name"\n\nLINE 12:   foo,\n           ^',
      'Binder Error: Referenced column "foo" not found! Candidate bindings: "name" (at "foo,")',
      12,
    ],
    [
      "Failed to extract statements: Parser Error: syntax error at end of input",
      "Parser Error: syntax error at end of input",
      undefined,
    ],
    [
      "Out of Memory Error: failed (9 MiB used)\n\nPossible solutions:\n* SET threads=X\n\nSee also https://example.invalid",
      "Out of Memory Error: failed (9 MiB used)",
      undefined,
    ],
    [`Binder Error: no\n\nLINE 1: ${"a".repeat(60)}\n        ^`, `Binder Error: no (at "${"a".repeat(40)}…")`, 1],
    ["Parser Error: no\n\nLINE 1: x\n                   ^", "Parser Error: no", 1],
  ])("%j", (text, message, line) => {
    expect(errorPlace(text)).toEqual({ message, line });
  });
});
