/**
 * Which of the three generations of rollout a file is, told by its first bytes (rollout-format §12). Everything but the
 * files of early 2025 is `envelope`, and so is whatever cannot be told.
 */

/** `envelope`: since 0.40; `bare`: early Rust, items without an envelope (§12.2); `typescript`: one JSON document (§12.1). */
export type Generation = "envelope" | "bare" | "typescript";

/** Enough of a file's beginning to tell its generation. */
export const GENERATION_HEAD_BYTES = 8 * 1024;

/** Item types that the bare generation could hold; an envelope's own `type` is none of them. */
const BARE_TYPES: ReadonlySet<unknown> = new Set([
  "message",
  "reasoning",
  "local_shell_call",
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
  "web_search_call",
  "other",
]);

/** Tells the generation from the first bytes of the plain stream; the first line that decides counts. */
export function generationOf(head: Buffer): Generation {
  const text = head.toString("latin1", 0, GENERATION_HEAD_BYTES);
  if (text.startsWith('{"timestamp":"')) return "envelope";
  if (/^(?:\u00ef\u00bb\u00bf)?\s*\{\s*"(?:session|items)"\s*:/.test(text)) return "typescript";
  for (const line of text.split("\n")) {
    const generation = generationOfLine(line);
    if (generation !== undefined) return generation;
  }
  return "envelope";
}

/** The session's time in the first bytes of a bare rollout, or "" where there is none. */
export function bareTimestamp(head: Buffer): string {
  return /"timestamp"\s*:\s*"([^"\\]*)"/.exec(head.toString("latin1", 0, GENERATION_HEAD_BYTES))?.[1] ?? "";
}

function generationOfLine(line: string): Generation | undefined {
  const value = parseObject(line);
  if (value === undefined) {
    // A first line longer than the head: the order in which its writer puts the keys decides.
    if (/^\s*\{\s*"timestamp"\s*:/.test(line)) return "envelope";
    return /^\s*\{\s*"id"\s*:\s*"[^"]*"\s*,\s*"timestamp"\s*:/.test(line) ? "bare" : undefined;
  }
  if ("payload" in value) return "envelope";
  if ("record_type" in value) return "bare";
  if (!("type" in value)) return "id" in value && "timestamp" in value ? "bare" : undefined;
  return BARE_TYPES.has(value["type"]) && !("timestamp" in value) ? "bare" : undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
