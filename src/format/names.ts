/**
 * File names, ids and time stamps of rollouts: text in, plain data out (rollout-format §1.2, state-and-compression §2.2).
 *
 *     rollout-<YYYY-MM-DDThh-mm-ss>-<thread id>.jsonl[.zst]
 *     rollout-<YYYY-MM-DDThh-mm-ss>-<thread id>_<rollout id>.jsonl[.zst]     after a revert
 */

const UUID = /^(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i;
const NAME = /^rollout-(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2})-(.+)\.jsonl(\.zst)?$/;

/** A name that Codex's own parser takes apart. */
export interface RolloutName {
  /** As written: local time of the creating process, `YYYY-MM-DDThh-mm-ss`. */
  readonly stamp: string;
  readonly threadId: string;
  /** Id of this physical file; equals `threadId` unless the thread was reverted. */
  readonly rolloutId: string;
  readonly compressed: boolean;
}

/** Any textual form of a UUID as lower-case hyphenated text, or undefined. */
export function parseUuid(text: string): string | undefined {
  const match = UUID.exec(text);
  return match?.slice(1).join("-").toLowerCase();
}

/** Milliseconds since the epoch that a version 7 UUID carries, or undefined for any other id. */
export function uuidTimeMs(id: string): number | undefined {
  const uuid = parseUuid(id);
  if (uuid?.charAt(14) !== "7") return undefined;
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/** True for what Codex's rebuild indexes: the prefix and a suffix; the middle may be anything (`rollout-foo.jsonl`). */
export function looksLikeRollout(name: string): boolean {
  return name.startsWith("rollout-") && (name.endsWith(".jsonl") || name.endsWith(".jsonl.zst"));
}

/** Takes a canonical name apart; undefined when any part of it is not as the grammar wants it. */
export function parseRolloutName(name: string): RolloutName | undefined {
  const [, stamp, ids, suffix] = NAME.exec(name) ?? [];
  if (stamp === undefined || ids === undefined || stampToMs(stamp) === undefined) return undefined;
  const cut = ids.indexOf("_");
  const threadId = parseUuid(cut < 0 ? ids : ids.slice(0, cut));
  const rolloutId = cut < 0 ? threadId : parseUuid(ids.slice(cut + 1));
  if (threadId === undefined || rolloutId === undefined) return undefined;
  return { stamp, threadId, rolloutId, compressed: suffix !== undefined };
}

/** The plain name of a rollout whichever form is given: the logical path that every report shows. */
export function plainPath(path: string): string {
  return path.endsWith(".jsonl.zst") ? path.slice(0, -".zst".length) : path;
}

/** The compressed sibling's name. */
export function compressedPath(path: string): string {
  return path.endsWith(".zst") ? path : `${path}.zst`;
}

/**
 * A file-name stamp read as UTC, in milliseconds: that is what Codex does with it, although the writer used local time,
 * so the result is off by the zone offset of the machine that wrote the file (rollout-format §1.2).
 */
export function stampToMs(stamp: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}$/.test(stamp)) return undefined;
  return strictMs(`${stamp.slice(0, 13)}:${stamp.slice(14, 16)}:${stamp.slice(17)}Z`);
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Milliseconds of an RFC 3339 time stamp (finer digits are cut off), or undefined when it is not one. */
export function parseTimestamp(text: string): number | undefined {
  if (!RFC3339.test(text)) return undefined;
  // `Date.parse` knows the usual form best; other spellings are brought to it.
  return strictMs(text.length === 24 && text.endsWith("Z") ? text : usualForm(text));
}

function usualForm(text: string): string {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  const zone = text.slice(text.search(/[Zz]$|[+-]\d{2}:\d{2}$/)).toUpperCase();
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.slice(0, 3).padEnd(3, "0")}${zone}`;
}

/** Refuses what `Date.parse` would roll over, such as the 31st of February. */
function strictMs(iso: string): number | undefined {
  const timeMs = Date.parse(iso);
  const day = Number(iso.slice(8, 10));
  if (Number.isNaN(timeMs) || (day > 28 && day > daysIn(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)))))
    return undefined;
  return timeMs;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** The verbatim prefix `\\?\` that some Windows rows carry (state-and-compression §3.2). */
export function withoutVerbatimPrefix(path: string): string {
  if (path.startsWith("\\\\?\\UNC\\")) return `\\\\${path.slice(8)}`;
  return path.startsWith("\\\\?\\") ? path.slice(4) : path;
}
