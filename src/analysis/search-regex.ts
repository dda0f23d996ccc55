/**
 * Texts of which every match of an expression holds one, so that only lines with one of them need be decoded. Reads no more of
 * an expression than is plain to see: what it does not understand, it does not require.
 */

/**
 * One text for each alternative, or undefined where an alternative requires none. The expression must be one that JavaScript
 * takes with its flag `u`.
 */
export function requiredTexts(source: string): readonly string[] | undefined {
  const texts = alternatives(source).map((part) => longest(literalRuns(part)));
  return texts.every((text) => text !== undefined && text.length >= 2) && texts.length <= MAX_ALTERNATIVES
    ? (texts as readonly string[])
    : undefined;
}

/** Each is a search of its own. */
const MAX_ALTERNATIVES = 4;

/** A piece of an expression: an escape, a class, a quantifier or a single character. Groups are put together from these. */
const TOKEN =
  /\\(?:u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|[pP]\{[^}]*\}|\d+|[^])|\[(?:\\[^]|[^\]\\])*\]|\{\d+(?:,\d*)?\}\??|[*+?]\??|[^]/gu;

function tokensOf(source: string): readonly string[] {
  return source.match(TOKEN) ?? [];
}

function alternatives(source: string): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokensOf(source)) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (token === "|" && depth === 0) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Runs of characters that stand next to each other in every match. What groups hold is left out. */
function literalRuns(tokens: readonly string[]): readonly string[] {
  const runs = [""];
  let depth = 0;
  const append = (text: string): void => void runs.push((runs.pop() ?? "") + text);
  for (const [index, token] of tokens.entries()) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    const literal = depth > 0 || token === ")" ? undefined : literalOf(token);
    const repeats = tokens[index + 1];
    // What may be missing requires nothing; what may be repeated ends the run.
    const isOptional = repeats !== undefined && /^(?:[*?]|\{0)/.test(repeats);
    if (literal !== undefined && !isOptional) append(literal);
    const isBetween = ZERO_WIDTH.has(token) && depth === 0;
    if ((literal === undefined && !isBetween) || isQuantifier(repeats)) runs.push("");
  }
  return runs;
}

/** Match a place and no character. */
const ZERO_WIDTH: ReadonlySet<string> = new Set(["^", "$", String.raw`\b`, String.raw`\B`]);
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v" };

function literalOf(token: string): string | undefined {
  if (token.startsWith("\\")) {
    const escape = token.slice(1);
    if (Object.hasOwn(ESCAPES, escape)) return ESCAPES[escape];
    return /^[\^$\\.*+?()[\]{}|/]$/.test(escape) ? escape : undefined;
  }
  return /^.$/su.test(token) && !/^[\^$.()|[\]{}]$/.test(token) && !isQuantifier(token) ? token : undefined;
}

function isQuantifier(token: string | undefined): boolean {
  return token !== undefined && /^(?:[*+?]|\{\d)/.test(token);
}

function longest(runs: readonly string[]): string | undefined {
  return runs.toSorted((one, other) => other.length - one.length)[0];
}
