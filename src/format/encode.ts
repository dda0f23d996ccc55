/** Record → line, in the key order that Codex writes (rollout-format §2.1). The inverse of `decode.ts`. */
import { hasOversizedInteger, withoutOversized } from "./json-text.ts";
import type { RolloutRecord } from "./record.ts";

/**
 * One line without its newline. Keys of the envelope come as Codex writes them (`timestamp`, `ordinal`, `type`,
 * `payload`, `metadata`); the payload keeps the order it has. Numbers of more than 64 bits come with an exponent, without
 * which Codex would not take the line.
 */
export function encodeLine(record: RolloutRecord): string {
  const { timestamp, ordinal, type, payload, metadata } = record;
  const line = JSON.stringify({
    timestamp,
    ...(ordinal === undefined ? undefined : { ordinal }),
    type,
    payload,
    ...(metadata === undefined ? undefined : { metadata }),
  });
  return hasOversizedInteger(line) ? withoutOversized(line) : line;
}
