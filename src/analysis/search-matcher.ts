/** What is looked for in decoded text: whether something that was said holds it, how often, and how that is shown. */
import { expressionOf } from "./search-patterns.ts";
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

  /** @throws RolloutError as `expressionOf` does. */
  constructor(query: SearchQuery) {
    this.#expression = expressionOf(query);
    this.#hasBlanks = /\s/.test(query.text);
    this.#longest = query.isRegex ? LONGEST : Math.max(LONGEST, query.text.length);
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
