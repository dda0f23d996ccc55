/**
 * Cells and records of SQLite's file format, decoded from bytes that may be damaged: what does not hold together is
 * reported as missing, never guessed, and nothing here throws. `sqlite-pages.ts` finds the cells.
 *
 * Format: https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages) and 2.1 (records).
 */
import { isUtf8 } from "node:buffer";
import type { SqlValue } from "./sqlite.ts";

/** Undefined where the bytes of a value are lost. */
export type RecordValue = SqlValue | undefined;

export type PageKind = "table-leaf" | "table-interior" | "index-leaf" | "index-interior";

const KINDS: Readonly<Record<number, PageKind>> = {
  13: "table-leaf",
  5: "table-interior",
  10: "index-leaf",
  2: "index-interior",
};

export interface PageHeader {
  readonly kind: PageKind;
  /** Offsets of the cells in the page, in key order, without repetitions and without impossible ones. */
  readonly cells: readonly number[];
  /** False when some cell offsets were impossible. */
  readonly isWhole: boolean;
  /** The child with the greatest keys; 0 for a leaf. */
  readonly rightChild: number;
}

/** The header of a b-tree page, or undefined when the bytes cannot be one. `start` is 100 on page 1, else 0. */
export function readPageHeader(page: Buffer, start: number, usable: number): PageHeader | undefined {
  const kind = KINDS[page[start] ?? 0];
  if (kind === undefined) return undefined;
  const isLeaf = kind === "table-leaf" || kind === "index-leaf";
  const count = page.readUInt16BE(start + 3);
  const pointersAt = start + (isLeaf ? 8 : 12);
  const pointersEnd = pointersAt + 2 * count;
  const contentAt = page.readUInt16BE(start + 5) || 65_536;
  const freeBlock = page.readUInt16BE(start + 1);
  const fragments = page[start + 7] ?? 0;
  if (pointersEnd > usable || contentAt < pointersEnd || contentAt > usable) return undefined;
  if (freeBlock >= usable || (freeBlock !== 0 && freeBlock < contentAt) || fragments > 60) return undefined;
  const cells = new Set<number>();
  for (let at = pointersAt; at < pointersEnd; at += 2) {
    const cell = page.readUInt16BE(at);
    if (cell >= contentAt && cell <= usable - 4) cells.add(cell);
  }
  return {
    kind,
    cells: [...cells],
    isWhole: cells.size === count,
    rightChild: isLeaf ? 0 : page.readUInt32BE(start + 8),
  };
}

export interface Cell {
  /** Row number; 0 in an index. Numbers beyond 2^53 are not exact. */
  readonly rowid: number;
  /** Length of the whole payload, wherever it lies. */
  readonly payloadBytes: number;
  /** The part that lies in the page. */
  readonly local: Buffer;
  /** First overflow page; 0 when the whole payload is local. */
  readonly overflow: number;
}

/** Payload longer than this is not believed: SQLite's own limit for a value is 10^9 bytes. */
const MAX_PAYLOAD = 1_000_000_000;

/** A cell of a leaf, or of an index's interior page (where a child number of 4 bytes stands first; pass the offset after it). */
export function readCell(page: Buffer, at: number, usable: number, kind: PageKind): Cell | undefined {
  const cursor = new Cursor(page, at, usable);
  const payloadBytes = cursor.varint();
  const isTable = kind === "table-leaf";
  const rowid = isTable ? cursor.varint() : 0;
  if (Number.isNaN(payloadBytes) || Number.isNaN(rowid) || payloadBytes > MAX_PAYLOAD) return undefined;
  const localBytes = localLength(payloadBytes, usable, isTable);
  const end = cursor.at + localBytes;
  const spills = localBytes < payloadBytes;
  if (end + (spills ? 4 : 0) > usable) return undefined;
  return { rowid, payloadBytes, local: page.subarray(cursor.at, end), overflow: spills ? page.readUInt32BE(end) : 0 };
}

/** How much of a payload is kept in the page itself. */
function localLength(payload: number, usable: number, isTable: boolean): number {
  const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23;
  if (payload <= most) return payload;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const fitting = least + ((payload - least) % (usable - 4));
  return fitting <= most ? fitting : least;
}

/** More columns than any table of interest has, by far. */
const MAX_COLUMNS = 200;

/**
 * The values of a record of `totalBytes`, of which `bytes` is the readable beginning. Undefined when the record's own
 * header does not add up to that total, which random bytes practically never do.
 */
export function readRecord(bytes: Buffer, totalBytes: number): readonly RecordValue[] | undefined {
  const cursor = new Cursor(bytes, 0, bytes.length);
  const headerBytes = cursor.varint();
  if (!(headerBytes >= 1 && headerBytes <= bytes.length)) return undefined;
  const types: number[] = [];
  let total = headerBytes;
  while (cursor.at < headerBytes) {
    const type = cursor.varint();
    const length = lengthOf(type);
    if (Number.isNaN(length) || types.length === MAX_COLUMNS) return undefined;
    types.push(type);
    total += length;
  }
  if (cursor.at !== headerBytes || total !== totalBytes || types.length === 0) return undefined;
  let at = headerBytes;
  return types.map((type) => {
    const end = at + lengthOf(type);
    const value = end <= bytes.length ? valueOf(bytes, at, end, type) : undefined;
    at = end;
    return value;
  });
}

const FIXED_LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, Number.NaN, Number.NaN] as const;

function lengthOf(type: number): number {
  return type < 12 ? (FIXED_LENGTHS[type] ?? Number.NaN) : Math.floor((type - 12) / 2);
}

function valueOf(bytes: Buffer, at: number, end: number, type: number): RecordValue {
  if (type === 0) return null;
  if (type === 8 || type === 9) return type - 8;
  if (type === 7) return bytes.readDoubleBE(at);
  if (type === 6) return narrowed(bytes.readBigInt64BE(at));
  if (type < 6) return bytes.readIntBE(at, end - at);
  const content = bytes.subarray(at, end);
  if (type % 2 === 0) return Buffer.from(content);
  // All text in these databases is UTF-8: anything else is damage.
  return isUtf8(content) ? content.toString("utf8") : undefined;
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Reads SQLite's variable-length integers, up to nine bytes; NaN past the end. Beyond 2^53 they are not exact. */
class Cursor {
  at: number;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  varint(): number {
    let value = 0;
    for (let index = 0; index < 9; index += 1) {
      if (this.at >= this.#end) return Number.NaN;
      const byte = this.#bytes[this.at] ?? 0;
      this.at += 1;
      if (index === 8) return value * 256 + byte;
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return value;
  }
}
