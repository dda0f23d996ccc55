/** The report of `bench` for the terminal. Labels come from file names, messages from other programs: all is escaped. */
import type { Judgement } from "../bench/criteria.ts";
import type { BenchReport, CaseResult, Comparison, Verdict } from "../bench/results.ts";
import {
  baselineNotes,
  type BenchOutcome,
  byUrgency,
  bytesOrNothing,
  formatInterval,
  formatMs,
  formatP,
  formatPercent,
  formatRatio,
  type Gravity,
  headlineOf,
  joinLabels,
  judgementFigures,
  labelsByName,
  type PairWords,
  pairWords,
  settingFields,
} from "../bench/text.ts";
import { escapeText, type Paint } from "../io/console.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns">;

/** Setting, cases, ratios, failures, criteria, and the outcome in one line at the end, where one looks. */
export function renderBench(outcome: BenchOutcome, look: Look): string {
  const { report, baseline, judgements = [] } = outcome;
  const { paint } = look;
  const headline = headlineOf(outcome);
  const parts = [
    renderFields(settingFields(report), paint),
    titled("Cases", caseTable(report, look), paint),
    titled("Pairs of this run", comparisonTable(report.comparisons, report, look), paint),
    baseline === undefined
      ? ""
      : titled(
          "Against the baseline",
          lines(baselineNotes(baseline), paint.yellow) + comparisonTable(baseline.comparison.comparisons, report, look),
          paint,
        ),
    titled(
      "Notes",
      lines(report.notes, (text) => text),
      paint,
    ),
    titled(
      "Failed",
      lines(
        report.failures.map((failure) => `${failure.case}: ${failure.message}`),
        paint.red,
      ),
      paint,
    ),
    titled(
      "Criteria",
      byUrgency(judgements)
        .map((judgement) => judgementLine(judgement, paint))
        .join(""),
      paint,
    ),
    `${GRAVITY_PAINT[headline.gravity](paint)(escapeText(headline.text))}\n`,
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const GRAVITY_PAINT: Readonly<Record<Gravity, (paint: Paint) => (text: string) => string>> = {
  good: (paint) => paint.green,
  bad: (paint) => paint.red,
  unclear: (paint) => paint.yellow,
  neutral: (paint) => paint.bold,
};

function titled(title: string, text: string, paint: Paint): string {
  return text === "" ? "" : `${paint.bold(title)}\n${text}`;
}

function lines(texts: readonly string[], brush: (text: string) => string): string {
  return texts.map((text) => `  ${brush(escapeText(text))}\n`).join("");
}

const CASE_COLUMNS: readonly Column<CaseResult>[] = [
  { title: "case", value: ({ labels }) => joinLabels(labels), flexible: true, min: 24 },
  { title: "n", value: ({ statistics }) => String(statistics.count), align: "right" },
  { title: "mean", value: ({ statistics }) => formatMs(statistics.mean), align: "right" },
  { title: "median", value: ({ statistics }) => formatMs(statistics.median), align: "right" },
  { title: "p95", value: ({ statistics }) => formatMs(statistics.p95), align: "right" },
  { title: "CV", value: ({ statistics }) => formatPercent(statistics.coefficient_of_variation), align: "right" },
  { title: "outliers", value: ({ statistics }) => String(statistics.outliers), align: "right" },
  { title: "peak", value: ({ peak_bytes: bytes }) => bytesOrNothing(bytes), align: "right" },
  { title: "read", value: ({ read_bytes: bytes }) => bytesOrNothing(bytes), align: "right" },
  { title: "written", value: ({ written_bytes: bytes }) => bytesOrNothing(bytes), align: "right" },
];

/** Columns that no case has anything to say in are left out. */
function caseTable({ cases }: BenchReport, look: Look): string {
  const columns = CASE_COLUMNS.filter(({ value }) => cases.some((found) => value(found) !== ""));
  return renderTable(columns, cases, look);
}

const VERDICT_PAINT: Readonly<Record<Verdict, keyof Paint>> = {
  faster: "green",
  slower: "red",
  same: "cyan",
  unclear: "yellow",
};

function comparisonTable(comparisons: readonly Comparison[], report: BenchReport, look: Look): string {
  const labels = labelsByName(report);
  const rows = comparisons.map((pair) => ({ pair, words: pairWords(labels, pair) }));
  type Row = { readonly pair: Comparison; readonly words: PairWords };
  const columns: readonly Column<Row>[] = [
    { title: "case", value: ({ words }) => words.shared, flexible: true, min: 16 },
    { title: "compared", value: ({ words }) => `${words.one} ÷ ${words.other}`, flexible: true, min: 20 },
    { title: "n", value: ({ pair }) => String(pair.count), align: "right" },
    { title: "ratio", value: ({ pair }) => formatRatio(pair.ratio), align: "right" },
    { title: "95 %", value: ({ pair }) => formatInterval(pair.interval), align: "right" },
    { title: "p", value: ({ pair }) => formatP(pair.p_value), align: "right" },
    {
      title: "verdict",
      value: ({ pair }) => pair.verdict,
      paint: (text, { pair }) => look.paint[VERDICT_PAINT[pair.verdict]](text),
    },
  ];
  return renderTable(columns, rows, look);
}

const JUDGED: Readonly<Record<Judgement["verdict"], readonly [word: string, brush: keyof Paint]>> = {
  violated: ["violated", "red"],
  kept: ["kept", "green"],
  unclear: ["unclear", "yellow"],
  unmeasured: ["not measured", "yellow"],
};

function judgementLine(judgement: Judgement, paint: Paint): string {
  const [word, brush] = JUDGED[judgement.verdict];
  const { case: name, against } = judgement;
  const pair = against === name || against === "" ? name : `${name} ÷ ${against}`;
  return `  ${paint[brush](word)} ${escapeText(`${pair}: ${judgementFigures(judgement)}`)}\n`;
}
