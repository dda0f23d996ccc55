/**
 * What the bytes of a line tell at a glance, without parsing it: for the quick way through a rollout (`extract.ts`). Each question
 * may be asked of the first `SELECT_BYTES` of a line.
 */
import { parseTimestamp } from "../format/names.ts";

const INSTRUCTIONS = Buffer.from('"base_instructions":{"text":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;

/**
 * Metadata without the text of the base instructions, which makes up nine tenths of it and decides no column. Should the text
 * be malformed, Codex would refuse the whole record; the quick way takes it for what it says.
 */
export function withoutInstructions(bytes: Buffer): Buffer {
  const mark = bytes.indexOf(INSTRUCTIONS);
  if (mark === -1) return bytes;
  const start = mark + INSTRUCTIONS.length;
  for (let end = bytes.indexOf(QUOTE, start); end !== -1; end = bytes.indexOf(QUOTE, end + 1)) {
    let escapes = 0;
    while (bytes[end - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  }
  return bytes;
}

/**
 * Whether a line that does not begin as writers begin it could be a record all the same. What begins, after blanks, with
 * anything in ASCII but a brace cannot, and must not be assembled: it may be a gigabyte of zeros.
 */
export function mayBeRecord(buffer: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && isBlank(buffer[at])) at++;
  const first = at < end ? (buffer[at] ?? 0) : 0;
  return first === 0x7b || first >= 0x80;
}

/** Space, tab and the other controls that JSON readers trim from a line. */
function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);
}

/**
 * Whether a line, spelled as all writers spell a legacy one, is plainly nothing that the facts of a thread hang on once its
 * first messages are known: an item, or an event whose name does not begin as `token_count`, `task_started` and the
 * settings do. A few bytes at known places tell; what looks otherwise is for `peekKind`.
 */
export function isOrdinary(buffer: Buffer, start: number, end: number): boolean {
  if (end - start < 80 || buffer[start] !== 0x7b || buffer[start + 12] !== 0x3a) return false;
  // {"timestamp":"2025-01-01T00:00:00.000Z","type":"
  if (buffer[start + 38] !== QUOTE || buffer[start + 39] !== 0x2c || buffer[start + 41] !== 0x74) return false;
  if (buffer[start + 46] !== 0x3a || buffer[start + 47] !== QUOTE) return false;
  const type = buffer[start + 48];
  if (type === 0x72) return buffer[start + 61] === QUOTE && buffer[start + 49] === 0x65;
  // event_msg","payload":{"type":"
  if (type !== 0x65 || buffer[start + 57] !== QUOTE || buffer[start + 77] !== QUOTE) return false;
  return buffer[start + 71] === 0x74 && buffer[start + 76] === 0x3a && buffer[start + 78] !== 0x74;
}

/** Where the last line begins that ends in this chunk and says when it was written, or -1. */
export function lastTimedLine(chunk: Buffer, beginsWithLine: boolean): number {
  let end = chunk.lastIndexOf(NEWLINE);
  while (end > 0) {
    while (end > 0 && chunk[end - 1] === NEWLINE) end--;
    const newline = end === 0 ? -1 : chunk.lastIndexOf(NEWLINE, end - 1);
    if (newline === -1 && !beginsWithLine) return -1;
    if (beginsWithTime(chunk, newline + 1, end)) return newline + 1;
    end = newline;
  }
  return -1;
}

/** A token count without figures is ignored (state-and-compression §2.4), so it must not replace one that has them. */
export function infoIsNull(buffer: Buffer, start: number, end: number): boolean {
  // {"timestamp":"2025-01-01T00:00:00.000Z","type":"event_msg","payload":{"type":"token_count","info":
  const isUsual = buffer[start + 89] === QUOTE && buffer[start + 92] === 0x69 && buffer[start + 97] === 0x3a;
  if (isUsual && end - start > 98 && buffer[start + 78] === 0x74) return buffer[start + 98] === 0x6e;
  return buffer.toString("latin1", start, Math.min(end, start + 256)).includes('"info":null');
}

/** By the item's own `type`, which all writers put first; anything that looks otherwise is parsed. */
export function mayBeUserMessage(buffer: Buffer, start: number, end: number): boolean {
  const head = buffer.toString("latin1", start, Math.min(end, start + 512));
  const type = /"item":\{"type":"(\w+)"/.exec(head)?.[1];
  return type === undefined || type === "UserMessage";
}

const TIMESTAMP_BYTES = 64;

export function headOf(buffer: Buffer, start: number, end: number, reuse: Buffer): Buffer {
  const length = Math.min(end - start, TIMESTAMP_BYTES);
  const head = reuse.length === TIMESTAMP_BYTES ? reuse : Buffer.alloc(TIMESTAMP_BYTES);
  if (length > 0) buffer.copy(head.fill(0), 0, start, start + length);
  return head;
}

/** As all writers begin a line. What begins otherwise (garbage, a blank line) says nothing about when it was written. */
export function beginsWithTime(buffer: Buffer, start: number, end: number): boolean {
  if (end - start < 16 || buffer[start] !== 0x7b || buffer[start + 12] !== 0x3a) return false;
  return buffer.toString("latin1", start, start + 14) === '{"timestamp":"';
}

export function timestampIn(head: Buffer): number | undefined {
  const text = head.toString("latin1", 0, Math.min(head.length, TIMESTAMP_BYTES));
  const stamp = /^\s*\{\s*"timestamp"\s*:\s*"([^"]+)"/.exec(text)?.[1];
  return stamp === undefined ? undefined : parseTimestamp(stamp);
}
