/**
 * Finds patterns in bytes as fast as they come from memory. Knows neither lines nor rollouts.
 *
 * The bytes lie in a memory of WebAssembly, into which the caller reads them; `byte-search-kernel.ts` compares 128 of them at a
 * time with the rarest bytes of a pattern, and what it finds is compared as a whole. Where there is no WebAssembly with
 * vectors (an old processor, a Node without a compiler), the same is done with `indexOf`, several times slower.
 */
import { type Kernel, kernelModule } from "./byte-search-kernel.ts";

/**
 * Matches where every byte does: `(byte | mask) === wanted`, so that one pattern stands for both cases of a letter. `mask`
 * is as long as `wanted`, and each of its bits is set in `wanted` too.
 */
export interface BytePattern {
  readonly wanted: Uint8Array;
  readonly mask: Uint8Array;
}

/** What the kernel reads behind the end, plus room for the distance between two bytes of a pattern. */
const PADDING = 128 + 4096;
/** Longer patterns are refused; whoever has a longer needle searches for a part of it. */
export const MAX_PATTERN_BYTES = 4096;
const PAGE = 65_536;

interface Prepared extends BytePattern {
  /** Offset of the first of the two bytes to look for; the others' from there: 0 where the pattern has no more, of the third also less. */
  readonly anchor: number;
  readonly distance2: number;
  readonly distance3: number;
  readonly mask1: number;
  readonly byte1: number;
  readonly mask2: number;
  readonly byte2: number;
  readonly mask3: number;
  readonly byte3: number;
  /** First match at or behind the place that was asked for last, `NONE` where there is none. */
  next: number;
}

const UNKNOWN = -1;
const NONE = Number.POSITIVE_INFINITY;

export class ByteSearch {
  /** Where the bytes to be searched are put. The view stays valid as long as the search. */
  readonly buffer: Buffer;
  readonly #patterns: readonly Prepared[];
  readonly #kernel: Kernel | undefined;
  #end = 0;

  /** At least one pattern, none of them empty. `useKernel` false: as where there is no WebAssembly. */
  constructor(patterns: readonly BytePattern[], roomBytes: number, useKernel = true) {
    const made = useKernel ? makeRoom(roomBytes) : undefined;
    this.#kernel = made?.kernel;
    this.buffer = Buffer.from(made?.room ?? new ArrayBuffer(roomBytes), 0, roomBytes);
    this.#patterns = patterns.map(prepared);
  }

  /** Announces new bytes, up to `end`. Matches are asked for from the front to the back. */
  begin(end: number): void {
    this.#end = end;
    for (const pattern of this.#patterns) pattern.next = UNKNOWN;
  }

  /** Where the first match begins that begins at `from` or later and ends within the bytes announced; -1 for none. */
  next(from: number): number {
    let first = NONE;
    for (const pattern of this.#patterns) {
      if (pattern.next < from) pattern.next = this.#find(pattern, from);
      if (pattern.next < first) first = pattern.next;
    }
    return first === NONE ? -1 : first;
  }

  /** How often a byte stands in [from, to). */
  count(byte: number, from: number, to: number): number {
    let at = from;
    let total = 0;
    if (this.#kernel !== undefined && to - from >= 64) {
      at = to - ((to - from) % 64);
      total = this.#kernel.count(from, at, byte);
    }
    for (; at < to; at += 1) if (this.buffer[at] === byte) total += 1;
    return total;
  }

  #find(pattern: Prepared, from: number): number {
    const last = this.#end - pattern.wanted.length;
    for (let at = from; at <= last; at += 1) {
      at = this.#candidate(pattern, at, last);
      if (at === -1) return NONE;
      if (matchesAt(this.buffer, at, pattern)) return at;
    }
    return NONE;
  }

  /** The first place in [from, last] at which the anchors fit. */
  #candidate(pattern: Prepared, from: number, last: number): number {
    const { anchor, distance2, distance3, mask1, byte1, mask2, byte2, mask3, byte3 } = pattern;
    if (this.#kernel === undefined) {
      const at = indexOfMasked(this.buffer, byte1, mask1, from + anchor, last + anchor);
      return at === -1 ? -1 : at - anchor;
    }
    const end = last + anchor + 1;
    const find = mask1 === 0 && mask2 === 0 ? this.#kernel.findExact : this.#kernel.find;
    const at = find(from + anchor, end, distance2, distance3, mask1, byte1, mask2, byte2, mask3, byte3);
    return at === -1 || at > last + anchor ? -1 : at - anchor;
  }
}

function prepared(pattern: BytePattern): Prepared {
  const { wanted, mask } = pattern;
  const [one, other, third] = anchorsOf(pattern);
  const [mask1 = 0, mask2 = 0, mask3 = 0] = [mask[one], mask[other], mask[third]];
  const [byte1 = 0, byte2 = 0, byte3 = 0] = [wanted[one], wanted[other], wanted[third]];
  const places = { anchor: one, distance2: other - one, distance3: third - one };
  return { ...pattern, ...places, mask1, byte1, mask2, byte2, mask3, byte3, next: UNKNOWN };
}

function matchesAt(bytes: Uint8Array, at: number, { wanted, mask }: BytePattern): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (((bytes[at + index] as number) | (mask[index] as number)) !== wanted[index]) return false;
  }
  return true;
}

/** Without the kernel: byte by byte but for what `indexOf` knows, a byte of one spelling. */
function indexOfMasked(buffer: Buffer, wanted: number, mask: number, from: number, last: number): number {
  if (mask === 0) {
    const at = buffer.indexOf(wanted, from);
    return at > last ? -1 : at;
  }
  for (let at = from; at <= last; at += 1) if (((buffer[at] as number) | mask) === wanted) return at;
  return -1;
}

/**
 * ASCII from the most to the least frequent in rollouts, roughly: code, English and JSON. A byte that is not here is rare.
 * Capital letters count as their small ones, since case is mostly of no regard.
 */
const FREQUENT = " e\"tanoirsl\\cdu,m:p_-fhg0.by1v/x2w3k4(56)789{}=[];'>zj<*+q`#|&!$@?%~^";

function rarity(byte: number, mask: number): number {
  const at = FREQUENT.indexOf(String.fromCharCode(byte).toLowerCase());
  const rank = at === -1 ? FREQUENT.length : at;
  // A mask of more than one bit lets several bytes through.
  return rank - 8 * Math.max(0, bitsOf(mask) - 1);
}

function bitsOf(mask: number): number {
  let bits = 0;
  for (let rest = mask; rest > 0; rest &= rest - 1) bits += 1;
  return bits;
}

/** The sum of the rarities of a pattern's two rarest bytes: how few false alarms it gives. */
export function selectivity(pattern: BytePattern): number {
  const [one, other] = anchorsOf(pattern);
  return [...new Set([one, other])].reduce((sum, at) => sum + rarityAt(pattern, at), 0);
}

/** Offsets of the two rarest bytes in their order, then of the third; of short patterns some are the same. */
function anchorsOf(pattern: BytePattern): readonly [number, number, number] {
  const one = rarest(pattern, []) ?? 0;
  const other = rarest(pattern, [one]) ?? (one === 0 ? pattern.wanted.length - 1 : 0);
  const third = rarest(pattern, [one, other]) ?? one;
  return [Math.min(one, other), Math.max(one, other), third];
}

/** Offset of the rarest byte but for those that stand at these offsets: the same byte a second time tells less than another one. */
function rarest(pattern: BytePattern, others: readonly number[]): number | undefined {
  let best: number | undefined;
  for (const [at, byte] of pattern.wanted.entries()) {
    if (others.some((other) => pattern.wanted[other] === byte)) continue;
    if (best === undefined || rarityAt(pattern, at) > rarityAt(pattern, best)) best = at;
  }
  return best;
}

function rarityAt({ wanted, mask }: BytePattern, at: number): number {
  return rarity(wanted[at] ?? 0, mask[at] ?? 0);
}

/** What is used of WebAssembly, which is no part of the language's own types. */
interface WasmApi {
  readonly validate: (bytes: Uint8Array) => boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

let compiled: object | undefined;

/** A memory with room for the bytes and what the kernel reads behind them; undefined without WebAssembly or its vectors. */
function makeRoom(roomBytes: number): { readonly room: ArrayBuffer; readonly kernel: Kernel } | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WasmApi };
  if (WebAssembly === undefined) return undefined;
  if (compiled === undefined) {
    const module = kernelModule();
    if (!WebAssembly.validate(module)) return undefined;
    compiled = new WebAssembly.Module(module);
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil((roomBytes + PADDING) / PAGE) });
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return { room: memory.buffer, kernel: exports as Kernel };
}
