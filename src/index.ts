/**
 * The library's public face: what a program may import from `rollout-tool`. The only file that re-exports others; inside,
 * every import names the file where a thing lives.
 */
export { type ErrorCode, type ErrorPlace, RolloutError, type RolloutErrorOptions } from "./errors.ts";
export type { Defect, DefectKind, Entry, Position } from "./format/entry.ts";
