import { describe, expect, it } from "vitest";

import { snippetOf } from "../../src/analysis/search-snippet.ts";

/** Around the first "needle" of a text. */
function around(text: string, longest = 400): string {
  const start = text.indexOf("needle");
  return snippetOf({ pieces: [text], piece: 0, start, end: start + 6 }, longest).text;
}

/** All of these were seen from 0.169.0's `thread/search`. */
describe("a snippet", () => {
  it.each([
    ["has 49 characters before", "a".repeat(49) + "needle", "a".repeat(49) + "needle"],
    ["and no more", "a".repeat(50) + "needle", `... ${"a".repeat(49)}needle`],
    ["has 96 characters behind", "needle" + "b".repeat(96), "needle" + "b".repeat(96)],
    ["and no more behind", "needle" + "b".repeat(97), `needle${"b".repeat(96)} ...`],
    ["drops a blank at its cut", `${"a ".repeat(25)}needle`, `... ${"a ".repeat(24)}needle`],
    ["keeps all where it just fits", `${"a ".repeat(24)}needle`, `${"a ".repeat(24)}needle`],
    ["is trimmed", "  \n needle\t", "needle"],
    ["collapses white space", "a\u00a0\u00a0needle\u2003\n\tb\u0085c", "a needle b c"],
    ["keeps what is no white space", "\ufeff needle\u200bx", "\ufeff needle\u200bx"],
    [
      "counts characters, not units",
      "😀".repeat(60) + "needle" + "😀".repeat(100),
      `... ${"😀".repeat(49)}needle${"😀".repeat(96)} ...`,
    ],
    ["collapses before it counts", "ab\n\t  c ".repeat(40) + "needle", `... b c ${"ab c ".repeat(9)}needle`],
  ])("%s", (_rule, text, snippet) => {
    expect(around(text)).toBe(snippet);
  });

  it("looks far into white space", () => {
    expect(around(`word${" ".repeat(100_000)}needle${"\n".repeat(100_000)}end`)).toBe("word needle end");
  });

  it("joins the pieces of a message", () => {
    const pieces = ["part one", "needle part two", "three"];
    expect(snippetOf({ pieces, piece: 1, start: 0, end: 6 }, 400)).toEqual({
      text: "part one needle part two three",
      start: 9,
      end: 15,
    });
  });

  it("cuts what is matched, too", () => {
    expect(around("a needle b", 3)).toBe("a nee ...");
  });
});
