/** When the lines of a rollout were written, parsed one after the other: they are so many that this is felt. */
import { parseTimestamp } from "../format/names.ts";

const USUAL_LENGTH = "2026-01-01T00:00:00.000Z".length;
const DAY_LENGTH = "2026-01-01".length;

/** `parseTimestamp` for lines that follow each other: their day is parsed once. */
export class LineClock {
  #day = "";
  #dayMs: number | undefined;

  parse(text: string): number | undefined {
    const inDayMs = text.length === USUAL_LENGTH ? timeOfDay(text) : undefined;
    if (inDayMs === undefined) return parseTimestamp(text);
    if (this.#day === "" || !text.startsWith(this.#day)) {
      this.#day = text.slice(0, DAY_LENGTH);
      this.#dayMs = parseTimestamp(`${this.#day}T00:00:00.000Z`);
    }
    return this.#dayMs === undefined ? undefined : this.#dayMs + inDayMs;
  }
}

/** Of `…T12:34:56.789Z`, in milliseconds. */
function timeOfDay(text: string): number | undefined {
  if (text[10] !== "T" || text[13] !== ":" || text[16] !== ":" || text[19] !== "." || text[23] !== "Z")
    return undefined;
  const [hours, minutes, seconds] = [digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)];
  const ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + digits(text, 20, 3);
  return hours < 24 && minutes < 60 && seconds < 60 ? ms : undefined;
}

/** NaN where there are others than digits. */
function digits(text: string, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
  }
  return value;
}
