/**
 * Rollouts with compactions, for the benchmarks of replay and resume: made of synthetic ones (`synth.ts`), which have none.
 *
 * A legacy one is compacted every so often, as a long thread is. A paginated one, of whatever size, gets an end that begins
 * with a compaction and is the same for all sizes but for ordinals and ids, so that two of them differ in nothing but what
 * lies before it. Order and members of what is written around a compaction: rollout-format §3.4.
 */
import { appendFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

import { RolloutError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../format/json.ts";
import { peekKind } from "../format/peek.ts";
import { readLines } from "../readers/rollout.ts";
import { Rng } from "./rng.ts";
import { SynthWriter } from "./synth-file.ts";
import { type SynthRollout, writeSyntheticRollout } from "./synth.ts";

/** Newest prompts that a checkpoint carries over. */
const KEPT_PROMPTS = 40;

const SUMMARY = `Another language model started to solve this problem and produced a summary of its thinking process. You also have access to the state of the tools that were used by that language model. Use this to build on the work that has already been done and avoid duplicating work. Here is the summary produced by the other language model, use the information in this summary to assist with your own analysis:\n${"The parser reads what the writer wrote. ".repeat(100)}`;

/** What the records around a compaction are made from; filled while lines go by. */
class Outline {
  readonly #rng: Rng;
  readonly #prompts: JsonValue[] = [];
  #turnContext: JsonObject = {};
  #windowIds: string[] = [];
  timestamp = "";

  constructor(seed: number) {
    this.#rng = new Rng(seed);
  }

  see(line: JsonObject): void {
    const { timestamp, type, payload } = line;
    if (typeof timestamp === "string") this.timestamp = timestamp;
    if (!isJsonObject(payload)) return;
    if (type === "turn_context") this.#turnContext = payload;
    if (type === "response_item" && payload["role"] === "user") {
      this.#prompts.push(payload);
      if (this.#prompts.length > KEPT_PROMPTS) this.#prompts.shift();
    }
  }

  /** The records of a turn that does nothing but compact, without their envelopes. */
  compactionTurn(shape: "legacy" | "paginated"): readonly (readonly [type: string, payload: JsonObject])[] {
    const clockMs = Date.parse(this.timestamp);
    const turnId = this.#rng.uuid(clockMs);
    const seconds = Math.floor(clockMs / 1000);
    if (this.#windowIds.length === 0) this.#windowIds.push(this.#rng.uuid(clockMs));
    const previous = this.#windowIds.at(-1) ?? "";
    this.#windowIds.push(this.#rng.uuid(clockMs));
    const summary = { type: "message", role: "user", content: [{ type: "input_text", text: SUMMARY }] };
    const compacted: JsonObject = {
      message: SUMMARY,
      replacement_history: [...this.#prompts, summary],
      window_number: this.#windowIds.length - 1,
      first_window_id: this.#windowIds[0] ?? "",
      previous_window_id: previous,
      window_id: this.#windowIds.at(-1) ?? "",
    };
    const started = { type: "task_started", turn_id: turnId, started_at: seconds, model_context_window: 258400 };
    const ended = { type: "task_complete", turn_id: turnId, last_agent_message: null, completed_at: seconds };
    if (shape === "legacy") {
      return [
        ["event_msg", started],
        ["compacted", compacted],
        ["event_msg", { type: "context_compacted" }],
        ["event_msg", ended],
      ];
    }
    const settings = { model: this.#turnContext["model"] ?? "mock" };
    return [
      ["event_msg", { ...started, root_turn_id: turnId }],
      [
        "compacted",
        { ...compacted, resume_metadata: { last_started_turn_id: turnId, previous_turn_settings: settings } },
      ],
      ["world_state", { full: true, state: { model: "mock", realtime: { active: false } } }],
      ["turn_context", { ...this.#turnContext, turn_id: turnId, root_turn_id: turnId }],
      ["event_msg", { ...ended, root_turn_id: turnId, started_at: seconds }],
    ];
  }
}

export interface CompactedSpec {
  readonly seed: number;
  readonly bytes: number;
  /** A compaction after each so many bytes, at the end of a turn. */
  readonly everyBytes: number;
}

/** One legacy rollout with compactions, in its place below `folder`. */
export function writeCompactedRollout(folder: string, { seed, bytes, everyBytes }: CompactedSpec): SynthRollout {
  const rollout = writeSyntheticRollout(folder, { seed, shape: "legacy", bytes });
  const path = join(folder, rollout.path);
  const writer = new SynthWriter();
  const outline = new Outline(seed);
  writer.open(`${path}.new`);
  let due = everyBytes;
  for (const { bytes: line } of readLines(path)) {
    const text = line.toString("utf8");
    const kind = peekKind(line);
    if (kind === "turn_context" || kind === "response_item/message" || kind === "event_msg/task_complete")
      outline.see(parse(text));
    writer.line(`${text}\n`);
    if (kind !== "event_msg/task_complete" || writer.bytes < due) continue;
    due = writer.bytes + everyBytes;
    for (const [type, payload] of outline.compactionTurn("legacy"))
      writer.line(`${JSON.stringify({ timestamp: outline.timestamp, type, payload })}\n`);
  }
  writer.close();
  renameSync(`${path}.new`, path);
  return { ...rollout, bytes: statSync(path).size };
}

/** Lines of a paginated rollout that others get for an end, or as what a fork adds. */
export class Donor {
  readonly threadId: string;
  readonly #meta: JsonObject;
  readonly #lines: readonly string[];
  readonly #outline: Outline;

  /** Writes a rollout of that size below `folder`, where nobody looks at it again. */
  constructor(folder: string, seed: number, bytes: number) {
    const rollout = writeSyntheticRollout(folder, { seed, shape: "paginated", bytes });
    const lines = Array.from(readLines(join(folder, rollout.path)), (line) => line.bytes.toString("utf8"));
    this.threadId = rollout.threadId;
    this.#meta = parse(lines[0] ?? "");
    this.#outline = new Outline(seed);
    for (const line of lines) this.#outline.see(parse(line));
    this.#lines = lines.slice(1);
  }

  /** Appends a compaction and the donor's turns; returns the bytes from the compaction's own line on. */
  appendTail(folder: string, { path, threadId }: SynthRollout): number {
    const file = join(folder, path);
    let ordinal = lastOrdinal(file);
    const stamp = this.#outline.timestamp;
    const compaction = this.#outline
      .compactionTurn("paginated")
      .map(([type, payload]) => JSON.stringify({ timestamp: stamp, ordinal: ++ordinal, type, payload }));
    const turns = this.#lines.map((line) => renumbered(line, ++ordinal).replaceAll(this.threadId, threadId));
    const all = [...compaction, ...turns];
    appendFileSync(file, `${all.join("\n")}\n`);
    const from = all.findIndex((line) => peekKind(Buffer.from(line)) === "compacted");
    return all.slice(from).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  }

  /** A thread that continues another one to its end, as a fork by reference does (rollout-format §7.3), in a file beside it. */
  writeFork(folder: string, base: SynthRollout): { readonly threadId: string; readonly bytes: number } {
    const file = join(folder, base.path);
    const end = lastOrdinal(file) + 1;
    const threadId = new Rng(base.bytes).uuid(Date.parse(this.#outline.timestamp));
    const from = { forked_from_id: base.threadId, forked_from_ordinal_exclusive: end };
    const history = { thread_id: base.threadId, end_ordinal_exclusive: end, end_byte_offset: statSync(file).size };
    const own = { id: threadId, session_id: threadId };
    const payload = { ...(this.#meta["payload"] as JsonObject), ...own, ...from, history_base: history };
    let ordinal = end;
    const meta = JSON.stringify({ ...this.#meta, ordinal, payload });
    const turns = this.#lines.map((line) => renumbered(line, ++ordinal).replaceAll(this.threadId, threadId));
    const text = `${[meta, ...turns].join("\n")}\n`;
    appendFileSync(file.replace(base.threadId, threadId), text);
    return { threadId, bytes: Buffer.byteLength(text) };
  }
}

function parse(line: string): JsonObject {
  const value: unknown = JSON.parse(line);
  if (isJsonObject(value)) return value;
  throw new RolloutError("internal", "a synthetic line is no object");
}

function renumbered(line: string, ordinal: number): string {
  return line.replace(/"ordinal":\d+/u, `"ordinal":${String(ordinal)}`);
}

function lastOrdinal(file: string): number {
  for (const { bytes } of readLines(file, { order: "backward" })) {
    const { ordinal } = parse(bytes.toString("utf8"));
    if (typeof ordinal === "number") return ordinal;
  }
  throw new RolloutError("internal", "a synthetic rollout without ordinals", { path: file });
}
