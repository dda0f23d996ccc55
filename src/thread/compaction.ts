/**
 * What a legacy compaction, one without a replacement history, makes of the items before it (rollout-format §5.6). The
 * rules for single messages; the walk over them is in `history.ts`.
 */
import { isSummaryText } from "../format/contextual.ts";
import type { ResponseItem } from "../format/record.ts";
import { isOtherItem, type MessageItem } from "../format/response-item.ts";
import { textParts, tokensOf, truncateParts } from "./truncate.ts";

/** What all kept user messages together may hold. */
export const KEPT_TOKENS = 20_000;

const NO_SUMMARY = "(no summary available)";

/** The message that stands for what was compacted. */
export function summaryItem(message: string): MessageItem {
  return userMessage([message === "" ? NO_SUMMARY : message]);
}

export function isEarlierSummary({ content }: MessageItem): boolean {
  return isSummaryText(textParts(content).join(""));
}

/** Tokens of a message's text; its parts are counted as one. */
export function messageTokens(item: ResponseItem): number {
  return isMessage(item) ? tokensOf(textParts(item.content).join("")) : 0;
}

/** The message with its text parts only; one of media only becomes one of empty text. */
export function withoutMedia(item: ResponseItem): ResponseItem {
  if (!isMessage(item) || item.content.every((part) => part.type === "input_text")) return item;
  const parts = textParts(item.content);
  return withParts(item, parts.length === 0 ? [""] : parts);
}

/** The message cut in its middle to that many tokens. */
export function shortened(item: ResponseItem, budgetTokens: number): ResponseItem {
  return isMessage(item) ? withParts(item, truncateParts(textParts(item.content), budgetTokens)) : item;
}

export function isMessage(item: ResponseItem): item is MessageItem {
  return !isOtherItem(item) && item.type === "message";
}

function withParts(item: MessageItem, parts: readonly string[]): MessageItem {
  return Object.assign({}, item, userMessage(parts));
}

function userMessage(parts: readonly string[]): MessageItem {
  return { type: "message", role: "user", content: parts.map((text) => ({ type: "input_text", text })) };
}
