/**
 * Zstandard in both directions, synchronously and in bounded memory; the only importer of the native binding.
 *
 * First station of a compressed rollout: `readers/bytes.ts` takes plain chunks from `decodeZstd`; the compressor sends
 * its chunks the other way through `ZstdEncoder`. Frames are read as Codex reads them (state-and-compression §4.4):
 * any level, with or without checksum or content size, several frames, skippable frames, windows up to 2^27 bytes.
 */
import { createRequire } from "node:module";
import type Binding from "zstd-napi/binding.js";
import type { CCtx, DCtx } from "zstd-napi/binding.js";
import { RolloutError } from "../errors.ts";

/** Largest window that Codex's decoder accepts, as a power of two (observed §3). */
export const MAX_WINDOW_LOG = 27;

let loaded: typeof Binding | undefined;

/** The native module, loaded with the first compressed file: most files are plain. */
function binding(): typeof Binding {
  loaded ??= createRequire(import.meta.url)("zstd-napi/binding.js") as typeof Binding;
  return loaded;
}

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Magic (4) and the next byte: what the decoder needs first of every frame. */
const FRAME_START_BYTES = 5;
/** What the decoder asks for mostly includes the header of the block after; that one is fed in a call of its own. */
const BLOCK_HEADER_BYTES = 3;
/** Longest frame header: magic 4, descriptor 1, window 1, dictionary 4, content size 8. */
export const FRAME_HEADER_BYTES = 18;
/** The first chunk is given out this early, so that who reads only a file's head does not decode a full chunk. */
const FIRST_CHUNK_BYTES = 64 * 1024;
/** A decoder that held a larger window than this is not kept for the next file. */
const KEEP_WINDOW_BYTES = 8 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * How a compressed stream ended. `decodedBytes` have been yielded before it broke, of which the first `soundBytes` are not in
 * doubt: what a frame gave out is until its checksum was seen, if it has one. `isCut`: nothing is wrong but that it ends too soon.
 */
export type ZstdEnd =
  | { readonly ok: true; readonly decodedBytes: number }
  | {
      readonly ok: false;
      readonly message: string;
      readonly decodedBytes: number;
      readonly soundBytes: number;
      readonly isCut: boolean;
    };

export interface DecodeOptions {
  /** Frames asking for a larger window end the stream as broken. Default 27. */
  readonly windowLogMax?: number;
  /** Size of the reused output buffer, thus the largest chunk yielded. Default 1 MiB. */
  readonly outputBytes?: number;
  /** Keep the decoder for the next stream even if its window is large: for one file after the other. Default false. */
  readonly keepWindow?: boolean;
}

export interface FrameInfo {
  /** Decoded size as the header claims it; undefined when not recorded. A claim only: never allocate by it. */
  readonly contentBytes: number | undefined;
  readonly windowBytes: number;
  readonly checksum: boolean;
}

/** True when the bytes begin like a Zstandard frame or a skippable frame. */
export function isZstd(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const magic = readUint32(head, 0);
  return magic === FRAME_MAGIC || isSkippable(magic);
}

/**
 * Header of the first content frame (skippable ones before it are passed over). Undefined when the bytes are no frame
 * or end before its header does; `FRAME_HEADER_BYTES` are always enough for a frame that comes first.
 */
export function frameInfo(head: Uint8Array): FrameInfo | undefined {
  let at = 0;
  while (at + 8 <= head.length && isSkippable(readUint32(head, at))) at += 8 + readUint32(head, at + 4);
  if (at + FRAME_START_BYTES > head.length || readUint32(head, at) !== FRAME_MAGIC) return undefined;
  const descriptor = head[at + 4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  const sizeLength = sizeCode === 0 ? Number(singleSegment) : 1 << sizeCode;
  const windowAt = at + FRAME_START_BYTES;
  const sizeAt = windowAt + (singleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  if (sizeAt + sizeLength > head.length) return undefined;
  // Sizes of two bytes count from 256.
  const contentBytes = sizeLength === 0 ? undefined : readSize(head, sizeAt, sizeLength) + (sizeLength === 2 ? 256 : 0);
  return {
    contentBytes,
    windowBytes: singleSegment ? (contentBytes ?? 0) : windowBytes(head[windowAt] ?? 0),
    checksum: (descriptor & 4) !== 0,
  };
}

/**
 * Decodes a stream of compressed chunks; yields plain chunks and returns how the stream ended. Damage, truncation,
 * trailing garbage, too large a window and an empty input are told by the return value, never thrown; errors of the
 * chunk source pass through.
 *
 * Each yielded chunk is a view of one reused buffer, valid until the next one is asked for. Memory is the output buffer
 * plus the frame's window (at most 128 MiB), whatever the content claims to be.
 *
 * The decoder is fed block by block, since the binding tells nothing of what a failing call had produced: when a block
 * turns out to be damaged, everything before it has been given out.
 */
export function* decodeZstd(chunks: Iterable<Uint8Array>, options: DecodeOptions = {}): Generator<Buffer, ZstdEnd> {
  const output = Buffer.allocUnsafeSlow(Math.max(1, options.outputBytes ?? 1024 * 1024));
  const stream = new FrameStream(options.windowLogMax ?? MAX_WINDOW_LOG, output, options.keepWindow ?? false);
  let decodedBytes = 0;
  let enough = Math.min(FIRST_CHUNK_BYTES, output.length);
  try {
    for (const chunk of chunks) {
      let at = 0;
      while (stream.failure === undefined && (at < chunk.length || stream.isFull)) {
        at += stream.step(chunk, at);
        if (stream.filled < enough) continue;
        decodedBytes += stream.filled;
        yield output.subarray(0, stream.filled);
        stream.filled = 0;
        enough = output.length;
      }
      if (stream.failure !== undefined) break;
    }
    if (stream.filled > 0) {
      decodedBytes += stream.filled;
      yield output.subarray(0, stream.filled);
    }
    const message = stream.failure ?? stream.endFailure();
    if (message === undefined) return { ok: true, decodedBytes };
    const soundBytes = stream.hasChecksum ? stream.frameStart : decodedBytes;
    return { ok: false, message, decodedBytes, soundBytes, isCut: stream.failure === undefined };
  } finally {
    stream.release();
  }
}

/** One decoder walking over the frames of one input. `filled` bytes of the output buffer are waiting to be taken. */
class FrameStream {
  filled = 0;
  /** The decoder may hold more output than had room: step again before more input is given. */
  isFull = false;
  failure: string | undefined;
  /** Decoded bytes before the frame in hand, and whether it ends with a checksum. */
  frameStart = 0;
  hasChecksum = false;
  #decodedBytes = 0;
  readonly #output: Buffer;
  readonly #decoder: DCtx;
  #wanted = FRAME_START_BYTES;
  #atFrameStart = true;
  #sawInput = false;
  #mayKeep = true;
  readonly #keepWindow: boolean;

  constructor(windowLogMax: number, output: Buffer, keepWindow: boolean) {
    this.#output = output;
    this.#keepWindow = keepWindow;
    this.#decoder = idleDecoders.pop() ?? new (binding().DCtx)();
    guardBinding(() => this.#decoder.setParameter(binding().DParameter.windowLogMax, windowLogMax));
  }

  /** Feeds the block or header the decoder waits for, from `chunk` at `at`; returns how many of them it took. */
  step(chunk: Uint8Array, at: number): number {
    if (this.#atFrameStart && !this.isFull) this.#noteFrame(chunk, at);
    const input = this.isFull ? NOTHING : chunk.subarray(at, at + this.#wanted);
    const room = this.filled === 0 ? this.#output : this.#output.subarray(this.filled);
    try {
      const [wanted, produced, consumed] = this.#decoder.decompressStream(room, input);
      this.filled += produced;
      this.#decodedBytes += produced;
      this.isFull = wanted !== 0 && produced === room.length;
      this.#sawInput ||= consumed > 0;
      this.#atFrameStart = wanted === 0;
      this.#wanted = nextFeed(wanted);
      return consumed;
    } catch (error) {
      this.failure = `not valid Zstandard data (${error instanceof Error ? error.message : "unknown cause"})`;
      return 0;
    }
  }

  /** What is wrong with the input ending here, if anything. */
  endFailure(): string | undefined {
    if (!this.#sawInput) return "the compressed stream is empty";
    return this.#atFrameStart ? undefined : "the compressed stream is cut short";
  }

  release(): void {
    if (!this.#mayKeep || idleDecoders.length >= 2) return;
    this.#decoder.reset(binding().ResetDirective.sessionAndParameters);
    idleDecoders.push(this.#decoder);
  }

  #noteFrame(chunk: Uint8Array, at: number): void {
    const info = frameInfo(chunk.subarray(at, at + FRAME_HEADER_BYTES));
    this.frameStart = this.#decodedBytes;
    // Of a header that two chunks share the worse is assumed.
    this.hasChecksum = info?.checksum ?? true;
    if (this.#keepWindow) return;
    if (info === undefined || info.windowBytes > KEEP_WINDOW_BYTES) this.#mayKeep = false;
  }
}

/** How much to feed next when the decoder says it waits for `wanted` bytes; 0 is the end of a frame. */
function nextFeed(wanted: number): number {
  if (wanted === 0) return FRAME_START_BYTES;
  return wanted > BLOCK_HEADER_BYTES ? wanted - BLOCK_HEADER_BYTES : wanted;
}

/** Contexts of finished streams: creating one per file would leave their windows to the garbage collector's mercy. */
const idleDecoders: DCtx[] = [];

export interface EncodeOptions {
  /** Default 3, as Codex writes (state-and-compression §4.4). */
  readonly level?: number;
  /** Finds repeats farther apart than the level alone would; costs the window in memory. Default false. */
  readonly longDistance?: boolean;
  /** Power of two; above 27 Codex refuses the frame. Default by level and size. */
  readonly windowLog?: number;
  /** A 32-bit checksum after each frame. Default false. */
  readonly checksum?: boolean;
  /** Whether a known size is recorded in the frame header. Default true. */
  readonly contentSize?: boolean;
}

/** Compresses one buffer into one frame. */
export function compressZstd(buffer: Uint8Array, options: EncodeOptions = {}): Buffer {
  const encoder = newEncoder(options);
  const output = Buffer.allocUnsafeSlow(binding().compressBound(buffer.length));
  return guardBinding(() => Buffer.from(output.subarray(0, encoder.compress2(output, buffer))));
}

/**
 * A synchronous streaming encoder. Frames follow each other by `endFrame`; each
 * may be given its size beforehand by `pledge`, which puts it into the header.
 */
export class ZstdEncoder {
  readonly #encoder: CCtx;
  readonly #output = Buffer.allocUnsafeSlow(binding().cStreamOutSize());

  constructor(options: EncodeOptions & { readonly pledgedBytes?: number } = {}) {
    this.#encoder = newEncoder(options);
    if (options.pledgedBytes !== undefined) this.pledge(options.pledgedBytes);
  }

  /** Gives the context, and the memory of its window, to the next encoder. Nothing may be called after it. */
  release(): void {
    if (idleEncoders.length > 0) return;
    guardBinding(() => this.#encoder.reset(binding().ResetDirective.sessionAndParameters));
    idleEncoders.push(this.#encoder);
  }

  /** Plain size of the frame that begins with the next write. Writing another size makes `endFrame` fail as `mismatch`. */
  pledge(sizeBytes: number): void {
    guardBinding(() => this.#encoder.setPledgedSrcSize(sizeBytes));
  }

  /** Takes all of `chunk`; hands what the encoder gives out by now, often nothing, to `sink`, as views valid until it returns. */
  writeTo(chunk: Uint8Array, sink: (bytes: Buffer) => void): void {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(this.#run(rest, binding().EndDirective.continue, sink).consumed);
  }

  /** Ends the frame, even one that nothing was written to. As `writeTo`. */
  endFrameTo(sink: (bytes: Buffer) => void): void {
    while (this.#run(NOTHING, binding().EndDirective.end, sink).left > 0);
  }

  /** As `writeTo`, of buffers that are the caller's own. */
  write(chunk: Uint8Array): Buffer[] {
    const parts: Buffer[] = [];
    this.writeTo(chunk, (bytes) => parts.push(Buffer.from(bytes)));
    return parts;
  }

  /** As `endFrameTo`, of buffers that are the caller's own. */
  endFrame(): Buffer[] {
    const parts: Buffer[] = [];
    this.endFrameTo((bytes) => parts.push(Buffer.from(bytes)));
    return parts;
  }

  #run(
    input: Uint8Array,
    directive: number,
    sink: (bytes: Buffer) => void,
  ): { readonly left: number; readonly consumed: number } {
    const [left, produced, consumed] = guardBinding(() =>
      this.#encoder.compressStream2(this.#output, input, directive),
    );
    if (produced > 0) sink(this.#output.subarray(0, produced));
    return { left, consumed };
  }
}

/** As of the decoders: one file after the other is compressed with the same memory. */
const idleEncoders: CCtx[] = [];

function newEncoder(options: EncodeOptions): CCtx {
  const { CParameter } = binding();
  const encoder = idleEncoders.pop() ?? new (binding().CCtx)();
  const set = (parameter: number, value: number): void => guardBinding(() => encoder.setParameter(parameter, value));
  set(CParameter.compressionLevel, options.level ?? 3);
  set(CParameter.checksumFlag, options.checksum === true ? 1 : 0);
  set(CParameter.contentSizeFlag, options.contentSize === false ? 0 : 1);
  if (options.longDistance === true) set(CParameter.enableLongDistanceMatching, 1);
  if (options.windowLog !== undefined) set(CParameter.windowLog, options.windowLog);
  return encoder;
}

/** Turns the binding's exceptions into the tool's own. */
function guardBinding<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : "unknown cause";
    if (/src ?size/i.test(text)) {
      throw new RolloutError("mismatch", "the data is not of the size announced before compressing", { cause });
    }
    if (/parameter/i.test(text)) throw new RolloutError("usage", `setting refused by Zstandard (${text})`, { cause });
    throw new RolloutError("internal", `compression failed (${text})`, { cause });
  }
}

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}

function windowBytes(code: number): number {
  const base = 2 ** (10 + (code >> 3));
  return base + (base / 8) * (code & 7);
}

/** A little-endian number; above 2^53 it is only approximate. */
function readSize(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let index = length - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return readSize(bytes, at, 4);
}
