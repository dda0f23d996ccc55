/** Images of synthetic rollouts: valid PNG files full of noise, as the data URLs in which rollouts hold them. */
import { crc32 } from "node:zlib";

import type { Rng } from "./rng.ts";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** What one stored block of a deflate stream holds at most (RFC 1951 §3.2.4). */
const BLOCK_BYTES = 65_535;

/** A gray square of noise whose data URL has about so many bytes. */
export function noiseImage(rng: Rng, urlBytes: number): string {
  const side = Math.max(1, Math.floor(Math.sqrt((urlBytes / 4) * 3)));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8; // bits of a sample; color type 0 is gray
  const chunks = [chunk("IHDR", [header]), chunk("IDAT", stored(pixels(rng, side))), chunk("IEND", [])];
  return `data:image/png;base64,${Buffer.concat([SIGNATURE, ...chunks.flat()]).toString("base64")}`;
}

/** Rows, each behind a byte that says that it is not filtered. */
function pixels(rng: Rng, side: number): Buffer {
  const bytes = Buffer.alloc(side * (side + 1) + 3);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 4 <= bytes.length; at += 4) view.setUint32(at, rng.bits(), true);
  for (let row = 0; row < side; row++) bytes[row * (side + 1)] = 0;
  return bytes.subarray(0, side * (side + 1));
}

/** A zlib stream that compresses nothing: the same bytes from every version of every library. */
function stored(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [Buffer.from([0x78, 0x01])];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const piece = bytes.subarray(at, at + BLOCK_BYTES);
    const head = Buffer.alloc(5);
    head[0] = at + BLOCK_BYTES >= bytes.length ? 1 : 0;
    head.writeUInt16LE(piece.length, 1);
    head.writeUInt16LE(piece.length ^ 0xffff, 3);
    parts.push(head, piece);
  }
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(adler32(bytes));
  return [...parts, sum];
}

/** RFC 1950 §8.2. */
function adler32(bytes: Buffer): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length;) {
    // So many sums stay below 2^32.
    for (const end = Math.min(at + 5552, bytes.length); at < end; at++) {
      low += bytes[at] ?? 0;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return high * 65_536 + low;
}

function chunk(type: string, data: readonly Buffer[]): readonly Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.reduce((sum, part) => sum + part.length, 0));
  const body = [Buffer.from(type, "latin1"), ...data];
  const check = Buffer.alloc(4);
  check.writeUInt32BE(body.reduce((sum, part) => crc32(part, sum), 0));
  return [length, ...body, check];
}
