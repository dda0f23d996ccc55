import fc from "fast-check";
import { expect, it } from "vitest";
import { acceptedBy } from "../../src/format/decode.ts";
import type { JsonValue } from "../../src/format/json.ts";
import { decodeLine } from "../../src/format/decode.ts";
import { splitLines } from "../../src/readers/lines.ts";
import { FINDING_CODES } from "../../src/verify/checks.ts";
import { isAccepted, RecordChecks } from "../../src/verify/record-checks.ts";
import { changed, decode, linesOf, pathsOf, recordedLines, TIME } from "../format/lines.ts";

const VALUES: readonly (JsonValue | undefined)[] = [undefined, null, {}, [], 5, -1, 1.5, "zz", true, ""];

/** Whether the short answer differs from the long one; a line that does not decode has neither. */
function differs(line: string): boolean {
  const entry = decode(line);
  return entry.ok && isAccepted(entry.record) !== acceptedBy(entry.record, "0.169.0");
}

it("answers for 0.169.0 as the shapes do, for every line that a release wrote", () => {
  expect(recordedLines().filter(({ line }) => differs(line))).toEqual([]);
});

it("and for those lines with one value changed", () => {
  const different: string[] = [];
  for (const text of linesOf("mutations")) {
    const { name, line } = JSON.parse(text) as { readonly name: string; readonly line: JsonValue };
    for (const path of pathsOf(line)) {
      for (const value of VALUES) {
        const altered = changed(line, path, value) as object;
        if (differs(JSON.stringify({ timestamp: TIME, ...altered }))) different.push(`${name} ${path.join(".")}`);
      }
    }
  }
  expect(different).toEqual([]);
});

const LINES = recordedLines().map(({ line }) => line);
/** A line, or what is left of it, or two in one, with bytes that belong nowhere. */
const anyLine = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...LINES) },
  fc.tuple(fc.constantFrom(...LINES), fc.nat()).map(([line, at]) => line.slice(0, at % (line.length + 1))),
  fc.tuple(fc.constantFrom(...LINES), fc.constantFrom(...LINES)).map(([a, b]) => a + b),
  fc
    .tuple(fc.constantFrom(...LINES), fc.nat(), fc.constantFrom("\0", "\ufffd", '"', "}", "9".repeat(400), "\\ud800"))
    .map(([line, at, more]) => line.slice(0, at % line.length) + more + line.slice(at % line.length)),
  fc.string(),
);

it("goes on over any lines in any order, and tells nothing but codes of the table", () => {
  const known = new Set<string>(FINDING_CODES);
  const property = fc.property(fc.array(anyLine, { maxLength: 30 }), fc.boolean(), (lines, isTorn) => {
    const bytes = Buffer.from(lines.join("\n") + (isTorn ? "" : "\n"));
    const told: string[] = [];
    const checks = new RecordChecks({
      path: "any",
      tell: (code) => told.push(code),
      isBusy: () => false,
      isEnvelope: true,
    });
    for (const line of splitLines([bytes])) {
      const before = told.length;
      const entry = decodeLine(line.bytes, line.position, line);
      checks.add(line, entry);
      // What does not decode, and is not blank, is a finding.
      if (!entry.ok && entry.defect.kind !== "blank") expect(told.length).toBeGreaterThan(before);
    }
    checks.finish();
    expect(told.every((code) => known.has(code))).toBe(true);
  });
  fc.assert(property, { numRuns: 300 });
});
