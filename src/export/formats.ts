/** The formats that tables can be exported in, by the names that are typed. */
import { CSV, RAW_CSV } from "./csv.ts";
import type { TableFormat } from "./format.ts";
import { JSONL } from "./jsonl.ts";
import { PARQUET } from "./parquet.ts";

export const FORMAT_NAMES = ["parquet", "jsonl", "csv"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export function formatNamed(name: FormatName, { rawCsv = false }: { readonly rawCsv?: boolean } = {}): TableFormat {
  if (name === "csv") return rawCsv ? RAW_CSV : CSV;
  return name === "jsonl" ? JSONL : PARQUET;
}
