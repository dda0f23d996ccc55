/**
 * Where in a JSON document of the TypeScript CLI its parts lie (rollout-format §12.1). `readers/legacy.ts` decodes them, and can tell no
 * places; a migration needs these for the bytes of what does not decode, which it keeps.
 */
import { openBytes } from "../readers/bytes.ts";

/** The session, or one item: bytes of the document, `end` exclusive. */
export interface DocumentPart {
  readonly offset: number;
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** Longer keys are none that matter. */
const MAX_KEY_BYTES = 64;

/** The complete parts, in the order in which the decoder gives them. Only as right as the document is JSON. */
export function* documentParts(path: string): Generator<DocumentPart> {
  const reader = openBytes(path);
  const scan = new PartScan();
  try {
    for (const chunk of reader.forward()) yield* scan.take(chunk);
  } finally {
    reader.close();
  }
}

/** Bytes of a file, in pieces of bounded length. */
export function* bytesBetween(path: string, offset: number, end?: number): Generator<Buffer> {
  const reader = openBytes(path);
  try {
    for (const chunk of reader.forward(offset, end)) yield Buffer.from(chunk);
  } finally {
    reader.close();
  }
}

/** Follows brackets and strings, and nothing else. */
class PartScan {
  #offset = 0;
  #depth = 0;
  #isEscaped = false;
  #isInString = false;
  /** The key that is being read, or was read last, in the outermost object. */
  #key: number[] = [];
  #topKey = "";
  #isKey = false;
  /** Of the two outer depths: whether it is an object, and whether its next string is a key. */
  readonly #isObject = [false, false, false];
  readonly #awaitsKey = [false, false, false];
  /** Where the part that is being read began, and at which depth; -1: none is. */
  #start = -1;
  #startDepth = 0;
  #isScalar = false;

  *take(chunk: Buffer): Generator<DocumentPart> {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      const part = this.#isInString ? this.#inString(byte, at) : this.#outside(byte, at);
      if (part !== undefined) yield part;
    }
    this.#offset += chunk.length;
  }

  #inString(byte: number, at: number): DocumentPart | undefined {
    if (this.#isKey && this.#key.length < MAX_KEY_BYTES) this.#key.push(byte);
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#isInString = false;
      if (this.#isKey) this.#topKey = keyOf(this.#key);
      else if (this.#start !== -1 && this.#depth === this.#startDepth) return this.#finish(at + 1);
    }
    return undefined;
  }

  #outside(byte: number, at: number): DocumentPart | undefined {
    const isEnd = byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || byte <= 0x20;
    const scalar = this.#isScalar && isEnd ? this.#finish(at) : undefined;
    if (byte === QUOTE) this.#openString(at);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#open(byte, at);
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) return this.#close(at) ?? scalar;
    else if (byte === COMMA) this.#expect(true);
    else if (byte === COLON) this.#expect(false);
    else if (byte > 0x20) this.#openScalar(at);
    return scalar;
  }

  #openString(at: number): void {
    this.#isInString = true;
    const awaitsKey = this.#depth <= 2 && this.#awaitsKey[this.#depth] === true;
    this.#isKey = awaitsKey && this.#depth === 1;
    if (this.#isKey) this.#key = [];
    if (!awaitsKey) this.#begin(at);
  }

  #openScalar(at: number): void {
    if (this.#start === -1) this.#isScalar = this.#begin(at);
  }

  #open(byte: number, at: number): void {
    this.#begin(at);
    this.#depth += 1;
    if (this.#depth > 2) return;
    this.#isObject[this.#depth] = byte === OPEN_OBJECT;
    this.#expect(true);
  }

  #close(at: number): DocumentPart | undefined {
    this.#depth -= 1;
    return this.#start !== -1 && this.#depth === this.#startDepth ? this.#finish(at + 1) : undefined;
  }

  #expect(aKey: boolean): void {
    if (this.#depth <= 2) this.#awaitsKey[this.#depth] = aKey && this.#isObject[this.#depth] === true;
  }

  #begin(at: number): boolean {
    if (this.#start !== -1) return false;
    const isSession = this.#depth === 1 && this.#topKey === "session";
    const isItem = this.#depth === 2 && this.#topKey === "items";
    if (!isSession && !isItem) return false;
    this.#start = this.#offset + at;
    this.#startDepth = this.#depth;
    return true;
  }

  #finish(at: number): DocumentPart {
    const part = { offset: this.#start, end: this.#offset + at };
    this.#start = -1;
    this.#isScalar = false;
    return part;
  }
}

function keyOf(bytes: readonly number[]): string {
  try {
    return JSON.parse(`"${Buffer.from(bytes).toString("utf8")}`) as string;
  } catch {
    return "";
  }
}
