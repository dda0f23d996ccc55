/**
 * A report as Markdown, for the job summary of GitHub Actions or a comment: the verdict first, then tables. Labels and
 * messages come from file names and other programs; whatever of them GitHub would interpret is written as an entity.
 */
import { escapeText } from "../io/console.ts";
import type { Judgement, JudgementVerdict } from "./criteria.ts";
import type { BenchReport, Comparison, Verdict } from "./results.ts";
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
  labelsByName,
  pairWords,
  READING,
  settingFields,
} from "./text.ts";

const SIGNS: Readonly<Record<Gravity, string>> = { good: "✅", bad: "❌", unclear: "⚠️", neutral: "📊" };

export function markdownOf(outcome: BenchOutcome): string {
  const { report, baseline, judgements = [] } = outcome;
  const headline = headlineOf(outcome);
  const parts = [
    `## ${SIGNS[headline.gravity]} Benchmark ${plain(report.benchmark)}: ${plain(headline.text)}`,
    section("Criteria", judgementTable(judgements)),
    section("Failed", bullets(report.failures.map((failure) => `${code(failure.case)}: ${plain(failure.message)}`))),
    baseline === undefined
      ? ""
      : section(
          "Against the baseline",
          bullets(baselineNotes(baseline).map((note) => `⚠️ ${plain(note)}`)),
          comparisonTable(baseline.comparison.comparisons, report),
        ),
    section("Within this run", comparisonTable(report.comparisons, report)),
    section("Cases", caseTable(report)),
    section("Notes", bullets(report.notes.map(plain))),
    details("Setting, and how to read this", [
      ...settingFields(report).map(([label, value]) => `**${label}:** ${plain(value)}`),
      ...READING.map(plain),
    ]),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function section(title: string, ...parts: readonly string[]): string {
  const present = parts.filter((part) => part !== "");
  return present.length === 0 ? "" : [`### ${title}`, ...present].join("\n\n");
}

function details(title: string, lines: readonly string[]): string {
  return `<details><summary>${title}</summary>\n\n${bullets(lines)}\n\n</details>`;
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

/** A summary may have a MiB; who needs more rows than this has the JSON. */
const SHOWN_ROWS = 200;

interface Column<Row> {
  readonly title: string;
  readonly align?: "right";
  readonly cell: (row: Row) => string;
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const lines = [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === "right" ? "---:" : "---"))),
    ...rows.slice(0, SHOWN_ROWS).map((row) => line(columns.map(({ cell }) => cell(row)))),
  ];
  const more = rows.length > SHOWN_ROWS ? `\n\n… and ${rows.length - SHOWN_ROWS} more rows, in the JSON` : "";
  return `${lines.join("\n")}${more}`;
}

const JUDGED: Readonly<Record<JudgementVerdict, string>> = {
  violated: "❌ **violated**",
  kept: "✅ kept",
  unclear: "⚠️ unclear",
  unmeasured: "⚠️ not measured",
};

function judgementTable(judgements: readonly Judgement[]): string {
  return table<Judgement>(
    [
      { title: "", cell: ({ verdict }) => JUDGED[verdict] },
      { title: "criterion", cell: ({ criterion }) => code(criterion.text) },
      {
        title: "case",
        cell: ({ case: name, against }) =>
          against === name || against === "" ? code(name) : `${code(name)} ÷ ${code(against)}`,
      },
      { title: "ratio", align: "right", cell: ({ ratio }) => (ratio === undefined ? "" : formatRatio(ratio)) },
      { title: "95 %", cell: ({ interval }) => (interval === undefined ? "" : formatInterval(interval)) },
      { title: "why", cell: ({ reason = "" }) => plain(reason) },
    ],
    byUrgency(judgements),
  );
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  faster: "🟢 faster",
  slower: "🔴 slower",
  same: "⚪ same",
  unclear: "❔ unclear",
};

function comparisonTable(comparisons: readonly Comparison[], report: BenchReport): string {
  const labels = labelsByName(report);
  return table<Comparison>(
    [
      { title: "case", cell: (pair) => code(pairWords(labels, pair).shared) },
      {
        title: "compared",
        cell: (pair) => {
          const { one, other } = pairWords(labels, pair);
          return `${code(one)} ÷ ${code(other)}`;
        },
      },
      { title: "ratio", align: "right", cell: ({ ratio }) => formatRatio(ratio) },
      { title: "95 %", cell: ({ interval }) => formatInterval(interval) },
      { title: "p", align: "right", cell: ({ p_value: p }) => plain(formatP(p)) },
      { title: "verdict", cell: ({ verdict }) => VERDICTS[verdict] },
    ],
    comparisons,
  );
}

function caseTable({ cases }: BenchReport): string {
  return table(
    [
      { title: "case", cell: ({ name }) => code(name) },
      { title: "n", align: "right", cell: ({ statistics }) => String(statistics.count) },
      { title: "median", align: "right", cell: ({ statistics }) => formatMs(statistics.median) },
      { title: "mean", align: "right", cell: ({ statistics }) => formatMs(statistics.mean) },
      { title: "p95", align: "right", cell: ({ statistics }) => formatMs(statistics.p95) },
      { title: "CV", align: "right", cell: ({ statistics }) => formatPercent(statistics.coefficient_of_variation) },
      { title: "outliers", align: "right", cell: ({ statistics }) => String(statistics.outliers) },
      { title: "peak memory", align: "right", cell: ({ peak_bytes: bytes }) => bytesOrNothing(bytes) },
      { title: "read", align: "right", cell: ({ read_bytes: bytes }) => bytesOrNothing(bytes) },
      { title: "written", align: "right", cell: ({ written_bytes: bytes }) => bytesOrNothing(bytes) },
    ],
    cases,
  );
}

const SHOWN_CHARACTERS = 400;

/**
 * Any text as plain text of a cell or line: control characters made visible, and everything that Markdown, HTML or GitHub's
 * own additions (mentions, references, links, mathematics) would act on written as an entity, which none of them reads.
 */
function plain(text: string): string {
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return escapeText(short)
    .replace(/[&<>"'|*_`~#@!$\\[\](){}^]|:(?=\/\/)|(?<=\bwww)\./gi, (char) => `&#${char.codePointAt(0)};`)
    .replace(/^([-+]|\d+\.)(?=\s|$)/, (mark) => `&#8203;${mark}`);
}

/** The same in a fixed font, in which GitHub looks for no mentions. */
function code(text: string): string {
  return text === "" ? "" : `<code>${plain(text)}</code>`;
}
