/**
 * The library's public face: what a program may import from `rollout-tool`. The only file that is made to pass on what
 * others declare; inside, every import names the file where a thing lives. `docs/library.md` has a line on each name.
 */
export { type ErrorCode, type ErrorPlace, RolloutError, type RolloutErrorOptions } from "./errors.ts";

// What a rollout is.
export { decodeLine } from "./format/decode.ts";
export { encodeLine } from "./format/encode.ts";
export type { Defect, DefectKind, Entry, Position } from "./format/entry.ts";
export { parseRolloutName, plainPath, type RolloutName } from "./format/names.ts";
export type {
  HistoryMode,
  RecordOf,
  RecordPayloads,
  RecordType,
  ResponseItem,
  RolloutRecord,
  SessionMeta,
} from "./format/record.ts";

// From bytes to entries.
export {
  discoverRollouts,
  type Discovery,
  type Home,
  type HomeOptions,
  openHome,
  type RolloutFile,
} from "./readers/home.ts";
export {
  type ChainPosition,
  type LineageChain,
  lineageChain,
  type LineageEntry,
  LineageError,
  type LineageFault,
  type LineageOptions,
  type LineageSegment,
  readLineage,
} from "./readers/lineage.ts";
export { findThread, type FoundThread, type LookupNote, type LookupOptions } from "./readers/lookup.ts";
export { type KindFilter, readRollout, type ReadOptions } from "./readers/rollout.ts";

// One thread and its views.
export {
  type HistoryOptions,
  type OpenedThread,
  openThread,
  type Reading,
  type ThreadHistory,
  type TurnsViewOptions,
} from "./analysis/open-thread.ts";
export type { ThreadMoment } from "./analysis/thread-at.ts";
export type { ProjectedTurns, SavedTurns, SuffixTurns } from "./analysis/thread-suffix.ts";

// The views as folds over entries, for entries from elsewhere.
export { copiedPrefix, type CopiedPrefix } from "./thread/copied-prefix.ts";
export type { HistoryItem } from "./thread/history.ts";
export { requestIdentity, type RequestIdentity } from "./thread/identity.ts";
export type { ThreadItem, Turn, TurnPlace, Turns, TurnsWarning } from "./thread/items.ts";
export { asRequest, type RequestHistory, type RequestItem } from "./thread/normalize.ts";
export { type Omission, OMISSION_RULES, type OmissionRule } from "./thread/omission.ts";
export { replay } from "./thread/replay.ts";
export { FULL_REPLAY_RULES, type FullReplayRule } from "./thread/resume.ts";
export type { TurnSettings } from "./thread/scan.ts";
export type { EntrySource, ReplayCounts, ReplayOptions, ThreadState } from "./thread/state.ts";
export type { TruncationPolicy } from "./thread/truncate.ts";
export { turnsOf, type TurnsOptions } from "./thread/turns.ts";
export { type ThreadUsage, usageOf } from "./thread/usage.ts";
export type { WindowIdentity } from "./thread/window.ts";
export { type ContextWindow, windowsOf } from "./thread/windows.ts";

// How threads hang together.
export { type FamilySurvey, type SurveyOptions, surveyFamilies, type SurveyProblem } from "./indexer/family-facts.ts";
export {
  buildFamily,
  type CacheKey,
  cacheKeyOf,
  type Family,
  type FamilyOptions,
  type FamilyThread,
  walkFamily,
} from "./thread/family.ts";
export type { FileFacts } from "./thread/family-facts.ts";

// A new thread from an old one.
export { forkThread } from "./fork/fork.ts";
export type { ForkBase, ForkCut, ForkKind, ForkOptions, ForkReport, ForkRow } from "./fork/types.ts";

// Plain files to archives, and back.
export { type DecompressReport, decompressRun, type DecompressRun } from "./compressor/decompress.ts";
export type { FrameProfile } from "./compressor/profile.ts";
export type { CompressReport, FileReport } from "./compressor/report.ts";
export { compressRun, type CompressRun } from "./compressor/run.ts";

// From entries to the index.
export type { ReindexOptions } from "./indexer/options.ts";
export { reindex } from "./indexer/reindex.ts";
export type { ReindexReport } from "./indexer/report.ts";

// What is wrong with a home.
export { type Check, type Severity } from "./verify/check.ts";
export { CHECKS, type FindingCode } from "./verify/checks.ts";
export type { Finding, Omitted } from "./verify/findings.ts";
export { verifyHome, type VerifyOptions, type VerifyReport } from "./verify/verify.ts";
export { repairHome, type RepairOptions, type RepairReport } from "./verify/repair.ts";

// Changes to a home, and back.
export { undoRun, type UndoOptions, type UndoReport } from "./journal/undo.ts";
export { archiveThreads, unarchiveThreads } from "./lifecycle/archive.ts";
export { type DeleteOptions, deleteThreads } from "./lifecycle/delete.ts";
export { moveHome, type MoveHomeOptions, type MoveHomeReport } from "./lifecycle/move-home.ts";
export { type MoveReport, moveThreads, type MoveThreadsOptions } from "./lifecycle/move-threads.ts";
export type { LifecycleOptions, LifecycleReport } from "./lifecycle/types.ts";
export { migrate, type MigrateOptions } from "./migrate/migrate.ts";
export { preMigrate, type PreMigrateOptions } from "./migrate/pre-migrate.ts";
export type { PreMigrateReport } from "./migrate/pre-migrate-types.ts";
export type { MigrateReport } from "./migrate/report.ts";
export { differencesOf, type Difference } from "./proof/differences.ts";
export {
  type Proof,
  type ProofEntries,
  proofOf,
  type ProofOptions,
  type ProofSummary,
  summaryOf,
} from "./proof/proof.ts";

// Accounts over a home.
export { type BytesOptions, type BytesReport, countBytes } from "./analysis/bytes.ts";
export { gatherLatencies, type LatencyOptions, type LatencyReport } from "./analysis/latency.ts";
export { searchHome } from "./analysis/search.ts";
export type { SearchOptions, SearchQuery, SearchReport } from "./analysis/search-types.ts";
export { countTokens, type TokensOptions, type TokensReport } from "./analysis/tokens.ts";
