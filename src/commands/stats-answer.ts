/** The documents that `stats bytes` and `stats tokens` print with `--json`: the reports, and of which files they are. */
import type { BytesReport } from "../analysis/bytes.ts";
import type { UnreadableFile } from "../analysis/inherited.ts";
import type { TokensReport } from "../analysis/tokens.ts";

/** Of which files the figures are, and what could not be read of them. */
export interface StatsScope {
  readonly scope: "home" | "files";
  readonly codexHome: string | null;
  readonly unreadable: readonly UnreadableFile[];
}

export type BytesAnswer = BytesReport & StatsScope;

export type TokensAnswer = Omit<TokensReport, "files"> &
  StatsScope & { readonly files: number; readonly explain?: TokensReport["files"] };
