/**
 * What a legacy rollout cannot say, so that the proof of one that was made of a paginated rollout does not ask for it; docs/migrate.md
 * lists the same. For `legacy.ts`.
 */
import type { RecordOf } from "../format/record.ts";
import { trimmed } from "../format/user-message.ts";
import type { Allowance } from "../proof/differences.ts";
import { LEFT_OUT } from "../proof/proof.ts";
import type { ClientUserInput, ThreadItem, Turn, UserMessageItem } from "../thread/items.ts";
import type { ConversionProof } from "./conversion.ts";
import type { SightFacts } from "./legacy-sight.ts";

export interface LegacyFacts extends SightFacts {
  /** Metadata of the files that the thread continues. */
  readonly sources: readonly RecordOf<"session_meta">[];
  /** The paginated thread shows nothing of what it got from another one. */
  readonly hidesInherited: boolean;
  /** Of a turn only the end was written; it gets a beginning. */
  readonly hasEndAlone: boolean;
}

export function legacyProof({
  sources,
  hidesInherited,
  hasEndAlone,
  hasPaginatedBase,
  hasUnsentMessage,
}: LegacyFacts): ConversionProof {
  const allowance: Allowance = ({ view, index, before }) => {
    if (view === "turns" && hidesInherited && index === 0 && before === 0)
      return "turns that the thread got from another one are shown, as older releases show them";
    if (view !== "settings" && view !== "reference") return undefined;
    if (hasPaginatedBase) return "a legacy thread also goes by what precedes a checkpoint";
    if (hasEndAlone) return "a turn of which only the end was written has a beginning now";
    if (hasUnsentMessage) return "a user's message that the model was not sent counts as an event, and not as an item";
    return undefined;
  };
  return { before: { sources, turn: commonTurn }, after: { turn: commonTurn }, allowance };
}

/** Turns by the names that legacy threads give to those without a beginning. */
const IMPLIED = /^rollout-\d+$/;

/** A turn without what only one of the two modes says of it. */
function commonTurn({ id, rootTurnId, status, error, completedAt, durationMs, items }: Turn): unknown {
  const common = commonItems(items);
  // A checkpoint outside of all turns makes one of its own in legacy threads.
  if (common.length === 0 && IMPLIED.test(id)) return LEFT_OUT;
  return { id, rootTurnId, status, error, completedAt, durationMs, items: common };
}

interface ReasoningText {
  readonly type: "reasoning";
  readonly summary: string[];
  readonly content: string[];
}

function commonItems(items: readonly ThreadItem[]): readonly unknown[] {
  const common: unknown[] = [];
  let reasoning: ReasoningText | undefined;
  for (const item of items) {
    if (item.type === "reasoning") {
      const summary = item.summary.filter((text) => text !== "");
      const content = item.content.filter((text) => text !== "");
      if (summary.length + content.length === 0) continue;
      if (reasoning === undefined) common.push((reasoning = { type: "reasoning", summary: [], content: [] }));
      reasoning.summary.push(...summary);
      reasoning.content.push(...content);
      continue;
    }
    const one = commonItem(item);
    if (one === undefined) continue;
    reasoning = undefined;
    common.push(one);
  }
  return common;
}

/** Undefined for an item that 0.169.0 does not show of a legacy thread. */
function commonItem(item: ThreadItem): unknown {
  const { startedAtMs: _started, completedAtMs: _completed, ...timeless } = item;
  switch (timeless.type) {
    case "userMessage":
      return { type: timeless.type, clientId: timeless.clientId, content: commonContent(timeless.content) };
    case "agentMessage": {
      const { id: _id, moderation: _moderation, ...said } = timeless;
      return said.text === "" ? undefined : said;
    }
    case "contextCompaction":
      return { type: timeless.type };
    case "mcpToolCall":
      return { ...timeless, mcpAppUi: null };
    case "subAgentActivity":
      return timeless.kind === "completed" ? undefined : timeless;
    case "plan":
      return timeless.text === "" ? undefined : timeless;
    case "commandExecution":
    case "dynamicToolCall":
    case "collabAgentToolCall":
    case "imageView":
    case "hookPrompt":
      return undefined;
    default:
      return timeless;
  }
}

/** One text before all else; skills and mentions are not there. */
function commonContent(content: UserMessageItem["content"]): readonly unknown[] {
  const parts = (type: ClientUserInput["type"]): readonly ClientUserInput[] =>
    content.filter((part) => part.type === type);
  let text = "";
  const elements: unknown[] = [];
  for (const part of content) {
    if (part.type !== "text") continue;
    const before = Buffer.byteLength(text);
    for (const { byteRange, placeholder } of part.text_elements)
      elements.push([byteRange.start + before, byteRange.end + before, placeholder]);
    text += part.text;
  }
  const sound = parts("audio").filter((part) => "url" in part);
  return [
    ...(trimmed(text) === "" ? [] : [text, elements]),
    ...parts("image"),
    ...parts("localImage"),
    ...sound,
    ...parts("localAudio"),
  ];
}
