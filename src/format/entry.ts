/**
 * What a reader yields for each line of a rollout: a record with its place, or a defect with its place.
 * A defect is data, not an exception (rollout-format §10: a rejected line never rejects its neighbours).
 */
import type { RolloutRecord } from "./record.ts";

/** Place of a line in the plain (decompressed) stream. */
export interface Position {
  /** 1-based; blank lines count. */
  readonly line: number;
  /** Byte offset of the line's first byte. */
  readonly offset: number;
  /** Bytes of the line without its `\n` (a `\r` before it is counted). */
  readonly length: number;
}

export type DefectKind =
  /** Last line, no newline, does not parse: normal after a crash. */
  | "torn"
  /** Only white space. Codex skips these silently; listed so that byte accounts add up. */
  | "blank"
  | "not-json"
  | "not-utf8"
  /** A known record type whose payload breaks the rules of rollout-format §3. */
  | "wrong-shape"
  /** Unknown record type, or unknown event variant. */
  | "unknown-kind"
  /** Longer than the reader's limit for one line; not decoded. */
  | "too-long"
  /** The compressed stream ends or breaks here; nothing after it can be read. */
  | "broken-stream"
  /** A line of the bare format of early 2025 that carries nothing (`record_type: state`). */
  | "state-marker";

export interface Defect {
  readonly kind: DefectKind;
  /** One clause, no trailing full stop, safe to print (never contains text of the rollout). */
  readonly message: string;
  /** The record type where it is known. */
  readonly type?: string | undefined;
}

export type Entry =
  | { readonly ok: true; readonly position: Position; readonly record: RolloutRecord }
  | { readonly ok: false; readonly position: Position; readonly defect: Defect };
