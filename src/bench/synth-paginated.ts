/** The paginated dialect: lines with ordinals in the order and shape of Codex 0.169 (rollout-format §2.3, §3, §11). */
import {
  compactedMembers,
  contextTexts,
  gitMember,
  identityMembers,
  imageContent,
  makePrompt,
  spend,
  tick,
  toolOutput,
  viewedImage,
  type EmitLine,
  type SynthDialect,
  type SynthSettings,
  type SynthThread,
} from "./synth-thread.ts";

export const PAGINATED_DIALECT: SynthDialect = { historyMode: "paginated", meta, turn, compaction };

function line(thread: SynthThread, stepMs: number, type: string, payload: string, after = ""): string {
  const ordinal = String(thread.ordinal++);
  return `{"timestamp":"${tick(thread, stepMs)}","ordinal":${ordinal},"type":"${type}","payload":${payload}${after}}\n`;
}

function meta(thread: SynthThread, emit: EmitLine): void {
  const { forkedFrom, parent, windows } = thread;
  const base =
    forkedFrom === undefined
      ? ""
      : `"forked_from_ordinal_exclusive":${String(forkedFrom.ordinal)},"history_base":{"thread_id":"${forkedFrom.threadId}","end_ordinal_exclusive":${String(forkedFrom.ordinal)},"end_byte_offset":${String(forkedFrom.bytes)}},`;
  const agents = parent === undefined ? "" : `"multi_agent_version":"v1",`;
  const window = `"context_window":{"window_id":"${windows.first}"}`;
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
  readonly #startedMs: number;
  readonly turnId: string;
  /** Highest sequence number that the model had seen when it last answered. */
  sampled: number;

  constructor(thread: SynthThread, emit: EmitLine) {
    thread.clockMs += thread.rng.between(1_000, thread.pauseMs);
    thread.memory.beginTurn();
    this.#thread = thread;
    this.#emit = emit;
    this.#startedMs = thread.clockMs;
    this.turnId = thread.rng.uuid(thread.clockMs);
    this.sampled = thread.sequence;
    const id = this.turnId;
    this.event(
      5,
      `{"type":"task_started","turn_attribution":{"turn_id":"${id}","turn_trigger":null,"parent_turn_id":null,"initiating_agent_path":null,"root_turn_id":"${id}"},"turn_id":"${id}","root_turn_id":"${id}","started_at":${seconds(thread.clockMs)},"model_context_window":258400,"collaboration_mode_kind":"default"}`,
    );
  }

  event(stepMs: number, payload: string): void {
    this.#emit(line(this.#thread, stepMs, "event_msg", payload));
  }

  /** A `response_item`: members without the braces; `meta` are further members of the metadata beside the payload. */
  item(stepMs: number, members: string, metadata = ""): void {
    const trail = `"internal_chat_message_metadata_passthrough":{"turn_id":"${this.turnId}"}`;
    const sequence = String(++this.#thread.sequence);
    const after = `,"metadata":{"history_sequence":${sequence},"sampled_through_sequence":${String(this.sampled)},"client_authored":false${metadata}}`;
    const payload = `{${members},${trail}}`;
    this.#thread.memory.add(payload);
    this.#emit(line(this.#thread, stepMs, "response_item", payload, after));
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

  /** `answer` as JSON. */
  complete(answer: string, more = ""): void {
    const { clockMs } = this.#thread;
    const took = String(clockMs - this.#startedMs);
    this.event(
      10,
      `{"type":"task_complete","root_turn_id":"${this.turnId}","turn_id":"${this.turnId}","last_agent_message":${answer},"started_at":${seconds(this.#startedMs)},"completed_at":${seconds(clockMs)},"duration_ms":${took}${more}}`,
    );
    this.#thread.turns++;
  }
}

function turn(thread: SynthThread, emit: EmitLine): void {
  const { rng, text } = thread;
  const out = new TurnWriter(thread, emit);
  const isFirst = thread.turns === 0 && thread.forkedFrom === undefined;
  if (isFirst) opening(thread, out);
  out.record(3, "turn_context", turnContext(thread, out.turnId));
  if (isFirst) out.event(3, settingsApplied(thread));
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
  out.complete(`"${answer}"`, `,"time_to_first_token_ms":${String(rng.between(200, 4_000))}`);
}

function compaction(thread: SynthThread, emit: EmitLine): void {
  const out = new TurnWriter(thread, emit);
  const count = out.usage();
  // With this member a checkpoint is enough to resume from (rollout-format §6.2).
  const resume = `"resume_metadata":{"multi_agent_version":"v1","last_started_turn_id":"${out.turnId}","previous_turn_settings":{"model":"${thread.model}","realtime_active":false}}`;
  out.record(
    3_000,
    "compacted",
    `{${compactedMembers(thread, out.turnId)},"compaction_response_id":null,"latest_token_usage_record":null,${resume}}`,
  );
  out.record(3, "world_state", worldState(thread));
  out.record(3, "turn_context", turnContext(thread, out.turnId));
  out.event(3, settingsApplied(thread));
  out.event(3, count);
  out.shown(3, `{"type":"ContextCompaction","id":"${thread.rng.uuid(thread.clockMs)}"}`);
  out.complete("null");
}

/** What the first turn begins with: the context messages and the world state. */
function opening(thread: SynthThread, out: TurnWriter): void {
  const context = contextTexts(thread);
  for (const role of ["developer", "user"] as const)
    out.item(
      5,
      `"type":"message","id":"msg_${thread.rng.hex(24)}","role":"${role}","content":[{"type":"input_text","text":"${context[role]}"}]`,
    );
  out.record(3, "world_state", worldState(thread));
}

function worldState({ cwd, model }: SynthThread): string {
  return `{"full":true,"state":{"agents_md":{"directory":"${cwd}","text":"# Rules\\nBe brief.\\n"},"collaboration_mode":{"mode":"default","model":"${model}"},"environments":{"environments":{"local":{"cwd":"${cwd}","status":"available","shell":"bash"}},"timezone":"Etc/UTC"},"model":"${model}","realtime":{"active":false}}}`;
}

function turnContext({ cwd, model, settings }: SynthThread, turnId: string): string {
  const effort = settings.effort === null ? "" : `,"effort":"${settings.effort}"`;
  return `{"turn_id":"${turnId}","root_turn_id":"${turnId}","disabled_plugin_ids":[],"cwd":"${cwd}","approval_policy":"${settings.approval}","approvals_reviewer":"user",${settings.sandbox},"model":"${model}","collaboration_mode":${collaborationMode(model, settings)},"multi_agent_version":"v1","realtime_active":false${effort},"summary":"none"}`;
}

function settingsApplied({ id, cwd, model, provider, settings }: SynthThread): string {
  const effort = settings.effort === null ? "" : `"reasoning_effort":"${settings.effort}",`;
  return `{"type":"thread_settings_applied","thread_id":"${id}","thread_settings":{"model":"${model}","model_provider_id":"${provider}","approval_policy":"${settings.approval}","approvals_reviewer":"user","permission_profile":{"type":"disabled"},"cwd":"${cwd}",${effort}"collaboration_mode":${collaborationMode(model, settings)},"disabled_plugin_ids":[]}}`;
}

function collaborationMode(model: string, { effort }: SynthSettings): string {
  return `{"mode":"default","settings":{"model":"${model}","reasoning_effort":${JSON.stringify(effort)},"developer_instructions":null}}`;
}

function prompt(thread: SynthThread, out: TurnWriter): void {
  const { words, images, content } = makePrompt(thread);
  const id = thread.rng.uuid(thread.clockMs);
  out.item(
    5,
    `"type":"message","id":"msg_${id}","role":"user","content":[${content}]`,
    `,"user_input_order":${String(thread.turns)}`,
  );
  const shown = [
    `{"type":"text","text":${words},"text_elements":[]}`,
    ...images.map((url) => `{"type":"image","image_url":"${url}"}`),
  ];
  out.shown(2, `{"type":"UserMessage","id":"${id}","content":[${shown.join(",")}]}`);
}

/** A thought, a command, its output twice (for the client, then for the model), and what it cost. */
function call(thread: SynthThread, out: TurnWriter): void {
  const { rng, text } = thread;
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
  const image = viewedImage(thread);
  if (image === undefined) commandRun(thread, out, key);
  else imageView(thread, out, { key, image });
}

function commandRun(thread: SynthThread, out: TurnWriter, key: string): void {
  const { rng, text, cwd } = thread;
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
  const head = `Chunk ID: ${rng.hex(6)}\\nWall time: 0.1000 seconds\\nProcess exited with code 0\\nOriginal token count: 10\\nOutput:\\n`;
  result(thread, out, { key, output: `"${head}${output}"` });
  out.event(2, count);
}

function imageView(
  thread: SynthThread,
  out: TurnWriter,
  { key, image }: { readonly key: string; readonly image: string },
): void {
  const path = `${thread.cwd}/shot-${key}.png`;
  out.item(
    20,
    `"type":"function_call","id":"fc_${key}","name":"view_image","arguments":"{\\"path\\":\\"${path}\\"}","call_id":"call_${key}"`,
  );
  out.sampled = thread.sequence;
  const count = out.usage();
  out.shown(50, `{"type":"ImageView","id":"call_${key}","path":"file://${path}"}`);
  result(thread, out, { key, output: `[${imageContent(image)}]` });
  out.event(2, count);
}

function result(
  thread: SynthThread,
  out: TurnWriter,
  { key, output }: { readonly key: string; readonly output: string },
): void {
  const id = `fco_${thread.rng.uuid(thread.clockMs)}`;
  const members = `"type":"function_call_output","id":"${id}","call_id":"call_${key}","output":${output}`;
  out.item(3, members, `,"fallback_token_limit_override":3000`);
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
