/** The thread that is forked: found, its chain of files followed, looked over once. Reads, never writes. */
import { RolloutError } from "../errors.ts";
import { statOrUndefined } from "../io/files.ts";
import { type HistoryMode, historyModeOf, type SessionMeta } from "../format/record.ts";
import { GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import type { Home } from "../readers/home.ts";
import {
  type LineageChain,
  lineageChain,
  type LineageEntry,
  type LineageSegment,
  type MetaEntry,
  readLineage,
} from "../readers/lineage.ts";
import { findThread, type FoundThread, type LookupOptions } from "../readers/lookup.ts";
import { openRollout, readRollout } from "../readers/rollout.ts";
import { type Point, SCAN_KINDS, type SourceScan, SourceScanner } from "./scan.ts";
import type { ForkCut } from "./types.ts";

export interface ForkSource {
  readonly home: Home;
  readonly id: string;
  readonly found: FoundThread;
  readonly chain: LineageChain;
  readonly metaEntry: MetaEntry;
  readonly meta: SessionMeta;
  readonly mode: HistoryMode;
}

/**
 * @throws RolloutError as `findThread` and `lineageChain`; `unsupported` for a file that Codex 0.169.0 would not resume: of
 * early 2025, without metadata, or of an unknown history mode.
 */
export function openSource(home: Home, text: string, options: LookupOptions): ForkSource {
  const found = findThread(home, text, options);
  requireEnvelopes(found.path);
  const chain = lineageChain(home, found.path, { threadId: found.by === "path" ? undefined : found.id });
  const { meta: metaEntry, threadId: id } = chain;
  if (metaEntry === undefined || id === undefined) throw notForkable("it has no metadata", found.logicalPath);
  requireMetaFirst(found.path);
  const meta = metaEntry.record.payload;
  const mode = historyModeOf(meta);
  if (mode === undefined) throw notForkable("its history mode is not known", found.logicalPath);
  return { home, id, found, chain, metaEntry, meta, mode };
}

function requireEnvelopes(path: string): void {
  const reader = openRollout(path);
  try {
    for (const chunk of reader.forward(0, GENERATION_HEAD_BYTES)) {
      if (generationOf(chunk) === "envelope") return;
      throw notForkable("it is of a format from before September 2025, which no Codex resumes", path);
    }
  } finally {
    reader.close();
  }
}

/** What stands before the metadata would be part of the source's history, and not of a reference's. */
function requireMetaFirst(path: string): void {
  for (const entry of readRollout(path)) {
    if (!entry.ok) continue;
    if (entry.record.type === "session_meta") return;
    throw notForkable("it does not begin with its metadata, and no Codex resumes it", path);
  }
}

function notForkable(why: string, path: string): RolloutError {
  return new RolloutError("unsupported", `the rollout cannot be forked: ${why}`, { path });
}

/**
 * One walk over all of it that is there now, for the places that cuts need. What a live writer appends from now on is behind
 * the end of the whole. @throws RolloutError `damaged` where an archive breaks off.
 */
export function scanSource({ home, id, chain, mode }: ForkSource, cut: ForkCut): SourceScan {
  const numbers = new Map(chain.segments.map((segment, index) => [segment, index]));
  const end = presentEnd(chain);
  const scanner = new SourceScanner(id, mode, cut);
  for (const entry of readLineage(home, chain, { kinds: SCAN_KINDS })) {
    requireWhole(entry);
    const { line, offset, length } = entry.position;
    const segment = numbers.get(entry.segment) ?? 0;
    if (!entry.ok || (segment === end?.segment && offset + length > end.offset)) continue;
    scanner.add(entry.record, { segment, offset, line }, { segment, offset: offset + length + 1, line: line + 1 });
  }
  return scanner.finish(end);
}

/** Undefined for an archive, which does not grow. */
function presentEnd({ segments }: LineageChain): Point | undefined {
  const { path = "" } = segments.at(-1) ?? {};
  if (path.endsWith(".zst")) return undefined;
  return { segment: segments.length - 1, offset: statOrUndefined(path)?.size ?? 0, line: 0 };
}

function requireWhole(entry: LineageEntry): void {
  if (entry.ok || entry.defect.kind !== "broken-stream") return;
  const { path } = entry.segment;
  throw new RolloutError("damaged", `the rollout breaks off: ${entry.defect.message}`, {
    path,
    offset: entry.position.offset,
    hint: "repair it first; a fork of what is left would lack its end",
  });
}

/** Where a segment's part ends for a fork that ends at `end`: plain bytes, exclusive; undefined for its own end. */
export function endWithin(segment: LineageSegment, index: number, end: Point | undefined): number | undefined {
  if (end === undefined || index < end.segment) return segment.endOffset;
  return index > end.segment ? 0 : end.offset;
}
