/**
 * A thread in the Agent Trajectory Interchange Format, ATIF v1.7, as the Harbor project publishes it (its RFC 0001, "Agent Trajectory
 * Format"): one JSON document for each thread, in which each of the model's responses is a step. docs/export.md says what becomes of
 * what; names of members are the format's.
 */
import type { TokenResponse } from "../analysis/tokens-file.ts";
import type { JsonObject, JsonValue } from "../format/record.ts";
import { withoutCredentials } from "../indexer/row.ts";
import type { ClientUserInput } from "../thread/items.ts";
import { whole } from "./cells.ts";
import { documentName } from "./document-name.ts";
import type { AgentStep, Story, StoryCall, StoryStep, StoryTurn, SystemStep, UserStep } from "./story.ts";

export const ATIF_VERSION = "ATIF-v1.7";

export interface DocumentOptions {
  /** False: structure only, without the words of people, models and tools. */
  readonly content: boolean;
}

/** The trajectory of a thread. */
export function atifOf(story: Story, { content }: DocumentOptions): JsonObject {
  const { thread, meta, model } = story;
  const { facts } = thread.newest;
  const steps = [...stepsOf(story, content)].map((step, index) => ({ step_id: index + 1, ...step }));
  const empty: JsonObject = { step_id: 1, source: "system", message: content ? "The thread has no turns." : "" };
  return {
    schema_version: ATIF_VERSION,
    session_id: facts.sessionId ?? thread.rootId,
    trajectory_id: thread.id,
    agent: members({
      name: "codex",
      version: facts.cliVersion ?? "unknown",
      model_name: model,
      extra: members({
        originator: facts.originator,
        source: facts.source,
        model_provider: meta?.model_provider ?? undefined,
        nickname: facts.agentNickname,
        role: facts.agentRole,
      }),
    }),
    steps: steps.length === 0 ? [empty] : steps,
    ...(story.problem === undefined ? {} : { notes: `The thread could not be read as a whole: ${story.problem}.` }),
    final_metrics: finalMetrics(story, Math.max(1, steps.length)),
    extra: rootExtra(story, content),
  };
}

function* stepsOf({ turns, meta, thread }: Story, content: boolean): Generator<JsonObject> {
  const instructions = meta?.base_instructions?.text;
  if (instructions !== undefined) {
    yield {
      ...timestamp(thread.createdAtMs),
      source: "system",
      message: content ? instructions : "",
      extra: { kind: "instructions" },
    };
  }
  for (const turn of turns) {
    for (const step of turn.steps) yield { ...stepOf(step, turn, content), ...copied(turn) };
    if (turn.status !== "failed" && turn.status !== "interrupted") continue;
    yield { ...endStep(turn, content), ...copied(turn) };
  }
}

function copied({ isInherited }: StoryTurn): JsonObject {
  return isInherited ? { is_copied_context: true } : {};
}

function stepOf(step: StoryStep, turn: StoryTurn, content: boolean): JsonObject {
  if (step.source === "user") return userStep(step, turn, content);
  return step.source === "system" ? systemStep(step, turn, content) : agentStep(step, turn, content);
}

function userStep({ atMs, content: inputs }: UserStep, turn: StoryTurn, content: boolean): JsonObject {
  return { ...timestamp(atMs), source: "user", message: content ? messageOf(inputs) : "", extra: { turn_id: turn.id } };
}

const SYSTEM_TEXTS: { readonly [K in SystemStep["kind"]]: string } = {
  hook: "Hook",
  review: "Review",
  compaction: "Context compaction",
  agent: "Sub-agent",
};

function systemStep(
  { kind, atMs, text, summary, agents = [] }: SystemStep,
  turn: StoryTurn,
  content: boolean,
): JsonObject {
  const told = content && summary !== undefined;
  const results: JsonObject[] = [
    ...(told ? [{ content: summary }] : []),
    ...(agents.length > 0 ? [{ subagent_trajectory_ref: agents.map(agentReference) }] : []),
  ];
  return {
    ...timestamp(atMs),
    source: "system",
    message: content ? text || SYSTEM_TEXTS[kind] : "",
    ...(results.length > 0 ? { observation: { results } } : {}),
    extra: {
      turn_id: turn.id,
      kind,
      // The boundary may be named only where the step has what takes the place of the context.
      ...(kind === "compaction"
        ? { context_management: { type: "compaction", boundary: told ? "replace" : "opaque" } }
        : {}),
    },
  };
}

/** A turn that did not come to its end says so. */
function endStep({ id, status, error, endMs }: StoryTurn, content: boolean): JsonObject {
  const said = error?.message ?? (status === "failed" ? "The turn failed." : "The turn was interrupted.");
  const info = error?.codexErrorInfo ?? undefined;
  const word = typeof info === "object" ? Object.keys(info)[0] : info;
  const extra = members({ turn_id: id, kind: status, error: word });
  return { ...timestamp(endMs), source: "system", message: content ? said : "", extra };
}

function agentStep(step: AgentStep, turn: StoryTurn, content: boolean): JsonObject {
  const { atMs, messages, reasoning, calls, responses } = step;
  const counted = responses.filter(({ rung }) => rung !== "difference").length;
  const ids = callIds(calls);
  return members({
    ...timestamp(atMs),
    source: "agent",
    model_name: responses.at(-1)?.model ?? turn.model,
    reasoning_effort: turn.effort,
    message: content ? messages.join("\n\n") : "",
    reasoning_content: content && reasoning.length > 0 ? reasoning.join("\n\n") : undefined,
    tool_calls: calls.length === 0 ? undefined : calls.map((call, index) => toolCall(call, ids[index] ?? "", content)),
    observation:
      calls.length === 0
        ? undefined
        : { results: calls.map((call, index) => resultOf(call, ids[index] ?? "", content)) },
    metrics: responses.length === 0 ? undefined : metricsOf(responses),
    llm_call_count: counted === 0 ? undefined : counted,
    extra: { turn_id: turn.id },
  });
}

/** Unique in a step, which they are in all but damaged rollouts. */
function callIds(calls: readonly StoryCall[]): readonly string[] {
  const seen = new Set<string>();
  return calls.map(({ id }, index) => {
    const unique = id === "" || seen.has(id) ? `${id}#${index}` : id;
    seen.add(unique);
    return unique;
  });
}

function toolCall(call: StoryCall, id: string, content: boolean): JsonObject {
  const extra = members({ status: call.status });
  return {
    tool_call_id: id,
    function_name: call.tool === "" ? "unknown" : call.tool,
    arguments: content ? call.arguments : {},
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

function resultOf(call: StoryCall, id: string, content: boolean): JsonObject {
  const { output, agents = [], exitCode, durationMs, endMs } = call;
  const extra = members({ exit_code: exitCode, duration_ms: durationMs, completed_at: isoOf(endMs) });
  return {
    source_call_id: id,
    ...(content && output !== undefined ? { content: output } : {}),
    ...(agents.length > 0 ? { subagent_trajectory_ref: agents.map(agentReference) } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** To the document that the agent's own thread becomes. */
function agentReference(threadId: string): JsonObject {
  return { trajectory_id: threadId, trajectory_path: documentName(threadId) };
}

function metricsOf(responses: readonly TokenResponse[]): JsonObject {
  const sum = (pick: (usage: TokenResponse["usage"]) => number): number =>
    responses.reduce((total, { usage }) => total + whole(pick(usage)), 0);
  return {
    prompt_tokens: sum((usage) => usage.input_tokens),
    completion_tokens: sum((usage) => usage.output_tokens),
    cached_tokens: sum((usage) => usage.cached_input_tokens),
    extra: { reasoning_tokens: sum((usage) => usage.reasoning_output_tokens) },
  };
}

/** Sums of the steps; what belongs to no step is told beside them. */
function finalMetrics({ turns, others }: Story, steps: number): JsonObject {
  const responses = turns.flatMap((turn) =>
    turn.steps.flatMap((step) => (step.source === "agent" ? step.responses : [])),
  );
  const told = metricsOf(responses);
  const extra: JsonValue = {
    ...(told["extra"] as JsonObject),
    responses: responses.length,
    ...(others.length > 0 ? { outside_of_steps: { responses: others.length, ...metricsOf(others) } } : {}),
  };
  return {
    total_prompt_tokens: told["prompt_tokens"] as number,
    total_completion_tokens: told["completion_tokens"] as number,
    total_cached_tokens: told["cached_tokens"] as number,
    total_steps: steps,
    extra,
  };
}

function rootExtra({ thread, meta }: Story, content: boolean): JsonObject {
  const { facts } = thread.newest;
  const url = meta?.git?.repository_url;
  return members({
    name: content ? thread.name : undefined,
    created_at: isoOf(thread.createdAtMs),
    cwd: meta?.cwd,
    git: members({
      branch: meta?.git?.branch ?? undefined,
      commit: meta?.git?.commit_hash ?? undefined,
      url: url == null ? undefined : withoutCredentials(url),
    }),
    kind: facts.kind,
    root_thread_id: thread.rootId,
    parent_thread_id: facts.parentId,
    forked_from_id: facts.forkedFromId,
    content,
  });
}

/** Images are named, not carried: those that lie in a file or on the web by where, others by a word. */
function messageOf(inputs: readonly ClientUserInput[]): JsonValue {
  const parts = inputs.map(partOf);
  if (parts.every((part) => part["type"] === "text")) return parts.map((part) => part["text"] as string).join("\n");
  return parts;
}

function partOf(input: ClientUserInput): JsonObject {
  switch (input.type) {
    case "text":
      return { type: "text", text: input.text };
    case "localImage":
      return imagePart(input.path) ?? { type: "text", text: `[image ${input.path}]` };
    case "image":
      return ("url" in input ? imagePart(input.url) : undefined) ?? { type: "text", text: "[image]" };
    case "audio":
      return { type: "text", text: "[audio]" };
    case "localAudio":
      return { type: "text", text: `[audio ${input.path}]` };
    default:
      return { type: "text", text: `[${input.type} ${input.name}]` };
  }
}

const IMAGE_TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
};

function imagePart(path: string): JsonObject | undefined {
  if (path.startsWith("data:")) return undefined;
  const ending = /\.(?<ending>[A-Za-z]{3,4})(?:[?#].*)?$/u.exec(path)?.groups?.["ending"];
  const media = ending === undefined ? undefined : IMAGE_TYPES[ending.toLowerCase()];
  return media === undefined ? undefined : { type: "image", source: { media_type: media, path } };
}

function timestamp(timeMs: number | undefined): JsonObject {
  return members({ timestamp: isoOf(timeMs) });
}

/** Years of four digits, which is what ISO 8601 has without an agreement. */
function isoOf(timeMs: number | undefined): string | undefined {
  if (timeMs === undefined || !(timeMs >= 0 && timeMs < 253_402_300_800_000)) return undefined;
  return new Date(timeMs).toISOString();
}

/** Without the members that are undefined. */
function members(object: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JsonObject;
}
