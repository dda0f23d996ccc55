/**
 * What an agent had to do with other agents, as the events of the tools of version 1 (rollout-format §3.9, §3.9.2). Tools that
 * came later have none. For `legacy-items.ts`.
 */
import type { EventMsg, EventOf } from "../format/event.ts";
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "../format/json.ts";
import type { TurnItemOf } from "../format/record.ts";
import type { LegacyForm } from "./legacy-form.ts";

type Call = TurnItemOf<"CollabAgentToolCall">;

export function collabEvent(call: Call): LegacyForm {
  const event = call.status === "in_progress" ? undefined : eventOf(call);
  return event === undefined ? { events: [], lost: "a call of an agents' tool without an event" } : { events: [event] };
}

function eventOf(call: Call): EventMsg | undefined {
  switch (call.tool) {
    case "spawn_agent":
      return spawned(call);
    case "wait":
      return waited(call);
    case "send_input":
      return withReceiver(call, "collab_agent_interaction_end", { prompt: call.prompt ?? "" });
    case "close_agent":
      return withReceiver(call, "collab_close_end", {});
    case "resume_agent":
      return withReceiver(call, "collab_resume_end", {});
    default:
      return undefined;
  }
}

function spawned(call: Call): EventOf<"collab_agent_spawn_end"> {
  const [agent] = receiversOf(call);
  const { nickname, role } = namesOf(call, agent);
  return {
    type: "collab_agent_spawn_end",
    call_id: call.id,
    sender_thread_id: call.sender_thread_id,
    new_thread_id: agent ?? null,
    ...(nickname === undefined ? {} : { new_agent_nickname: nickname }),
    ...(role === undefined ? {} : { new_agent_role: role }),
    prompt: call.prompt ?? "",
    model: call.model ?? "",
    ...(call.reasoning_effort == null ? {} : { reasoning_effort: call.reasoning_effort }),
    status: agent === undefined ? "not_found" : statusOf(call, agent),
  };
}

function waited(call: Call): EventOf<"collab_waiting_end"> {
  const agents = receiversOf(call).map((thread_id): JsonObject => {
    const { nickname, role } = namesOf(call, thread_id);
    return {
      thread_id,
      ...(nickname === undefined ? {} : { agent_nickname: nickname }),
      ...(role === undefined ? {} : { agent_role: role }),
      status: statusOf(call, thread_id),
    };
  });
  return {
    type: "collab_waiting_end",
    sender_thread_id: call.sender_thread_id,
    call_id: call.id,
    ...(agents.length === 0 ? {} : { agent_statuses: agents }),
    statuses: call.agents_states ?? {},
  };
}

/** An old line may have none. */
function receiversOf({ receiver_thread_ids }: Partial<Call>): readonly string[] {
  return receiver_thread_ids ?? [];
}

type Received = "collab_agent_interaction_end" | "collab_close_end" | "collab_resume_end";

/** Undefined for a call that reached nobody. */
function withReceiver(call: Call, type: Received, members: JsonObject): EventMsg | undefined {
  const [agent] = receiversOf(call);
  if (agent === undefined) return undefined;
  const { nickname, role } = namesOf(call, agent);
  return {
    type,
    call_id: call.id,
    sender_thread_id: call.sender_thread_id,
    receiver_thread_id: agent,
    ...(nickname === undefined ? {} : { receiver_agent_nickname: nickname }),
    ...(role === undefined ? {} : { receiver_agent_role: role }),
    ...members,
    status: statusOf(call, agent),
  } as EventOf<Received>;
}

/** Of an agent of which no state was noted there is none: the call failed. */
function statusOf({ agents_states }: Call, threadId: string): JsonValue {
  return (isJsonObject(agents_states) ? ownValue(agents_states, threadId) : undefined) ?? "not_found";
}

function namesOf({ receiver_agents = [] }: Call, threadId: string | undefined) {
  const agent = receiver_agents.find(({ thread_id }) => thread_id === threadId);
  const [nickname, role] = [agent?.["agent_nickname"], agent?.["agent_role"]];
  return {
    nickname: typeof nickname === "string" ? nickname : undefined,
    role: typeof role === "string" ? role : undefined,
  };
}
