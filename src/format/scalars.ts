/** Checks for single values: text, numbers, ids, paths. The leaves of the tables of shapes (`shapes-*.ts`). */
import { type Check, type Complaint, complain, noteSize, tally } from "./shape.ts";

const NOT_TEXT = complain("is not a string");
const NOT_FLAG = complain("is not true or false");
const NOT_INTEGER = complain("is not an integer in range");
const NOT_NUMBER = complain("is not a number");

export const text: Check<string> = (value) => (typeof value === "string" ? undefined : NOT_TEXT);
export const flag: Check<boolean> = (value) => (typeof value === "boolean" ? undefined : NOT_FLAG);
export const float: Check<number> = (value) => {
  if (typeof value !== "number" || !Number.isFinite(value)) return NOT_NUMBER;
  noteSize(value);
  return undefined;
};

/**
 * Bounds are compared as doubles. The largest 1,024 values of 64 bits share one double with 2^64, so that the edge itself
 * passes here; `decode.ts` looks at how such numbers are spelled.
 */
function integer(low: number, high: number): Check<number> {
  return (value) => {
    tally.integers += 1;
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) return NOT_INTEGER;
    noteSize(value);
    return undefined;
  };
}

export const u16 = integer(0, 2 ** 16 - 1);
export const u32 = integer(0, 2 ** 32 - 1);
export const i32 = integer(-(2 ** 31), 2 ** 31 - 1);
export const u64 = integer(0, 2 ** 64);
export const i64 = integer(-(2 ** 63), 2 ** 63);

function matching(pattern: RegExp, message: string): Check<string> {
  const complaint: Complaint = complain(message);
  return (value) => (typeof value === "string" && pattern.test(value) ? undefined : complaint);
}

/** Every spelling that Codex parses: hyphenated, bare, braced or as a URN; either case (rollout-format §1.2). */
export const uuid = matching(
  /^(?:(?:urn:uuid:)?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32}|\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\})$/,
  "is not a UUID",
);

/**
 * Codex takes the absolute paths of the system it runs on. A home may be read on another system than the one that
 * wrote it, so both kinds pass here.
 */
export const absolutePath = matching(/^(?:\/|[A-Za-z]:[\\/]|\\\\)/, "is not an absolute path");

/** `file:` without query and fragment. */
export const fileUri = matching(/^file:[^?#]*$/i, "is not a file URI");

/** `/root`, `/root/name/…` with plain lower-case names, or `/morpheus` (rollout-format §3.6). */
export const agentPath = matching(/^(?:\/morpheus|\/root(?:\/(?!root(?:\/|$))[a-z0-9_]+)*)$/, "is not an agent path");

/** Any word; only the empty one is refused. */
export const effort = matching(/[^]/, "is not a reasoning effort");

export const rfc3339 = matching(
  /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)$/,
  "is not an RFC 3339 time",
);
