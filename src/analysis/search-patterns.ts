/**
 * What is looked for, in two forms: an expression over decoded text, which decides, and byte patterns that find the lines in
 * which it may be. Both fold case by Unicode's simple rules, as ripgrep and Codex do (state-and-compression §5.6).
 */
import { RolloutError } from "../errors.ts";
import type { BytePattern } from "../io/byte-search.ts";
import { jsonPatterns } from "../io/byte-search-patterns.ts";
import { requiredTexts } from "./search-regex.ts";
import type { SearchQuery } from "./search-types.ts";

/** @throws RolloutError `usage` when the expression is none, or nothing is looked for. */
export function expressionOf({ text, isRegex, caseSensitive }: SearchQuery): RegExp {
  if (text === "") throw new RolloutError("usage", "there is nothing to look for");
  try {
    return new RegExp(isRegex ? text : escaped(text), caseSensitive ? "gu" : "giu");
  } catch (cause) {
    const reason =
      cause instanceof Error ? cause.message.replace(/^Invalid regular expression: /, "") : "not understood";
    throw new RolloutError("usage", `not a regular expression: ${reason}`, {
      hint: "expressions are those of JavaScript with its flag u; without --regex the text is taken as it is",
      cause,
    });
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/** At least one; where nothing is required, one that every line has. @throws RolloutError as `expressionOf` does. */
export function patternsOf(query: SearchQuery): readonly BytePattern[] {
  expressionOf(query);
  const { text, isRegex, caseSensitive, kinds } = query;
  const nested = kinds.some((kind) => kind !== "message" && kind !== "reasoning");
  const texts = isRegex ? requiredTexts(text) : [text];
  return texts === undefined ? [QUOTE] : texts.flatMap((one) => jsonPatterns(one, { caseSensitive, nested }));
}

/** Every line with a text in it has one. */
const QUOTE: BytePattern = { wanted: Uint8Array.of(0x22), mask: Uint8Array.of(0) };
