/**
 * What the bytes of a line tell at a glance, without parsing it: for the quick way through a rollout (`extract.ts`). Each question
 * may be asked of the first `SELECT_BYTES` of a line.
 */
import { parseTimestamp } from "../format/names.ts";

const INSTRUCTIONS = Buffer.from('"base_instructions":{"text":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

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

/** A token count without figures is ignored (state-and-compression §2.4), so it must not replace one that has them. */
export function infoIsNull(buffer: Buffer, start: number, end: number): boolean {
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
