/**
 * Where a compressed rollout is best cut so that a resume decodes only its end: the newest compaction that history can begin
 * with (rollout-format §6.2). Read backward, as a resume does, so that it costs what was written since.
 */
import { peekKind } from "../format/peek.ts";
import { readAt } from "../io/files.ts";

const WINDOW_BYTES = 1024 * 1024;
/** What is enough to tell a line's kind. */
const HEAD_BYTES = 512;
const NEWLINE = 10;
/** A longer compaction is not parsed: it is taken to be as all the others are. */
const MAX_PARSED_BYTES = 64 * 1024 * 1024;

/**
 * The offset of the line before the newest compaction, or undefined when there is none that history can begin with. The
 * line before, because a reader that starts at a frame drops the first piece: it may be the rest of a longer line.
 */
export function findCheckpoint(fd: number, sizeBytes: number): number | undefined {
  let checkpoint: number | undefined;
  let lineEnd = sizeBytes;
  for (const start of lineStartsBackward(fd, sizeBytes)) {
    if (checkpoint !== undefined) return start.offset;
    if (peekKind(start.head, 0, start.head.length) === "compacted") {
      if (!hasReplacement(fd, start.offset, lineEnd)) return undefined;
      checkpoint = start.offset;
    }
    lineEnd = start.offset;
  }
  return undefined;
}

interface LineStart {
  readonly offset: number;
  /** First bytes of the line and what follows; a view valid until the next one is asked for. */
  readonly head: Buffer;
}

function* lineStartsBackward(fd: number, sizeBytes: number): Generator<LineStart> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, sizeBytes) + HEAD_BYTES);
  for (let end = sizeBytes; end > 0;) {
    const begin = Math.max(0, end - WINDOW_BYTES);
    const bytes = buffer.subarray(0, readAt(fd, buffer.subarray(0, end - begin + HEAD_BYTES), begin));
    // A line that starts exactly where the window does is told by the newline before it, which the next window has.
    for (let at = end - begin - 1; at >= 0;) {
      const newline = bytes.lastIndexOf(NEWLINE, at);
      if (newline === -1) break;
      const offset = begin + newline + 1;
      if (offset < sizeBytes) yield { offset, head: bytes.subarray(newline + 1, newline + 1 + HEAD_BYTES) };
      at = newline - 1;
    }
    end = begin;
    if (begin === 0) yield { offset: 0, head: bytes.subarray(0, HEAD_BYTES) };
  }
}

/** Compactions of old releases have none, and a resume then reads everything (rollout-format §6.3). */
function hasReplacement(fd: number, start: number, end: number): boolean {
  if (end - start > MAX_PARSED_BYTES) return true;
  const bytes = Buffer.allocUnsafe(end - start);
  const text = bytes.toString("utf8", 0, readAt(fd, bytes, start));
  try {
    const line = JSON.parse(text) as { readonly payload?: { readonly replacement_history?: unknown } };
    return Array.isArray(line.payload?.replacement_history);
  } catch {
    return false;
  }
}
