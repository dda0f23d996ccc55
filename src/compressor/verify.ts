/**
 * Whether an archive holds exactly the bytes of a plain file, and whether it can be read at all. Every byte is decoded and
 * compared; nothing is concluded from sizes or checksums. Used before a plain file goes, and by `decompress --verify-only`.
 */
import { fstatSync } from "node:fs";
import { readAt } from "../io/files.ts";
import { decodeZstd } from "../io/zstd.ts";

export interface OpenPart {
  readonly fd: number;
  readonly path: string;
}

/** The smaller of the usual size and what the file needs: many files are small, and fresh memory is not for nothing. */
function bufferFor(part: OpenPart, usualBytes: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.max(1024, Math.min(usualBytes, fstatSync(part.fd).size)));
}

/** How the decoded bytes stand to the plain ones. */
export type Comparison =
  /** The same bytes. */
  | { readonly kind: "equal"; readonly plainBytes: number }
  /** One goes on where the other ends. */
  | { readonly kind: "plain-longer" | "archive-longer"; readonly commonBytes: number }
  /** `offset` is where they part. */
  | { readonly kind: "different"; readonly offset: number }
  /** The archive breaks; the bytes before `offset` are those of the plain file. */
  | { readonly kind: "damaged"; readonly offset: number; readonly message: string };

const CHUNK_BYTES = 256 * 1024;

/** Chunks of a file from its start, each valid until the next one is asked for. */
export function* fileChunks(part: OpenPart): Generator<Buffer> {
  const { fd, path } = part;
  const buffer = bufferFor(part, CHUNK_BYTES);
  for (let offset = 0; ;) {
    const count = readAt(fd, buffer, offset, path);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    offset += count;
    if (count < buffer.length) return;
  }
}

/** Whether a file begins with another one, or with the first `limitBytes` of it. @throws RolloutError when one cannot be read. */
export function beginsWith(whole: OpenPart, part: OpenPart, limitBytes = Infinity): boolean {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let offset = 0;
  for (const chunk of fileChunks(part)) {
    const wanted = chunk.subarray(0, limitBytes - offset);
    if (wanted.length === 0) break;
    const bytes = buffer.subarray(0, readAt(whole.fd, buffer.subarray(0, wanted.length), offset, whole.path));
    if (!bytes.equals(wanted)) return false;
    offset += wanted.length;
  }
  return true;
}

/** Decodes `archive` to its end and compares it with `plain`. @throws RolloutError when one of them cannot be read. */
export function compareArchive(archive: OpenPart, plain: OpenPart, advance?: (bytes: number) => void): Comparison {
  return compareChunks(fileChunks(archive), plain, advance);
}

/** As `compareArchive`, of an archive that arrives in pieces. */
export function compareChunks(
  chunks: Iterable<Uint8Array>,
  plain: OpenPart,
  advance?: (bytes: number) => void,
): Comparison {
  const buffer = bufferFor(plain, 1024 * 1024);
  const stream = decodeZstd(chunks, { keepWindow: true, outputBytes: buffer.length });
  let offset = 0;
  try {
    for (let next = stream.next(); ; next = stream.next()) {
      if (next.done === true) {
        if (!next.value.ok) return { kind: "damaged", offset, message: next.value.message };
        const more = readAt(plain.fd, buffer.subarray(0, 1), offset, plain.path);
        return more > 0 ? { kind: "plain-longer", commonBytes: offset } : { kind: "equal", plainBytes: offset };
      }
      const decoded = next.value;
      const bytes = buffer.subarray(0, readAt(plain.fd, buffer.subarray(0, decoded.length), offset, plain.path));
      if (!bytes.equals(decoded)) {
        const parts = firstDifference(bytes, decoded);
        if (parts < bytes.length) return { kind: "different", offset: offset + parts };
        return { kind: "archive-longer", commonBytes: offset + parts };
      }
      offset += decoded.length;
      advance?.(decoded.length);
    }
  } finally {
    stream.return({ ok: true, decodedBytes: offset });
  }
}

/** Decodes an archive, given as its chunks, to nowhere; its plain size, or where it breaks. */
export function checkArchive(chunks: Iterable<Uint8Array>): { readonly plainBytes: number; readonly message?: string } {
  const stream = decodeZstd(chunks, { keepWindow: true });
  let next = stream.next();
  while (next.done !== true) next = stream.next();
  const { decodedBytes: plainBytes } = next.value;
  return next.value.ok ? { plainBytes } : { plainBytes, message: next.value.message };
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) if (a[index] !== b[index]) return index;
  return length;
}
