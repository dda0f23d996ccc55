/**
 * Where the frames of a compressed file lie, told without decoding them: each header says how long its part is (RFC 8878
 * §3.1). So a reader that wants the end of a file need not decode all that precedes it. Knows bytes, and nothing of
 * rollouts; `zstd.ts` decodes.
 */
import { FRAME_HEADER_BYTES, frameInfo } from "./zstd.ts";

export interface ZstdFrame {
  /** In the compressed file. */
  readonly offset: number;
  /** Decoded size as the header claims it; undefined when it does not. */
  readonly contentBytes: number | undefined;
}

/** Bytes of the file, fewer at its end. */
export type ReadBytes = (offset: number, length: number) => Uint8Array;

const SKIPPABLE_HEADER_BYTES = 8;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const RLE = 1;
const RESERVED = 3;
/** Headers are read by the window: most lie far apart, and those of a hostile file close together. */
const WINDOW_BYTES = 256;

/** The frames in their order, skippable ones left out; up to where the file stops making sense, which is returned. */
export function* zstdFrames(read: ReadBytes, sizeBytes: number): Generator<ZstdFrame, number> {
  const bytes = new Window(read);
  let offset = 0;
  while (offset < sizeBytes) {
    const header = bytes.at(offset, FRAME_HEADER_BYTES);
    const skipped = skippableBytes(header);
    if (skipped === undefined) {
      const info = frameInfo(header);
      const end = info === undefined ? undefined : frameEnd(bytes, offset + headerBytes(header), info.checksum);
      if (info === undefined || end === undefined || end > sizeBytes) return offset;
      yield { offset, contentBytes: info.contentBytes };
      offset = end;
    } else if (offset + skipped > sizeBytes) return offset;
    else offset += skipped;
  }
  return offset;
}

/** The first one heads the skippable frame that holds a seek table, the other one ends it. */
export const SEEK_TABLE_MAGIC = 0x184d2a5e;
export const SEEK_FOOTER_MAGIC = 0x8f92eab1;
const SEEK_FOOTER_BYTES = 9;

/**
 * Decoded sizes of the frames as a seek table at the end of the file tells them, empty frames left out; undefined where there
 * is none. Of one that contradicts itself nothing is given. Claims, as those of the headers: where both agree, one flipped bit is
 * no longer enough to lead a reader astray.
 */
export function seekTable(read: ReadBytes, sizeBytes: number): Iterator<number> | undefined {
  const footer = read(Math.max(0, sizeBytes - SEEK_FOOTER_BYTES), SEEK_FOOTER_BYTES);
  if (footer.length < SEEK_FOOTER_BYTES || number(footer.subarray(5), 4) !== SEEK_FOOTER_MAGIC) return undefined;
  // With the highest bit of its descriptor set each entry ends with a checksum.
  const entryBytes = ((footer[4] ?? 0) & 0x80) === 0 ? 8 : 12;
  const contentBytes = number(footer, 4) * entryBytes + SEEK_FOOTER_BYTES;
  const offset = sizeBytes - contentBytes - SKIPPABLE_HEADER_BYTES;
  const header = offset < 0 ? footer : read(offset, SKIPPABLE_HEADER_BYTES);
  const isSound = number(header, 4) === SEEK_TABLE_MAGIC && number(header.subarray(4), 4) === contentBytes;
  return isSound ? tableSizes(new Window(read), offset + SKIPPABLE_HEADER_BYTES, entryBytes, sizeBytes) : [].values();
}

function* tableSizes(bytes: Window, first: number, entryBytes: number, sizeBytes: number): Generator<number> {
  for (let offset = first; offset < sizeBytes - SEEK_FOOTER_BYTES; offset += entryBytes) {
    const plainBytes = number(bytes.at(offset + 4, 4), 4);
    if (plainBytes > 0) yield plainBytes;
  }
}

/** Offset behind the last block and the checksum; undefined when a block is missing or of no known type. */
function frameEnd(bytes: Window, first: number, checksum: boolean): number | undefined {
  for (let offset = first; ;) {
    const header = bytes.at(offset, BLOCK_HEADER_BYTES);
    if (header.length < BLOCK_HEADER_BYTES) return undefined;
    const word = number(header, BLOCK_HEADER_BYTES);
    const type = (word >> 1) & 3;
    if (type === RESERVED) return undefined;
    offset += BLOCK_HEADER_BYTES + (type === RLE ? 1 : word >> 3);
    if ((word & 1) === 1) return offset + (checksum ? CHECKSUM_BYTES : 0);
  }
}

function skippableBytes(header: Uint8Array): number | undefined {
  if (header.length < SKIPPABLE_HEADER_BYTES || number(header, 4) >>> 4 !== 0x184d2a5) return undefined;
  return SKIPPABLE_HEADER_BYTES + number(header.subarray(4), 4);
}

/** Magic and descriptor, then window, dictionary and content size, as far as the descriptor says that they are there. */
function headerBytes(header: Uint8Array): number {
  const descriptor = header[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = descriptor >> 6 === 0 ? Number(isSingleSegment) : 1 << (descriptor >> 6);
  return 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
}

function number(bytes: Uint8Array, length: number): number {
  let value = 0;
  for (let at = length - 1; at >= 0; at -= 1) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

class Window {
  readonly #read: ReadBytes;
  #bytes: Uint8Array = new Uint8Array();
  #offset = 0;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  at(offset: number, length: number): Uint8Array {
    if (offset < this.#offset || offset + length > this.#offset + this.#bytes.length) {
      this.#bytes = this.#read(offset, WINDOW_BYTES);
      this.#offset = offset;
    }
    return this.#bytes.subarray(offset - this.#offset, offset - this.#offset + length);
  }
}
