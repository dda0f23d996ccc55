/**
 * Prompts of hooks in a legacy rollout. They stand there as user messages whose every part is one (`format/hook-prompt.ts`),
 * and are the only model items that clients get to see (rollout-format §8.2). For `turns-legacy.ts`.
 */
import { hookPromptOf } from "../format/hook-prompt.ts";
import type { MessageItem } from "../format/response-item.ts";
import type { HookPromptFragment } from "./items.ts";

/** The fragments of a message that consists of hook prompts; undefined for any other message. */
export function hookFragments({ role, content }: MessageItem): readonly HookPromptFragment[] | undefined {
  if (role !== "user" || content.length === 0) return undefined;
  const fragments: HookPromptFragment[] = [];
  for (const part of content) {
    const fragment = part.type === "input_text" ? hookPromptOf(part.text) : undefined;
    if (fragment === undefined) return undefined;
    fragments.push(fragment);
  }
  return fragments;
}
