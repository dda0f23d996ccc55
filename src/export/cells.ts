/** Values as cells of a table: what a rollout may hold, however odd, brought into the ranges that every format can store. */

const MICROS_PER_MS = 1000;
const INT32_MAX = 2 ** 31 - 1;

/** Microseconds since 1970; null for what is no time, or further than 285 years from then. */
export function micros(timeMs: number | null | undefined): number | null {
  if (timeMs == null) return null;
  const value = Math.round(timeMs * MICROS_PER_MS);
  return Number.isSafeInteger(value) ? value : null;
}

/** A whole number of 32 bits; null for all else. */
export function int32(value: number | null | undefined): number | null {
  if (value == null || !Number.isInteger(value)) return null;
  return value >= -INT32_MAX - 1 && value <= INT32_MAX ? value : null;
}

/** A count as a whole number: what is beyond the exact ones becomes the nearest of these, and what is no number 0. */
export function whole(value: number | null | undefined): number {
  if (value == null || Number.isNaN(value)) return 0;
  return Math.trunc(Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));
}

/** A number that is one. */
export function finite(value: number | null | undefined): number | null {
  return value == null || !Number.isFinite(value) ? null : value;
}

/** Texts below each other; null where there is none. */
export function lines(texts: readonly (string | null | undefined)[]): string | null {
  const told = texts.filter((text) => text != null && text !== "");
  return told.length === 0 ? null : told.join("\n");
}

const TOO_DEEP = "[nested too deeply]";

/** JSON of a part of a rollout, which may be nested deeper than the stack reaches. */
export function jsonText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  try {
    return JSON.stringify(value) ?? null;
  } catch (error) {
    if (error instanceof RangeError) return TOO_DEEP;
    throw error;
  }
}
