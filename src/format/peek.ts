/**
 * A line's kind from its first bytes, without parsing it: how readers pass over what they do not need (design: whoever
 * does not need a line's content must not pay for it). Between `readers/lines.ts` and `decode.ts`.
 *
 * All writers put `timestamp`, `ordinal?`, `type`, `payload` first, in this order and without blanks, and an event's or
 * item's own `type` first in its payload. A line that begins in any other way has no kind here, and is to be parsed.
 */
import type { RecordType, RolloutRecord } from "./record.ts";

/** A record type, or `event_msg/…` and `response_item/…` with the payload's own type. */
export type Kind = string;

/** Old names, by what carries them; decoded lines have the new ones (rollout-format §3.3.1, §3.9). */
const ALIASES = {
  event_msg: new Map([
    ["turn_started", "task_started"],
    ["turn_complete", "task_complete"],
  ]),
  response_item: new Map([["compaction_summary", "compaction"]]),
};

/** The name that 0.169.0 uses for an event's or an item's own type. */
export function currentName(type: keyof typeof ALIASES, name: string): string {
  return ALIASES[type].get(name) ?? name;
}

/** Record types whose kind includes the payload's type. */
const TWO_PART = {
  session_meta: false,
  response_item: true,
  compacted: false,
  turn_context: false,
  event_msg: true,
  inter_agent_communication: false,
  inter_agent_communication_metadata: false,
  world_state: false,
  security_risk_score: false,
  realtime_item: false,
  token_usage_record: false,
  retained_context: false,
  dynamic_tools_updated: false,
} satisfies { readonly [T in RecordType]: boolean };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const HEAD = ascii('{"timestamp":"');
const ORDINAL = ascii('ordinal":');
const TYPE = ascii('type":"');
const PAYLOAD = ascii(',"payload":{');
const INNER_TYPE = ascii('"type":"');

interface Name {
  readonly bytes: Uint8Array;
  readonly kind: Kind;
  /** For kinds of two parts: what may follow inside the payload. */
  readonly inner: Names | undefined;
}

/** Names by their first byte. Few share one, and a name is told by where its closing quote stands before its bytes are. */
type Names = (Name[] | undefined)[];

/** One place per byte, so that a look-up never leaves the array. */
function emptyNames(): Names {
  return Array.from({ length: 256 }, () => undefined);
}

function add(names: Names, text: string, kind: Kind, inner: Names | undefined): Name {
  const name = { bytes: ascii(text), kind, inner };
  (names[name.bytes[0] ?? QUOTE] ??= []).push(name);
  return name;
}

const OUTER: Names = emptyNames();
for (const [type, twoPart] of Object.entries(TWO_PART)) add(OUTER, type, type, twoPart ? emptyNames() : undefined);

/** Longer lists are not searched but made up anew: only a hostile file has so many names. */
const MAX_ALIKE = 40;

function matches(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index += 1) {
    if (bytes[at + index] !== expected[index]) return false;
  }
  return true;
}

/** Longer time stamps and names are left to the parser. */
const MAX_STRING = 200;

/** Where a string without escapes ends, or -1 when there is an escape, or no end in sight. */
function plainStringEnd(bytes: Uint8Array, at: number, end: number): number {
  const limit = Math.min(end, at + MAX_STRING);
  for (let index = at; index < limit; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) return index;
    if (byte === BACKSLASH) return -1;
  }
  return -1;
}

/** As `plainStringEnd`, but quicker for a time as all writers spell it: 24 characters between "+" and "Z". */
function timestampEnd(bytes: Uint8Array, at: number, end: number): number {
  const close = at + 24;
  if (close >= end || bytes[close] !== QUOTE) return plainStringEnd(bytes, at, end);
  let index = at;
  while (index < close && ((bytes[index] as number) - 0x2b) >>> 0 < 0x30) index += 1;
  return index === close ? close : plainStringEnd(bytes, at, end);
}

function find(bytes: Uint8Array, at: number, end: number, names: Names): Name | undefined {
  const alike = names[bytes[at] as number];
  if (alike === undefined) return undefined;
  for (let index = 0; index < alike.length; index += 1) {
    const name = alike[index] as Name;
    const close = at + name.bytes.length;
    if (close < end && bytes[close] === QUOTE && matches(bytes, at, name.bytes)) return name;
  }
  return undefined;
}

/** Takes up a name that is met for the first time, so that every later line is answered with the same string. */
function learn(bytes: Uint8Array, at: number, end: number, outer: Name): Name | undefined {
  const close = plainStringEnd(bytes, at, end);
  if (close === -1) return undefined;
  const spelled = bytes.subarray(at, close);
  if (spelled.some((byte) => byte < 0x20 || byte > 0x7e)) return undefined;
  const text = String.fromCharCode(...spelled);
  const kind = `${outer.kind}/${currentName(outer.kind as keyof typeof ALIASES, text)}`;
  const names = outer.inner ?? emptyNames();
  const crowded = (names[spelled[0] ?? QUOTE]?.length ?? 0) >= MAX_ALIKE;
  return add(crowded ? emptyNames() : names, text, kind, undefined);
}

/**
 * The kind of the line that starts at `start`, or undefined when its first bytes do not tell. `end` may lie before the
 * end of the line: a few hundred bytes are enough.
 *
 * A kind is a promise only for lines that decode: nothing is read beyond the payload's type. Keys that occur twice are
 * not noticed either. No release writes such lines; should one turn up, the last occurrence counts for the decoder and
 * for Codex, while the first one is seen here, so that the line may be passed over, or decoded and found to be of
 * another kind.
 */
export function peekKind(bytes: Uint8Array, start = 0, end = bytes.length): Kind | undefined {
  if (!matches(bytes, start, HEAD)) return undefined;
  let at = timestampEnd(bytes, start + HEAD.length, end);
  if (at === -1 || bytes[at + 1] !== 0x2c || bytes[at + 2] !== QUOTE) return undefined;
  at += 3;
  if (bytes[at] === 0x6f) {
    at = afterOrdinal(bytes, at, end);
    if (at === -1) return undefined;
  }
  if (!matches(bytes, at, TYPE)) return undefined;
  at += TYPE.length;
  const outer = find(bytes, at, end, OUTER);
  if (outer === undefined) return undefined;
  at += outer.bytes.length + 1;
  if (at + PAYLOAD.length > end || !matches(bytes, at, PAYLOAD)) return undefined;
  if (outer.inner === undefined) return outer.kind;
  at += PAYLOAD.length;
  if (!matches(bytes, at, INNER_TYPE)) return undefined;
  at += INNER_TYPE.length;
  return (find(bytes, at, end, outer.inner) ?? learn(bytes, at, end, outer))?.kind;
}

/** From `ordinal":` over the digits to the `t` of `"type"`; -1 when anything else stands there. */
function afterOrdinal(bytes: Uint8Array, start: number, end: number): number {
  if (!matches(bytes, start, ORDINAL)) return -1;
  let at = start + ORDINAL.length;
  const first = at;
  while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at += 1;
  return at > first && bytes[at] === 0x2c && bytes[at + 1] === QUOTE ? at + 2 : -1;
}

/** The kind of a decoded record; `peekKind` gives the same for its line, if it gives one. */
export function kindOf(record: RolloutRecord): Kind {
  return record.type === "event_msg" || record.type === "response_item"
    ? `${record.type}/${record.payload.type}`
    : record.type;
}
