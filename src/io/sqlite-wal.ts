/**
 * The write-ahead log of a SQLite database (`-wal`), read without SQLite: which pages it holds, and which of them count.
 *
 * Format: https://www.sqlite.org/fileformat2.html#walformat. Codex's databases live in WAL mode, and after a crash the
 * log may hold nearly everything. SQLite believes the frames up to the last commit before the first bad checksum;
 * the others are listed too, since `sqlite-pages.ts` may need an older or later copy of a page that no longer reads.
 */

/** How much a frame is worth. */
export type FrameState =
  /** Before the first bad frame and part of a finished transaction: SQLite reads it. */
  | "committed"
  /** Past a bad frame, but of the same log, sound in itself, and part of a finished transaction. SQLite drops it. */
  | "detached"
  /** Of a transaction that was never finished, or sound with unknown fate. */
  | "uncommitted"
  /** Left over from before the log was last started afresh; the main file has a newer copy. */
  | "stale";

export interface WalFrame {
  /** Page number, from 1. */
  readonly page: number;
  /** Size of the database in pages after this frame's transaction; 0 unless the frame ends one. */
  readonly commitPages: number;
  /** Where the page's bytes begin in the log. */
  readonly offset: number;
  readonly state: FrameState;
}

export interface Wal {
  readonly bytes: Buffer;
  /** 0 when this is no log at all; there are no frames then. */
  readonly pageSize: number;
  readonly frames: readonly WalFrame[];
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;
const VERSION = 3007000;

/** Page size tried when the header is lost: that of every database Codex makes (state-and-compression §1.4). */
const USUAL_PAGE_SIZE = 4096;

/** Reads a whole log. Never throws: what is not a log has no frames. */
export function readWal(bytes: Buffer): Wal {
  const header = readHeader(bytes);
  if (header !== undefined) {
    const sum = new Checksum(bytes, header.bigEndian);
    sum.add(0, HEADER_BYTES - 8);
    const headerHolds = sum.equals(HEADER_BYTES - 8);
    return {
      bytes,
      pageSize: header.pageSize,
      frames: judged(rawFrames(bytes, header.pageSize, sum, headerHolds ? 0 : undefined)),
    };
  }
  // SQLite reads nothing without the header; but what follows it may be whole, and then proves itself.
  for (const bigEndian of [false, true]) {
    const raw = rawFrames(bytes, USUAL_PAGE_SIZE, new Checksum(bytes, bigEndian), undefined);
    if (raw.some((frame) => frame.isSound)) return { bytes, pageSize: USUAL_PAGE_SIZE, frames: judged(raw) };
  }
  return { bytes, pageSize: 0, frames: [] };
}

function readHeader(bytes: Buffer): { readonly pageSize: number; readonly bigEndian: boolean } | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const magic = bytes.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return undefined;
  const pageSize = bytes.readUInt32BE(8);
  if (bytes.readUInt32BE(4) !== VERSION || !isPageSize(pageSize)) return undefined;
  return { pageSize, bigEndian: magic === MAGIC_BIG_ENDIAN };
}

/** Whether a number may be the page size of a SQLite database. */
export function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;
}

interface RawFrame {
  readonly page: number;
  readonly commitPages: number;
  readonly offset: number;
  /** Two random numbers that every frame of one log shares with its header. */
  readonly salts: string;
  /** The checksum follows from the one before: proof that this frame's bytes are as written. */
  readonly isSound: boolean;
  /** Its salts are those of the header, which holds: what SQLite demands besides. */
  readonly isCurrent: boolean;
}

/** `saltsAt` 0: the header holds, and `sum` stands at its end. Undefined: no header to trust, the first frame proves nothing. */
function rawFrames(bytes: Buffer, pageSize: number, sum: Checksum, saltsAt: 0 | undefined): RawFrame[] {
  const frames: RawFrame[] = [];
  const step = FRAME_HEADER_BYTES + pageSize;
  const current = saltsAt === undefined ? undefined : bytes.toString("latin1", 16, 24);
  for (let at = HEADER_BYTES; at + step <= bytes.length; at += step) {
    const page = bytes.readUInt32BE(at);
    const salts = bytes.toString("latin1", at + 8, at + 16);
    sum.add(at, 8);
    sum.add(at + FRAME_HEADER_BYTES, pageSize);
    const follows = at > HEADER_BYTES || saltsAt !== undefined;
    const isSound = follows && sum.equals(at + 16) && page > 0;
    const commitPages = bytes.readUInt32BE(at + 4);
    frames.push({ page, commitPages, offset: at + FRAME_HEADER_BYTES, salts, isSound, isCurrent: salts === current });
    // The next frame is judged by the checksum that stands here, so that one bad frame does not hide those after it.
    sum.set(at + 16);
  }
  return frames;
}

function judged(raw: readonly RawFrame[]): WalFrame[] {
  const firstBad = raw.findIndex((frame) => !frame.isCurrent || !frame.isSound);
  const end = firstBad < 0 ? raw.length : firstBad;
  const lastCommit = raw.findLastIndex((frame, index) => index < end && frame.commitPages > 0);
  // The newest log always begins at the front of the file, so its salts are those of the first frame that proves itself.
  const newest = raw.find((frame) => frame.isSound)?.salts;
  // Past a break a transaction is only known to be finished when a later frame ends one.
  const lastEnd = raw.findLastIndex((frame) => frame.isSound && frame.salts === newest && frame.commitPages > 0);
  const stateOf = (frame: RawFrame, index: number): FrameState => {
    if (frame.salts !== newest) return "stale";
    if (index <= lastCommit) return "committed";
    return index < end || index > lastEnd ? "uncommitted" : "detached";
  };
  return raw.flatMap((frame, index) => {
    const { page, commitPages, offset } = frame;
    return frame.isSound ? [{ page, commitPages, offset, state: stateOf(frame, index) }] : [];
  });
}

/** SQLite's running checksum over 32-bit words: two sums, each feeding the other. */
class Checksum {
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  readonly #swaps: boolean;
  #first = 0;
  #second = 0;

  constructor(bytes: Buffer, bigEndian: boolean) {
    // A view of words needs an aligned start; a buffer cut out of a pool may not have one.
    const source = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
    this.#bytes = bytes;
    this.#words = new Uint32Array(source.buffer, source.byteOffset, source.length >>> 2);
    const hostIsBigEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 0;
    this.#swaps = bigEndian !== hostIsBigEndian;
  }

  /** `offset` and `length` are multiples of 8. */
  add(offset: number, length: number): void {
    const words = this.#words;
    let first = this.#first;
    let second = this.#second;
    const end = (offset + length) >>> 2;
    for (let index = offset >>> 2; index < end; index += 2) {
      first = (first + this.#word(words[index] ?? 0) + second) | 0;
      second = (second + this.#word(words[index + 1] ?? 0) + first) | 0;
    }
    this.#first = first;
    this.#second = second;
  }

  #word(value: number): number {
    if (!this.#swaps) return value;
    return ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
  }

  /** Whether the sums are those stored at an offset; stored sums are always big-endian. */
  equals(offset: number): boolean {
    return (
      this.#first >>> 0 === this.#bytes.readUInt32BE(offset) &&
      this.#second >>> 0 === this.#bytes.readUInt32BE(offset + 4)
    );
  }

  /** Goes on from the sums stored at an offset. */
  set(offset: number): void {
    this.#first = this.#bytes.readInt32BE(offset);
    this.#second = this.#bytes.readInt32BE(offset + 4);
  }
}
