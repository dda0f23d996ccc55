/** The table of checks, its page, and a home and a neighbour for each code: none of the three without the others. */
import { describe, expect, it } from "vitest";
import { openHome, discoverRollouts } from "../../src/readers/home.ts";
import { checkOf, FINDING_CODES, type FindingCode } from "../../src/verify/checks.ts";
import { verifyHome } from "../../src/verify/verify.ts";
import { NOW_MS, snapshot, temporaryFolder } from "../support/homes.ts";
import { readText } from "../support/sources.ts";
import { CASES } from "./cases.ts";

const folder = temporaryFolder();
const PAGE = readText("docs/findings.md");

function codesOf(home: string): FindingCode[] {
  const { codexHome, ...rest } = openHome({ codexHome: home });
  const report = verifyHome({ codexHome, ...rest }, discoverRollouts(codexHome), {
    readData: 1,
    now: () => NOW_MS,
    maxLineBytes: 2 ** 25 - 1,
  });
  return Object.keys(report.codes) as FindingCode[];
}

describe("docs/findings.md", () => {
  it("has a row for each code, with the words of the table, and no other", () => {
    const rows = [...PAGE.matchAll(/^\| `([a-z0-9-]+)` \| (\w+) \| (.*?) \| (.*?) \| (.*?) \|$/gm)];
    const written = rows.map(([, code, severity, meaning, effect, mend]) => [code, severity, meaning, effect, mend]);
    const table = FINDING_CODES.map((code) => {
      const { severity, meaning, effect, mend } = checkOf(code);
      return [code, severity, meaning, effect, mend];
    });
    expect(written).toEqual(table);
  });
});

describe.each(FINDING_CODES)("%s", (code) => {
  it("is found, with its severity, and nothing is changed", () => {
    CASES[code].yields(folder.path);
    const before = snapshot(folder.path);
    expect(codesOf(folder.path)).toContain(code);
    expect(snapshot(folder.path)).toEqual(before);
  });

  it("is not found in the neighbour", () => {
    CASES[code].neighbour(folder.path);
    expect(codesOf(folder.path)).not.toContain(code);
  });
});
