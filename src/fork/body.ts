/**
 * The lines of the source that a copy takes over, as bytes where they lie: the metadata of the thread, then the kept part of
 * the files that it is made of, root first. Most lines are judged by their kind alone and never parsed.
 */
import { decodeLine } from "../format/decode.ts";
import type { HistoryMode, RolloutRecord } from "../format/record.ts";
import { peekKind } from "../format/peek.ts";
import { type Line } from "../readers/lines.ts";
import { readLines } from "../readers/rollout.ts";
import { isKept } from "../thread/items-policy.ts";
import type { KeptPart } from "./cut.ts";
import type { Point } from "./scan.ts";
import { endWithin, type ForkSource } from "./source.ts";

/** Whether an agent inherits a record; undefined: that takes a look inside. */
export interface Inheritance {
  readonly byKind: (kind: string) => boolean | undefined;
  readonly byRecord: (record: RolloutRecord) => boolean;
}

export interface BodyOptions {
  /** Everything that Codex would write again, unless told. */
  readonly inherits?: Inheritance | undefined;
  /** Without what says which settings and which environment the model was told: it goes with the part that was cut off. */
  readonly withoutContext: boolean;
}

export interface BodyLine {
  /** As it stands in the source, without its newline; a view valid until the next line is asked for. */
  readonly bytes: Buffer;
  /** Undefined for a line that is left out. */
  readonly kept: boolean;
}

/** In the order in which they are to be written. @throws RolloutError `damaged` where an archive breaks off. */
export function* bodyLines(source: ForkSource, part: KeptPart, options: BodyOptions): Generator<BodyLine> {
  const { metaEntry, chain } = source;
  const last = chain.segments.length - 1;
  const own = { segment: last, offset: metaEntry.position.offset, line: metaEntry.position.line };
  yield { bytes: lineAt(source, own), kept: true };
  if (part.lead !== undefined) yield { bytes: lineAt(source, part.lead), kept: true };
  const judge = new Judge(source, options);
  for (const [index, segment] of chain.segments.entries()) {
    const start = part.start;
    if (start !== undefined && index < start.segment) continue;
    const from = start !== undefined && index === start.segment ? start : segment.from;
    const end = endWithin(segment, index, part.end);
    for (const line of readLines(segment.path, { from })) {
      if (end !== undefined && line.position.offset >= end) break;
      if (index === last && line.position.offset === own.offset) continue;
      const bytes = end === undefined ? line.bytes : line.bytes.subarray(0, end - line.position.offset);
      if (bytes.length > 0) yield { bytes, kept: judge.keeps(bytes, line) };
    }
  }
}

function lineAt({ chain }: ForkSource, { segment, offset, line }: Point): Buffer {
  const path = chain.segments[segment]?.path ?? "";
  for (const { bytes } of readLines(path, { from: { offset, line } })) return Buffer.from(bytes);
  return Buffer.alloc(0);
}

const CONTEXT: ReadonlySet<string> = new Set(["turn_context", "world_state"]);

/** Codex writes these again in either mode, whatever is inside (rollout-format §4). */
const ALWAYS: ReadonlySet<string> = new Set([
  "session_meta",
  "compacted",
  "turn_context",
  "world_state",
  "token_usage_record",
  "retained_context",
  "inter_agent_communication",
  "inter_agent_communication_metadata",
  "response_item/message",
  "response_item/reasoning",
  "response_item/function_call",
  "response_item/function_call_output",
  "response_item/custom_tool_call",
  "response_item/custom_tool_call_output",
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "event_msg/token_count",
  "event_msg/thread_rolled_back",
  "event_msg/thread_settings_applied",
  // In a paginated thread no release writes it; where one has it, it counts as a turn of the user's.
  "event_msg/user_message",
]);

/** Every one of them in a paginated thread, most of whose lines they are. */
const ITEM = "event_msg/item_completed";

class Judge {
  readonly #mode: HistoryMode;
  readonly #isPaginated: boolean;
  readonly #options: BodyOptions;

  constructor({ mode }: ForkSource, options: BodyOptions) {
    this.#mode = mode;
    this.#isPaginated = mode === "paginated";
    this.#options = options;
  }

  keeps(bytes: Buffer, line: Line): boolean {
    const kind = peekKind(bytes, 0, bytes.length);
    if (kind !== undefined) {
      if (this.#options.withoutContext && CONTEXT.has(kind)) return false;
      const inherited = this.#options.inherits?.byKind(kind) ?? (this.#options.inherits === undefined || undefined);
      if (inherited === false) return false;
      if (inherited === true && (ALWAYS.has(kind) || (this.#isPaginated && kind === ITEM))) return true;
    }
    // A line that is no record is nothing that Codex would write again, either.
    const entry = decodeLine(bytes, line.position, line);
    if (!entry.ok || !isKept(entry.record, this.#mode)) return false;
    if (this.#options.withoutContext && CONTEXT.has(entry.record.type)) return false;
    return this.#options.inherits?.byRecord(entry.record) ?? true;
  }
}
