/**
 * The library's public face: what a program may import from `rollout-tool`. The only file that is made to pass on what
 * others declare; inside, every import names the file where a thing lives.
 */
export { type ErrorCode, type ErrorPlace, RolloutError, type RolloutErrorOptions } from "./errors.ts";

// What a rollout is.
export { decodeLine } from "./format/decode.ts";
export { encodeLine } from "./format/encode.ts";
export type { Defect, DefectKind, Entry, Position } from "./format/entry.ts";
export { parseRolloutName, plainPath, type RolloutName } from "./format/names.ts";
export type { RecordOf, RecordPayloads, RecordType, RolloutRecord } from "./format/record.ts";

// From bytes to entries.
export {
  discoverRollouts,
  type Discovery,
  type Home,
  type HomeOptions,
  openHome,
  type RolloutFile,
} from "./readers/home.ts";
export { type KindFilter, readRollout, type ReadOptions } from "./readers/rollout.ts";

// From entries to the index.
export type { ReindexOptions } from "./indexer/options.ts";
export { reindex } from "./indexer/reindex.ts";
export type { ReindexReport } from "./indexer/report.ts";
