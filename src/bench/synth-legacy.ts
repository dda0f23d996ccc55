/** The legacy dialect: lines in the order and shape of Codex 0.142 (rollout-format §3, §11), which 0.169 reads as well. */
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
  type SynthThread,
} from "./synth-thread.ts";

export const LEGACY_DIALECT: SynthDialect = { historyMode: "legacy", meta, turn, compaction };

function line(thread: SynthThread, stepMs: number, type: string, payload: string): string {
  return `{"timestamp":"${tick(thread, stepMs)}","type":"${type}","payload":${payload}}\n`;
}

function meta(thread: SynthThread, emit: EmitLine): void {
  const agents = thread.parent === undefined ? "" : `"multi_agent_version":"v1",`;
  emit(line(thread, 50, "session_meta", `{${identityMembers(thread, "0.142.3")},${agents}${gitMember(thread)}}`));
}

/** What the lines of one turn have in common. */
class TurnWriter {
  readonly #thread: SynthThread;
  readonly #emit: EmitLine;
  readonly turnId: string;
  readonly #startedMs: number;

  constructor(thread: SynthThread, emit: EmitLine) {
    thread.clockMs += thread.rng.between(1_000, thread.pauseMs);
    thread.memory.beginTurn();
    this.#thread = thread;
    this.#emit = emit;
    this.turnId = thread.rng.uuid(thread.clockMs);
    this.#startedMs = thread.clockMs;
    this.event(
      5,
      `{"type":"task_started","turn_id":"${this.turnId}","started_at":${seconds(thread.clockMs)},"model_context_window":258400,"collaboration_mode_kind":"default"}`,
    );
  }

  record(stepMs: number, type: string, payload: string): void {
    this.#emit(line(this.#thread, stepMs, type, payload));
  }

  event(stepMs: number, payload: string): void {
    this.record(stepMs, "event_msg", payload);
  }

  /** A `response_item`: members without the braces. */
  item(stepMs: number, members: string): void {
    const payload = `{${members},"internal_chat_message_metadata_passthrough":{"turn_id":"${this.turnId}"}}`;
    this.#thread.memory.add(payload);
    this.record(stepMs, "response_item", payload);
  }

  /** `answer` as JSON. */
  complete(answer: string, more = ""): void {
    const { clockMs } = this.#thread;
    this.event(
      10,
      `{"type":"task_complete","turn_id":"${this.turnId}","last_agent_message":${answer},"completed_at":${seconds(clockMs)},"duration_ms":${String(clockMs - this.#startedMs)}${more}}`,
    );
    this.#thread.turns++;
  }
}

function turn(thread: SynthThread, emit: EmitLine): void {
  const { rng, text } = thread;
  const out = new TurnWriter(thread, emit);
  if (thread.turns === 0) {
    const context = contextTexts(thread);
    out.item(5, `"type":"message","role":"developer","content":[{"type":"input_text","text":"${context.developer}"}]`);
    out.item(5, `"type":"message","role":"user","content":[{"type":"input_text","text":"${context.user}"}]`);
  }
  out.record(5, "turn_context", turnContext(thread, out.turnId));
  const { words, images, content } = makePrompt(thread);
  out.item(5, `"type":"message","role":"user","content":[${content}]`);
  const urls = images.map((url) => `"${url}"`).join(",");
  out.event(2, `{"type":"user_message","message":${words},"images":[${urls}],"local_images":[],"text_elements":[]}`);

  for (let calls = rng.between(...thread.sizes.callsPerTurn); calls > 0; calls--) call(thread, out);

  const answer = text.answer(rng);
  out.event(2_000, `{"type":"agent_message","message":"${answer}","phase":"final_answer","memory_citation":null}`);
  out.item(
    2,
    `"type":"message","id":"msg_${rng.hex(24)}","role":"assistant","content":[{"type":"output_text","text":"${answer}"}],"phase":"final_answer"`,
  );
  out.event(3, tokenCount(thread));
  out.complete(`"${answer}"`, `,"time_to_first_token_ms":${String(rng.between(200, 4_000))}`);
}

/** A thought, a command or a look at an image, what came of it, and what it cost. */
function call(thread: SynthThread, out: TurnWriter): void {
  const { rng, text, cwd } = thread;
  const key = rng.hex(24);
  if (rng.chance(0.6)) {
    const thought = `**Looking at ${text.command(rng)}**\\n\\n${text.answer(rng)}`;
    out.event(3_000, `{"type":"agent_reasoning","text":"${thought}"}`);
    const blob = text.blob(rng, rng.logBetween(300, 3_000));
    out.item(
      2,
      `"type":"reasoning","id":"rs_${key}","summary":[{"type":"summary_text","text":"${thought}"}],"content":null,"encrypted_content":"${blob}"`,
    );
  }
  const image = viewedImage(thread);
  const [name, args] =
    image === undefined
      ? ["exec_command", `{\\"cmd\\":\\"${text.command(rng)}\\",\\"yield_time_ms\\":2000}`]
      : ["view_image", `{\\"path\\":\\"${cwd}/shot-${key}.png\\"}`];
  out.item(
    20,
    `"type":"function_call","id":"fc_${key}","name":"${name}","arguments":"${args}","call_id":"call_${key}"`,
  );
  const output =
    image === undefined
      ? `"Chunk ID: ${rng.hex(6)}\\nWall time: 0.${String(rng.between(1000, 9999))} seconds\\nProcess exited with code 0\\nOriginal token count: 10\\nOutput:\\n${toolOutput(thread)}"`
      : `[${imageContent(image)}]`;
  out.item(4_000, `"type":"function_call_output","call_id":"call_${key}","output":${output}`);
  out.event(3, tokenCount(thread));
}

function compaction(thread: SynthThread, emit: EmitLine): void {
  const out = new TurnWriter(thread, emit);
  out.record(3_000, "compacted", `{${compactedMembers(thread, out.turnId)}}`);
  out.event(3, tokenCount(thread));
  out.event(3, `{"type":"context_compacted"}`);
  out.complete("null");
}

function turnContext({ cwd, model, settings, createdMs }: SynthThread, turnId: string): string {
  const effort = settings.effort === null ? "" : `,"effort":"${settings.effort}"`;
  const mode = `{"mode":"default","settings":{"model":"${model}","reasoning_effort":${JSON.stringify(settings.effort)},"developer_instructions":null}}`;
  return `{"turn_id":"${turnId}","cwd":"${cwd}","workspace_roots":["${cwd}"],"current_date":"${new Date(createdMs).toISOString().slice(0, 10)}","timezone":"Etc/UTC","approval_policy":"${settings.approval}",${settings.sandbox},"model":"${model}","personality":"pragmatic","collaboration_mode":${mode},"multi_agent_version":"v1","realtime_active":false${effort},"summary":"auto"}`;
}

function tokenCount(thread: SynthThread): string {
  const usage = spend(thread, false);
  return `{"type":"token_count","info":{"total_token_usage":${usage.total},"last_token_usage":${usage.last},"model_context_window":258400},"rate_limits":{"limit_id":"codex","limit_name":null,"primary":null,"secondary":null,"credits":null,"individual_limit":null,"plan_type":null,"rate_limit_reached_type":null}}`;
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
