/**
 * Legacy rollouts and what Codex's own migration loses of them: each was seen with 0.169.0. `test/migrate/pre-migrate.test.ts` holds what is
 * foretold against these lists, `test/interop/pre-migrate.test.ts` the lists against a real release.
 */
import { linesOf } from "../thread/shorthand.ts";

export interface PreMigrateCase {
  readonly title: string;
  /** In shorthand; `THREAD` stands for the thread's id. */
  readonly rows: string;
  /** `line kind`, in the order of the file. */
  readonly lost?: readonly string[];
  /** Reason, and the line that is in the way. */
  readonly fails?: readonly [reason: string, line: number | undefined];
  /** Default: migrated, or failed where there is a reason. */
  readonly status?: "skipped_empty" | "already_paginated";
  /** What lies on the disk, where it is not the lines with line feeds. */
  readonly bytes?: (text: string) => string | Buffer;
  readonly archived?: boolean;
}

const CONVERSION = "legacy_rollout_conversion_failed";
const DATABASE = "sqlite_materialization_failed";
const METADATA = "invalid_session_metadata";

const AGENT =
  '{"source":{"subagent":{"thread_spawn":{"parent_thread_id":"01a1fb9b-c0ad-7e90-b655-000000000001","depth":1}}}}';
const LATER_META =
  'RECORD {"type":"session_meta","payload":{"id":"THREAD","timestamp":"2026-11-21T00:29:49.836Z","cwd":"/x","originator":"o","cli_version":"1"}}';
/** A whole turn in the order in which releases write it: message first. */
const turn = (n: number): string => `TS t${n}\nU u${n}\nUE u${n}\nAE a${n}\nA a${n}\nTC t${n}`;
const T1 = turn(1);
const T2 = turn(2);
const T3 = turn(3);
const event = (type: string, more = ""): string => `RECORD {"type":"event_msg","payload":{"type":"${type}"${more}}}`;
const untimed = (type: string, payload: string): string =>
  `LINE {"timestamp":"yesterday","type":"${type}","payload":${payload}}`;
const rolledBack = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index} rolled-back`);
const before = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index} before-checkpoint`);

const LIMIT = 16 * 1024 * 1024;

/** A line of exactly so many bytes. */
function longLine(bytes: number): string {
  const line = (words: string): string =>
    JSON.stringify({
      timestamp: "2026-11-21T00:29:49.836Z",
      type: "response_item",
      payload: { type: "message", role: "assistant", content: [{ type: "output_text", text: words }] },
    });
  return line("x".repeat(bytes - line("").length));
}

export const PRE_MIGRATE_CASES: readonly PreMigrateCase[] = [
  { title: "nothing to lose", rows: `META\n${T1}` },
  {
    title: "carriage returns and no line feed at the end",
    rows: `META\n${T1}`,
    bytes: (text) => text.trimEnd().replaceAll("\n", "\r\n"),
  },
  { title: "a line that is no JSON", rows: `META\n${T1}\nLINE {garbage\n${T2}`, lost: ["8 unreadable"] },
  {
    title: "a torn line at the end",
    rows: `META\n${T1}\nLINE {"timestamp":"2026`,
    bytes: (text) => text.trimEnd(),
    lost: ["8 unreadable"],
  },
  {
    title: "a line of NUL bytes, and blank ones",
    rows: `META\n${T1}\nLINE NUL\nLINE \n${T2}`,
    bytes: (text) => text.replace("NUL", "\0".repeat(40)),
    lost: ["8 unreadable"],
  },
  {
    title: "kinds that nobody knows",
    rows: `META\n${T1}\nRECORD {"type":"strange","payload":{"x":1}}\n${event("strange")}`,
    lost: ["8 unreadable", "9 unreadable"],
  },
  { title: "metadata of another thread", rows: `META\n${LATER_META}\n${T1}`, lost: ["2 second-metadata"] },
  {
    title: "events that are not kept",
    rows: `META\nTS t1\nU u1\nUE u1\n${event("error", ',"message":"e"')}\n${event("warning", ',"message":"w"')}\n${event("turn_diff", ',"unified_diff":"d"')}\n${event("background_event", ',"message":"b"')}\nAE \nTC t1`,
    lost: ["5 dropped-event", "6 dropped-event", "7 dropped-event", "8 unreadable", "9 dropped-event"],
  },
  {
    title: "a snapshot and a request for a compaction",
    rows: `META\n${T1}\nGHOST\nTRIGGER`,
    lost: ["8 ghost-snapshot", "9 dropped-item"],
  },
  {
    title: "layouts of old releases: some are read",
    rows: `META\nTS t1\nU u1\nUE u1\n${event("patch_apply_end", ',"call_id":"c","stdout":"","stderr":"","success":true')}\n${event("web_search_end", ',"call_id":"c","query":"q"')}\n${event("entered_review_mode", ',"prompt":"p","user_facing_hint":"h"')}\nRECORD {"type":"turn_context","payload":{"cwd":"/tmp","approval_policy":"never","sandbox_policy":{"mode":"read-only"},"model":"m","summary":"auto"}}\nTC t1`,
    lost: ["5 unreadable", "6 unreadable"],
  },
  {
    title: "outputs and lists that are cut",
    rows: `META {"instructions":"be kind"}\nTS t1\nU u1\nUE u1\n${event("exec_command_end", `,"call_id":"c","turn_id":"t1","command":["ls"],"cwd":"file:///tmp","parsed_cmd":[],"stdout":"","stderr":"","aggregated_output":"${"y".repeat(70_000)}","exit_code":0,"duration":{"secs":0,"nanos":1},"formatted_output":"","status":"completed"`)}\nTC t1\nCP+\n  U kept\n  GHOST`,
    lost: ["1 shortened", "5 shortened", "7 shortened"],
  },

  {
    title: "a line of 16 MiB",
    rows: `META\n${T1}\nLINE LONG`,
    bytes: (text) => text.replace("LONG", longLine(LIMIT)),
    lost: ["8 too-long"],
  },
  {
    title: "a line that just fits",
    rows: `META\n${T1}\nLINE LONG`,
    bytes: (text) => text.replace("LONG", longLine(LIMIT - 13)),
  },
  {
    title: "a line that does not fit any more with its ordinal",
    rows: `META\n${T1}\nLINE LONG`,
    bytes: (text) => text.replace("LONG", longLine(LIMIT - 12)),
    fails: [DATABASE, 8],
  },

  { title: "an item that nobody knows", rows: `META\n${T1}\nOTHER mystery`, fails: [CONVERSION, 8] },
  {
    title: "an item that nobody knows, before the first rollback",
    rows: `META\n${T1}\nU u2\nOTHER mystery\nRB 1`,
    fails: [CONVERSION, 9],
  },
  {
    title: "an item that nobody knows, behind the first rollback",
    rows: `META\n${T1}\nRB 0\nU u2\nOTHER mystery\nRB 1`,
    lost: ["8 rolled-back", "9 rolled-back", "10 rolled-back", "11 rolled-back"],
  },
  {
    title: "a time of an event that cannot be read",
    rows: `META\nTS t1\nU u1\n${untimed("event_msg", '{"type":"user_message","message":"u1"}')}\nTC t1`,
    fails: [CONVERSION, 4],
  },
  {
    title: "a time of an item that cannot be read",
    rows: `META\n${T1}\n${untimed("response_item", '{"type":"message","role":"user","content":[]}')}`,
    fails: [DATABASE, 8],
  },
  {
    title: "a time of what is not written",
    rows: `META\n${T1}\n${untimed("event_msg", '{"type":"error","message":"e"}')}\n${T2}`,
    lost: ["8 dropped-event"],
  },
  {
    title: "a time by which a turn is closed",
    rows: `META\nU u1\nUE u1\n${untimed("event_msg", '{"type":"error","message":"e"}')}`,
    fails: [CONVERSION, 4],
  },

  { title: "no byte", rows: "", bytes: () => "", status: "skipped_empty" },
  { title: "blank lines", rows: "", bytes: () => "\n \n", fails: [METADATA, undefined] },
  { title: "no metadata", rows: T1, fails: [METADATA, undefined] },
  { title: "an item before the metadata", rows: `U u\n${LATER_META}\n${T1}`, fails: [METADATA, undefined] },
  { title: "events before the metadata", rows: `TS t0\nTC t0\n${LATER_META}\n${T1}` },
  { title: "garbage before the metadata", rows: `LINE garbage\n${LATER_META}\n${T1}`, lost: ["1 unreadable"] },
  { title: "a byte order mark", rows: `META\n${T1}`, bytes: (text) => `\ufeff${text}`, fails: [METADATA, undefined] },
  { title: "a mode that nobody knows", rows: `META {"history_mode":"weird"}\n${T1}`, fails: [METADATA, undefined] },
  { title: "a paginated rollout", rows: "META paginated\nTS t1\nTC t1", status: "already_paginated" },
  {
    title: "a rollout of before the envelope",
    rows: "",
    bytes: () =>
      '{"id":"THREAD","timestamp":"2025-08-20T07:15:30.123Z","instructions":null}\n{"type":"message","id":null,"role":"user","content":[]}\n',
    fails: [METADATA, undefined],
  },
  {
    title: "bytes that are not UTF-8, before Codex knows the thread",
    rows: `META\n${T1}\nLINE {"a":"BAD"}`,
    bytes: (text) => Buffer.from(text.replace("BAD", "\xff"), "latin1"),
    fails: ["missing_sqlite_metadata", undefined],
  },
  { title: "an archived rollout", archived: true, rows: `META\n${T1}\nLINE garbage`, lost: ["8 unreadable"] },

  { title: "a turn that was taken back", rows: `META\n${T1}\n${T2}\nRB 1\n${T3}`, lost: rolledBack(8, 14) },
  { title: "all turns that were taken back", rows: `META\n${T1}\n${T2}\nRB 9\n${T3}`, lost: rolledBack(2, 14) },
  { title: "a rollback of nothing", rows: `META\n${T1}\nRB 0\n${T2}`, lost: ["8 rolled-back"] },
  {
    title: "words said while a turn ran",
    rows: `META\nTS t1\nU u1\nUE u1\nA a1\nU u2\nUE u2\nA a2\nTC t1\nRB 1\n${T2}`,
    lost: rolledBack(6, 10),
  },
  {
    title: "context above what was taken back, whatever stands between",
    rows: `META\n${T1}\nD <permissions instructions>x\nD plain\nENV\nTS t2\nU u2\nUE u2\nTC t2\nRB 1`,
    lost: ["8 rolled-back", "10 rolled-back", ...rolledBack(11, 15)],
  },
  {
    title: "events before the message",
    rows: `META\n${T1}\nTS t2\nUE u2\nU u2\nA a2\nTC t2\nRB 1`,
    lost: rolledBack(10, 13),
  },
  {
    title: "a message without its event",
    rows: "META\nU copied\nUE child\nRB 1\nUE new",
    lost: ["3 rolled-back", "4 rolled-back"],
  },
  {
    title: "turns that nothing began",
    rows: "META\nU u1\nUE u1\nA a1\nU u2\nUE u2\nTX -\nA a2\nRB 1\nU u3\nUE u3",
    lost: rolledBack(5, 9),
  },
  {
    title: "a checkpoint that was taken back",
    rows: `META\n${T1}\nTS t2\nU u2\nUE u2\nCP+\n  U kept\nTC t2\nRB 1\n${T3}`,
    lost: rolledBack(8, 13),
  },
  {
    title: "a checkpoint that a rollback reaches into",
    rows: `META\nCP+\n  U kept\n  U kept too\n${T1}\nRB 2\n${T2}`,
    lost: rolledBack(2, 9),
  },
  { title: "a checkpoint behind a rollback", rows: "META\nU gone\nRB 1\nCP+\n  U kept\nUE x", lost: rolledBack(2, 4) },
  {
    title: "a checkpoint that a rollback leaves alone",
    rows: `META\n${T1}\nCP+\n  U kept\n${T2}\nRB 1`,
    lost: rolledBack(9, 15),
  },
  {
    title: "a compaction without a list, in a turn that was taken back",
    rows: `META\n${T1}\nTS t2\nU u2\nUE u2\nCP- s\nTC t2\nRB 1`,
    lost: rolledBack(8, 13),
  },
  {
    title: "a compaction without a list, between turns that were taken back",
    rows: `META\n${T1}\nCP- s\n${T2}\nRB 2`,
    fails: [CONVERSION, 15],
  },
  {
    title: "a compaction without a list that a rollback leaves alone",
    rows: `META\n${T1}\nCP- s\n${T2}\nRB 1`,
    lost: rolledBack(9, 15),
  },
  { title: "a compaction without a list before everything", rows: `META\nCP- s\n${T1}\nRB 2`, fails: [CONVERSION, 9] },

  { title: "an agent", rows: `META ${AGENT}\n${T1}\n${T2}` },
  {
    title: "an agent's compaction",
    rows: `META ${AGENT}\n${T1}\nCP+ {"window_number":1}\n  U kept\n${T2}`,
    lost: before(2, 7),
  },
  { title: "an agent's compaction without a number", rows: `META ${AGENT}\n${T1}\nCP+\n  U kept\n${T2}` },
  {
    title: "an agent's newest compaction without a list",
    rows: `META ${AGENT}\n${T1}\nCP+ {"window_number":1}\n  U kept\n${T2}\nCP- s\n${T3}`,
  },
  {
    title: "an agent by the older word for it",
    rows: `META {"thread_source":"subagent"}\n${T1}\nCP+ {"window_number":1}\n  U kept\n${T2}`,
    lost: before(2, 7),
  },
  {
    title: "an agent that consolidates memories",
    rows: `META {"source":{"subagent":"memory_consolidation"}}\n${T1}\nCP+ {"window_number":1}\n  U kept\n${T2}`,
  },
  {
    title: "what stands in the way of an agent, before its compaction",
    rows: `META ${AGENT}\n${T1}\nLINE garbage\nOTHER mystery\n${T2}\nRB 1\nCP+ {"window_number":1}\n  U kept\n${T3}`,
    lost: before(2, 16),
  },
  {
    title: "an agent's rollback behind its compaction",
    rows: `META ${AGENT}\n${T1}\nCP+ {"window_number":1}\n  U kept\n${T2}\nRB 1`,
    fails: [CONVERSION, 15],
  },
];

export function caseThread(index: number): string {
  return `01a1fb9b-c0ad-7e90-b655-${String(index + 1).padStart(12, "0")}`;
}

/** Relative to the home, and what lies there. */
export function caseFile(
  { rows, bytes, archived }: PreMigrateCase,
  index: number,
): readonly [path: string, content: string | Buffer] {
  const threadId = caseThread(index);
  const lines = linesOf(rows, { threadId }).map((line) => `${line.replaceAll("THREAD", threadId)}\n`);
  const content = bytes?.(lines.join("")) ?? lines.join("");
  const folder = archived === true ? "archived_sessions" : "sessions/2026/11/21";
  const text = typeof content === "string" ? content.replaceAll("THREAD", threadId) : content;
  return [`${folder}/rollout-2026-11-21T00-29-49-${threadId}.jsonl`, text];
}
