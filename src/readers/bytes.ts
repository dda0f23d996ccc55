/**
 * A rollout file as a stream of plain bytes, whatever its form on disk: the first station of every walk.
 * Offsets here and everywhere after count bytes of the plain stream (state-and-compression §4.8).
 */
import { RolloutError } from "../errors.ts";
import { closeFile, openRegularFile, readAt } from "../io/files.ts";
import { FRAME_HEADER_BYTES, decodeZstd, frameInfo, isZstd, type ZstdEnd } from "../io/zstd.ts";
import { seekTable, zstdFrames } from "../io/zstd-frames.ts";

export interface ByteReader {
  readonly path: string;
  /** Told by the first bytes, not by the name. */
  readonly form: "plain" | "zstd";
  /** Size on disk when the file was opened; later growth is not read. */
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /**
   * Plain bytes from `from` (default 0) up to `to` (exclusive, default the end). A plain file is read from there; a
   * compressed one is decoded from the last of its `restarts` before. A chunk is a view valid until the next one is asked for.
   */
  forward(from?: number, to?: number): Generator<Buffer>;
  /**
   * Plain offsets at which reading forward can begin without what precedes them, ascending, 0 first. In a compressed file
   * they are the starts of its frames, at least 1 MiB apart, as far as their sizes are told; in a plain one there is no need.
   */
  restarts(): readonly number[];
  /**
   * Chunks from `end` (exclusive, default the end) towards the start, each in reading order and valid until the next
   * one is asked for; they grow from 64 KiB. Plain files only: for a compressed one this is an `internal` error.
   */
  backward(end?: number): Generator<{ readonly bytes: Buffer; readonly offset: number }>;
  /** Set when the compressed stream broke; what precedes `offset`, as far as it was asked for, has been yielded. */
  readonly failure: { readonly message: string; readonly offset: number } | undefined;
  /** Bytes taken from the disk so far. */
  readonly bytesRead: number;
  close(): void;
}

export interface BytesOptions {
  /** Largest chunk. Default 256 KiB. */
  readonly chunkBytes?: number;
  /** Read when the file is opened, to tell its form. Default 64 KiB, which is kept for whoever reads from the start. */
  readonly startBytes?: number;
  /**
   * Decode a compressed file twice, first to nowhere: of a frame that does not match its checksum nothing is yielded, and
   * `failure.offset` is where that frame begins. Otherwise what came out of it has been yielded by the time that this is known.
   * Of a file that is cut all is yielded that can be decoded.
   * Frames without checksum, as Codex writes them (state-and-compression §4.4), tell no more than that they decode. Default false.
   */
  readonly checked?: boolean | undefined;
}

/** What a core has at hand in its own cache, so that the bytes just read are still there when they are split. */
const CHUNK_BYTES = 256 * 1024;
/** Compressed bytes read at a time: little, so that who wants only the head of the file reads little. */
const COMPRESSED_CHUNK_BYTES = 128 * 1024;
const FIRST_BACKWARD_BYTES = 64 * 1024;
const FIRST_FORWARD_BYTES = 64 * 1024;
/** It does not pay to look for a start that saves less. */
const RESTART_BYTES = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** The last buffer that a reader was done with: a home has thousands of files, and fresh memory costs more than reading into it. */
let spareBuffer: Buffer | undefined;

function takeBuffer(bytes: number): Buffer {
  const spare = spareBuffer;
  spareBuffer = undefined;
  return spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
}

/** Opens a rollout for reading. @throws RolloutError as `openRegularFile` does. The caller closes it. */
export function openBytes(path: string, options: BytesOptions = {}): ByteReader {
  const { chunkBytes = CHUNK_BYTES, startBytes = FIRST_FORWARD_BYTES, checked = false } = options;
  const headBytes = Math.max(FRAME_HEADER_BYTES, Math.min(startBytes, chunkBytes));
  return new FileReader(path, Math.max(1, chunkBytes), headBytes, checked);
}

/** A place in a compressed file, and what it is in the plain stream. */
interface Restart {
  readonly plain: number;
  readonly packed: number;
}

const START: Restart = { plain: 0, packed: 0 };

/** What decoding from a start to nowhere has told: how far the plain bytes are sound, and why no further. */
interface Checked {
  readonly start: Restart;
  readonly end: number;
  readonly message: string | undefined;
}

class FileReader implements ByteReader {
  readonly path: string;
  readonly form: "plain" | "zstd";
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  failure: { readonly message: string; readonly offset: number } | undefined;
  bytesRead = 0;
  readonly #fd: number;
  readonly #chunkBytes: number;
  readonly #isChecked: boolean;
  #soundness: Checked | undefined;
  /** What opening has read, until somebody has taken it: most files are read from their start, many are no longer than this. */
  #start: { readonly buffer: Buffer; readonly length: number } | undefined;
  readonly #claimedBytes: number | undefined;
  #restarts: readonly Restart[] | undefined;
  #closed = false;

  constructor(path: string, chunkBytes: number, startBytes: number, isChecked: boolean) {
    const { fd, stat } = openRegularFile(path);
    this.path = path;
    this.sizeBytes = stat.size;
    this.mtimeMs = stat.mtimeMs;
    this.#fd = fd;
    this.#chunkBytes = chunkBytes;
    this.#isChecked = isChecked;
    try {
      const buffer = takeBuffer(Math.max(FRAME_HEADER_BYTES, Math.min(chunkBytes, stat.size)));
      const length = this.#read(buffer.subarray(0, Math.min(startBytes, stat.size)), 0);
      this.#start = { buffer, length };
      const head = buffer.subarray(0, length);
      this.form = isZstd(head) || isBrokenZstd(path, head) ? "zstd" : "plain";
      this.#claimedBytes = this.form === "zstd" ? frameInfo(head)?.contentBytes : undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  forward(from = 0, to = Number.POSITIVE_INFINITY): Generator<Buffer> {
    return this.form === "zstd"
      ? this.#decoded(from, to)
      : this.#plain(from, Math.min(to, this.sizeBytes), this.#chunkBytes);
  }

  *backward(end = this.sizeBytes): Generator<{ readonly bytes: Buffer; readonly offset: number }> {
    if (this.form === "zstd")
      throw new RolloutError("internal", "a compressed stream has no way back", { path: this.path });
    let offset = Math.min(end, this.sizeBytes);
    let step = Math.min(FIRST_BACKWARD_BYTES, this.#chunkBytes);
    const buffer = takeBuffer(Math.min(this.#chunkBytes, offset));
    try {
      while (offset > 0) {
        const length = Math.min(step, offset, buffer.length);
        offset -= length;
        const bytes = buffer.subarray(0, length);
        if (this.#read(bytes, offset) < length) {
          throw new RolloutError("mismatch", "the file became shorter while it was read", { path: this.path, offset });
        }
        yield { bytes, offset };
        step = Math.min(step * 2, this.#chunkBytes);
      }
    } finally {
      spareBuffer = buffer;
    }
  }

  restarts(): readonly number[] {
    return this.#frameStarts().map(({ plain }) => plain);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    spareBuffer = this.#start?.buffer ?? spareBuffer;
    this.#start = undefined;
    closeFile(this.#fd);
  }

  *#plain(from: number, to: number, chunkBytes: number): Generator<Buffer> {
    if (from >= to) return;
    const start = from === 0 ? this.#start : undefined;
    if (start !== undefined) this.#start = undefined;
    const buffer = start?.buffer ?? takeBuffer(Math.min(chunkBytes, to - from));
    try {
      let offset = from;
      for (const end = Math.min(start?.length ?? 0, to); offset < end;) {
        const next = Math.min(offset + chunkBytes, end);
        yield buffer.subarray(offset, next);
        offset = next;
      }
      // Small steps first: whoever stops after the head of the file has not paid for more.
      let step = Math.min(FIRST_FORWARD_BYTES, chunkBytes, buffer.length);
      while (offset < to) {
        const wanted = Math.min(step, to - offset);
        const count = this.#read(buffer.subarray(0, wanted), offset);
        if (count > 0) yield buffer.subarray(0, count);
        if (count < wanted) return;
        offset += count;
        step = Math.min(step * 4, chunkBytes, buffer.length);
      }
    } finally {
      spareBuffer = buffer;
    }
  }

  *#decoded(from: number, to: number): Generator<Buffer> {
    const near = from < RESTART_BYTES ? START : this.#frameStarts().findLast(({ plain }) => plain <= from);
    const start = near ?? START;
    const sound = this.#isChecked ? this.#check(start) : undefined;
    const end = Math.min(to, sound?.message === undefined ? to : sound.end);
    const stream = this.#decode(start);
    let offset = start.plain;
    try {
      while (offset < end) {
        const next = stream.next();
        if (next.done === true) {
          if (!next.value.ok) this.failure = { message: next.value.message, offset };
          return;
        }
        const chunk = next.value;
        const wanted = chunk.subarray(Math.max(0, from - offset), Math.min(chunk.length, end - offset));
        offset += chunk.length;
        if (wanted.length > 0) yield wanted;
      }
    } finally {
      stream.return({ ok: true, decodedBytes: offset });
    }
    if (sound?.message !== undefined && to > end) this.failure = { message: sound.message, offset: end };
  }

  #decode({ packed }: Restart, keepWindow = false): Generator<Buffer, ZstdEnd> {
    const claimed = packed === 0 ? (this.#claimedBytes ?? this.#chunkBytes) : this.#chunkBytes;
    const outputBytes = Math.min(this.#chunkBytes, Math.max(claimed, 1024));
    return decodeZstd(this.#plain(packed, this.sizeBytes, COMPRESSED_CHUNK_BYTES), { outputBytes, keepWindow });
  }

  #check(start: Restart): Checked {
    if (this.#soundness !== undefined && this.#soundness.start.packed <= start.packed) return this.#soundness;
    // The next stream, which follows at once, takes the same window.
    const stream = this.#decode(start, true);
    let next = stream.next();
    while (next.done !== true) next = stream.next();
    const { value } = next;
    // What is cut has mostly come out right, and may be all that there is. One that has its seek table is not cut, but misread.
    const isSound = value.ok || (value.isCut && seekTable(this.#bytesAt, this.sizeBytes) === undefined);
    const end = start.plain + (isSound ? value.decodedBytes : value.soundBytes);
    return (this.#soundness = { start, end, message: value.ok ? undefined : value.message });
  }

  #frameStarts(): readonly Restart[] {
    return (this.#restarts ??= this.form === "zstd" ? this.#findFrames() : [START]);
  }

  #findFrames(): readonly Restart[] {
    const starts = [START];
    const table = seekTable(this.#bytesAt, this.sizeBytes);
    let [plain, last] = [0, 0];
    for (const { offset, contentBytes } of zstdFrames(this.#bytesAt, this.sizeBytes)) {
      if (plain - last >= RESTART_BYTES) starts.push({ plain, packed: offset });
      last = starts.at(-1)?.plain ?? 0;
      // Whether the table or the headers lie, nobody can tell.
      if (table !== undefined && contentBytes !== 0 && table.next().value !== contentBytes) return [START];
      if (contentBytes === undefined) break;
      plain += contentBytes;
    }
    return starts;
  }

  readonly #bytesAt = (offset: number, length: number): Buffer => {
    const wanted = Math.min(length, this.sizeBytes - offset);
    if (wanted <= 0) return EMPTY;
    const buffer = Buffer.allocUnsafe(wanted);
    return buffer.subarray(0, this.#read(buffer, offset));
  };

  #read(buffer: Buffer, position: number): number {
    const count = readAt(this.#fd, buffer, position, this.path);
    this.bytesRead += count;
    return count;
  }
}

/**
 * A file named `.zst` whose first bytes are neither a frame's nor the beginning of JSON text: better reported once as a
 * broken stream than line by line as noise. As many bytes as a magic number has: the first alone is a space once a bit of it flips.
 */
function isBrokenZstd(path: string, head: Buffer): boolean {
  return path.endsWith(".zst") && (head.length === 0 || !/^\s*(?:\{|$)/.test(head.toString("latin1", 0, 4)));
}
