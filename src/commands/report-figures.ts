/** What the page of a home and that of a thread have in common: tokens, latencies, findings, as the page wants them. */
import { gatherLatencies } from "../analysis/latency.ts";
import type { UnreadableFile } from "../analysis/inherited.ts";
import { countTokens, type TokenGroup, type TokensReport } from "../analysis/tokens.ts";
import type {
  FindingGroup,
  FindingPlace,
  FindingsView,
  LatencyView,
  Listed,
  TokensView,
} from "../export/report/model.ts";
import { checkOf, FINDING_CODES, type FindingCode } from "../verify/checks.ts";
import type { VerifyReport } from "../verify/verify.ts";
import { shortPath } from "./compress-text.ts";
import { summarize } from "./stats-latency.ts";
import type { StatsTarget } from "./stats-target.ts";

/** The first of a list, and how many are left. */
export function listed<Item>(items: readonly Item[], most: number): Listed<Item> {
  return { items: items.slice(0, most), left: Math.max(0, items.length - most) };
}

/** The last of a list, and how many are left before them. */
export function newest<Item>(items: readonly Item[], most: number): Listed<Item> {
  const left = Math.max(0, items.length - most);
  return { items: items.slice(left), left };
}

const MODELS = 50;
const DAYS = 180;
const TOOLS = 25;

export interface Counted<View> {
  readonly view: View;
  readonly unreadable: readonly UnreadableFile[];
}

/** Told of bytes that were read. */
export type Advance = (bytes: number) => void;

export function tokensBy({ files, others }: StatsTarget, by: TokenGroup, advance: Advance): TokensReport {
  return countTokens(files, { by, others, advance });
}

export function tokensView(target: StatsTarget, advance: Advance): Counted<TokensView> {
  const { totals, rows: models, naive, unreadable } = tokensBy(target, "model", advance);
  const { rows: days } = tokensBy(target, "day", advance);
  return { view: { totals, naive, models: listed(models, MODELS), days: newest(days, DAYS) }, unreadable };
}

export function latencyView({ files, others }: StatsTarget, advance: Advance): Counted<LatencyView> {
  const gathered = gatherLatencies(files, { others, advance });
  const { rows, tools, toolCount } = summarize(gathered, TOOLS);
  return { view: { rows, tools: { items: tools, left: toolCount - tools.length } }, unreadable: gathered.unreadable };
}

const PLACES = 50;
const SEVERITIES = ["error", "warning", "note"] as const;

export function findingsView(report: VerifyReport): FindingsView {
  const places = new Map<FindingCode, FindingPlace[]>();
  for (const { code, path = "", line, threadId, message } of report.findings) {
    const place = {
      path: report.codexHome === undefined ? path : shortPath(path, { cwd: report.codexHome }),
      line,
      threadId,
      message,
    };
    const known = places.get(code);
    if (known === undefined) places.set(code, [place]);
    else if (known.length < PLACES) known.push(place);
  }
  const codes = FINDING_CODES.flatMap((code): readonly FindingGroup[] => {
    const count = report.codes[code];
    if (count === undefined) return [];
    const { severity, meaning, effect, mend } = checkOf(code);
    const shown = places.get(code) ?? [];
    return [{ code, severity, meaning, effect, mend, count, places: { items: shown, left: count - shown.length } }];
  });
  const { archives, archivesDecoded } = report.files;
  return {
    scope: report.scope,
    counts: report.counts,
    codes: codes.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)),
    notDecoded: archives - archivesDecoded,
  };
}

/** The same file may be told of by several counts. */
export function allUnreadable(...lists: readonly (readonly UnreadableFile[])[]): readonly UnreadableFile[] {
  const byPath = new Map(lists.flat().map((one) => [one.path, one]));
  return [...byPath.values()];
}
