/**
 * The inner loops of `byte-search.ts` as a WebAssembly module with 128-bit vectors, put together from its instructions:
 * JavaScript alone searches without regard to case at a tenth of the speed of memory. Functions over addresses of the
 * memory that is handed in:
 *
 *     find(at, end, distance2, distance3, mask1, byte1, mask2, byte2, mask3, byte3) → address or -1
 *         the first address in [at, end) with (memory[address] | mask1) === byte1, (memory[address + distance2] | mask2) === byte2
 *         and (memory[address + distance3] | mask3) === byte3. Steps of 128 bytes: up to 127 + distance bytes behind `end` are read,
 *         and an address behind `end` may be the answer.
 *     findExact(…) → address or -1
 *         the same for masks of 0, faster.
 *     count(at, end, byte) → number
 *         how often the byte stands in [at, end), which must be a multiple of 64 bytes long.
 */

/** Opcodes used below, as the WebAssembly specification numbers them. */
const OP = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  end: [0x0b],
  break: [0x0c],
  breakIf: [0x0d],
  return: [0x0f],
  call: [0x10],
  get: [0x20],
  set: [0x21],
  i32Const: [0x41],
  i32IsZero: [0x45],
  i32Equal: [0x46],
  i32NotEqual: [0x47],
  i32GreaterEqual: [0x4f],
  i32PopCount: [0x69],
  i32Add: [0x6a],
  i32Or: [0x72],
  i64CountTrailingZeros: [0x7a],
  i64ShiftLeft: [0x86],
  i64Or: [0x84],
  i64Const: [0x42],
  i64FromI32: [0xad],
  i32FromI64: [0xa7],
  vectorLoad: [0xfd, 0x00, 0x00],
  bytesSplat: [0xfd, 0x0f],
  bytesEqual: [0xfd, 0x23],
  bytesBitmask: [0xfd, 0x64],
  bytesMin: [0xfd, 0x77],
  bytesAllTrue: [0xfd, 0x63],
  vectorAnd: [0xfd, 0x4e],
  vectorAndNot: [0xfd, 0x4f],
  vectorOr: [0xfd, 0x50],
  vectorXor: [0xfd, 0x51],
  vectorAnyTrue: [0xfd, 0x53],
} as const;

const I32 = 0x7f;
const V128 = 0x7b;

type Code = readonly number[];

/** LEB128 of a number from 0 to 2^31. */
function unsigned(value: number): Code {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)];
}

/** Signed LEB128. */
function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

const get = (local: number): Code => [...OP.get, local];
const set = (local: number): Code => [...OP.set, local];
const load = (local: number, offset: number): Code => [...get(local), ...OP.vectorLoad, ...unsigned(offset)];
const splat = (source: number, target: number): Code => [...get(source), ...OP.bytesSplat, ...set(target)];
const constant = (value: number): Code => [...OP.i32Const, ...signed(value)];
const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const text = (name: string): Code => sized(Array.from(name, (character) => character.charCodeAt(0)));
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(vector(items))];

/** Bytes of one vector, of as many as an i64 has bits for, and of one step of `find`. */
const LANE = 16;
const BLOCK = 4 * LANE;
const FIND_STEP = 2 * BLOCK;
const LANES = [0, LANE, 2 * LANE, 3 * LANE] as const;
const BLOCKS = [0, BLOCK] as const;

/** `while (at < end) { body; at += bytes }`, for functions with `at` and `end` as their first two locals. */
function steps(body: Code, bytes: number): Code {
  const leave = [...get(0), ...get(1), ...OP.i32GreaterEqual, ...OP.breakIf, 1];
  const advance = [...get(0), ...constant(bytes), ...OP.i32Add, ...set(0), ...OP.break, 0];
  return [...OP.block, ...OP.loop, ...leave, ...body, ...advance, ...OP.end, ...OP.end];
}

/** Parameters of all functions but `count`. */
const AT = 0;
const DISTANCES = [2, 3] as const;
const MASKS = [4, 6, 8] as const;
const BYTES = [5, 7, 9] as const;
const PARAMETERS = 10;

/** Functions by their numbers in the module. */
const FUNCTION = { find: 0, findExact: 1, skip: 2, skipExact: 3, look: 4, count: 5 } as const;

/** Hands its own parameters on, and keeps the answer. */
function call(name: keyof typeof FUNCTION, local: number): Code {
  const parameters = Array.from({ length: PARAMETERS }, (_, parameter) => get(parameter)).flat();
  return [...parameters, ...OP.call, FUNCTION[name], ...set(local)];
}

/** Its only local: what the others have answered. */
const FOUND = PARAMETERS;

/** Skips what holds nothing, and looks closely at what is left, until something is found there. */
function findBody(skip: "skip" | "skipExact"): Code {
  const isFound = [...get(FOUND), ...constant(-1), ...OP.i32NotEqual];
  const leave = [...get(AT), ...constant(-1), ...OP.i32Equal, ...OP.breakIf, 1];
  const answer = [...isFound, ...OP.if, ...get(FOUND), ...OP.return, ...OP.end];
  const step = [...call(skip, AT), ...leave, ...call("look", FOUND), ...answer];
  return [...steps(step, FIND_STEP), ...constant(-1), ...OP.end];
}

/** Locals of `skip` behind its parameters. */
const SKIP = { bytes: [10, 11], mask: 12, least: 13, second: 14 } as const;

/**
 * The first step in which two bytes may fit, or -1. What they differ by is zero where they fit, and so is then the least of all
 * differences of a step. A loop of its own, and a short one, so that all it needs stays in registers.
 */
function skipBody(isExact: boolean): Code {
  const second = [...get(AT), ...get(DISTANCES[0]), ...OP.i32Add, ...set(SKIP.second)];
  const difference = (offset: number): Code => [
    ...load(AT, offset),
    ...get(SKIP.bytes[0]),
    ...OP.vectorXor,
    ...load(SKIP.second, offset),
    ...get(SKIP.bytes[1]),
    ...OP.vectorXor,
    ...OP.vectorOr,
    // One mask for both: where they are not the same, a little more is let through.
    ...(isExact ? [] : [...get(SKIP.mask), ...OP.vectorAndNot]),
  ];
  const offsets = BLOCKS.flatMap((block) => LANES.map((lane) => block + lane));
  const least = offsets.flatMap((offset, index) => [
    ...difference(offset),
    ...(index === 0 ? [] : [...get(SKIP.least), ...OP.bytesMin]),
    ...set(SKIP.least),
  ]);
  const mayFit = [...get(SKIP.least), ...OP.bytesAllTrue, ...OP.i32IsZero];
  const step = [...second, ...least, ...mayFit, ...OP.if, ...get(AT), ...OP.return, ...OP.end];
  const mask = [...get(MASKS[0]), ...get(MASKS[1]), ...OP.i32Or, ...OP.bytesSplat, ...set(SKIP.mask)];
  const prepare = [...splat(BYTES[0], SKIP.bytes[0]), ...splat(BYTES[1], SKIP.bytes[1]), ...mask];
  return [...prepare, ...steps(step, FIND_STEP), ...constant(-1), ...OP.end];
}

/** Locals of `look` behind its parameters. */
const LOOK = { masks: [10, 12, 14], bytes: [11, 13, 15], lanes: [16, 17, 18, 19], places: [AT, 20, 21] } as const;

/** The first address of a step at which all three bytes fit, or -1: to be called again for what does not match costs as much as 1 kB. */
function lookBody(): Code {
  const splats = [0, 1, 2].flatMap((nth) => [
    ...splat(MASKS[nth] ?? 0, LOOK.masks[nth] ?? 0),
    ...splat(BYTES[nth] ?? 0, LOOK.bytes[nth] ?? 0),
  ]);
  const places = DISTANCES.flatMap((distance, index) => [
    ...get(AT),
    ...get(distance),
    ...OP.i32Add,
    ...set(LOOK.places[index + 1] ?? 0),
  ]);
  return [...splats, ...places, ...BLOCKS.flatMap(lookAtBlock), ...constant(-1), ...OP.end];
}

function lookAtBlock(block: number): Code {
  const fits = (nth: 0 | 1 | 2, lane: number): Code => [
    ...load(LOOK.places[nth], block + lane),
    ...get(LOOK.masks[nth]),
    ...OP.vectorOr,
    ...get(LOOK.bytes[nth]),
    ...OP.bytesEqual,
  ];
  const compare = LOOK.lanes.flatMap((local, index) => {
    const lane = LANES[index] ?? 0;
    return [...fits(0, lane), ...fits(1, lane), ...OP.vectorAnd, ...fits(2, lane), ...OP.vectorAnd, ...set(local)];
  });
  const united = LOOK.lanes.flatMap((local, index) => [...get(local), ...(index === 0 ? [] : OP.vectorOr)]);
  const bits = LOOK.lanes.flatMap((local, index) => [
    ...get(local),
    ...OP.bytesBitmask,
    ...OP.i64FromI32,
    ...(index === 0 ? [] : [...OP.i64Const, ...signed(LANE * index), ...OP.i64ShiftLeft, ...OP.i64Or]),
  ]);
  const at = [...get(AT), ...constant(block), ...OP.i32Add];
  const answer = [...at, ...bits, ...OP.i64CountTrailingZeros, ...OP.i32FromI64, ...OP.i32Add, ...OP.return];
  return [...compare, ...united, ...OP.vectorAnyTrue, ...OP.if, ...answer, ...OP.end];
}

/** Locals of `count` behind its parameters. */
const COUNT = { byte: 3, sum: 4 } as const;

function countBody(): Code {
  const lane = (offset: number): Code => [
    ...load(0, offset),
    ...get(COUNT.byte),
    ...OP.bytesEqual,
    ...OP.bytesBitmask,
    ...OP.i32PopCount,
    ...OP.i32Add,
  ];
  const step = [...get(COUNT.sum), ...LANES.flatMap(lane), ...set(COUNT.sum)];
  return [...splat(2, COUNT.byte), ...steps(step, BLOCK), ...get(COUNT.sum), ...OP.end];
}

const functionType = (parameters: number): Code => [
  0x60,
  ...vector(Array.from({ length: parameters }, () => [I32])),
  1,
  I32,
];
/** With so many locals of either type behind the parameters. */
const body = (vectors: number, numbers: number, code: Code): Code =>
  sized([
    ...vector([
      [vectors, V128],
      [numbers, I32],
    ]),
    ...code,
  ]);

/** `\0asm`, version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The module as bytes: it imports the memory `env.memory`, and exports the functions. */
export function kernelModule(): Uint8Array<ArrayBuffer> {
  const exported = ["find", "findExact", "count"] as const;
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, [functionType(PARAMETERS), functionType(3)]),
    ...section(2, [[...text("env"), ...text("memory"), 2, 0, ...unsigned(1)]]),
    ...section(3, [[0], [0], [0], [0], [0], [1]]),
    ...section(
      7,
      exported.map((name) => [...text(name), 0, FUNCTION[name]]),
    ),
    ...section(10, [
      body(0, 1, findBody("skip")),
      body(0, 1, findBody("skipExact")),
      body(4, 1, skipBody(false)),
      body(4, 1, skipBody(true)),
      body(10, 2, lookBody()),
      body(1, 1, countBody()),
    ]),
  ]);
}

/** The exports. */
export interface Kernel {
  readonly find: Find;
  readonly findExact: Find;
  readonly count: (at: number, end: number, byte: number) => number;
}

type Find = (
  at: number,
  end: number,
  distance2: number,
  distance3: number,
  mask1: number,
  byte1: number,
  mask2: number,
  byte2: number,
  mask3: number,
  byte3: number,
) => number;
