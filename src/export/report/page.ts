/**
 * The report as one page that needs nothing else: plain data in, HTML out. One script, which sorts tables; its digest and that of the
 * style sheet are all that the policy inside the page allows, so nothing is loaded, and no recorded text can run.
 */
import { formatBytes, formatCount } from "../../io/text.ts";
import { findingsBody, verdictOf } from "./findings.ts";
import { type Column, fields, frame, meter, moreNote, type Part, table, tiles } from "./html.ts";
import { latencyBody } from "./latency.ts";
import { countOf, familyFigure, lineageLegend } from "./lineage.ts";
import type { FamilyDrawing, HomeReport, Report, ThreadLine, ThreadReport } from "./model.ts";
import { homeSizesBody, sizesBody } from "./sizes.ts";
import { attribute, escapeHtml, recorded, shareText, shortCount, timeText } from "./text.ts";
import { tokensBody } from "./tokens.ts";
import { msText, turnsBody } from "./turns.ts";
import { windowsBody } from "./windows.ts";

export function pageOf(report: Report): string {
  return report.kind === "home" ? homePage(report) : threadPage(report);
}

function homePage(report: HomeReport): string {
  const { codexHome, families, threads, bytes } = report;
  const header = head(report, "Codex home", `<code>${recorded(codexHome, 300)}</code>`) + tiles(homeTiles(report));
  return frame(`Codex home ${attribute(codexHome, 80)}`, header, [
    {
      id: "lineage",
      title: "Lineage",
      hint: "Which thread was forked from which, and which agent was spawned by which. Bars are the bytes of each history; each part of a bar is a context window.",
      body:
        families.items.length === 0
          ? ""
          : lineageLegend(families.items) +
            families.items.map((family, at) => familyFigure(family, familyCaption(family, at))).join("") +
            moreNote(families.left, "families, smaller than these; rollout-tool tree draws them all"),
    },
    { id: "tokens", title: "Tokens", hint: TOKENS_HINT, body: tokensBody(report.tokens) },
    { id: "latency", title: "Latencies", hint: LATENCY_HINT, body: latencyBody(report.latency) },
    { id: "sizes", title: "Sizes", body: bytes.totals.files === 0 ? "" : homeSizesBody(bytes) },
    { id: "findings", title: "Findings", hint: FINDINGS_HINT, body: findingsBody(report.findings) },
    {
      id: "threads",
      title: "Threads",
      body:
        table(threadColumns(bytes.totals.plainBytes), threads.items, {
          caption: "Threads, the largest first",
          isSortable: true,
          isLong: true,
        }) +
        printNote(threads.items.length) +
        moreNote(threads.left, "threads, smaller than these"),
    },
    unreadablePart(report),
  ]);
}

const TOKENS_HINT = "Each response of the model counts once, however often forks and agents repeat it.";
const LATENCY_HINT =
  "Bars go from the median to the 95th percentile, on one logarithmic scale; the dot behind is the longest. Written by Codex, or derived from the times of lines.";
const FINDINGS_HINT = "What rollout-tool verify finds: what it does to you, and what mends it.";

/** On paper are as many rows of a long table; the style sheet says so too. */
const PRINTED_ROWS = 60;

function printNote(rows: number): string {
  return rows > PRINTED_ROWS ? `<p class="soft print-only">The first ${PRINTED_ROWS} are printed.</p>` : "";
}

function familyCaption({ isFamily, nodes, left }: FamilyDrawing, at: number): string {
  return isFamily
    ? `Family ${at + 1}: ${countOf(nodes.length + left, "thread")}`
    : "The largest threads that stand alone";
}

/** `what` and `subject` are finished HTML. */
function head(report: Report, what: string, subject: string): string {
  const [tone, sign, words] = verdictOf(report.findings);
  return (
    `<p class="eyebrow">rollout-tool ${escapeHtml(report.toolVersion)} report</p>\n<h1>${what}</h1>\n` +
    `<p class="soft">${subject} · ${timeText(report.madeAtMs)} UTC</p>\n` +
    `<p class="banner ${tone}"><span class="sign" aria-hidden="true">${sign}</span><span>${escapeHtml(words)}</span></p>\n`
  );
}

type Tile = readonly [label: string, value: string, more?: string];

function homeTiles({
  bytes: { totals },
  threadCount,
  familyCount,
  tokens,
  latency,
  unreadable,
}: HomeReport): readonly Tile[] {
  return [
    [
      "threads",
      formatCount(threadCount),
      familyCount === 0 ? "no forks or agents" : countOf(familyCount, "family", "families"),
    ],
    [
      "rollouts",
      formatCount(totals.files),
      unreadable.length === 0 ? "" : `${formatCount(unreadable.length)} not read whole`,
    ],
    ["size", formatBytes(totals.plainBytes), `${formatBytes(totals.diskBytes)} on disk`],
    ...tokenTiles(tokens),
    ...latencyTiles(latency),
  ];
}

function tokenTiles({ totals }: Report["tokens"]): readonly Tile[] {
  if (totals.responses === 0) return [];
  return [
    ["tokens", shortCount(totals.total), countOf(totals.responses, "response")],
    ["cached input", shareText(totals.cachedShare) || "–", `${shortCount(totals.input)} input`],
    [
      "output",
      shortCount(totals.output),
      totals.reasoningShare === null ? "" : `${shareText(totals.reasoningShare)} reasoning`,
    ],
  ];
}

function latencyTiles({ rows }: Report["latency"]): readonly Tile[] {
  const turn = rows.find(({ measure, source }) => measure === "turn" && source === "user");
  return turn === undefined ? [] : [["median turn", msText(turn.medianMs), `95 % within ${msText(turn.p95Ms)}`]];
}

function threadColumns(allBytes: number): readonly Column<ThreadLine>[] {
  const all = Math.max(1, allBytes);
  return [
    { title: "thread", cell: threadCell },
    {
      title: "begun",
      kind: "time",
      value: ({ createdAtMs }) => createdAtMs,
      cell: ({ createdAtMs }) => timeText(createdAtMs),
    },
    {
      title: "bytes",
      kind: "number",
      value: ({ bytes }) => bytes.plainBytes,
      cell: ({ bytes }) => formatBytes(bytes.plainBytes),
    },
    { title: "", kind: "drawn", cell: ({ bytes }) => meter([["c0", bytes.plainBytes / all]]) },
    {
      title: "inherited",
      kind: "number",
      value: ({ bytes }) => bytes.inheritedBytes,
      cell: ({ bytes }) => (bytes.inheritedBytes === 0 ? "" : formatBytes(bytes.inheritedBytes)),
    },
    {
      title: "tokens",
      kind: "number",
      value: ({ tokens }) => tokens?.total,
      cell: ({ tokens }) => (tokens === undefined ? "" : formatCount(tokens.total)),
    },
    {
      title: "cached",
      kind: "number",
      value: ({ tokens }) => tokens?.cachedShare ?? -1,
      cell: ({ tokens }) => shareText(tokens?.cachedShare),
    },
    { title: "layout", cell: ({ layout }) => (layout === "own" ? "" : escapeHtml(layout)) },
    { title: "release", cell: ({ cliVersion }) => (cliVersion === undefined ? "" : recorded(cliVersion, 16)) },
  ];
}

function threadCell({ id, title, flags }: ThreadLine): string {
  const tags = flags.map((flag) => `<span class="tag">${escapeHtml(flag)}</span>`).join("");
  const name = recorded(id, 200);
  return title === undefined
    ? `${name}<small>${tags}</small>`
    : `${recorded(title, 120)}<small>${name} ${tags}</small>`;
}

function unreadablePart({ unreadable }: Report): Part {
  const shown = unreadable.slice(0, 100);
  const items = shown.map(
    ({ path, message }) => `<li><code>${recorded(path, 300)}</code>: ${recorded(message, 300)}</li>`,
  );
  const body =
    items.length === 0 ? "" : `<ul>${items.join("")}</ul>${moreNote(unreadable.length - shown.length, "files")}`;
  return { id: "unreadable", title: "Not read whole", hint: "The figures above lack what is in these.", body };
}

function threadPage(report: ThreadReport): string {
  const { id, title, path, family, windows, turns, bytes, problems } = report;
  const name = title === undefined ? recorded(id ?? path, 200) : recorded(title, 120);
  const subject = `${id === undefined || title === undefined ? "" : `${recorded(id, 64)} · `}<code>${recorded(path, 300)}</code>`;
  const header =
    head(report, name, subject) +
    problems.map((problem) => `<p class="soft">${recorded(problem, 400)}</p>`).join("") +
    tiles(threadTiles(report));
  return frame(`Thread ${attribute(title ?? id ?? path, 80)}`, header, [
    {
      id: "identity",
      title: "Identity",
      body: fields(report.identity.map(([label, value]) => [label, recorded(value, 400)] as const)),
    },
    {
      id: "lineage",
      title: "Lineage",
      hint: "The family of this thread: what was forked from what, and which agent was spawned by which.",
      body:
        family === undefined || family.nodes.length < 2
          ? ""
          : lineageLegend([family]) + familyFigure(family, familyCaption(family, 0)),
    },
    { id: "windows", title: "Context windows", body: windows === undefined ? "" : windowsBody(windows) },
    { id: "turns", title: "Timeline of turns", body: turns === undefined ? "" : turnsBody(turns) },
    { id: "tokens", title: "Tokens", hint: TOKENS_HINT, body: tokensBody(report.tokens) },
    { id: "latency", title: "Latencies", hint: LATENCY_HINT, body: latencyBody(report.latency) },
    { id: "sizes", title: "Sizes", body: sizesBody(bytes) },
    { id: "findings", title: "Findings", hint: FINDINGS_HINT, body: findingsBody(report.findings) },
    unreadablePart(report),
  ]);
}

function threadTiles({ turns, windows, bytes: { totals }, tokens, latency }: ThreadReport): readonly Tile[] {
  return [
    ...(turns === undefined
      ? []
      : [["turns", formatCount(turns.items.length + turns.left), `by the rules of ${turns.mode} threads`] as const]),
    ...(windows === undefined ? [] : [["context windows", formatCount(windows.items.length + windows.left)] as const]),
    ["size", formatBytes(totals.plainBytes), `${formatBytes(totals.diskBytes)} on disk`],
    ...tokenTiles(tokens),
    ...latencyTiles(latency),
  ];
}
