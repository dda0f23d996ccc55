/**
 * Which large pieces of text rollouts store more than once: images, outputs of tools that stand both in what the model saw and in
 * what a client shows, histories that forks copied, instructions of every thread. Works on the bytes of lines as they stand: equal
 * text is spelled equally, since one library writes it all. Nothing is parsed.
 */
import { hash } from "node:crypto";

export type BlobKind =
  | "image"
  | "audio"
  | "replacement history"
  | "tool output"
  | "instructions"
  | "encrypted"
  | "text";

export interface Blob {
  /** First 16 digits of the SHA-256 of the text as it is spelled in JSON. */
  readonly digest: string;
  readonly kind: BlobKind;
  /** Once. */
  readonly bytes: number;
  readonly times: number;
  /** Different rollouts that hold it. */
  readonly files: number;
  /** `bytes` for every time but the first. */
  readonly repeatedBytes: number;
  /** Where it was met first: logical path and line. */
  readonly path: string;
  readonly line: number;
}

export interface BlobKindSums {
  readonly kind: BlobKind;
  /** Different ones that are stored more than once. */
  readonly blobs: number;
  /** Each once. */
  readonly onceBytes: number;
  /** As often as they are stored. */
  readonly storedBytes: number;
}

export interface BlobReport {
  /** Shorter texts were not compared. */
  readonly minBytes: number;
  readonly repeatedBytes: number;
  readonly kinds: readonly BlobKindSums[];
  /** Those with the most repeated bytes. */
  readonly top: readonly Blob[];
}

/** Shorter ones are not worth their digest. In bytes. */
export const MIN_BLOB_BYTES = 1024;
/** Different texts that are remembered; when there are more, only longer ones are compared. */
const MAX_BLOBS = 1 << 18;

interface Known {
  readonly kind: BlobKind;
  readonly bytes: number;
  times: number;
  files: number;
  lastFile: number;
  readonly firstFile: number;
  readonly line: number;
}

/** Digests of what was met so far. Memory is bounded: see `minBytes` of the report. */
export class BlobTable {
  readonly #known = new Map<string, Known>();
  readonly #maxBlobs: number;
  readonly #paths: string[] = [];
  minBytes = MIN_BLOB_BYTES;

  constructor(maxBlobs = MAX_BLOBS) {
    this.#maxBlobs = maxBlobs;
  }

  /** What follows is of this file, which must not come twice. */
  beginFile(path: string): void {
    this.#paths.push(path);
  }

  /** `counted`: how many of the bytes are not counted as another blob already. */
  add(bytes: Buffer, kind: BlobKind, line: number, counted = bytes.length): void {
    if (counted < this.minBytes) return;
    const digest = hash("sha256", bytes, "hex").slice(0, 32);
    const file = this.#paths.length - 1;
    const known = this.#known.get(digest);
    if (known === undefined) {
      this.#known.set(digest, { kind, bytes: counted, times: 1, files: 1, lastFile: file, firstFile: file, line });
      if (this.#known.size > this.#maxBlobs) this.#forget();
      return;
    }
    known.times += 1;
    if (known.lastFile === file) return;
    known.lastFile = file;
    known.files += 1;
  }

  /** Lets go of all shorter ones, so that what is said of the others stays true. */
  #forget(): void {
    while (this.#known.size > this.#maxBlobs / 2) {
      this.minBytes *= 2;
      for (const [digest, { bytes }] of this.#known) if (bytes < this.minBytes) this.#known.delete(digest);
    }
  }

  report(top: number): BlobReport {
    const sums = new Map<BlobKind, { blobs: number; onceBytes: number; storedBytes: number }>();
    const repeated: Blob[] = [];
    for (const [digest, known] of this.#known) {
      const { kind, bytes, times, files, firstFile, line } = known;
      if (times === 1) continue;
      const sum = sums.get(kind) ?? { blobs: 0, onceBytes: 0, storedBytes: 0 };
      sum.blobs += 1;
      sum.onceBytes += bytes;
      sum.storedBytes += bytes * times;
      sums.set(kind, sum);
      const path = this.#paths[firstFile] ?? "";
      const repeatedBytes = bytes * (times - 1);
      repeated.push({ digest: digest.slice(0, 16), kind, bytes, times, files, repeatedBytes, path, line });
    }
    const kinds = [...sums].map(([kind, sum]) => ({ kind, ...sum }));
    return {
      minBytes: this.minBytes,
      repeatedBytes: repeated.reduce((sum, { repeatedBytes }) => sum + repeatedBytes, 0),
      kinds: kinds.toSorted((a, b) => b.storedBytes - b.onceBytes - (a.storedBytes - a.onceBytes)),
      top: repeated
        .toSorted((a, b) => b.repeatedBytes - a.repeatedBytes || (a.digest < b.digest ? -1 : 1))
        .slice(0, top),
    };
  }
}

const HISTORY = Buffer.from('"replacement_history":[');

/** Looks a line through for large strings. `label` is what the line is called (`bytes-labels.ts`). */
export function addBlobs(table: BlobTable, bytes: Buffer, label: string, line: number): void {
  if (bytes.length < table.minBytes) return;
  const history = label === "compacted" ? bytes.indexOf(HISTORY) : -1;
  let inHistory = 0;
  for (const { start, end } of longStrings(bytes, table.minBytes)) {
    const text = bytes.subarray(textStart(bytes, start, end), end);
    table.add(text, kindOf(text, label), line);
    if (history !== -1 && start > history && text.length >= table.minBytes) inHistory += text.length;
  }
  if (history === -1) return;
  const rest = bytes.subarray(history);
  table.add(rest, "replacement history", line, rest.length - inHistory);
}

/** Does a line hold a checkpoint that a resume could begin with? */
export function hasReplacementHistory(bytes: Buffer): boolean {
  return bytes.includes(HISTORY);
}

const OUTPUT_MARK = Buffer.from("Output:\\n");
/** In front of an output stands what became of the command, in a few short lines. */
const OUTPUT_HEAD_BYTES = 300;

/** Where the text proper begins: a tool's output without the lines that only the model is shown. */
function textStart(bytes: Buffer, start: number, end: number): number {
  const head = bytes.subarray(start, Math.min(end, start + OUTPUT_HEAD_BYTES));
  const mark = head.indexOf(OUTPUT_MARK);
  return mark === -1 ? start : start + mark + OUTPUT_MARK.length;
}

function kindOf(text: Buffer, label: string): BlobKind {
  const head = text.toString("latin1", 0, 11);
  if (head === "data:image/" || label.includes("image_generation")) return "image";
  if (head === "data:audio/") return "audio";
  if (label === "session_meta") return "instructions";
  if (/output|exec_command|command_execution|tool_call/.test(label)) return "tool output";
  if (label === "response.reasoning" || label === "response.compaction") return "encrypted";
  return "text";
}

interface Span {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Most strings end within this; for the others a native search pays. */
const NEAR = 40;

/** The strings of a line of JSON that have at least so many bytes between their quotes. */
export function* longStrings(bytes: Buffer, minBytes: number): Generator<Span> {
  const { length } = bytes;
  for (let at = 0; at + minBytes < length;) {
    const open = nextQuote(bytes, at);
    if (open === -1) return;
    const end = stringEnd(bytes, open + 1);
    if (end === -1) return;
    if (end - open - 1 >= minBytes) yield { start: open + 1, end };
    at = end + 1;
  }
}

function nextQuote(bytes: Buffer, from: number): number {
  const near = Math.min(bytes.length, from + NEAR);
  for (let at = from; at < near; at += 1) if (bytes[at] === QUOTE) return at;
  return bytes.indexOf(QUOTE, near);
}

/** The closing quote: the first that is not escaped. */
function stringEnd(bytes: Buffer, from: number): number {
  for (let at = nextQuote(bytes, from); at !== -1; at = nextQuote(bytes, at + 1)) {
    let escapes = 0;
    while (at - escapes > from && bytes[at - escapes - 1] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return -1;
}
