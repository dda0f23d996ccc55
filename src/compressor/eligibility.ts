/**
 * Which rollouts may be compressed now, by Codex's rules and under Codex's names (state-and-compression §4.2, §4.9). Reads no
 * more of a file than its first metadata, which tells the thread whose lock guards it.
 */
import { basename } from "node:path";
import { parseRolloutName, parseUuid } from "../format/names.ts";
import { openBytes } from "../readers/bytes.ts";
import type { Candidate } from "./discover.ts";
import { lookAtPath } from "./files.ts";
import { isThreadBusy } from "./thread-lock.ts";

/** The first six are Codex's own names; what Codex would not look at has names beside them. */
export type Outcome =
  | "compressed"
  | "skipped_not_cold"
  | "skipped_already_compressed"
  | "skipped_unreadable_meta"
  | "skipped_busy"
  | "skipped_changed"
  | "failed"
  | "skipped_not_a_file"
  | "skipped_hard_link"
  | "skipped_other_owner"
  | "skipped_vanished";

export type MetaReason = "invalid_history_mode" | "missing_metadata" | "response_before_metadata" | "invalid_name";

export type Verdict =
  | { readonly kind: "eligible"; readonly threadId: string }
  | { readonly kind: "skip"; readonly outcome: Outcome; readonly reason?: MetaReason };

/** At least this long unchanged, unless told otherwise: 7 days. */
export const COLD_MS = 7 * 24 * 3600 * 1000;

export interface EligibilityRules {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly olderThanMs: number;
}

/** Asked in the order in which Codex asks. @throws RolloutError when the file cannot be read. */
export function judge(candidate: Candidate, rules: EligibilityRules): Verdict {
  const look = lookAtPath(candidate.plainPath);
  if (look === undefined)
    return { kind: "skip", outcome: candidate.hasPlain ? "skipped_vanished" : "skipped_already_compressed" };
  if (!look.isFile) return { kind: "skip", outcome: "skipped_not_a_file" };
  if (parseRolloutName(basename(candidate.plainPath)) === undefined) return unreadable("invalid_name");
  // A time in the future counts as no age at all.
  const ageMs = Math.max(0, rules.nowMs - Number(look.mtimeNs) / 1e6);
  if (ageMs < rules.olderThanMs) return { kind: "skip", outcome: "skipped_not_cold" };
  if (candidate.hasArchive) return { kind: "skip", outcome: "skipped_already_compressed" };
  if (look.links > 1) return { kind: "skip", outcome: "skipped_hard_link" };
  const meta = readFirstMeta(candidate.plainPath);
  if (typeof meta !== "object") return unreadable(meta);
  if (candidate.codexHome !== undefined && isThreadBusy(candidate.codexHome, meta.threadId)) {
    return { kind: "skip", outcome: "skipped_busy" };
  }
  return { kind: "eligible", threadId: meta.threadId };
}

function unreadable(reason: MetaReason): Verdict {
  return { kind: "skip", outcome: "skipped_unreadable_meta", reason };
}

/** Metadata is the first line that decodes; who has none within this has none. */
const MAX_HEAD_BYTES = 32 * 1024 * 1024;
const NEWLINE = 10;

/** The thread's id from the first metadata, or why there is none. */
export function readFirstMeta(path: string): { readonly threadId: string } | MetaReason {
  for (const line of headLines(path)) {
    const record = parse(line);
    if (record === undefined) continue;
    if (record.type === "response_item") return "response_before_metadata";
    if (record.type !== "session_meta") continue;
    const { id, history_mode: historyMode } = record.payload ?? {};
    if (historyMode !== undefined && historyMode !== "legacy" && historyMode !== "paginated")
      return "invalid_history_mode";
    const threadId = typeof id === "string" ? parseUuid(id) : undefined;
    return threadId === undefined ? "missing_metadata" : { threadId };
  }
  return "missing_metadata";
}

interface HeadRecord {
  readonly type?: unknown;
  readonly payload?: { readonly id?: unknown; readonly history_mode?: unknown } | null;
}

function parse(line: Buffer): HeadRecord | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function* headLines(path: string): Generator<Buffer> {
  const reader = openBytes(path);
  try {
    let rest = Buffer.alloc(0);
    for (const chunk of reader.forward(0, MAX_HEAD_BYTES)) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        yield bytes.subarray(start, end);
        start = end + 1;
      }
      rest = Buffer.from(bytes.subarray(start));
    }
    if (rest.length > 0) yield rest;
  } finally {
    reader.close();
  }
}
