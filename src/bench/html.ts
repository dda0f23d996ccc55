/**
 * A report as one page that needs nothing else: no script, no font, no request, and a policy inside it that forbids them.
 * Plots are made here (`html-plot.ts`); every text from outside is escaped.
 */
import { escapeText } from "../io/console.ts";
import type { Judgement } from "./criteria.ts";
import { escapeHtml } from "../export/report/text.ts";
import { axisPlot, ratioPlot, ratioScale, stripPlot, tickMs, tickRatio, timeScale } from "./html-plot.ts";
import { STYLE } from "./html-style.ts";
import type { BenchReport, CaseResult, Comparison } from "./results.ts";
import {
  baselineNotes,
  type BenchOutcome,
  byUrgency,
  bytesOrNothing,
  type CaseGroup,
  formatInterval,
  formatMs,
  formatP,
  formatPercent,
  formatRatio,
  type Gravity,
  groupCases,
  headlineOf,
  joinLabels,
  labelsByName,
  pairWords,
  READING,
  settingFields,
} from "./text.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const SIGNS: Readonly<Record<Gravity, string>> = { good: "✓", bad: "✕", unclear: "?", neutral: "●" };

export function htmlOf(outcome: BenchOutcome): string {
  const { report } = outcome;
  const headline = headlineOf(outcome);
  const title = `Benchmark ${text(report.benchmark)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}: ${text(headline.text)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">rollout-tool ${text(report.setting.tool_version)}</p>
<h1>${title}</h1>
<p class="soft">${text(report.setting.cpu)} · ${text(report.setting.created_at)}</p>
<p class="banner ${headline.gravity}"><span class="sign" aria-hidden="true">${SIGNS[headline.gravity]}</span><span>${text(headline.text)}</span></p>
</header>
${sections(outcome).join("\n")}
</main>
</body>
</html>
`;
}

function sections(outcome: BenchOutcome): readonly string[] {
  const { report, baseline, judgements = [] } = outcome;
  return [
    section("Criteria", "", judgementTable(judgements)),
    section(
      "Failed",
      "These cases could not be measured.",
      bullets(report.failures.map((one) => `<code>${breakable(one.case)}</code>: ${text(one.message)}`)),
    ),
    section(
      "Times",
      "Each dot is a sample; a ring, an outlier. The box reaches from quartile to quartile, the bar is the median." +
        (baseline === undefined ? "" : " Grey: the baseline."),
      groupCases(report)
        .map((group) => timesFigure(group, outcome))
        .join(""),
    ),
    section("Ratios within this run", RATIO_HINT, ratioFigure(report.comparisons, report, "Paired comparisons", [])),
    baseline === undefined
      ? ""
      : section(
          "Against the baseline",
          `This run ÷ the run of ${text(baseline.report.setting.created_at)}, with rollout-tool ${text(baseline.report.setting.tool_version)}. ${RATIO_HINT}`,
          bullets(baselineNotes(baseline).map(text), "warning") +
            ratioFigure(baseline.comparison.comparisons, report, "Now ÷ baseline", judgements),
        ),
    section("Cases", "", caseTable(report)),
    section("Notes", "", bullets(report.notes.map(text))),
    section("Setting", "Figures of different machines are not comparable.", fields(settingFields(report))),
    section("How to read this", "", bullets(READING.map(text))),
  ].filter((part) => part !== "");
}

const RATIO_HINT = "Left of 1 the first is faster. The bar is the 95 % interval of the ratio.";

function section(title: string, hint: string, body: string): string {
  if (body === "") return "";
  return `<section>\n<h2>${title}</h2>\n${hint === "" ? "" : `<p>${hint}</p>\n`}${body}\n</section>`;
}

function bullets(lines: readonly string[], css = ""): string {
  if (lines.length === 0) return "";
  const open = css === "" ? "<li>" : `<li class="${css}">`;
  return `<ul>${lines.map((line) => `${open}${line}</li>`).join("")}</ul>`;
}

function fields(values: readonly (readonly [label: string, value: string])[]): string {
  return `<dl>${values.map(([label, value]) => `<dt>${text(label)}</dt><dd>${text(value)}</dd>`).join("")}</dl>`;
}

function timesFigure({ title, cases }: CaseGroup, { report, baseline }: BenchOutcome): string {
  const before = new Map(baseline?.report.cases.map(({ name, samples_ms }) => [name, samples_ms]));
  const scale = timeScale(cases.flatMap(({ found }) => [...found.samples_ms, ...(before.get(found.name) ?? [])]));
  const subjects = subjectsOf(report);
  const rows = cases.map(({ found, title: name }) => {
    const { statistics, samples_ms: samples, labels } = found;
    const color = subjects.indexOf(subjectOf(labels));
    const label = escapeText(
      `${name}: median ${formatMs(statistics.median)}, ${statistics.count} samples from ${formatMs(statistics.min)} to ${formatMs(statistics.max)}`,
    );
    return (
      `<div class="name"><span class="dot c${color % COLORS}" aria-hidden="true"></span>${text(name)}</div>` +
      `<div class="figure">${formatMs(statistics.median)}<small>CV ${formatPercent(statistics.coefficient_of_variation)}</small></div>` +
      stripPlot({ samples, before: before.get(found.name), color, title: label }, scale)
    );
  });
  const axis = scale.isLog ? "logarithmic axis" : scale.ticks[0] === 0 ? "" : "axis does not begin at 0";
  const caption = `<figcaption><span>${text(title === "" ? report.benchmark : title)}</span><span class="scale">${axis}</span></figcaption>`;
  return `<figure>${caption}<div class="plot">${rows.join("\n")}${axisPlot(scale, tickMs)}</div></figure>`;
}

const COLORS = 6;

/** Who did it, by which the cases are coloured: this tool or a Codex, else the most particular label. */
function subjectOf(labels: readonly string[]): string {
  return labels.slice(2).find((label) => /^(rollout-tool|codex)\b/.test(label)) ?? labels.at(-1) ?? "";
}

function subjectsOf({ cases }: BenchReport): readonly string[] {
  return [...new Set(cases.map(({ labels }) => subjectOf(labels)))];
}

function ratioFigure(
  comparisons: readonly Comparison[],
  report: BenchReport,
  title: string,
  judgements: readonly Judgement[],
): string {
  if (comparisons.length === 0) return "";
  const boundsOf = (name: string): readonly number[] =>
    judgements
      .filter(
        ({ case: judged, criterion }) =>
          judged === name && criterion.otherPattern === undefined && criterion.metric === "median",
      )
      .map(({ criterion }) => criterion.bound);
  const values = comparisons.flatMap(({ ratio, interval, case: name }) => [ratio, ...interval, ...boundsOf(name)]);
  const scale = ratioScale(values);
  const labels = labelsByName(report);
  const rows = comparisons.map((pair) => {
    const { shared, one, other } = pairWords(labels, pair);
    const [name, small] =
      pair.kind === "paired"
        ? [`${text(one)} ÷ ${text(other)}`, text(shared)]
        : titleOf(labels.get(pair.case) ?? [pair.case]);
    return (
      `<div class="name">${name}${small === "" ? "" : `<small>${small}</small>`}</div>` +
      `<div class="figure"><span class="verdict ${pair.verdict}">${formatRatio(pair.ratio)} ${pair.verdict}</span>` +
      `<small>${formatInterval(pair.interval)} · p ${text(formatP(pair.p_value))}</small></div>` +
      ratioPlot(pair, scale, boundsOf(pair.case))
    );
  });
  const hasBounds = comparisons.some(({ case: name }) => boundsOf(name).length > 0);
  const axis = `logarithmic axis${hasBounds ? "; dashed: bound of a criterion" : ""}`;
  const caption = `<figcaption><span>${title}</span><span class="scale">${axis}</span></figcaption>`;
  return `<figure>${caption}<div class="plot ratios">${rows.join("\n")}${axisPlot(scale, tickRatio)}</div></figure>`;
}

/** A case by what tells it from its neighbours, and its input. */
function titleOf(labels: readonly string[]): readonly [name: string, small: string] {
  const depth = labels.length > 2 ? 2 : 0;
  return [text(joinLabels(labels.slice(depth))), text(joinLabels(labels.slice(0, depth)))];
}

interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** Finished HTML. */
  readonly cell: (row: Row) => string;
}

/** Columns that have nothing to say in any row are left out. */
function table<Row>(all: readonly Column<Row>[], rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const columns = all.filter(({ cell }) => rows.some((row) => cell(row) !== ""));
  const css = ({ isNumber = false }: Column<Row>): string => (isNumber ? ' class="number"' : "");
  const head = columns.map((column) => `<th scope="col"${css(column)}>${column.title}</th>`).join("");
  const body = rows.map(
    (row) => `<tr>${columns.map((column) => `<td${css(column)}>${column.cell(row)}</td>`).join("")}</tr>`,
  );
  return `<div class="wide" role="region" tabindex="0" aria-label="table"><table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`;
}

const JUDGED: Readonly<Record<Judgement["verdict"], readonly [tone: Gravity, word: string]>> = {
  violated: ["bad", "✕ violated"],
  kept: ["good", "✓ kept"],
  unclear: ["unclear", "? unclear"],
  unmeasured: ["unclear", "? not measured"],
};

function judgementTable(judgements: readonly Judgement[]): string {
  return table<Judgement>(
    [
      {
        title: "case",
        cell: ({ case: name, against }) =>
          breakable(against === name || against === "" ? name : `${name} ÷ ${against}`),
      },
      {
        title: "verdict",
        cell: ({ verdict }) => `<span class="tone ${JUDGED[verdict][0]}">${JUDGED[verdict][1]}</span>`,
      },
      { title: "criterion", cell: ({ criterion }) => `<code>${text(criterion.text)}</code>` },
      { title: "ratio", isNumber: true, cell: ({ ratio }) => (ratio === undefined ? "" : formatRatio(ratio)) },
      {
        title: "95 % interval",
        isNumber: true,
        cell: ({ interval }) => (interval === undefined ? "" : formatInterval(interval)),
      },
      { title: "why", cell: ({ reason = "" }) => text(reason) },
    ],
    byUrgency(judgements),
  );
}

function caseTable({ cases }: BenchReport): string {
  const time = (title: string, member: "mean" | "median" | "p95" | "min" | "max"): Column<CaseResult> => ({
    title,
    isNumber: true,
    cell: ({ statistics }) => formatMs(statistics[member]),
  });
  return table<CaseResult>(
    [
      { title: "case", cell: ({ labels }) => text(joinLabels(labels)) },
      { title: "n", isNumber: true, cell: ({ statistics }) => String(statistics.count) },
      time("mean", "mean"),
      time("median", "median"),
      time("p95", "p95"),
      time("min", "min"),
      time("max", "max"),
      { title: "CV", isNumber: true, cell: ({ statistics }) => formatPercent(statistics.coefficient_of_variation) },
      { title: "outliers", isNumber: true, cell: ({ statistics }) => String(statistics.outliers) },
      { title: "peak memory", isNumber: true, cell: ({ peak_bytes: bytes }) => bytesOrNothing(bytes) },
      { title: "read", isNumber: true, cell: ({ read_bytes: bytes }) => bytesOrNothing(bytes) },
      { title: "written", isNumber: true, cell: ({ written_bytes: bytes }) => bytesOrNothing(bytes) },
    ],
    cases,
  );
}

/** A name of many parts, which may be broken between any two. */
function breakable(value: string): string {
  return text(value).replace(/[.·]/g, "$&<wbr>");
}

/** Any text: control characters visible, markup inert. */
function text(value: string): string {
  return escapeHtml(escapeText(value));
}
