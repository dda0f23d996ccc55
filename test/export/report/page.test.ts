import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { looksLikeReport, REPORT_HEAD_BYTES } from "../../../src/export/report/html.ts";
import type { HomeReport, Report, ThreadReport } from "../../../src/export/report/model.ts";
import { pageOf } from "../../../src/export/report/page.ts";
import { attribute, recorded, shareText, shortCount } from "../../../src/export/report/text.ts";

const HOSTILE = [
  "<script>alert(1)</script>",
  `"><img src=x onerror="alert(1)">`,
  "'><svg/onload=alert(1)>",
  "</style><style>*{display:none}</style>",
  "</title></textarea><!-- ",
  "&lt;script&gt; &amp;amp; &#60;b&#62;",
  "javascript:alert(1) https://example.invalid/x.js url(//example.invalid)",
  "\x1b[2J\x1b]0;title\x07 \x9b31m \0",
  "\u202eexe.gpj\u202c \u2066a\u2069 \u200fb \u061c \u{e0041}",
  "lone \ud800 half \udfff",
  "\r\n\t\v\f\u2028\u2029\u0085",
];

describe("text", () => {
  it("shows what a browser would obey or hide", () => {
    expect(recorded("<b>&\"'")).toBe("<bdi>&lt;b&gt;&amp;&quot;&#39;</bdi>");
    expect(recorded("a\x1b[2Jb\0")).toBe(
      '<bdi>a<span class="esc">\\x1b</span>[2Jb<span class="esc">\\x00</span></bdi>',
    );
    expect(recorded("\u202e\u2066x")).toBe('<bdi><span class="esc">\\u202e\\u2066</span>x</bdi>');
    expect(recorded("\ud800")).toBe('<bdi><span class="esc">\\ud800</span></bdi>');
    expect(attribute('"\x1b\u202e<')).toBe("&quot;\\x1b\\u202e&lt;");
  });

  it("is cut, and says how much is left", () => {
    expect(recorded("abcdef", 3)).toBe('<bdi>abc</bdi><span class="soft">…</span>');
    expect(recorded("x".repeat(5000), 10)).toBe(
      '<bdi>xxxxxxxxxx</bdi><span class="soft">… and 4,990 more characters</span>',
    );
    expect(recorded("begin", 10, 1_000_005)).toBe(
      '<bdi>begin</bdi><span class="soft">… and 1,000,000 more characters</span>',
    );
    expect(attribute("ab😀cd", 3)).toBe("ab…");
  });

  it("keeps marks from being drawn over other lines", () => {
    expect(recorded(`o${"\u0301".repeat(99)}k`)).toBe(`<bdi>o${"\u0301".repeat(4)}…k</bdi>`);
  });

  it("has short figures", () => {
    expect([0, 999, 1000, 1_234_567, 2e13].map(shortCount)).toEqual(["0", "999", "1 k", "1.23 M", "20 T"]);
    expect([null, 0, 0.0001, 0.004, 0.5, 1].map(shareText)).toEqual(["", "0 %", "< 0.1 %", "0.4 %", "50 %", "100 %"]);
  });
});

const LABEL = { label: "response.message", records: 1, bytes: 1, keptRecords: 1, keptBytes: 1 };
const SUMS = { files: 1, plainBytes: 1000, diskBytes: 900, inheritedBytes: 100 };

function tokens(key: string) {
  const sums = { responses: 2, input: 100, cached: 50, cacheWrite: 0, output: 10, reasoning: 5, total: 110 };
  return { key, ...sums, cachedShare: 0.5, reasoningShare: 0.5, cost: null, unpriced: 0 };
}

function figures() {
  return { origin: "written", count: 3, meanMs: 2, medianMs: 2, p95Ms: 30, maxMs: 40_000 } as const;
}

function headOf(text: string) {
  return {
    toolVersion: "1.2.3",
    madeAtMs: Date.parse("2026-11-21T12:00:00Z"),
    tokens: {
      totals: tokens("all"),
      models: { items: [tokens(text)], left: 0 },
      days: { items: [tokens("2026-11-20"), tokens(text)], left: 3 },
      naive: { everyCount: 500, lastTotals: 110, everyRecord: 0 },
    },
    latency: {
      rows: [{ measure: "turn", source: "user", ...figures() }],
      tools: { items: [{ tool: text, totalMs: 9, ...figures() }], left: 1 },
    },
    findings: {
      scope: "home",
      counts: { error: 1, warning: 0, note: 0 },
      codes: [
        {
          code: "line-torn",
          severity: "error",
          meaning: "the last line is incomplete",
          effect: "that record is lost",
          mend: "verify --repair",
          count: 9,
          places: {
            items: Array.from({ length: 5 }, () => ({ path: text, line: 3, threadId: text, message: text })),
            left: 4,
          },
        },
      ],
      notDecoded: 2,
    },
    unreadable: [{ path: text, message: text }],
  } as const;
}

function drawing(text: string): HomeReport["families"]["items"][number] {
  const node = { id: text, title: text, agent: text, isAsked: false, flags: ["archived"], cuts: [400], length: 1000 };
  const span = { number: 0, cause: "start", begin: 0, end: 600, compaction: undefined } as const;
  const sizes = { before: { items: 5, bytes: 500 }, after: { items: 1, bytes: 50 } };
  const windows = [
    span,
    { ...span, number: 1, cause: "replacement", begin: 600, end: 1000, compaction: sizes } as const,
  ];
  return {
    isFamily: true,
    nodes: [
      { ...node, by: undefined, depth: 0, isLast: true, hasBranches: true, inheritedBytes: 0, windows },
      { ...node, by: "fork", depth: 1, isLast: false, hasBranches: true, inheritedBytes: 300, windows },
      { ...node, by: "agent", depth: 2, isLast: true, hasBranches: false, inheritedBytes: 0, windows: undefined },
      {
        ...node,
        by: "agent",
        depth: 99,
        isLast: true,
        hasBranches: false,
        inheritedBytes: 0,
        windows,
        length: undefined,
      },
    ],
    left: 7,
  };
}

function homeReport(text: string, threads = 1): HomeReport {
  const line = { id: text, title: text, createdAtMs: 0, flags: ["review"], layout: "reference", cliVersion: text };
  return {
    kind: "home",
    ...headOf(text),
    codexHome: text,
    bytes: {
      totals: SUMS,
      labels: Array.from({ length: 20 }, () => ({ ...LABEL, bytes: 50 })),
      months: [{ month: text, ...SUMS }],
      repeated: {
        minBytes: 1024,
        repeatedBytes: 10,
        kinds: [],
        top: [{ digest: "0", kind: "text", bytes: 9, times: 2, files: 1, repeatedBytes: 9, path: text, line: 1 }],
      },
      savings: {
        compress: { files: 1, plainBytes: 9, archiveBytes: 1, savedBytes: 8, coldSavedBytes: 0, sampledBytes: 4 },
        superseded: { checkpoints: 1, files: 1, bytes: 3 },
        policy: { records: 1, bytes: 2 },
      },
    },
    threadCount: threads,
    familyCount: 1,
    families: { items: [drawing(text)], left: 2 },
    threads: {
      items: Array.from({ length: threads }, () => ({ ...line, bytes: SUMS, tokens: tokens(text) })),
      left: 12_345,
    },
  };
}

function threadReport(text: string): ThreadReport {
  const excerpt = { text, length: text.length };
  const turn = {
    id: text,
    startedAtMs: 0,
    durationMs: 5000,
    isDerived: true,
    question: excerpt,
    error: excerpt,
    tools: [{ name: text, fromMs: undefined, durationMs: 900 }],
    tokens: { input: 10, cached: 5, output: 1, responses: 1 },
    items: { items: [{ word: "command", text: excerpt, outcome: text }], left: 3 },
  };
  const family = drawing(text);
  return {
    kind: "thread",
    ...headOf(text),
    id: text,
    title: text,
    path: text,
    identity: [["folder", text]],
    family,
    windows: {
      items: (family.nodes[0]?.windows ?? []).map((span) => ({ ...span, id: text })),
      left: 1,
      length: 1000,
      inheritedBytes: 9,
    },
    turns: {
      mode: "legacy",
      items: [
        { ...turn, number: 1, status: "completed" },
        { ...turn, number: 2, status: "failed", durationMs: 900_000_000 },
      ],
      left: 5,
      kinds: [{ words: "commands", count: 2 }],
      warnings: 0,
    },
    bytes: { totals: SUMS, labels: [{ ...LABEL, label: "compacted", bytes: 5 }] },
    problems: [text],
  };
}

/** The page without its style sheet and its script, which are ours to the byte. */
function bodyOf(page: string): string {
  const [styles, scripts] = [[...page.matchAll(STYLE)], [...page.matchAll(SCRIPT)]];
  expect([styles.length, scripts.length]).toEqual([1, 1]);
  return page.replace(STYLE, "").replace(SCRIPT, "");
}

const STYLE = /<style>([^<]*)<\/style>/g;
const SCRIPT = /<script>((?:[^<]|<(?!\/script))*)<\/script>/g;

const TAGS =
  "html|head|meta|title|body|main|header|nav|section|article|h1|h2|h3|p|a|b|bdi|span|small|code|wbr|ul|ol|li|i|dl|dt|dd|div|table|caption|thead|tbody|tr|th|td|figure|figcaption|details|summary|svg|g|rect|line|path|circle|text";
const ATTRIBUTES =
  "lang|charset|name|content|http-equiv|id|class|href|role|tabindex|scope|data-v|aria-[a-z]+|x|y|x1|x2|y1|y2|cx|cy|r|rx|d|width|height|text-anchor";
const TAG = new RegExp(`</?(?:${TAGS})(?: (?:${ATTRIBUTES})="[^"<>]*")*/?>`, "g");

const UNSAFE = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/u;

/** What is left when all tags that a page may have are gone: text, which holds nothing that a browser would obey. */
function expectInert(page: string): void {
  const body = bodyOf(page);
  const text = body.replace("<!doctype html>", "").replace(TAG, "");
  expect(/[<>].{0,80}/.exec(text)?.[0]).toBeUndefined();
  expect(/&(?!(?:amp|lt|gt|quot|#39);).{0,80}/.exec(body)?.[0]).toBeUndefined();
  expect(UNSAFE.exec(body)?.index).toBeUndefined();
  const links = [...body.matchAll(/ href="([^"]*)"/g)].map(([, target]) => target);
  expect(links.filter((target) => !/^#[a-z]+$/.test(target ?? ""))).toEqual([]);
}

function pagesOf(text: string): readonly string[] {
  const reports: readonly Report[] = [homeReport(text), threadReport(text)];
  return reports.map(pageOf);
}

describe("the page", () => {
  it.each(HOSTILE)("shows %j as text", (text) => {
    for (const page of pagesOf(text)) {
      expectInert(page);
      expect(page).toContain(recorded(text));
    }
  });

  it("shows any text as text", () => {
    const piece = fc.oneof(
      fc.constantFrom(...HOSTILE, "<", ">", "&", '"', "'", "</", "<!--", "]]>", "\0", "\ud83d", "\u202e"),
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
    );
    const text = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (any) => pagesOf(any).forEach(expectInert)),
      { numRuns: 60 },
    );
  });

  it("allows its own style sheet and script by their digests, and nothing else", () => {
    for (const page of pagesOf("x")) {
      const digest = (pattern: RegExp): string => {
        const [[, content = ""] = []] = [...page.matchAll(pattern)];
        return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
      };
      const [, policy] = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page) ?? [];
      expect(policy).toBe(
        `default-src 'none'; style-src ${digest(STYLE)}; script-src ${digest(SCRIPT)}; base-uri 'none'; form-action 'none'`,
      );
      expect(page.indexOf("Content-Security-Policy")).toBeLessThan(page.indexOf("<style>"));
    }
  });

  it("names no address", () => {
    for (const page of pagesOf("x")) {
      // Digests may hold any letters.
      expect(page.replace(/sha256-[^']*/g, "")).not.toMatch(
        /https?:|\/\/[a-z]|@import|url\(|<link|<iframe| src=| style=| on[a-z]+=/i,
      );
    }
  });

  it("has a heading for each part, a caption for each table, and words for each drawing", () => {
    for (const page of pagesOf("x")) {
      const body = bodyOf(page);
      expect([...body.matchAll(/<h1>/g)]).toHaveLength(1);
      for (const [, id = ""] of body.matchAll(/<section id="([a-z]+)"/g)) {
        expect(body).toContain(`<h2 id="${id}-title">`);
        expect(body).toContain(`<a href="#${id}">`);
      }
      expect([...body.matchAll(/<caption>/g)]).toHaveLength([...body.matchAll(/<table/g)].length);
      for (const [svg] of body.matchAll(/<svg[^>]*>/g))
        expect(svg).toMatch(/ aria-hidden="true"| role="img" aria-label="./);
    }
  });

  it("is of bounded size, and says what it leaves out", () => {
    const page = pageOf(homeReport("x".repeat(100_000), 2000));
    expect(page.length).toBeLessThan(4_000_000);
    expect(page).toContain("… and 12,345 more threads, smaller than these.");
    expect(page).toContain("The first 60 are printed.");
  });

  it("is known by its beginning", () => {
    const bytes = Buffer.from(pageOf(homeReport("x")));
    expect(looksLikeReport(bytes.subarray(0, REPORT_HEAD_BYTES))).toBe(true);
    expect(looksLikeReport(bytes.subarray(0, REPORT_HEAD_BYTES - 1))).toBe(false);
    expect(looksLikeReport(Buffer.from("<!doctype html><html>".padEnd(REPORT_HEAD_BYTES)))).toBe(false);
  });
});
