/** Record → line, in the key order that Codex writes (rollout-format §2.1). The inverse of `decode.ts`. */
import type { RolloutRecord } from "./record.ts";

/**
 * One line without its newline. Keys of the envelope come as Codex writes them (`timestamp`, `ordinal`, `type`,
 * `payload`, `metadata`); the payload keeps the order it has.
 */
export function encodeLine(record: RolloutRecord): string {
  const { timestamp, ordinal, type, payload, metadata } = record;
  return JSON.stringify({
    timestamp,
    ...(ordinal === undefined ? undefined : { ordinal }),
    type,
    payload,
    ...(metadata === undefined ? undefined : { metadata }),
  });
}
