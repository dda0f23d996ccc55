/**
 * What is looked for, in two forms: an expression over decoded text, which decides, and byte patterns that find the lines in
 * which it may be. Both fold case by Unicode's simple rules, as ripgrep and Codex do (state-and-compression §5.6).
 */
import { RolloutError } from "../errors.ts";
import type { BytePattern } from "../io/byte-search.ts";
import { jsonPatterns } from "../io/byte-search-patterns.ts";
import { requiredTexts } from "./search-regex.ts";
import { collapsedSnippet, type Match, type Range, snippetOf } from "./search-snippet.ts";
import type { Saying } from "./search-texts.ts";
import type { SearchQuery, Snippet } from "./search-types.ts";

const LONGEST = 400;
/** More are not counted in one text. */
const MAX_MATCHES = 1000;

export class Matcher {
  readonly #expression: RegExp;
  readonly #hasBlanks: boolean;
  /** Of a match no more is shown, unless the text that was looked for is longer itself. */
  readonly #longest: number;
  /** At least one; where nothing is required, one that every line has. */
  readonly patterns: readonly BytePattern[];

  /** @throws RolloutError `usage` when the expression is none, or nothing is looked for. */
  constructor({ text, isRegex, caseSensitive, kinds }: SearchQuery) {
    if (text === "") throw new RolloutError("usage", "there is nothing to look for");
    this.#expression = compile(isRegex ? text : escaped(text), caseSensitive);
    this.#hasBlanks = /\s/.test(text);
    this.#longest = isRegex ? LONGEST : Math.max(LONGEST, text.length);
    const nested = kinds.some((kind) => kind !== "message" && kind !== "reasoning");
    const texts = isRegex ? requiredTexts(text) : [text];
    this.patterns =
      texts === undefined ? [QUOTE] : texts.flatMap((one) => jsonPatterns(one, { caseSensitive, nested }));
  }

  /** How often it is found in a saying and how that looks; undefined where it is not. */
  look({ texts, kind, isConversation }: Saying): { readonly matches: number; readonly snippet: Snippet } | undefined {
    let found: Match | undefined;
    let matches = 0;
    for (const [piece, text] of texts.entries()) {
      const range = this.#first(text);
      if (range === undefined) continue;
      // The pieces of a message are read as one; arguments of a command have little to do with each other.
      found ??= kind === "message" ? { pieces: texts, piece, ...range } : { pieces: [text], piece: 0, ...range };
      matches += this.#count(text);
    }
    if (found === undefined) return undefined;
    // Where the text that is looked for has no blanks, collapsing those around it changes nothing.
    const asCodex = isConversation && this.#hasBlanks && collapsedSnippet(texts, this.#first, this.#longest);
    return { matches, snippet: asCodex || snippetOf(found, this.#longest) };
  }

  /** The first match that is not empty. */
  readonly #first = (text: string): Range | undefined => this.#matches(text).next().value ?? undefined;

  #count(text: string): number {
    let count = 0;
    for (const _match of this.#matches(text)) {
      count += 1;
      if (count === MAX_MATCHES) break;
    }
    return count;
  }

  *#matches(text: string): Generator<Range, undefined> {
    for (const { index, 0: match } of text.matchAll(this.#expression)) {
      if (match !== "") yield { start: index, end: index + match.length };
    }
    return undefined;
  }
}

/** Every line with a text in it has one. */
const QUOTE: BytePattern = { wanted: Uint8Array.of(0x22), mask: Uint8Array.of(0) };

function compile(source: string, caseSensitive: boolean): RegExp {
  try {
    return new RegExp(source, caseSensitive ? "gu" : "giu");
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
