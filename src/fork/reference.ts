/**
 * Whether a fork can continue the source's own bytes instead of copying them, and from where (rollout-format §7.3): the files
 * must be paginated, and stay as they are.
 */
import { dirname } from "node:path";
import type { Entry } from "../format/entry.ts";
import { statOrUndefined } from "../io/files.ts";
import { discoverRollouts } from "../readers/home.ts";
import type { LineageSegment } from "../readers/lineage.ts";
import { isArchivedIn } from "../readers/place.ts";
import { readRollout } from "../readers/rollout.ts";
import type { KeptPart } from "./cut.ts";
import type { Point } from "./scan.ts";
import type { ForkSource } from "./source.ts";
import type { ForkBase } from "./types.ts";

export type ReferencePlan =
  /** `base` undefined: nothing is kept, and nothing continued. */
  | { readonly ok: true; readonly base: ForkBase | undefined }
  /** One clause. `isOrdinary`: nobody would expect a reference here. */
  | { readonly ok: false; readonly why: string; readonly isOrdinary: boolean };

export function planReference(source: ForkSource, part: KeptPart): ReferencePlan {
  if (source.mode === "legacy") return no("the source is a legacy thread, which only can be copied", true);
  if (part.start !== undefined) return no("only the end of the source is kept, and a reference keeps a beginning");
  const point = part.end ?? { segment: source.chain.segments.length - 1, offset: Infinity, line: 0 };
  const fault = firstFault(source, point.segment);
  if (fault !== undefined) return no(fault);
  return planAt(source, point);
}

function no(why: string, isOrdinary = false): ReferencePlan {
  return { ok: false, why, isOrdinary };
}

/** Of the files that the fork would be made of. */
function firstFault({ home, chain }: ForkSource, last: number): string | undefined {
  const { files } = discoverRollouts(home.codexHome);
  for (const { path, logicalPath, rolloutId } of chain.segments.slice(0, last + 1)) {
    const file = files.find((one) => one.logicalPath === logicalPath);
    if (rolloutId === undefined) return "the source's file has no name by which a reference could find it";
    if (file === undefined) return `the source's file is not in this home (${dirname(path)})`;
    if (isArchivedIn(home, path)) return "the source is archived, and an archive may be rewritten";
    if (path.endsWith(".zst")) return "the source is compressed, and its archive may be rewritten";
  }
  return undefined;
}

function planAt(source: ForkSource, point: Point): ReferencePlan {
  const { segments } = source.chain;
  const segment = segments[point.segment] as LineageSegment;
  const last = lastRecord(segment, Math.min(point.offset, segment.endOffset ?? Infinity));
  if (last === undefined || (last.record.type === "session_meta" && isHead(segment, last))) {
    // Nothing of this file's own: what it continues itself is continued.
    if (point.segment === 0) return { ok: true, base: undefined };
    return planAt(source, { segment: point.segment - 1, offset: Infinity, line: 0 });
  }
  const { ordinal } = last.record;
  if (ordinal === undefined) return no("the last record that is kept has no ordinal to count on from");
  const endByteOffset = Math.min(
    last.position.offset + last.position.length + 1,
    statOrUndefined(segment.path)?.size ?? 0,
  );
  const { path, rolloutId = "" } = segment;
  return { ok: true, base: { path, rolloutId, endByteOffset, endOrdinalExclusive: ordinal + 1 } };
}

type Record = Extract<Entry, { readonly ok: true }>;

/** The newest line before `offset` that is a record. */
function lastRecord({ path }: LineageSegment, offset: number): Record | undefined {
  const from = offset === Infinity ? undefined : { offset, line: 0 };
  for (const entry of readRollout(path, { order: "backward", from })) if (entry.ok) return entry;
  return undefined;
}

function isHead({ meta }: LineageSegment, { record }: Record): boolean {
  return record.type === "session_meta" && record.payload.id === meta?.payload.id && record.ordinal === meta.ordinal;
}
