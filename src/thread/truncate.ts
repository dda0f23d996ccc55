/**
 * How Codex shortens text that the model is to see: in the middle, with a marker that says how much is gone. Used for
 * tool outputs (rollout-format §5.7, an option here since the budget hangs on the model) and by the rebuild after a
 * legacy compaction (§5.6). Lengths are bytes of UTF-8; a character is never cut.
 */
import type { ResponseItem } from "../format/record.ts";
import { type ContentItem, isOtherItem, type ToolOutput, type ToolOutputContent } from "../format/response-item.ts";

/** How much of a tool's output the model is shown; part of a model's description, `mode` as on disk. */
export interface TruncationPolicy {
  readonly mode: "bytes" | "tokens";
  readonly limit: number;
}

/** What 0.169.0 takes for a model that it does not know. */
export const FALLBACK_TRUNCATION: TruncationPolicy = { mode: "bytes", limit: 10_000 };

/** Codex allows a fifth more when it takes an output into a history, so that one cut before is not cut again. */
const SLACK = 1.2;
const BYTES_PER_TOKEN = 4;

export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    length += 1;
    // Each half of a surrogate pair counts two of its four bytes.
    if (code >= 0x800 && (code < 0xd800 || code > 0xdfff)) length += 1;
  }
  return length;
}

/** Codex's estimate, everywhere: a token is four bytes. */
export function tokensOf(text: string): number {
  return Math.ceil(utf8Length(text) / BYTES_PER_TOKEN);
}

/** As much of the beginning as fits into that many bytes, in whole characters. */
export function headOf(text: string, bytes: number): string {
  const ascii = text.slice(0, bytes);
  if (utf8Length(ascii) === ascii.length) return ascii;
  let left = bytes;
  let end = 0;
  while (end < text.length) {
    const width = widthAt(text, end);
    if (width > left) break;
    left -= width;
    end += width === 4 ? 2 : 1;
  }
  return text.slice(0, end);
}

/** As much of the end as fits. */
export function tailOf(text: string, bytes: number): string {
  const ascii = text.slice(Math.max(text.length - bytes, 0));
  if (utf8Length(ascii) === ascii.length) return ascii;
  let left = bytes;
  let start = text.length;
  while (start > 0) {
    const isPair = isLow(text.charCodeAt(start - 1)) && start > 1 && isHigh(text.charCodeAt(start - 2));
    const at = isPair ? start - 2 : start - 1;
    const width = widthAt(text, at);
    if (width > left) break;
    left -= width;
    start = at;
  }
  return text.slice(start);
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** Bytes of the character that begins there. */
function widthAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return isHigh(code) && isLow(text.charCodeAt(at + 1)) ? 4 : 3;
}

function characters(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at += 1)
    if (isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1))) count -= 1;
  return count;
}

function cutText(text: string, totalBytes: number, budgetBytes: number, mode: TruncationPolicy["mode"]): string {
  const headBytes = Math.floor(budgetBytes / 2);
  const head = headOf(text, headBytes);
  const tail = tailOf(text, budgetBytes - headBytes);
  const gone =
    mode === "tokens"
      ? `${Math.ceil((totalBytes - budgetBytes) / BYTES_PER_TOKEN)} tokens`
      : `${characters(text) - characters(head) - characters(tail)} chars`;
  return `${head}…${gone} truncated…${tail}`;
}

/**
 * The item as it enters a history: outputs of functions and custom tools cut to the budget, all others as they are
 * (rollout-format §5.7). Parts of an array share one budget; what no longer fits is counted in a last part.
 */
export function truncateOutput(item: ResponseItem, policy: TruncationPolicy): ResponseItem {
  if (isOtherItem(item)) return item;
  if (item.type !== "function_call_output" && item.type !== "custom_tool_call_output") return item;
  const output = cutOutput(item.output, policy.mode, Math.ceil(policy.limit * SLACK));
  return output === item.output ? item : Object.assign({}, item, { output });
}

/** Without the empty text parts of a tool's output: 0.169.0, asked, takes none of them into a history, 0.142.3 all. */
export function withoutEmptyTexts(item: ResponseItem): ResponseItem {
  if (isOtherItem(item)) return item;
  if (item.type !== "function_call_output" && item.type !== "custom_tool_call_output") return item;
  if (typeof item.output === "string" || !item.output.some(isEmptyText)) return item;
  return Object.assign({}, item, { output: item.output.filter((part) => !isEmptyText(part)) });
}

function isEmptyText(part: ToolOutputContent): boolean {
  return part.type === "input_text" && part.text === "";
}

function cutOutput(output: ToolOutput, mode: TruncationPolicy["mode"], budget: number): ToolOutput {
  const unit = mode === "tokens" ? BYTES_PER_TOKEN : 1;
  if (typeof output === "string") {
    const total = utf8Length(output);
    return total <= budget * unit ? output : cutText(output, total, budget * unit, mode);
  }
  const parts: ToolOutputContent[] = [];
  let left = budget;
  let omitted = 0;
  let changed = false;
  for (const part of output) {
    const total = part.type === "input_text" ? utf8Length(part.text) : 0;
    const cost = Math.ceil(total / unit);
    if (part.type !== "input_text") {
      parts.push(part);
    } else if (left === 0) {
      omitted += 1;
    } else if (cost <= left) {
      parts.push(part);
      left -= cost;
    } else {
      parts.push({ type: "input_text", text: cutText(part.text, total, left * unit, mode) });
      left = 0;
      changed = true;
    }
  }
  if (omitted === 0) return changed ? parts : output;
  parts.push({ type: "input_text", text: `[omitted ${omitted} text items ...]` });
  return parts;
}

/**
 * Text parts cut in the middle to that many tokens altogether; the marker becomes a part of its own, and parts wholly
 * inside the gap are gone (rollout-format §5.6, step 2). To be called with more text than fits.
 */
export function truncateParts(parts: readonly string[], budgetTokens: number): string[] {
  const budgetBytes = budgetTokens * BYTES_PER_TOKEN;
  const totalBytes = parts.reduce((sum, part) => sum + utf8Length(part), 0);
  const headBytes = Math.floor(budgetBytes / 2);
  const head = fill(parts, headBytes, headOf);
  const tail = fill(parts.toReversed(), budgetBytes - headBytes, tailOf).toReversed();
  const gone = Math.ceil((totalBytes - budgetBytes) / BYTES_PER_TOKEN);
  return [...head, `…${gone} tokens truncated…`, ...tail];
}

/** Whole parts as long as they fit, then what fits of the next one. */
function fill(parts: readonly string[], bytes: number, cut: (text: string, bytes: number) => string): string[] {
  const filled: string[] = [];
  let left = bytes;
  for (const part of parts) {
    const length = utf8Length(part);
    if (length > left) {
      const piece = cut(part, left);
      if (piece !== "") filled.push(piece);
      break;
    }
    filled.push(part);
    left -= length;
  }
  return filled;
}

/** The text parts of a message; media are passed over. */
export function textParts(content: readonly ContentItem[]): string[] {
  return content.flatMap((part) => (part.type === "input_text" ? [part.text] : []));
}
