/** The answer of `stats bytes` for people. */
import type { Blob } from "../analysis/bytes-blobs.ts";
import type { ByteSums, FamilyBytes, LabelRow, MonthBytes, ThreadBytes } from "../analysis/bytes.ts";
import { savingsFields } from "../export/report/savings.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";
import type { BytesAnswer } from "./stats-answer.ts";
import { formatShare, renderUnreadable } from "./stats-text.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "cwd">;

export function renderBytes(answer: BytesAnswer, look: Look): string {
  const { labels, months, repeated } = answer;
  const tables = [
    renderTable(labelColumns(answer), labels, look),
    renderTable(THREADS, answer.threads, look),
    months.length > 1 ? renderTable(MONTHS, months, look) : "",
    renderTable(FAMILIES, answer.families, look),
    renderTable(blobColumns(answer, look), repeated.top, look),
  ];
  const fields = renderFields(fieldsOf(answer), look.paint);
  return [...tables.filter((table) => table !== ""), fields].join("\n") + renderUnreadable(answer, look);
}

const KEPT: Column<LabelRow> = {
  title: "kept",
  value: ({ bytes, keptBytes }) => (keptBytes === bytes ? "" : formatBytes(keptBytes)),
  align: "right",
};

function labelColumns({ totals, savings }: BytesAnswer): readonly Column<LabelRow>[] {
  return [
    { title: "label", value: ({ label }) => label, flexible: true, min: 20 },
    { title: "records", value: ({ records }) => formatCount(records), align: "right" },
    { title: "bytes", value: ({ bytes }) => formatBytes(bytes), align: "right" },
    ...(savings.policy.records > 0 ? [KEPT] : []),
    { title: "share", value: ({ bytes }) => formatShare(shareOf(bytes, totals.plainBytes)), align: "right" },
  ];
}

function shareOf(bytes: number, all: number): number | null {
  return all === 0 ? null : bytes / all;
}

const SUMS: readonly Column<ByteSums>[] = [
  { title: "bytes", value: ({ plainBytes }) => formatBytes(plainBytes), align: "right" },
  { title: "on disk", value: ({ diskBytes }) => formatBytes(diskBytes), align: "right" },
  { title: "inherited", value: ({ inheritedBytes: bytes }) => (bytes === 0 ? "" : formatBytes(bytes)), align: "right" },
];

const THREADS: readonly Column<ThreadBytes>[] = [
  { title: "thread", value: ({ threadId }) => threadId, flexible: true, min: 13 },
  { title: "layout", value: ({ layout }) => layout },
  { title: "files", value: ({ files }) => formatCount(files), align: "right" },
  ...SUMS,
];

const MONTHS: readonly Column<MonthBytes>[] = [
  { title: "month", value: ({ month }) => month },
  { title: "files", value: ({ files }) => formatCount(files), align: "right" },
  ...SUMS,
];

const FAMILIES: readonly Column<FamilyBytes>[] = [
  { title: "family of", value: ({ rootId }) => rootId, flexible: true, min: 13 },
  { title: "threads", value: ({ threads }) => formatCount(threads), align: "right" },
  { title: "forks", value: ({ forks }) => formatCount(forks), align: "right" },
  { title: "agents", value: ({ agents }) => formatCount(agents), align: "right" },
  ...SUMS,
];

function blobColumns({ codexHome }: BytesAnswer, look: Look): readonly Column<Blob>[] {
  const seen = { cwd: codexHome ?? look.cwd };
  return [
    { title: "stored again and again", value: ({ kind }) => kind },
    { title: "bytes", value: ({ bytes }) => formatBytes(bytes), align: "right" },
    { title: "times", value: ({ times }) => formatCount(times), align: "right" },
    { title: "files", value: ({ files }) => formatCount(files), align: "right" },
    { title: "repeated", value: ({ repeatedBytes }) => formatBytes(repeatedBytes), align: "right" },
    {
      title: "first in",
      value: ({ path, line }) => `${shortPath(path, seen)}:${String(line)}`,
      flexible: true,
      min: 20,
    },
  ];
}

function fieldsOf(answer: BytesAnswer): readonly (readonly [string, string])[] {
  const { totals, repeated, savings, threads, threadCount, families, familyCount } = answer;
  return [
    [
      "rollouts",
      `${formatCount(totals.files)}, ${formatBytes(totals.plainBytes)}, on disk ${formatBytes(totals.diskBytes)}`,
    ],
    ...(totals.inheritedBytes > 0
      ? [["inherited", `${formatBytes(totals.inheritedBytes)} copied from other threads`] as const]
      : []),
    ...more("threads", threads.length, threadCount),
    ...more("families", families.length, familyCount),
    ...repeated.kinds.map(({ kind, onceBytes, storedBytes, blobs }) => {
      const text = `${formatBytes(storedBytes - onceBytes)} more than once (${formatCount(blobs)} different, ${formatBytes(onceBytes)})`;
      return [kind, text] as const;
    }),
    ...savingsFields(savings),
  ];
}

function more(what: string, shown: number, all: number): readonly (readonly [string, string])[] {
  return all > shown ? [[what, `${formatCount(all)}, ${shown} shown (--top)`]] : [];
}
