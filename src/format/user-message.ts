/**
 * The text by which a user message names its thread in lists (state-and-compression §2.6): one rule for the event
 * `user_message` and for the turn item `UserMessage`.
 */
import type { EventOf, TurnItemOf } from "./record.ts";
import type { CodexRelease } from "./shape.ts";

export type UserMessageText = { readonly text: string } | { readonly placeholder: "[Image]" | "[Audio]" };

const REQUEST_MARKER = "## My request for Codex:";

/**
 * Text without what stands before the request marker, trimmed; else what kind of media it holds; undefined for nothing.
 * Text parts of an item are joined as they are. 0.142.3 knows neither file ids nor audio.
 */
export function userMessageText(
  message: EventOf<"user_message"> | TurnItemOf<"UserMessage">,
  release: CodexRelease = "0.169.0",
): UserMessageText | undefined {
  const parts = message.type === "user_message" ? partsOfEvent(message, release) : partsOfItem(message);
  const text = stripMarker(parts.text);
  if (text !== "") return { text };
  if (parts.images) return { placeholder: "[Image]" };
  return parts.audio ? { placeholder: "[Audio]" } : undefined;
}

interface Parts {
  readonly text: string;
  readonly images: boolean;
  readonly audio: boolean;
}

function partsOfEvent(event: EventOf<"user_message">, release: CodexRelease): Parts {
  if (release === "0.142.3")
    return { text: event.message, images: some(event.images) || some(event.local_images), audio: false };
  return {
    text: event.message,
    images: some(event.images) || some(event.file_ids) || some(event.local_images),
    audio: some(event.audio) || some(event.local_audio),
  };
}

function partsOfItem({ content }: TurnItemOf<"UserMessage">): Parts {
  return {
    text: content.map((part) => (part.type === "text" ? part.text : "")).join(""),
    images: content.some(({ type }) => type === "image" || type === "local_image"),
    audio: content.some(({ type }) => type === "audio" || type === "local_audio"),
  };
}

function some(list: readonly unknown[] | null | undefined): boolean {
  return list != null && list.length > 0;
}

function stripMarker(text: string): string {
  const marker = text.indexOf(REQUEST_MARKER);
  return trimmed(marker === -1 ? text : text.slice(marker + REQUEST_MARKER.length));
}

/** Unicode's white space. JavaScript's own `trim` takes the byte order mark for such, and not the next-line character. */
const SPACES = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACES}+`);
const TRAILING = new RegExp(`(?<!${SPACES})${SPACES}+$`);

/** Text without white space at either end, as Codex trims it. */
export function trimmed(text: string): string {
  return text.replace(LEADING, "").replace(TRAILING, "");
}
