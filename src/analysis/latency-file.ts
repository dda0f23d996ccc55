/**
 * How long things took in one rollout: turns, the wait for the first token, tools. Written where the release wrote it
 * (rollout-format §3.9.1), derived from the times of lines where it did not, and told apart. Copied records carry the time of the
 * copying, so a copied prefix is left out.
 */
import type { Entry } from "../format/entry.ts";
import { parseTimestamp } from "../format/names.ts";
import type { EventMsg, EventOf, ResponseItem, TurnItem } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import { readRollout } from "../readers/rollout.ts";
import type { ThreadKind } from "../thread/family-facts.ts";
import { type FileHead, inheritedPart } from "./inherited.ts";

/**
 * `turn`: completed without an error. `failed turn`, `aborted turn`: the others that came to an end. `first token`: from the start
 * of a turn. `tool`: one call. `assessment`: a guardian's look at an action.
 */
export const MEASURES = ["turn", "failed turn", "aborted turn", "first token", "tool", "assessment"] as const;
export type Measure = (typeof MEASURES)[number];

export const LATENCY_SOURCES = ["user", "sub-agent", "review", "guardian", "internal"] as const;
/** On whose behalf: a thread of a user's, one that was spawned or helps, a review, an approval, Codex itself. */
export type LatencySource = (typeof LATENCY_SOURCES)[number];

export interface Latency {
  readonly measure: Measure;
  readonly source: LatencySource;
  /** `written` by Codex as a length of time, or `derived` from the times of lines, in whole milliseconds. */
  readonly origin: "written" | "derived";
  readonly ms: number;
  /** Name of the tool; of others undefined. */
  readonly tool: string | undefined;
}

const SOURCES: Readonly<Record<ThreadKind, LatencySource>> = {
  main: "user",
  agent: "sub-agent",
  helper: "sub-agent",
  review: "review",
  guardian: "guardian",
  internal: "internal",
};

const KINDS: ReadonlySet<string> = new Set([
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "event_msg/user_message",
  "event_msg/agent_message",
  "event_msg/agent_reasoning",
  "event_msg/entered_review_mode",
  "event_msg/item_completed",
  "event_msg/exec_command_end",
  "event_msg/mcp_tool_call_end",
  "event_msg/guardian_assessment",
  "response_item/message",
  "response_item/reasoning",
  "response_item/local_shell_call",
  "response_item/function_call",
  "response_item/custom_tool_call",
  "response_item/function_call_output",
  "response_item/custom_tool_call_output",
]);

/**
 * Reads a rollout once, and its copied prefix twice. Tells why it could be read in part only, if so.
 * @throws RolloutError when it cannot be read.
 */
export function scanLatency(
  head: FileHead,
  sourcePath: (threadId: string) => string | undefined,
  emit: (latency: Latency) => void,
): { readonly broken: string | undefined } {
  const inherited = inheritedPart(head, sourcePath);
  const ownOffset = inherited === undefined ? 0 : (inherited.ownOffset ?? Infinity);
  let broken: string | undefined;
  const scan = new LatencyScan(SOURCES[head.facts?.kind ?? "main"], emit);
  for (const entry of readRollout(head.file.path, { kinds: KINDS, skipEmpty: true })) {
    if (!entry.ok && entry.defect.kind === "broken-stream") broken = entry.defect.message;
    if (entry.position.offset >= ownOffset) scan.add(entry);
  }
  scan.finish();
  return { broken };
}

interface OpenTurn {
  /** Undefined for a turn of a release that did not mark them (up to about 0.100): it begins with the user's words. */
  readonly id: string | undefined;
  readonly startMs: number | undefined;
  firstOutputMs: number | undefined;
  lastOutputMs: number | undefined;
  isReview: boolean;
}

interface OpenCall {
  readonly tool: string;
  readonly startMs: number | undefined;
  writtenMs: number | undefined;
}

/** Calls without an output yet; more at a time only a hostile file has. */
const MAX_CALLS = 10_000;

class LatencyScan {
  readonly #source: LatencySource;
  readonly #emit: (latency: Latency) => void;
  readonly #calls = new Map<string, OpenCall>();
  #turn: OpenTurn | undefined;

  constructor(source: LatencySource, emit: (latency: Latency) => void) {
    this.#source = source;
    this.#emit = emit;
  }

  add(entry: Entry): void {
    if (!entry.ok) return;
    const { record } = entry;
    const atMs = parseTimestamp(record.timestamp);
    if (record.type === "response_item") this.#addItem(record.payload, atMs);
    else if (record.type === "event_msg") this.#addEvent(record.payload, atMs);
  }

  #addEvent(event: EventMsg, atMs: number | undefined): void {
    switch (event.type) {
      case "task_started":
        this.#endUnmarked();
        this.#turn = openTurn(event.turn_id, atMs);
        break;
      case "task_complete":
        this.#end(event, event.error == null ? "turn" : "failed turn", atMs);
        break;
      case "turn_aborted":
        this.#end(event, "aborted turn", atMs);
        break;
      case "user_message":
        // In a marked turn the user may speak in between.
        if (this.#turn?.id !== undefined) break;
        this.#endUnmarked();
        this.#turn = openTurn(undefined, atMs);
        break;
      case "entered_review_mode":
        if (this.#turn !== undefined) this.#turn.isReview = true;
        break;
      case "agent_message":
      case "agent_reasoning":
        this.#noteOutput(atMs);
        break;
      default:
        this.#addEnd(event);
    }
  }

  /** Events that tell how long something took. */
  #addEnd(event: EventMsg): void {
    if (event.type === "exec_command_end" || event.type === "mcp_tool_call_end") {
      this.#noteWritten(event.call_id, durationMs(event.duration));
    } else if (event.type === "item_completed") {
      const { id } = event.item;
      if (typeof id === "string") this.#noteWritten(id, writtenMs(event));
    } else if (event.type === "guardian_assessment") {
      const { started_at_ms: startMs, completed_at_ms: endMs } = event;
      if (startMs == null || endMs == null || endMs < startMs) return;
      this.#emit({
        measure: "assessment",
        source: "guardian",
        origin: "written",
        ms: endMs - startMs,
        tool: undefined,
      });
    }
  }

  #addItem(item: ResponseItem, atMs: number | undefined): void {
    if (isOtherItem(item)) return;
    switch (item.type) {
      case "message":
        if (item.role === "assistant") this.#noteOutput(atMs);
        break;
      case "reasoning":
        this.#noteOutput(atMs);
        break;
      case "function_call":
      case "custom_tool_call":
        this.#noteOutput(atMs);
        this.#begin(item.call_id, item.name, atMs);
        break;
      case "local_shell_call":
        this.#noteOutput(atMs);
        if (item.call_id != null) this.#begin(item.call_id, "local_shell", atMs);
        break;
      case "function_call_output":
      case "custom_tool_call_output":
        if (this.#turn !== undefined) this.#turn.lastOutputMs = atMs ?? this.#turn.lastOutputMs;
        if (item.call_id != null) this.#endCall(item.call_id, atMs);
        break;
      default:
        break;
    }
  }

  #noteOutput(atMs: number | undefined): void {
    if (this.#turn === undefined || atMs === undefined) return;
    this.#turn.firstOutputMs ??= atMs;
    this.#turn.lastOutputMs = atMs;
  }

  #begin(callId: string, tool: string, startMs: number | undefined): void {
    if (this.#calls.size >= MAX_CALLS) this.#calls.clear();
    this.#calls.set(callId, { tool, startMs, writtenMs: undefined });
  }

  #noteWritten(callId: string, ms: number | undefined): void {
    const call = this.#calls.get(callId);
    if (call !== undefined && ms !== undefined) call.writtenMs = ms;
  }

  #endCall(callId: string, atMs: number | undefined): void {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    this.#calls.delete(callId);
    const { tool, startMs } = call;
    const source = this.#sourceOfTurn();
    if (call.writtenMs !== undefined)
      this.#emit({ measure: "tool", source, origin: "written", ms: call.writtenMs, tool });
    else this.#derive("tool", startMs, atMs, tool);
  }

  /** The end of a marked turn, or an abort where turns are not marked. */
  #end(event: EventOf<"task_complete" | "turn_aborted">, measure: Measure, atMs: number | undefined): void {
    const turn = this.#turn;
    const isOpen = turn !== undefined && (turn.id === undefined || event.turn_id == null || turn.id === event.turn_id);
    if (event.duration_ms != null) this.#write(measure, event.duration_ms);
    else if (isOpen) this.#derive(measure, turn.startMs, atMs);
    const firstMs = event.type === "task_complete" ? event.time_to_first_token_ms : undefined;
    if (firstMs != null) this.#write("first token", firstMs);
    // Releases that write lengths of time leave this one out where there was no token to wait for.
    else if (isOpen && event.duration_ms == null) this.#derive("first token", turn.startMs, turn.firstOutputMs);
    if (isOpen) this.#turn = undefined;
  }

  /** A turn that was never marked lasts until the last that model or tools had to say. */
  #endUnmarked(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (turn === undefined || turn.id !== undefined) return;
    this.#turn = turn;
    this.#derive("turn", turn.startMs, turn.lastOutputMs);
    this.#derive("first token", turn.startMs, turn.firstOutputMs);
    this.#turn = undefined;
  }

  #write(measure: Measure, ms: number): void {
    if (ms >= 0) this.#emit({ measure, source: this.#sourceOfTurn(), origin: "written", ms, tool: undefined });
  }

  #derive(measure: Measure, fromMs: number | undefined, toMs: number | undefined, tool?: string): void {
    if (fromMs === undefined || toMs === undefined || toMs < fromMs) return;
    this.#emit({ measure, source: this.#sourceOfTurn(), origin: "derived", ms: toMs - fromMs, tool });
  }

  #sourceOfTurn(): LatencySource {
    return this.#source === "user" && this.#turn?.isReview === true ? "review" : this.#source;
  }

  finish(): void {
    this.#endUnmarked();
  }
}

function openTurn(id: string | undefined, startMs: number | undefined): OpenTurn {
  return { id, startMs, firstOutputMs: undefined, lastOutputMs: undefined, isReview: false };
}

function durationMs({ secs, nanos }: { readonly secs: number; readonly nanos: number }): number {
  return secs * 1000 + nanos / 1e6;
}

/** What an item says of its length itself, else what the event says of its beginning and end. */
function writtenMs({
  item,
  started_at_ms: startMs,
  completed_at_ms: endMs,
}: EventOf<"item_completed">): number | undefined {
  const duration = lengthOf(item);
  if (duration !== undefined) return duration;
  return startMs != null && endMs !== undefined && startMs > 0 && endMs >= startMs ? endMs - startMs : undefined;
}

function lengthOf(item: TurnItem): number | undefined {
  if (item.type !== "CommandExecution" && item.type !== "McpToolCall" && item.type !== "DynamicToolCall")
    return undefined;
  return item.duration == null ? undefined : durationMs(item.duration);
}
