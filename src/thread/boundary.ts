/**
 * What an item of the model's history is to a rollback: the beginning of a user turn, context that goes with the turn
 * below it, or neither (rollout-format §5.4, §5.5). Asked once for each item that enters a history.
 */
import { type ContextRelease, isDeveloperContext, isSummaryText, userWrapperOf } from "../format/contextual.ts";
import type { InterAgentCommunication, ResponseItem } from "../format/record.ts";
import { type AgentMessageItem, isOtherItem, type MessageItem } from "../format/response-item.ts";
import { lineShapes } from "../format/shapes-records.ts";

/** `boundary` begins a user turn; `context` is trimmed with the turn below it. */
export type ItemClass = "boundary" | "context" | "plain";

/**
 * As that release sees it. To 0.169.0 a message with the summary of a compaction in one of its parts begins no turn, nor
 * is it trimmed; to 0.142.3 it is like any other. Both were seen to do so.
 */
export function classOf(item: ResponseItem, release: ContextRelease = "0.169.0"): ItemClass {
  if (isOtherItem(item)) return "plain";
  if (item.type === "agent_message") return "boundary";
  if (item.type !== "message") return "plain";
  switch (item.role) {
    case "user":
      return classOfUserMessage(item, release);
    case "assistant":
      return communicationIn(item) === undefined ? "plain" : "boundary";
    case "developer":
      return item.content.some((part) => part.type === "input_text" && isDeveloperContext(part.text, release))
        ? "context"
        : "plain";
    default:
      return "plain";
  }
}

/** One wrapped text part makes the whole message context, whatever the others are (rollout-format §5.4). */
function classOfUserMessage({ content }: MessageItem, release: ContextRelease): ItemClass {
  let found: ItemClass = "boundary";
  for (const part of content) {
    if (part.type !== "input_text") continue;
    if (userWrapperOf(part.text, release) !== undefined) return "context";
    if (release === "0.169.0" && isSummaryText(part.text)) found = "plain";
  }
  return found;
}

/**
 * The communication that an assistant's message of older releases is, as JSON in its only part; undefined for an
 * ordinary message (rollout-format §3.6).
 */
export function communicationIn({ content }: MessageItem): InterAgentCommunication | undefined {
  const [part] = content;
  if (content.length !== 1 || part === undefined || !("text" in part)) return undefined;
  // Ordinary answers begin otherwise; parsing is for the few that do not.
  if (!/^[\t\n\r ]*\{/.test(part.text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(part.text);
  } catch {
    return undefined;
  }
  return isCommunication(value) ? value : undefined;
}

const communicationLine = lineShapes.get("inter_agent_communication");

function isCommunication(value: unknown): value is InterAgentCommunication {
  const line = { timestamp: "", type: "inter_agent_communication", payload: value };
  return communicationLine !== undefined && communicationLine(line, "0.169.0") === undefined;
}

/** The item that a communication between agents is to the model (rollout-format §5.2, step 3). */
export function itemOfCommunication(communication: InterAgentCommunication): AgentMessageItem {
  const { id, author, recipient, internal_chat_message_metadata_passthrough: metadata } = communication;
  return {
    type: "agent_message",
    ...(id == null ? {} : { id }),
    author,
    recipient,
    content: contentOf(communication),
    ...(metadata == null ? {} : { internal_chat_message_metadata_passthrough: metadata }),
  };
}

/** An encrypted text has a readable head, which Codex makes up from the other fields; 0.169.0 was seen to do so. */
function contentOf({ author, recipient, content, encrypted_content, trigger_turn }: InterAgentCommunication) {
  if (encrypted_content == null) return [{ type: "input_text" as const, text: content }];
  const kind = trigger_turn ? "NEW_TASK" : "MESSAGE";
  const head = `Message Type: ${kind}\nTask name: ${recipient}\nSender: ${author}\nPayload:\n`;
  return [
    { type: "input_text" as const, text: head },
    { type: "encrypted_content" as const, encrypted_content },
  ];
}
