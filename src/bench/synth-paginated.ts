/** The paginated dialect: lines with ordinals in the order and shape of Codex 0.169 (rollout-format §2.3, §3, §11). */
import {
  contextTexts,
  gitMember,
  identityMembers,
  spend,
  tick,
  toolOutput,
  type EmitLine,
  type SynthDialect,
  type SynthThread,
} from "./synth-thread.ts";

export const PAGINATED_DIALECT: SynthDialect = { historyMode: "paginated", meta, turn };

function line(thread: SynthThread, stepMs: number, type: string, payload: string, after = ""): string {
  const ordinal = String(thread.ordinal++);
  return `{"timestamp":"${tick(thread, stepMs)}","ordinal":${ordinal},"type":"${type}","payload":${payload}${after}}\n`;
}

function meta(thread: SynthThread, emit: EmitLine): void {
  const { forkedFrom, parent, rng, createdMs } = thread;
  const base =
    forkedFrom === undefined
      ? ""
      : `"forked_from_ordinal_exclusive":${String(forkedFrom.ordinal)},"history_base":{"thread_id":"${forkedFrom.threadId}","end_ordinal_exclusive":${String(forkedFrom.ordinal)},"end_byte_offset":${String(forkedFrom.bytes)}},`;
  const agents = parent === undefined ? "" : `"multi_agent_version":"v1",`;
  const window = `"context_window":{"window_id":"${rng.uuid(createdMs)}"}`;
  emit(
    line(
      thread,
      50,
      "session_meta",
      `{${identityMembers(thread, "0.169.0")},"history_mode":"paginated",${base}${agents}${window},${gitMember(thread)}}`,
    ),
  );
}

/** What the lines of one turn have in common. */
class TurnWriter {
  readonly #thread: SynthThread;
  readonly #emit: EmitLine;
  readonly turnId: string;
  /** Highest sequence number that the model had seen when it last answered. */
  sampled: number;

  constructor(thread: SynthThread, emit: EmitLine, turnId: string) {
    this.#thread = thread;
    this.#emit = emit;
    this.turnId = turnId;
    this.sampled = thread.sequence;
  }

  event(stepMs: number, payload: string): void {
    this.#emit(line(this.#thread, stepMs, "event_msg", payload));
  }

  /** A `response_item`: members without the braces; `meta` are further members of the metadata beside the payload. */
  item(stepMs: number, members: string, metadata = ""): void {
    const trail = `"internal_chat_message_metadata_passthrough":{"turn_id":"${this.turnId}"}`;
    const sequence = String(++this.#thread.sequence);
    const after = `,"metadata":{"history_sequence":${sequence},"sampled_through_sequence":${String(this.sampled)},"client_authored":false${metadata}}`;
    this.#emit(line(this.#thread, stepMs, "response_item", `{${members},${trail}}`, after));
  }

  /** An `item_completed` event, which is what clients of this history mode are shown. */
  shown(stepMs: number, item: string): void {
    const { id, clockMs } = this.#thread;
    this.event(
      stepMs,
      `{"type":"item_completed","thread_id":"${id}","turn_id":"${this.turnId}","item":${item},"started_at_ms":${String(clockMs)},"completed_at_ms":${String(clockMs + 1)}}`,
    );
  }

  record(stepMs: number, type: string, payload: string): void {
    this.#emit(line(this.#thread, stepMs, type, payload));
  }

  /** `token_usage_record`; gives the text of the `token_count` event that follows it some lines later. */
  usage(): string {
    const thread = this.#thread;
    const usage = spend(thread, true);
    this.record(
      3,
      "token_usage_record",
      `{"thread_id":"${thread.id}","turn_id":"${this.turnId}","session_id":"${thread.sessionId}","root_turn_id":"${this.turnId}","response_id":"resp_${thread.rng.hex(20)}","usage":${usage.last},"turn_token_usage":${usage.last},"thread_token_usage":${usage.total}}`,
    );
    return `{"type":"token_count","info":{"total_token_usage":${usage.total},"last_token_usage":${usage.last},"last_usage_includes_reasoning":false,"model_context_window":258400},"rate_limits":null}`;
  }
}

function turn(thread: SynthThread, emit: EmitLine): void {
  const { rng, text } = thread;
  thread.clockMs += rng.between(1_000, 600_000);
  const turnId = rng.uuid(thread.clockMs);
  const startedMs = thread.clockMs;
  const started = String(Math.floor(startedMs / 1000));
  const out = new TurnWriter(thread, emit, turnId);

  out.event(
    5,
    `{"type":"task_started","turn_attribution":{"turn_id":"${turnId}","turn_trigger":null,"parent_turn_id":null,"initiating_agent_path":null,"root_turn_id":"${turnId}"},"turn_id":"${turnId}","root_turn_id":"${turnId}","started_at":${started},"model_context_window":258400,"collaboration_mode_kind":"default"}`,
  );
  opening(thread, out);
  prompt(thread, out);
  for (let calls = rng.between(...thread.sizes.callsPerTurn); calls > 0; calls--) call(thread, out);

  const answer = text.answer(rng);
  const id = `msg_${rng.hex(24)}`;
  out.shown(
    2_000,
    `{"type":"AgentMessage","id":"${id}","content":[{"type":"Text","text":"${answer}"}],"phase":"final_answer"}`,
  );
  out.item(
    2,
    `"type":"message","id":"${id}","role":"assistant","content":[{"type":"output_text","text":"${answer}","annotations":[]}],"phase":"final_answer"`,
  );
  out.event(3, out.usage());
  out.event(
    10,
    `{"type":"task_complete","root_turn_id":"${turnId}","turn_id":"${turnId}","last_agent_message":"${answer}","started_at":${started},"completed_at":${String(Math.floor(thread.clockMs / 1000))},"duration_ms":${String(thread.clockMs - startedMs)},"time_to_first_token_ms":${String(rng.between(200, 4_000))}}`,
  );
  thread.turns++;
}

/** What stands before the user's words: on the first turn the context messages, the world state and the thread's settings. */
function opening(thread: SynthThread, out: TurnWriter): void {
  const { cwd, model, provider, settings, id } = thread;
  const first = thread.turns === 0 && thread.forkedFrom === undefined;
  if (first) {
    const context = contextTexts(thread);
    out.item(
      5,
      `"type":"message","id":"msg_${thread.rng.hex(24)}","role":"developer","content":[{"type":"input_text","text":"${context.developer}"}]`,
    );
    out.item(
      5,
      `"type":"message","id":"msg_${thread.rng.hex(24)}","role":"user","content":[{"type":"input_text","text":"${context.user}"}]`,
    );
    out.record(
      3,
      "world_state",
      `{"full":true,"state":{"agents_md":{"directory":"${cwd}","text":"# Rules\\nBe brief.\\n"},"collaboration_mode":{"mode":"default","model":"${model}"},"environments":{"environments":{"local":{"cwd":"${cwd}","status":"available","shell":"bash"}},"timezone":"Etc/UTC"},"model":"${model}","realtime":{"active":false}}}`,
    );
  }
  const effort = settings.effort === null ? "" : `,"effort":"${settings.effort}"`;
  const mode = `{"mode":"default","settings":{"model":"${model}","reasoning_effort":${JSON.stringify(settings.effort)},"developer_instructions":null}}`;
  out.record(
    5,
    "turn_context",
    `{"turn_id":"${out.turnId}","root_turn_id":"${out.turnId}","disabled_plugin_ids":[],"cwd":"${cwd}","approval_policy":"${settings.approval}","approvals_reviewer":"user",${settings.sandbox},"model":"${model}","collaboration_mode":${mode},"multi_agent_version":"v1","realtime_active":false${effort},"summary":"none"}`,
  );
  if (!first) return;
  const wanted = settings.effort === null ? "" : `"reasoning_effort":"${settings.effort}",`;
  out.event(
    3,
    `{"type":"thread_settings_applied","thread_id":"${id}","thread_settings":{"model":"${model}","model_provider_id":"${provider}","approval_policy":"${settings.approval}","approvals_reviewer":"user","permission_profile":{"type":"disabled"},"cwd":"${cwd}",${wanted}"collaboration_mode":${mode},"disabled_plugin_ids":[]}}`,
  );
}

function prompt(thread: SynthThread, out: TurnWriter): void {
  const { rng, text, clockMs } = thread;
  const words = JSON.stringify(text.prompt(rng));
  const id = rng.uuid(clockMs);
  out.item(
    5,
    `"type":"message","id":"msg_${id}","role":"user","content":[{"type":"input_text","text":${words}}]`,
    `,"user_input_order":${String(thread.turns)}`,
  );
  out.shown(2, `{"type":"UserMessage","id":"${id}","content":[{"type":"text","text":${words},"text_elements":[]}]}`);
}

/** A thought, a command, its output twice (for the client, then for the model), and what it cost. */
function call(thread: SynthThread, out: TurnWriter): void {
  const { rng, text, cwd } = thread;
  const key = rng.hex(24);
  if (rng.chance(0.6)) {
    const thought = `**Looking at ${text.command(rng)}**\\n\\n${text.answer(rng)}`;
    out.shown(3_000, `{"type":"Reasoning","id":"rs_${key}","summary_text":["${thought}"],"raw_content":[]}`);
    const blob = text.blob(rng, rng.logBetween(300, 3_000));
    out.item(
      2,
      `"type":"reasoning","id":"rs_${key}","summary":[{"type":"summary_text","text":"${thought}"}],"content":null,"encrypted_content":"${blob}"`,
    );
  }
  const command = text.command(rng);
  out.item(
    20,
    `"type":"function_call","id":"fc_${key}","name":"exec_command","arguments":"{\\"cmd\\":\\"${command}\\",\\"yield_time_ms\\":2000}","call_id":"call_${key}"`,
  );
  out.sampled = thread.sequence;
  const count = out.usage();
  const output = toolOutput(thread);
  out.shown(
    4_000,
    `{"type":"CommandExecution","id":"call_${key}","process_id":"${String(rng.between(1000, 99_999))}","command":["/bin/bash","-lc","${command}"],"cwd":"file://${cwd}","parsed_cmd":[{"type":"unknown","cmd":"${command}"}],"source":"unified_exec_startup","status":"completed","aggregated_output":"${output}","exit_code":0,"duration":{"secs":0,"nanos":${String(rng.between(1_000, 900_000_000))}}}`,
  );
  out.item(
    3,
    `"type":"function_call_output","id":"fco_${rng.uuid(thread.clockMs)}","call_id":"call_${key}","output":"Chunk ID: ${rng.hex(6)}\\nWall time: 0.1000 seconds\\nProcess exited with code 0\\nOriginal token count: 10\\nOutput:\\n${output}"`,
    `,"fallback_token_limit_override":3000`,
  );
  out.event(2, count);
}
