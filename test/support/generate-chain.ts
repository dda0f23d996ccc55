/**
 * Threads made by chance as files of a home: one rollout or several that continue each other, plain or compressed by one
 * frame or many, cut anywhere, torn at the end. What is in them comes from `thread/generate.ts`, and from the records of the
 * client's view, which that one leaves out.
 */
import fc from "fast-check";
import { compressZstd } from "../../src/io/zstd.ts";
import { threads } from "../thread/generate.ts";
import { linesOf } from "../thread/shorthand.ts";
import { CWD, sessionPath, threadId } from "./lines.ts";

export type Form = "plain" | "frame" | "frames";

/** One file of a chain. */
export interface GeneratedFile {
  readonly text: Buffer;
  /** Relative to the home, without `.zst`. */
  readonly path: string;
  /** Plain bytes that count; undefined for the last one. */
  readonly endOffset: number | undefined;
}

const WINDOW_ID = "019a3edc-0d64-7000-8000-00000000000a";
const usage = {
  input_tokens: 5,
  cached_input_tokens: 2,
  output_tokens: 3,
  reasoning_output_tokens: 1,
  total_tokens: 8,
};

function record(type: string, payload: object): string {
  return `RECORD ${JSON.stringify({ type, payload })}`;
}

function itemRow(turnId: string, item: object): string {
  const members = { type: "item_completed", thread_id: threadId(1), turn_id: turnId, item, completed_at_ms: 0 };
  return record("event_msg", members);
}

const turnIds = fc.constantFrom("t1", "t2", "t3", "t4");
/** Kinds of records that say nothing to the model, and such as nobody should find here. */
const others = fc.oneof(
  turnIds.map((id) => itemRow(id, { type: "UserMessage", id: `i-${id}`, content: [] })),
  fc.tuple(turnIds, fc.nat(3)).map(([id, n]) => itemRow(id, { type: "Plan", id: `p${n}`, text: `plan ${n}` })),
  fc.constantFrom(
    record("event_msg", { type: "token_count", info: null, rate_limits: null }),
    record("token_usage_record", { thread_id: threadId(1), usage, thread_token_usage: usage, turn_token_usage: usage }),
    record("inter_agent_communication_metadata", { trigger_turn: true }),
    record("dynamic_tools_updated", { thread_id: threadId(1), tools: [] }),
    record("retained_context", { facts: [] }),
    record("realtime_item", { item: {} }),
    record("event_msg", { type: "entered_review_mode", target: { type: "uncommittedChanges" } }),
    'META {"id":"01a1fb9b-0000-7e90-b655-000000000999"}',
    'META paginated {"memory_mode":"disabled"}',
    // An order of keys that no writer has: its kind is only known by decoding it.
    'LINE {"type":"compacted","payload":{"message":"","replacement_history":[],"window_number":7},"timestamp":"2026-11-21T00:29:49.836Z"}',
    'LINE {"payload":{"type":"thread_rolled_back","num_turns":1},"type":"event_msg","timestamp":"2026-11-21T00:29:49.836Z"}',
  ),
);

const bodies = fc
  .tuple(threads, fc.array(fc.tuple(others, fc.nat(20)), { maxLength: 4 }))
  .map(([[, ...rows], extra]) =>
    extra.reduce<readonly string[]>((all, [row, at]) => all.toSpliced(betweenRows(all, at), 0, row), rows),
  );

/** Not inside a checkpoint, whose items are further lines of one row. */
function betweenRows(rows: readonly string[], at: number): number {
  return Math.min(at, rows.length);
}

const ends = fc.constantFrom("newline", "newline", "none", "torn");
const cuts = fc.oneof(
  { weight: 3, arbitrary: fc.record({ line: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  fc.record({ byte: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

const EARLY_CHECKPOINT = 'CP+ {"window_number":1,"resume_metadata":{}}\n  SUM early';
const metas = fc.record({
  window: fc.boolean(),
  /** Something stands before the metadata. */
  early: fc.option(fc.constantFrom("LINE {torn", "U early", EARLY_CHECKPOINT), { nil: undefined, freq: 6 }),
});

/** A thread of one legacy file, or of one to three paginated ones. The last one is the thread's own, and comes last. */
export const chains: fc.Arbitrary<readonly GeneratedFile[]> = fc
  .record({
    isLegacy: fc.boolean(),
    files: fc.array(fc.record({ meta: metas, rows: bodies, end: ends, cut: cuts }), { minLength: 1, maxLength: 3 }),
  })
  .map(({ isLegacy, files }) => {
    const made: GeneratedFile[] = [];
    let ordinal = 0;
    const used = isLegacy ? files.slice(0, 1) : files;
    used.forEach(({ meta, rows, end, cut }, at) => {
      const last = made.at(-1);
      const base = last && {
        thread_id: threadId(at),
        end_ordinal_exclusive: Math.max(1, ordinal),
        end_byte_offset: last.endOffset,
      };
      const members = {
        cwd: CWD,
        ...(meta.window ? { context_window: { window_id: WINDOW_ID } } : {}),
        ...(base === undefined ? {} : { history_base: base }),
      };
      const head = `META${isLegacy ? "" : " paginated"} ${JSON.stringify(members)}`;
      const all = [...(meta.early === undefined ? [] : [meta.early]), head, ...rows].join("\n");
      const lines = linesOf(all, { threadId: threadId(at + 1) }).map((line) => shifted(line, ordinal));
      const text = ended(Buffer.from(`${lines.join("\n")}\n`), end);
      ordinal += lines.length;
      const endOffset = at === used.length - 1 ? undefined : cutOf(text, cut);
      made.push({ text, path: sessionPath(at + 1), endOffset });
    });
    return made;
  });

/** What the home holds of a chain; each file in a form of its own, by `forms` in turn. */
export function homeOf(files: readonly GeneratedFile[], forms: readonly Form[]): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(
    files.map(({ path, text }, at) => {
      const form = forms[at % forms.length] ?? "plain";
      return form === "plain" ? [path, text] : [`${path}.zst`, compressed(text, form)];
    }),
  );
}

export function compressed(text: Buffer, form: Form): Buffer {
  if (form !== "frames") return compressZstd(text);
  const size = Math.max(1, Math.ceil(text.length / 3));
  const parts = Array.from({ length: 3 }, (_, n) => compressZstd(text.subarray(n * size, (n + 1) * size)));
  return Buffer.concat(parts);
}

/** The ordinals of a file go on where those of its source ended. */
function shifted(line: string, by: number): string {
  return line.replace(/^(\{"timestamp":"[^"]*","ordinal":)(\d+)/, (_, head: string, n: string) => `${head}${+n + by}`);
}

function ended(text: Buffer, end: string): Buffer {
  if (end === "newline") return text;
  // A file without its metadata is no part of a chain.
  const metaEnd = text.indexOf(10, text.indexOf('"session_meta"'));
  return text.subarray(0, Math.max(metaEnd, text.length - (end === "none" ? 1 : 20)));
}

function cutOf(text: Buffer, cut: { readonly line?: number; readonly byte?: number }): number {
  if (cut.byte !== undefined) return Math.floor(cut.byte * text.length);
  const at = text.indexOf(10, Math.floor((cut.line ?? 0) * text.length));
  return at === -1 ? text.length : at + 1;
}
