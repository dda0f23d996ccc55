/**
 * How much of a file stands in it before, far away: what long-distance matching will find, and what no small sample shows. Looked
 * for at places that content itself chooses, so that a repeat is met at the same places as what it repeats. Knows no rollout.
 */
import { readAt } from "../io/files.ts";

/** In English text and code it comes every one or two thousand bytes, in base64 every quarter of a million. */
const ANCHOR = Buffer.from("exp");
/** What must be equal behind them. */
const KEY_BYTES = 32;
/** Nearer repeats are found by the level's own search (its window at level 3), farther ones by nobody (2^27). */
const NEAR_BYTES = 2 * 2 ** 20;
const FAR_BYTES = 2 ** 27;
/** Places that are remembered; of more frequent ones only some. */
const MAX_PLACES = 400_000;
/** Of a longer file its end stands for the whole. */
const MAX_SCANNED_BYTES = 2 ** 28;
const CHUNK_BYTES = 2 ** 20;

/** Share of the places, 0 … 1, whose next bytes were last seen at a distance that only long-distance matching reaches. */
export function farRepeats(fd: number, sizeBytes: number): number {
  if (sizeBytes <= NEAR_BYTES) return 0;
  const seen = new Map<string, number>();
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES + KEY_BYTES);
  let [places, far] = [0, 0];
  for (let start = Math.max(0, sizeBytes - MAX_SCANNED_BYTES); start < sizeBytes; start += CHUNK_BYTES) {
    const chunk = buffer.subarray(0, readAt(fd, buffer, start));
    const last = Math.min(CHUNK_BYTES, chunk.length - KEY_BYTES);
    for (let at = chunk.indexOf(ANCHOR); at !== -1 && at < last; at = chunk.indexOf(ANCHOR, at + KEY_BYTES)) {
      const key = chunk.toString("latin1", at, at + KEY_BYTES);
      const previous = seen.get(key);
      const distance = previous === undefined ? 0 : start + at - previous;
      places += 1;
      if (distance > NEAR_BYTES && distance <= FAR_BYTES) far += 1;
      if (previous !== undefined || seen.size < MAX_PLACES) seen.set(key, start + at);
    }
  }
  return places === 0 ? 0 : far / places;
}
