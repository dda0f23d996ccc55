/** The legacy dialect: lines in the order and shape of Codex 0.142 (rollout-format §3, §11), which 0.169 reads as well. */
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

export const LEGACY_DIALECT: SynthDialect = { historyMode: "legacy", meta, turn };

function line(thread: SynthThread, stepMs: number, type: string, payload: string): string {
  return `{"timestamp":"${tick(thread, stepMs)}","type":"${type}","payload":${payload}}\n`;
}

function meta(thread: SynthThread, emit: EmitLine): void {
  const agents = thread.parent === undefined ? "" : `"multi_agent_version":"v1",`;
  emit(line(thread, 50, "session_meta", `{${identityMembers(thread, "0.142.3")},${agents}${gitMember(thread)}}`));
}

function turn(thread: SynthThread, emit: EmitLine): void {
  const { rng, text } = thread;
  thread.clockMs += rng.between(1_000, 600_000);
  const turnId = rng.uuid(thread.clockMs);
  const startedMs = thread.clockMs;
  const trail = `"internal_chat_message_metadata_passthrough":{"turn_id":"${turnId}"}`;
  const event = (stepMs: number, payload: string): void => emit(line(thread, stepMs, "event_msg", payload));
  const item = (stepMs: number, members: string): void =>
    emit(line(thread, stepMs, "response_item", `{${members},${trail}}`));

  event(
    5,
    `{"type":"task_started","turn_id":"${turnId}","started_at":${seconds(startedMs)},"model_context_window":258400,"collaboration_mode_kind":"default"}`,
  );
  if (thread.turns === 0) {
    const context = contextTexts(thread);
    item(5, `"type":"message","role":"developer","content":[{"type":"input_text","text":"${context.developer}"}]`);
    item(5, `"type":"message","role":"user","content":[{"type":"input_text","text":"${context.user}"}]`);
  }
  emit(line(thread, 5, "turn_context", turnContext(thread, turnId)));
  const prompt = JSON.stringify(text.prompt(rng));
  item(5, `"type":"message","role":"user","content":[{"type":"input_text","text":${prompt}}]`);
  event(2, `{"type":"user_message","message":${prompt},"images":[],"local_images":[],"text_elements":[]}`);

  for (let calls = rng.between(...thread.sizes.callsPerTurn); calls > 0; calls--) {
    const key = rng.hex(24);
    if (rng.chance(0.6)) {
      const thought = `**Looking at ${text.command(rng)}**\\n\\n${text.answer(rng)}`;
      event(3_000, `{"type":"agent_reasoning","text":"${thought}"}`);
      const blob = text.blob(rng, rng.logBetween(300, 3_000));
      item(
        2,
        `"type":"reasoning","id":"rs_${key}","summary":[{"type":"summary_text","text":"${thought}"}],"content":null,"encrypted_content":"${blob}"`,
      );
    }
    const command = text.command(rng);
    item(
      20,
      `"type":"function_call","id":"fc_${key}","name":"exec_command","arguments":"{\\"cmd\\":\\"${command}\\",\\"yield_time_ms\\":2000}","call_id":"call_${key}"`,
    );
    const output = `Chunk ID: ${rng.hex(6)}\\nWall time: 0.${String(rng.between(1000, 9999))} seconds\\nProcess exited with code 0\\nOriginal token count: 10\\nOutput:\\n${toolOutput(thread)}`;
    item(4_000, `"type":"function_call_output","call_id":"call_${key}","output":"${output}"`);
    event(3, tokenCount(thread));
  }

  const answer = text.answer(rng);
  event(2_000, `{"type":"agent_message","message":"${answer}","phase":"final_answer","memory_citation":null}`);
  item(
    2,
    `"type":"message","id":"msg_${rng.hex(24)}","role":"assistant","content":[{"type":"output_text","text":"${answer}"}],"phase":"final_answer"`,
  );
  event(3, tokenCount(thread));
  event(
    10,
    `{"type":"task_complete","turn_id":"${turnId}","last_agent_message":"${answer}","completed_at":${seconds(thread.clockMs)},"duration_ms":${String(thread.clockMs - startedMs)},"time_to_first_token_ms":${String(rng.between(200, 4_000))}}`,
  );
  thread.turns++;
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
