/** Digests of JSON values: SHA-256 of the text that `JSON.stringify` gives, also where that function gives up. */
import { createHash, type Hash } from "node:crypto";

/** Characters that are gathered before they are hashed. */
const PIECE_CHARACTERS = 1 << 16;

/** Hexadecimal. Nesting of any depth and texts of any length are taken; `undefined` counts as null. */
export function digestOfValue(value: unknown): string {
  const text = textOf(value);
  if (text !== undefined) return digestOfText(text);
  const hash = createHash("sha256");
  hashPieces(hash, value);
  return hash.digest("hex");
}

/** One digest for a list of them, which tells their order and number too. */
export function digestOfDigests(digests: readonly string[]): string {
  const hash = createHash("sha256");
  for (const digest of digests) hash.update(digest).update("\n");
  return hash.digest("hex");
}

function digestOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Undefined for a value that is nested too deeply, or too long, for one call. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value ?? null);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** An array or object that is being written: what is still to come of it, and how it ends. */
interface Open {
  readonly members: Iterator<readonly [key: string | undefined, value: unknown]>;
  readonly end: string;
  isFirst: boolean;
}

/** The same text piece by piece, on a stack of its own. */
function hashPieces(hash: Hash, value: unknown): void {
  let pieces = "";
  const write = (piece: string): void => {
    pieces += piece;
    if (pieces.length < PIECE_CHARACTERS) return;
    hash.update(pieces);
    pieces = "";
  };
  const stack: Open[] = [];
  const begin = (one: unknown): void => {
    if (typeof one !== "object" || one === null) return write(JSON.stringify(one) ?? "null");
    write(Array.isArray(one) ? "[" : "{");
    stack.push({ members: membersOf(one), end: Array.isArray(one) ? "]" : "}", isFirst: true });
  };
  begin(value);
  for (let open = stack.at(-1); open !== undefined; open = stack.at(-1)) {
    const { done, value: member } = open.members.next();
    if (done === true) {
      write(open.end);
      stack.pop();
      continue;
    }
    const [key, one] = member;
    write(`${open.isFirst ? "" : ","}${key === undefined ? "" : `${JSON.stringify(key)}:`}`);
    open.isFirst = false;
    begin(one);
  }
  hash.update(pieces);
}

function* membersOf(value: object): Generator<readonly [string | undefined, unknown]> {
  if (Array.isArray(value)) {
    for (const one of value as readonly unknown[]) yield [undefined, one];
    return;
  }
  for (const [key, one] of Object.entries(value)) if (one !== undefined) yield [key, one];
}
