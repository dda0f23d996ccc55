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
  /** For kinds of two parts: what may follow inside the payload, by the hash of its name. */
  readonly inner: Map<number, Name> | undefined;
}

/** Kinds by a hash of their name; filled with what the tables know, and with what turns up, up to a limit. */
const OUTER: Map<number, Name> = new Map();
for (const [type, twoPart] of Object.entries(TWO_PART)) {
  OUTER.set(hashOf(ascii(type)), { bytes: ascii(type), kind: type, inner: twoPart ? new Map() : undefined });
}

/** So many different names are remembered per record type; more would be made up by a hostile file. */
const MAX_INNER = 512;

function hashOf(bytes: Uint8Array): number {
  let hash = 0;
  for (const byte of bytes) hash = step(hash, byte);
  return hash;
}

function step(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) & 0x3fff_ffff;
}

function matches(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index += 1) {
    if (bytes[at + index] !== expected[index]) return false;
  }
  return true;
}

/** The position of the quote that ends a string without escapes, or -1 when there is an escape, or no end before `end`. */
function plainStringEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let index = at; index < end; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) return index;
    if (byte === BACKSLASH) return -1;
  }
  return -1;
}

/** Reads the name at `at` and looks it up; `remember` makes an entry for one that the table lacks. */
function nameAt(bytes: Uint8Array, at: number, end: number, table: Map<number, Name>, outer: Name | undefined): Name | undefined {
  let hash = 0;
  let index = at;
  for (; index < end; index += 1) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) break;
    if (byte === BACKSLASH || byte < 0x20 || byte > 0x7e) return undefined;
    hash = step(hash, byte);
  }
  if (index >= end) return undefined;
  const known = table.get(hash);
  if (known !== undefined) return known.bytes.length === index - at && matches(bytes, at, known.bytes) ? known : undefined;
  return outer === undefined ? undefined : remember(copyOf(bytes, at, index), hash, outer);
}

/** A real copy: `slice` of a Buffer is a view of bytes that the reader goes on to overwrite. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return Uint8Array.from(bytes.subarray(start, end));
}

function remember(bytes: Uint8Array, hash: number, outer: Name): Name {
  const text = String.fromCharCode(...bytes);
  const name = { bytes, kind: `${outer.kind}/${currentName(outer.kind as keyof typeof ALIASES, text)}`, inner: undefined };
  if (outer.inner !== undefined && outer.inner.size < MAX_INNER) outer.inner.set(hash, name);
  return name;
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
  let at = plainStringEnd(bytes, start + HEAD.length, end);
  if (at === -1 || bytes[at + 1] !== 0x2c || bytes[at + 2] !== QUOTE) return undefined;
  at += 3;
  if (bytes[at] === 0x6f) {
    at = afterOrdinal(bytes, at, end);
    if (at === -1) return undefined;
  }
  if (!matches(bytes, at, TYPE)) return undefined;
  at += TYPE.length;
  const outer = nameAt(bytes, at, end, OUTER, undefined);
  if (outer === undefined) return undefined;
  at += outer.bytes.length + 1;
  if (at + PAYLOAD.length > end || !matches(bytes, at, PAYLOAD)) return undefined;
  if (outer.inner === undefined) return outer.kind;
  at += PAYLOAD.length;
  if (!matches(bytes, at, INNER_TYPE)) return undefined;
  return nameAt(bytes, at + INNER_TYPE.length, end, outer.inner, outer)?.kind;
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
  return record.type === "event_msg" || record.type === "response_item" ? `${record.type}/${record.payload.type}` : record.type;
}
