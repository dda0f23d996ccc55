/**
 * The inner loops of `byte-search.ts` as a WebAssembly module with 128-bit vectors, put together from its instructions:
 * JavaScript alone searches without regard to case at a tenth of the speed of memory. Two functions over addresses of the
 * memory that is handed in:
 *
 *     find(at, end, distance2, distance3, mask1, byte1, mask2, byte2, mask3, byte3) → address or -1
 *         the first address in [at, end) with (memory[address] | mask1) === byte1, (memory[address + distance2] | mask2) === byte2
 *         and (memory[address + distance3] | mask3) === byte3. Only where the first two fit the third is looked at: a call that
 *         gives what does not match costs as much as a thousand bytes. Steps of 64 bytes: up to 63 + distance bytes behind `end`
 *         are read, and an address behind `end` may be the answer.
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
  get: [0x20],
  set: [0x21],
  i32Const: [0x41],
  i32GreaterEqual: [0x4f],
  i32PopCount: [0x69],
  i32Add: [0x6a],
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
  vectorAnd: [0xfd, 0x4e],
  vectorOr: [0xfd, 0x50],
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

/** Bytes of one step, and of one vector. */
const STEP = 64;
const LANE = 16;
const LANES = [0, LANE, 2 * LANE, 3 * LANE] as const;

/** `while (at < end) { body; at += 64 }`, for functions with `at` and `end` as their first two locals. */
function steps(body: Code): Code {
  const leave = [...get(0), ...get(1), ...OP.i32GreaterEqual, ...OP.breakIf, 1];
  const advance = [...get(0), ...constant(STEP), ...OP.i32Add, ...set(0), ...OP.break, 0];
  return [...OP.block, ...OP.loop, ...leave, ...body, ...advance, ...OP.end, ...OP.end];
}

/** Locals of `find` behind its parameters. */
const FIND = { masks: [10, 12, 14], bytes: [11, 13, 15], lanes: [16, 17, 18, 19], places: [0, 20, 21] } as const;

function findBody(): Code {
  const isByte = (nth: 0 | 1 | 2, lane: number): Code => [
    ...load(FIND.places[nth], LANES[lane] ?? 0),
    ...get(FIND.masks[nth]),
    ...OP.vectorOr,
    ...get(FIND.bytes[nth]),
    ...OP.bytesEqual,
  ];
  const compareTwo = FIND.lanes.flatMap((local, lane) => [
    ...isByte(0, lane),
    ...isByte(1, lane),
    ...OP.vectorAnd,
    ...set(local),
  ]);
  const compareThird = FIND.lanes.flatMap((local, lane) => [
    ...get(local),
    ...isByte(2, lane),
    ...OP.vectorAnd,
    ...set(local),
  ]);
  const united = FIND.lanes.flatMap((lane, index) => [...get(lane), ...(index === 0 ? [] : OP.vectorOr)]);
  const ifAny = (code: Code): Code => [...united, ...OP.vectorAnyTrue, ...OP.if, ...code, ...OP.end];
  const bits = FIND.lanes.flatMap((lane, index) => [
    ...get(lane),
    ...OP.bytesBitmask,
    ...OP.i64FromI32,
    ...(index === 0 ? [] : [...OP.i64Const, ...signed(LANE * index), ...OP.i64ShiftLeft, ...OP.i64Or]),
  ]);
  const answer = [...get(0), ...bits, ...OP.i64CountTrailingZeros, ...OP.i32FromI64, ...OP.i32Add, ...OP.return];
  const place = (nth: 1 | 2): Code => [...get(0), ...get(nth + 1), ...OP.i32Add, ...set(FIND.places[nth])];
  const step = [...place(1), ...compareTwo, ...ifAny([...place(2), ...compareThird, ...ifAny(answer)])];
  const prepare = [4, 5, 6, 7, 8, 9].flatMap((parameter) => splat(parameter, parameter + 6));
  return [...prepare, ...steps(step), ...constant(-1), ...OP.end];
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
  return [...splat(2, COUNT.byte), ...steps(step), ...get(COUNT.sum), ...OP.end];
}

const functionType = (parameters: number): Code => [
  0x60,
  ...vector(Array.from({ length: parameters }, () => [I32])),
  1,
  I32,
];
const body = (locals: readonly Code[], code: Code): Code => sized([...vector(locals), ...code]);

/** `\0asm`, version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The module as bytes: it imports the memory `env.memory`, and exports the two functions. */
export function kernelModule(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, [functionType(10), functionType(3)]),
    ...section(2, [[...text("env"), ...text("memory"), 2, 0, ...unsigned(1)]]),
    ...section(3, [[0], [1]]),
    ...section(7, [
      [...text("find"), 0, 0],
      [...text("count"), 0, 1],
    ]),
    ...section(10, [
      // Runs of locals: how many, of which type.
      body(
        [
          [10, V128],
          [2, I32],
        ],
        findBody(),
      ),
      body(
        [
          [1, V128],
          [1, I32],
        ],
        countBody(),
      ),
    ]),
  ]);
}

/** The exports. */
export interface Kernel {
  readonly find: (
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
  readonly count: (at: number, end: number, byte: number) => number;
}
