/**
 * Text that Codex itself puts into a conversation, told by its wrapping: context that is written in a user's or a
 * developer's name, and the summary of a compaction. What a turn of the model's history is hangs on it, since a user
 * message that is context begins none (rollout-format §5.4, §5.5). Pure data and its matchers; `thread/boundary.ts` asks.
 */

import { hookPromptOf } from "./hook-prompt.ts";

/** Releases whose wrappers differ. `0.40.0` stands for the line up to about 0.4x, of which less is known. */
export type ContextRelease = "0.40.0" | "0.142.3" | "0.169.0";

export interface Wrapper {
  readonly name: string;
  /** How the text is compared, after white space around it is gone. */
  readonly match:
    | { readonly how: "tags"; readonly opening: string; readonly closing: string }
    | { readonly how: "prefix"; readonly prefix: string; readonly suffix?: string }
    | { readonly how: "shape"; readonly fits: (text: string) => boolean };
  readonly knownTo: readonly ContextRelease[];
}

const EVER: readonly ContextRelease[] = ["0.40.0", "0.142.3", "0.169.0"];
const SINCE_142: readonly ContextRelease[] = ["0.142.3", "0.169.0"];
const SINCE_169: readonly ContextRelease[] = ["0.169.0"];

/** Both tags are needed, in any case; nothing may stand between the name and the bracket. */
function element(name: string, knownTo = SINCE_142): Wrapper {
  return { name, match: { how: "tags", opening: `<${name}>`, closing: `</${name}>` }, knownTo };
}

function warning(name: string, prefix: string, suffix?: string): Wrapper {
  return { name, match: { how: "prefix", prefix, ...(suffix === undefined ? {} : { suffix }) }, knownTo: SINCE_142 };
}

/** A user message is context when one of its text parts is one of these (rollout-format §5.4). */
export const userWrappers: readonly Wrapper[] = [
  element("environment_context", EVER),
  element("user_instructions", ["0.40.0"]),
  {
    name: "agents_md",
    match: { how: "tags", opening: "# AGENTS.md instructions", closing: "</INSTRUCTIONS>" },
    knownTo: SINCE_142,
  },
  element("skill"),
  element("user_shell_command"),
  element("turn_aborted"),
  element("subagent_notification"),
  element("goal_context"),
  { name: "internal_context", match: { how: "shape", fits: isInternalContext }, knownTo: SINCE_142 },
  {
    name: "hook_prompt",
    match: { how: "shape", fits: (text) => hookPromptOf(text) !== undefined },
    knownTo: SINCE_142,
  },
  { name: "external", match: { how: "shape", fits: isExternal }, knownTo: SINCE_142 },
  element("recommended_plugins"),
  element("agent_message_board_notification", SINCE_169),
  warning("unified_exec_warning", "Warning: The maximum number of unified exec processes you can keep open is"),
  warning(
    "apply_patch_warning",
    "Warning: apply_patch was requested via ",
    "Use the apply_patch tool instead of exec_command.",
  ),
  warning("flagged_warning", "Warning: Your account was flagged for potentially high-risk cyber activity"),
];

/** How a text part of a developer message begins that is context; any case, no end needed (rollout-format §5.5). */
export const developerPrefixes: readonly { readonly prefix: string; readonly knownTo: readonly ContextRelease[] }[] = [
  { prefix: "<permissions instructions>", knownTo: SINCE_142 },
  { prefix: "<model_switch>", knownTo: SINCE_142 },
  { prefix: "<collaboration_mode>", knownTo: SINCE_142 },
  { prefix: "<multi_agent_mode>", knownTo: SINCE_142 },
  { prefix: "<realtime_conversation>", knownTo: SINCE_142 },
  { prefix: "<skills_instructions>", knownTo: SINCE_142 },
  { prefix: "<personality_spec>", knownTo: SINCE_142 },
  { prefix: "<token_budget>", knownTo: SINCE_142 },
  { prefix: "<context_window>", knownTo: SINCE_142 },
  { prefix: "<rollout_budget>", knownTo: SINCE_142 },
  { prefix: "<managed_developer_instructions>", knownTo: SINCE_169 },
  { prefix: "<context_window_guidance>", knownTo: SINCE_169 },
  { prefix: "<apps_instructions>", knownTo: SINCE_169 },
  { prefix: "<plugins_instructions>", knownTo: SINCE_169 },
  { prefix: "<environments_instructions>", knownTo: SINCE_169 },
  { prefix: "<git_attribution>", knownTo: SINCE_169 },
  { prefix: "<persistent_mode>", knownTo: SINCE_169 },
  { prefix: "<multi_agent_role>", knownTo: SINCE_169 },
  { prefix: "<tools>", knownTo: SINCE_169 },
];

/** The wrapper around a text part of a user message, by name; undefined for a user's own words. */
export function userWrapperOf(text: string, release: ContextRelease = "0.169.0"): string | undefined {
  const first = startOf(text);
  const initial = text[first];
  // All wrappers begin with one of these; almost no real message does.
  if (initial !== "<" && initial !== "#" && initial !== "W") return undefined;
  const trimmed = text.slice(first, endOf(text));
  return userWrappers.find((wrapper) => wrapper.knownTo.includes(release) && wraps(wrapper, trimmed))?.name;
}

/** True for a text part of a developer message that is context. */
export function isDeveloperContext(text: string, release: ContextRelease = "0.169.0"): boolean {
  const first = startOf(text);
  if (text[first] !== "<") return false;
  return developerPrefixes.some(({ prefix, knownTo }) => knownTo.includes(release) && beginsWith(text, prefix, first));
}

const SUMMARY_BEGINS =
  "Another language model started to solve this problem and produced a summary of its thinking process.";
const SUMMARY_ENDS = "to assist with your own analysis:";
/** The paragraph is about 430 characters long; what lies far behind is the summary's own text. */
const SUMMARY_PREFIX_LIMIT = 1_000;

/**
 * True for the text of a compaction summary: the fixed paragraph, told by how it begins and ends since its middle has
 * changed over time, and a line break (rollout-format §5.6).
 */
export function isSummaryText(text: string): boolean {
  if (!text.startsWith(SUMMARY_BEGINS)) return false;
  const end = text.slice(0, SUMMARY_PREFIX_LIMIT).indexOf(SUMMARY_ENDS);
  return end !== -1 && text[end + SUMMARY_ENDS.length] === "\n";
}

function wraps({ match }: Wrapper, text: string): boolean {
  if (match.how === "shape") return match.fits(text);
  if (match.how === "tags") return beginsWith(text, match.opening, 0) && endsIn(text, match.closing);
  return text.startsWith(match.prefix) && (match.suffix === undefined || text.endsWith(match.suffix));
}

/** ASCII letters only: some other characters become ASCII when put into lower case. */
function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function beginsWith(text: string, opening: string, at: number): boolean {
  return lower(text.slice(at, at + opening.length)) === lower(opening);
}

function endsIn(text: string, closing: string): boolean {
  return text.length >= closing.length && lower(text.slice(-closing.length)) === lower(closing);
}

function isInternalContext(text: string): boolean {
  return /^<codex_internal_context source="[a-z][a-z0-9_]*">/.test(text) && text.endsWith("</codex_internal_context>");
}

function isExternal(text: string): boolean {
  const tag = /^<(external_[^>]*)>/.exec(text);
  return tag !== null && text.endsWith(`</${tag[1]}>`);
}

/** White space as Codex trims it: that of Unicode, to which a byte order mark does not belong. */
function isSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x85) return false;
  if (code === 0x85 || code === 0xa0 || code === 0x1680 || code === 0x3000) return true;
  return (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f;
}

function startOf(text: string): number {
  let at = 0;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function endOf(text: string): number {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return end;
}
