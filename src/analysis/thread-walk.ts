/**
 * What is noted on a walk over the entries of a thread while a view folds them: what it took, which lines it had to do
 * without, and how far it is. `open-thread.ts` and `fast-resume.ts` make the walks, so that nobody has to make another one to
 * learn this.
 */
import type { Defect, Entry } from "../format/entry.ts";
import { statOrUndefined } from "../io/files.ts";
import type { Progress } from "../io/progress.ts";
import type { ChainPosition, LineageEntry, LineageSegment } from "../readers/lineage.ts";
import { EMPTY_LINES } from "../thread/omission.ts";

/** Lines that a view had to do without, and the place where a compressed stream breaks. */
export interface DefectsMet {
  readonly count: number;
  readonly first: { readonly position: ChainPosition; readonly defect: Defect } | undefined;
}

/** Of the last one of several walks over the same lines: a replay may need a second one. */
export class WalkTally {
  linesDecoded = 0;
  #count = 0;
  #first: DefectsMet["first"];

  get defects(): DefectsMet {
    return { count: this.#count, first: this.#first };
  }

  begin(): void {
    this.linesDecoded = 0;
    this.#count = 0;
    this.#first = undefined;
  }

  see(entry: Entry): void {
    this.linesDecoded += 1;
    if (entry.ok || EMPTY_LINES.has(entry.defect.kind)) return;
    this.#count += 1;
    this.#first ??= { position: entry.position, defect: entry.defect };
  }
}

/**
 * Thrown when an archive turned out to be damaged after some of what came out of it had been taken for good. Whoever asked begins
 * again and has each frame checked before any of it is given out, which costs decoding it twice.
 */
export class UncheckedStream extends Error {}

/** @throws UncheckedStream for an archive that breaks, if its frames were not checked. */
export function requireChecked(entry: Entry, isChecked: boolean): void {
  if (!isChecked && !entry.ok && entry.defect.kind === "broken-stream") throw new UncheckedStream();
}

/** Begins to show how far a walk is; `totalBytes` is undefined where it is not known how long it will be. */
export type StartProgress = (label: string, totalBytes: number | undefined) => Progress;

/** Shown at a time. */
const STEP_BYTES = 256 * 1024;

/** Progress in small steps, told in large ones. */
export class WalkProgress {
  readonly #progress: Progress | undefined;
  #untoldBytes = 0;
  #segment: LineageSegment | undefined;
  #offset = 0;

  constructor(start: StartProgress | undefined, totalBytes?: number) {
    this.#progress = start?.("reading", totalBytes);
  }

  advance(bytes: number): void {
    this.#untoldBytes += bytes;
    if (this.#untoldBytes < STEP_BYTES) return;
    this.#progress?.advance(this.#untoldBytes);
    this.#untoldBytes = 0;
  }

  /** Lines that were passed over on the way to this one are counted with it. */
  see({ segment, position }: LineageEntry): void {
    if (segment !== this.#segment) {
      this.#segment = segment;
      this.#offset = segment.from.offset;
    }
    const end = position.offset + position.length;
    if (end <= this.#offset) return;
    this.advance(end - this.#offset);
    this.#offset = end;
  }

  end(): void {
    this.#progress?.end();
  }
}

/** Plain bytes of these files, as far as they count; undefined where one of them is compressed. */
export function plainBytesOf(segments: readonly LineageSegment[]): number | undefined {
  let total = 0;
  for (const { path, from, endOffset } of segments) {
    if (path.endsWith(".zst")) return undefined;
    total += Math.max((endOffset ?? statOrUndefined(path)?.size ?? 0) - from.offset, 0);
  }
  return total;
}
