/**
 * One rollout file to the facts of its thread, reading and parsing as little as the answer needs.
 *
 * The quick way (`survey.ts`) answers for nearly all files; where it does not trust itself, or is not wanted, every record
 * that could matter is parsed.
 */
import { decodeLine } from "../format/decode.ts";
import { peekKind } from "../format/peek.ts";
import { shortDigest } from "../io/digest.ts";
import type { ByteReader } from "../readers/bytes.ts";
import type { RolloutFile } from "../readers/home.ts";
import { splitLines } from "../readers/lines.ts";
import { openRollout } from "../readers/rollout.ts";
import { FactsFold } from "./facts.ts";
import { beginsWithTime, headOf, mayBeRecord, timestampIn } from "./glance.ts";
import { HeadDigest } from "./head-digest.ts";
import { HEAD_BYTES } from "./manifest.ts";
import type { Rules } from "./rules.ts";
import { type Extraction, Survey } from "./survey.ts";

export interface ExtractOptions {
  /** Read and parse everything; the outcome for a file that Codex wrote is the same. */
  readonly thorough?: boolean;
}

/** @throws RolloutError when the file cannot be opened or read. */
export function extractFacts(file: RolloutFile, rules: Rules, options: ExtractOptions = {}): Extraction {
  const reader = openRollout(file.path);
  try {
    if (options.thorough !== true) {
      const quick = new Survey(file, rules, reader).run();
      if (quick !== undefined) return quick;
    }
    return thoroughly(file, rules, reader);
  } finally {
    reader.close();
  }
}

function thoroughly(file: RolloutFile, rules: Rules, reader: ByteReader): Extraction {
  const fold = new FactsFold(rules, file.name);
  let head: Buffer = Buffer.alloc(0);
  const select = (buffer: Buffer, start: number, end: number): boolean => {
    const kind = peekKind(buffer, start, end);
    if (kind !== undefined || beginsWithTime(buffer, start, end)) head = headOf(buffer, start, end, head);
    if (kind === undefined) return mayBeRecord(buffer, start, end);
    return THOROUGH.has(kind) || !fold.sawRecord;
  };
  const digest = new HeadDigest(() => fold.sawRecord);
  for (const line of splitLines(digest.of(reader.forward()), { select, skipEmpty: true })) {
    const entry = decodeLine(line.bytes, line.position, { terminated: line.terminated });
    if (entry.ok) fold.add(entry.record, line.position.offset);
  }
  return {
    result: fold.finish(),
    lastLineMs: timestampIn(head),
    broken: reader.failure,
    head: digest.value,
    bytesRead: reader.bytesRead,
  };
}

const THOROUGH: ReadonlySet<string> = new Set([
  "session_meta",
  "turn_context",
  "event_msg/token_count",
  "event_msg/task_started",
  "event_msg/user_message",
  "event_msg/item_completed",
  "event_msg/thread_goal_updated",
  "event_msg/thread_settings_applied",
]);

/** The same digest for a file that nobody reads. @throws RolloutError when it cannot be opened. */
export function headDigest(path: string): string {
  const reader = openRollout(path);
  try {
    for (const chunk of reader.forward(0, HEAD_BYTES)) return shortDigest(chunk.subarray(0, HEAD_BYTES));
    return "";
  } finally {
    reader.close();
  }
}
