/**
 * From a text to the byte patterns by which JSON that holds it is found: what `byte-search.ts` looks for, so that only few
 * lines have to be parsed. The patterns let more through than they should, never less: whoever finds one parses the line and
 * looks again.
 *
 * Held to be written as all writers do: quotes, backslashes and control characters escaped in their short form, or as `\u`
 * where there is none; letters beyond ASCII as they are, or as `\u`; other ASCII as it is.
 */
import { type BytePattern, MAX_PATTERN_BYTES, selectivity } from "./byte-search.ts";

export interface PatternOptions {
  readonly caseSensitive: boolean;
  /**
   * The text may also stand in JSON that is a string of the JSON, and words of it in neighbouring elements of a list: as the
   * arguments of a command do.
   */
  readonly nested: boolean;
}

const LETTER_BIT = 0x20;
const BACKSLASH = "\\";

/** One pattern or more, of which one is found wherever the text is. The text must not be empty. */
export function jsonPatterns(text: string, options: PatternOptions): readonly BytePattern[] {
  const best = bestRun(text, options);
  // Two characters and more of a run are worth more than anything that has several spellings.
  if (best !== undefined && (best.length >= LEAST_RUN || best.length === text.length)) {
    return [asciiPattern(best, options), ...(options.caseSensitive ? [] : strangers(best))];
  }
  const foreign = foreignRun(text);
  if (foreign !== undefined) return foreignPatterns(foreign, options);
  if (!options.nested) return [asciiPattern(best ?? text, options)];
  // A run is all the same inside and outside; else the first character that is escaped is, in both, preceded by a backslash.
  const [first] = /["\\\p{Cc}]/u.exec(text) ?? [];
  const part = best ?? first;
  // Blanks between two words of a list are no blanks there.
  return part === undefined ? [ANYWHERE] : [asciiPattern(part, options)];
}

/** A quote: there is one in every object of JSON. */
const ANYWHERE: BytePattern = { wanted: Uint8Array.of(0x22), mask: Uint8Array.of(0) };

const LEAST_RUN = 3;

/** The most telling run of ASCII; without the letters that have another spelling, if it loses little by it. */
function bestRun(text: string, { nested, caseSensitive }: PatternOptions): string | undefined {
  // Inside of nested text, what is escaped is so twice; and words may stand apart.
  const runs = text.match(nested ? /[!#-[\]-~]+/g : /[\0-\x7e]+/g) ?? [];
  const best = mostTelling(runs);
  if (best === undefined || caseSensitive) return best;
  const plain = mostTelling(runs.flatMap((run) => run.split(/[ks]+/i)).filter((run) => run.length >= LEAST_RUN));
  return plain !== undefined && worth(plain) >= 0.75 * worth(best) ? plain : best;
}

function mostTelling(runs: readonly string[]): string | undefined {
  return runs.toSorted((one, other) => worth(other) - worth(one))[0];
}

function worth(run: string): number {
  return selectivity(asciiPattern(run, { caseSensitive: false }));
}

/** ASCII as it stands in JSON. */
function asciiPattern(run: string, { caseSensitive }: Pick<PatternOptions, "caseSensitive">): BytePattern {
  const wanted: number[] = [];
  const mask: number[] = [];
  for (const character of run.slice(0, MAX_PATTERN_BYTES / 8)) {
    const escaped = JSON.stringify(character).slice(1, -1);
    for (const byte of Buffer.from(escaped)) {
      // The letters of a short escape have one case, those of a \u escape have both.
      const folds = isLetter(byte) && (escaped.length === 1 ? !caseSensitive : escaped.length > 2 && byte !== 0x75);
      wanted.push(folds ? byte | LETTER_BIT : byte);
      mask.push(folds ? LETTER_BIT : 0);
    }
  }
  return { wanted: Uint8Array.from(wanted), mask: Uint8Array.from(mask) };
}

function isLetter(byte: number): boolean {
  const small = byte | LETTER_BIT;
  return small >= 0x61 && small <= 0x7a;
}

/** The two characters beyond ASCII that have an ASCII letter as their other case: the Kelvin sign and the long s. */
const STRANGERS: readonly (readonly [letter: RegExp, spelling: string])[] = [
  [/k/i, "\u212a"],
  [/s/i, "\u017f"],
];

function strangers(run: string): readonly BytePattern[] {
  return STRANGERS.filter(([letter]) => letter.test(run)).flatMap(([, spelling]) => [
    merged([Buffer.from(spelling)]),
    escapedPattern(spelling),
  ]);
}

/** How many characters beyond ASCII are looked for as one. */
const FOREIGN_RUN = 2;

function foreignRun(text: string): string | undefined {
  const [run] = /[^\0-\x7e]+/u.exec(text) ?? [];
  return run === undefined ? undefined : Array.from(run).slice(0, FOREIGN_RUN).join("");
}

/** Characters beyond ASCII: as they are in all their cases, or one of them escaped. */
function foreignPatterns(run: string, { caseSensitive }: PatternOptions): readonly BytePattern[] {
  const spellings = Array.from(run, (character) => (caseSensitive ? [character] : casesOf(character)));
  // Spellings of other lengths do not fit into one pattern: each of them is looked for alone.
  const parts = spellings.map((cases) => cases.map((spelling) => Buffer.from(spelling)));
  const usual = parts.map((cases) => cases.filter(({ length }) => length === cases[0]?.length));
  const unusual = parts.flatMap((cases) => cases.filter(({ length }) => length !== cases[0]?.length));
  return [
    joined(usual.map(merged)),
    ...unusual.map((spelling) => merged([spelling])),
    ...spellings.flat().map(escapedPattern),
  ];
}

/** A character in `\u` notation, its digits in either case; of a pair of units the second, as the first has many partners. */
function escapedPattern(character: string): BytePattern {
  const digits = character
    .charCodeAt(character.length - 1)
    .toString(16)
    .padStart(4, "0");
  const wanted = Uint8Array.from(Buffer.from(`${BACKSLASH}u${digits}`));
  return { wanted, mask: wanted.map((byte, at) => (at > 1 && isLetter(byte) ? LETTER_BIT : 0)) };
}

/** One pattern for spellings of one length: bits in which they differ are of no regard. */
function merged(spellings: readonly Uint8Array[]): BytePattern {
  const [first = new Uint8Array()] = spellings;
  const mask = first.map((byte, at) => spellings.reduce((bits, other) => bits | (byte ^ (other[at] ?? 0)), 0));
  return { wanted: first.map((byte, at) => byte | (mask[at] ?? 0)), mask };
}

function joined(patterns: readonly BytePattern[]): BytePattern {
  return {
    wanted: Uint8Array.from(patterns.flatMap(({ wanted }) => [...wanted])),
    mask: Uint8Array.from(patterns.flatMap(({ mask }) => [...mask])),
  };
}

/** The last character that has a case, in Unicode 16. */
const LAST_CASED = 0x1e943;
let characters: string | undefined;

/** All characters that are the same one without regard to case, the given one first: by Unicode's simple case folding. */
function casesOf(character: string): readonly string[] {
  const same = new RegExp(`\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`, "giu");
  return [...new Set([character, ...(allCharacters().match(same) ?? [])])];
}

function allCharacters(): string {
  if (characters !== undefined) return characters;
  const parts: string[] = [];
  for (let code = 0; code <= LAST_CASED; code += 1) {
    if (code < 0xd800 || code > 0xdfff) parts.push(String.fromCodePoint(code));
  }
  return (characters = parts.join(""));
}
