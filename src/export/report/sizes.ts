/** Bytes of a home or a thread: by what lines are, by month, what is stored again and again, and what could be saved. */
import type { Blob } from "../../analysis/bytes-blobs.ts";
import type { LabelRow, MonthBytes } from "../../analysis/bytes.ts";
import { formatBytes, formatCount } from "../../io/text.ts";
import { type Column, fields, meter, table } from "./html.ts";
import type { HomeBytes, ThreadBytesView } from "./model.ts";
import { savingsFields } from "./savings.ts";
import { recorded, shareText } from "./text.ts";

/** The rest is folded away. */
const OPEN_LABELS = 14;

export function sizesBody({ totals, labels }: ThreadBytesView): string {
  const all = Math.max(1, totals.plainBytes);
  const columns: readonly Column<LabelRow>[] = [
    { title: "what lines are", cell: ({ label }) => recorded(label, 60).replace(/[._]/g, "$&<wbr>") },
    { title: "records", kind: "number", value: ({ records }) => records, cell: ({ records }) => formatCount(records) },
    { title: "bytes", kind: "number", value: ({ bytes }) => bytes, cell: ({ bytes }) => formatBytes(bytes) },
    { title: "share", kind: "number", value: ({ bytes }) => bytes, cell: ({ bytes }) => shareText(bytes / all) },
    { title: "", kind: "drawn", cell: ({ bytes }) => meter([["c0", bytes / all]]) },
  ];
  const [most, rest] = [labels.slice(0, OPEN_LABELS), labels.slice(OPEN_LABELS)];
  const folded = table(columns, rest, { caption: "Other lines", isSortable: true });
  return (
    table(columns, most, { caption: "Bytes by what lines are", isSortable: true }) +
    (folded === ""
      ? ""
      : `<details><summary>${formatCount(rest.length)} other kinds of lines</summary>${folded}</details>`)
  );
}

export function homeSizesBody(bytes: HomeBytes): string {
  return monthTable(bytes.months) + sizesBody(bytes) + repeatedTable(bytes.repeated.top) + fields(savings(bytes));
}

function monthTable(months: readonly MonthBytes[]): string {
  const most = Math.max(1, ...months.map(({ plainBytes }) => plainBytes));
  const columns: readonly Column<MonthBytes>[] = [
    { title: "month", cell: ({ month }) => recorded(month, 20) },
    { title: "rollouts", kind: "number", value: ({ files }) => files, cell: ({ files }) => formatCount(files) },
    {
      title: "bytes",
      kind: "number",
      value: ({ plainBytes }) => plainBytes,
      cell: ({ plainBytes }) => formatBytes(plainBytes),
    },
    {
      title: "on disk",
      kind: "number",
      value: ({ diskBytes }) => diskBytes,
      cell: ({ diskBytes }) => formatBytes(diskBytes),
    },
    {
      title: "inherited",
      kind: "number",
      value: ({ inheritedBytes }) => inheritedBytes,
      cell: ({ inheritedBytes }) => (inheritedBytes === 0 ? "" : formatBytes(inheritedBytes)),
    },
    { title: "", kind: "drawn", cell: ({ plainBytes }) => meter([["c0", plainBytes / most]]) },
  ];
  return table(columns, months, { caption: "Bytes by the month in which rollouts were begun", isSortable: true });
}

const BLOBS: readonly Column<Blob>[] = [
  { title: "stored again and again", cell: ({ kind }) => kind },
  { title: "once", kind: "number", value: ({ bytes }) => bytes, cell: ({ bytes }) => formatBytes(bytes) },
  { title: "times", kind: "number", value: ({ times }) => times, cell: ({ times }) => formatCount(times) },
  { title: "rollouts", kind: "number", value: ({ files }) => files, cell: ({ files }) => formatCount(files) },
  {
    title: "repeated",
    kind: "number",
    value: ({ repeatedBytes }) => repeatedBytes,
    cell: ({ repeatedBytes }) => formatBytes(repeatedBytes),
  },
  { title: "first in", cell: ({ path, line }) => `<code>${recorded(path, 200)}</code>:${formatCount(line)}` },
];

function repeatedTable(blobs: readonly Blob[]): string {
  return table(BLOBS, blobs, { caption: "What is stored more than once", isSortable: true });
}

function savings({ totals, repeated, savings: all }: HomeBytes): readonly (readonly [string, string])[] {
  return [
    [
      "inherited",
      totals.inheritedBytes === 0
        ? "nothing was copied from other threads"
        : `${formatBytes(totals.inheritedBytes)} copied from other threads`,
    ],
    [
      "repeated",
      repeated.repeatedBytes === 0
        ? "nothing large is stored more than once"
        : `${formatBytes(repeated.repeatedBytes)} stored more than once`,
    ],
    ...savingsFields(all),
  ];
}
