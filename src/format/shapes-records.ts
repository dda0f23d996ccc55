/** The table of record types: what `decode.ts` runs over the payload of each line (rollout-format §3). */
import type { JsonArray, JsonObject } from "./json.ts";
import type {
  Compacted,
  DynamicToolsUpdated,
  InterAgentCommunication,
  InterAgentCommunicationMetadata,
  RealtimeItem,
  RecordPayloads,
  RecordType,
  ResumeMetadata,
  RetainedContext,
  SecurityRiskScore,
  TokenUsageRecord,
  WorldState,
} from "./record.ts";
import { agentPath, flag, float, rfc3339, text, u64, uuid } from "./scalars.ts";
import {
  anyList,
  anyObject,
  byDefault,
  type Check,
  either,
  listOf,
  mapOf,
  may,
  need,
  newer,
  not142,
  object,
  oneOf,
  type Rule,
  tagged,
  unread,
} from "./shape.ts";
import { eventMsg } from "./shapes-events.ts";
import { harnessMetadata, historyItem, passthrough, responseItem } from "./shapes-items.ts";
import { sessionMeta, turnContext } from "./shapes-session.ts";
import { cyberAccessProgram, dynamicTool, multiAgentVersion, turnAttribution } from "./shapes-settings.ts";

import { usage } from "./shapes-usage.ts";

const textList = listOf(text);

const tokenUsageRecord = object<TokenUsageRecord>({
  thread_id: need(uuid),
  turn_id: need(text),
  session_id: need(uuid),
  root_turn_id: need(text),
  response_id: need(text),
  usage: need(usage),
  turn_token_usage: need(usage),
  thread_token_usage: need(usage),
});

const resumeMetadata = object<ResumeMetadata>({
  multi_agent_version: may(multiAgentVersion),
  last_started_turn_id: may(text),
  turn_attribution: may(turnAttribution),
  previous_turn_settings: may(
    object<NonNullable<ResumeMetadata["previous_turn_settings"]>>({
      model: need(text),
      comp_hash: may(text),
      realtime_active: may(flag),
      cyber_access_program: may(cyberAccessProgram),
    }),
  ),
  dynamic_tools: may(object<{ thread_id: string; tools: JsonArray }>({ thread_id: need(uuid), tools: need(anyList) })),
  rejected_audio_file_ids: byDefault(textList),
});

const answer = object<{ question: string; answer: string }>({ question: need(text), answer: need(text) });
const verifiedAnswer = { turn_id: need(text), call_id: need(text), questions: need(listOf(answer)) };
const retainedMessage = object<JsonObject>({ turn_id: need(text), text: need(text), complete: need(flag) });

const retainedFacts = object<JsonObject>({
  verified_answers: need(listOf(object(verifiedAnswer))) as never,
  incomplete: need(flag),
  user_messages: byDefault(listOf(retainedMessage)),
  user_messages_incomplete: byDefault(flag),
  assistant_messages: byDefault(listOf(retainedMessage)),
  assistant_messages_incomplete: byDefault(flag),
  next_order: byDefault(u64),
});

const origin = object<JsonObject>({ call_id: need(text), tool: need(text), connector_id: need(text), uri: need(text) });
const resourceOrigins = object<JsonObject>({ origins: need(listOf(origin)), turns: need(textList) });

/**
 * 0.169.0 wants one metadata object per item, but drops what belongs to a ghost snapshot unseen; 0.142.3 does not look
 * (rollout-format §3.3.1, §3.4).
 */
const oneMetadataPerItem: Rule = ({ replacement_history: items, replacement_history_metadata: metadata }, judge) => {
  if (judge === "0.142.3" || !Array.isArray(metadata)) return undefined;
  if (!Array.isArray(items)) return "has metadata without a replacement history";
  if (items.length !== metadata.length) return "does not have one metadata entry per item";
  const odd = metadata.findIndex(
    (entry, index) => items[index].type !== "ghost_snapshot" && harnessMetadata(entry, judge) !== undefined,
  );
  return odd === -1 ? undefined : `has ill-formed metadata for item ${odd}`;
};

const compacted = object<Compacted>(
  {
    message: need(text),
    replacement_history: may(listOf(historyItem)),
    replacement_history_metadata: newer(may(anyList)) as never,
    window_number: may(u64),
    window_id: may(either(text, u64)),
    first_window_id: may(text),
    previous_window_id: may(text),
    guardian_history: newer(may(listOf(object<JsonObject>({ type: need(text) })))),
    retained_context: newer(may(retainedFacts)),
    mcp_resource_origins: newer(may(resourceOrigins)),
    compaction_response_id: newer(may(text)),
    latest_token_usage_record: newer(may(tokenUsageRecord)),
    resume_metadata: newer(may(resumeMetadata)),
  },
  oneMetadataPerItem,
);

const communication = object<InterAgentCommunication>({
  id: newer(may(text)),
  author: need(agentPath),
  recipient: need(agentPath),
  other_recipients: byDefault(listOf(agentPath)),
  content: need(text),
  encrypted_content: may(text),
  internal_chat_message_metadata_passthrough: may(passthrough),
  trigger_turn: need(flag),
});

const realtimeBase = { id: need(text), realtime_session_id: need(text) };

const realtimeItem = tagged("type", {
  realtime_session_started: object(realtimeBase),
  transcript_segment: object({ ...realtimeBase, role: need(oneOf("user", "assistant")), text: need(text) }),
  bem_item_promoted: object({
    ...realtimeBase,
    turn_id: need(text),
    item_id: need(text),
    presentation: need(
      tagged("type", {
        whole_item: object({}),
        inline_markdown: object({}),
        inline_visualization: object({ index: need(u64) }),
      }),
    ),
  }),
  realtime_session_closed: object({ ...realtimeBase, outcome: need(oneOf("ended", "failed")) }),
}) as Check<RealtimeItem>;

const retainedContext = tagged("type", {
  accepted_file_audio: object({
    evidence: need(object({ turn_id: need(text), model: need(text), provider: need(text), file_ids: need(textList) })),
  }),
  verified_answer: object({ ...verifiedAnswer, acceptance_order: may(u64) }),
  delivered_assistant_message: object({
    acceptance_order: need(u64),
    turn_id: need(text),
    text: need(text),
    complete: need(flag),
    message_id: may(text),
  }),
}) as Check<RetainedContext>;

const payloads: { readonly [T in RecordType]: Check<RecordPayloads[T]> } = {
  session_meta: sessionMeta,
  response_item: responseItem,
  compacted,
  turn_context: turnContext,
  event_msg: eventMsg,
  inter_agent_communication: communication,
  inter_agent_communication_metadata: object<InterAgentCommunicationMetadata>({ trigger_turn: need(flag) }),
  world_state: object<WorldState>({ full: need(flag), state: need(anyObject) }),
  security_risk_score: object<SecurityRiskScore>({
    scores: need(mapOf(float)),
    call_id: may(text),
    action: unread,
    sampled_at: may(rfc3339),
  }),
  realtime_item: realtimeItem,
  token_usage_record: tokenUsageRecord,
  retained_context: retainedContext,
  dynamic_tools_updated: object<DynamicToolsUpdated>({
    thread_id: need(uuid),
    tools: need(listOf(dynamicTool)) as never,
  }),
};

const KNOWN_TO_142: ReadonlySet<string> = new Set<RecordType>([
  "session_meta",
  "response_item",
  "inter_agent_communication",
  "compacted",
  "turn_context",
  "event_msg",
]);

/** The whole line, by record type (rollout-format §2.1). Envelope metadata belongs to items; elsewhere it is ignored. */
export const lineShapes: ReadonlyMap<string, Check<unknown>> = new Map(
  Object.entries<Check<unknown>>(payloads).map(([type, payload]) => {
    const line = object({
      timestamp: need(text),
      ordinal: newer(may(u64)),
      type: need(text),
      payload: need(payload),
      metadata: type === "response_item" ? newer(may(harnessMetadata)) : unread,
    });
    return [type, KNOWN_TO_142.has(type) ? line : not142(line)];
  }),
);
