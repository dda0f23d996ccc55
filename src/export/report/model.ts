/**
 * What a report page shows, as plain data: made by whoever has read the home, turned into a page by `page.ts`. Texts are as they were
 * recorded; nothing here is escaped.
 */
import type { BlobReport } from "../../analysis/bytes-blobs.ts";
import type { ByteSums, BytesReport, LabelRow, MonthBytes } from "../../analysis/bytes.ts";
import type { UnreadableFile } from "../../analysis/inherited.ts";
import type { TokenSums } from "../../analysis/tokens-sums.ts";
import type { TokenRow, TokensReport } from "../../analysis/tokens.ts";

export type Report = HomeReport | ThreadReport;

interface ReportHead {
  readonly toolVersion: string;
  /** Unix milliseconds. */
  readonly madeAtMs: number;
  readonly tokens: TokensView;
  readonly latency: LatencyView;
  readonly findings: FindingsView;
  readonly unreadable: readonly UnreadableFile[];
}

export interface HomeReport extends ReportHead {
  readonly kind: "home";
  readonly codexHome: string;
  readonly bytes: HomeBytes;
  readonly threadCount: number;
  readonly familyCount: number;
  readonly families: Listed<FamilyDrawing>;
  /** The largest first. */
  readonly threads: Listed<ThreadLine>;
}

export interface ThreadReport extends ReportHead {
  readonly kind: "thread";
  readonly id: string | undefined;
  readonly title: string | undefined;
  readonly path: string;
  /** Label and recorded value. */
  readonly identity: readonly (readonly [label: string, value: string])[];
  readonly family: FamilyDrawing | undefined;
  readonly windows: WindowsView | undefined;
  readonly turns: TurnsView | undefined;
  readonly bytes: ThreadBytesView;
  /** What could not be shown, in words of ours. */
  readonly problems: readonly string[];
}

/** The part of a list that is on the page, and how many there are besides. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly left: number;
}

export interface HomeBytes {
  readonly totals: ByteSums;
  readonly labels: readonly LabelRow[];
  readonly months: readonly MonthBytes[];
  readonly repeated: BlobReport;
  readonly savings: BytesReport["savings"];
}

export type ThreadBytesView = Pick<HomeBytes, "totals" | "labels">;

export interface ThreadLine {
  readonly id: string;
  readonly title: string | undefined;
  readonly createdAtMs: number | undefined;
  /** `review`, `archived` …: words of ours. */
  readonly flags: readonly string[];
  readonly layout: string;
  readonly cliVersion: string | undefined;
  readonly bytes: ByteSums;
  readonly tokens: TokenSums | undefined;
}

/** One family as a tree: a thread before what hangs on it. */
export interface FamilyDrawing {
  /** False for threads that stand alone, and are only shown together. */
  readonly isFamily: boolean;
  readonly nodes: readonly FamilyNode[];
  /** Threads of the family that are not drawn. */
  readonly left: number;
}

export interface FamilyNode {
  readonly id: string;
  readonly title: string | undefined;
  /** Nickname, role and path of an agent. */
  readonly agent: string;
  readonly by: "fork" | "agent" | undefined;
  readonly depth: number;
  readonly isLast: boolean;
  readonly hasBranches: boolean;
  readonly flags: readonly string[];
  /** The thread that the page is about. */
  readonly isAsked: boolean;
  /** Plain bytes of its history, what it inherited first; undefined where there is no file. */
  readonly length: number | undefined;
  readonly inheritedBytes: number;
  /** Undefined where they were not read. */
  readonly windows: readonly WindowSpan[] | undefined;
  /** Where others continue it, in the bytes of `length`. */
  readonly cuts: readonly number[];
}

/** A context window by where it lies in the history, in plain bytes. */
export interface WindowSpan {
  readonly number: number;
  readonly cause: "start" | "replacement" | "legacy" | "counted";
  readonly begin: number;
  readonly end: number;
  /** What its compaction took in and gave out. */
  readonly compaction: { readonly before: ItemsSize; readonly after: ItemsSize } | undefined;
}

export interface ItemsSize {
  readonly items: number;
  readonly bytes: number;
}

export interface WindowsView extends Listed<WindowSpan & { readonly id: string | undefined }> {
  /** Plain bytes of the whole history. */
  readonly length: number;
  readonly inheritedBytes: number;
}

export interface TurnsView extends Listed<TurnLine> {
  readonly mode: string;
  /** Items of all turns by what they are, the most frequent first. */
  readonly kinds: readonly { readonly words: string; readonly count: number }[];
  readonly warnings: number;
}

export interface TurnLine {
  /** From 1. */
  readonly number: number;
  readonly id: string;
  readonly status: "completed" | "interrupted" | "failed" | "inProgress";
  readonly startedAtMs: number | undefined;
  readonly durationMs: number | undefined;
  /** Told by the times of lines, not by Codex. */
  readonly isDerived: boolean;
  readonly question: Excerpt;
  readonly error: Excerpt | undefined;
  readonly tools: readonly ToolSpan[];
  readonly tokens: TurnTokens | undefined;
  readonly items: Listed<ItemView>;
}

/** The beginning of a recorded text. */
export interface Excerpt {
  readonly text: string;
  /** UTF-16 units of the whole. */
  readonly length: number;
}

export interface ToolSpan {
  readonly name: string;
  /** From the start of the turn, in milliseconds; undefined where only its length is known. */
  readonly fromMs: number | undefined;
  readonly durationMs: number;
}

export interface TurnTokens {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly responses: number;
}

export interface ItemView {
  /** One word of ours. */
  readonly word: string;
  readonly text: Excerpt;
  readonly outcome: string;
}

export interface TokensView {
  readonly totals: TokenSums;
  readonly models: Listed<TokenRow>;
  /** In their order, the newest last. */
  readonly days: Listed<TokenRow>;
  readonly naive: TokensReport["naive"];
}

/** Lengths of time in milliseconds. */
export interface LatencyFigures {
  readonly count: number;
  readonly meanMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

export interface OriginFigures extends LatencyFigures {
  readonly origin: "written" | "derived";
}

export interface LatencyView {
  readonly rows: readonly (OriginFigures & { readonly measure: string; readonly source: string })[];
  readonly tools: Listed<OriginFigures & { readonly tool: string; readonly totalMs: number }>;
}

export type Severity = "error" | "warning" | "note";

export interface FindingsView {
  readonly scope: "home" | "files";
  readonly counts: Readonly<Record<Severity, number>>;
  /** The most severe first. */
  readonly codes: readonly FindingGroup[];
  /** Archives whose content was not looked at. */
  readonly notDecoded: number;
}

export interface FindingGroup {
  readonly code: string;
  readonly severity: Severity;
  readonly meaning: string;
  readonly effect: string;
  readonly mend: string;
  readonly count: number;
  readonly places: Listed<FindingPlace>;
}

export interface FindingPlace {
  readonly path: string;
  readonly line: number | undefined;
  readonly threadId: string | undefined;
  readonly message: string;
}
