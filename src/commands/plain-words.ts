/**
 * Command lines that leave nothing to interpret: known options, each with its value, and plain words. Loading the
 * argument parser takes longer than starting Node, and nearly every call is of this kind. Whatever is not, right or wrong, is the
 * parser's (`cli.ts`); a property test holds both to the same answer.
 */
import type { OptionSpec } from "./command.ts";

export interface ReadWords {
  /** Values by name as typed, as the parser gives them. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
}

/** Undefined where a parser has to look. `specs` are all options that may occur, by name. */
export function readPlainWords(
  specs: Readonly<Record<string, OptionSpec>>,
  given: readonly string[],
): ReadWords | undefined {
  const raw: Record<string, unknown> = {};
  const words: string[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const word = given[index] ?? "";
    if (isPlain(word)) {
      words.push(word);
      continue;
    }
    const [, long, attached, short] = /^(?:--([a-z][a-z-]+)(?:=([^-].*))?|-([A-Za-z]))$/.exec(word) ?? [];
    const name = long ?? nameOfShort(specs, short);
    const spec = name !== undefined && Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (name === undefined || spec === undefined) return undefined;
    // The parser lets a switch be followed by its value.
    if (spec.type === "boolean" && (attached !== undefined || /^(?:true|false)$/.test(given[index + 1] ?? "")))
      return undefined;
    const value = spec.type === "boolean" ? true : (attached ?? given[(index += 1)] ?? "");
    if (typeof value === "string" && !isPlain(value)) return undefined;
    if (spec.type === "strings") raw[name] = [...((raw[name] as readonly unknown[] | undefined) ?? []), value];
    else if (raw[name] === undefined) raw[name] = value;
    else return undefined;
  }
  return { raw, words };
}

function nameOfShort(specs: Readonly<Record<string, OptionSpec>>, letter: string | undefined): string | undefined {
  return letter === undefined ? undefined : Object.keys(specs).find((name) => specs[name]?.short === letter);
}

/** Neither empty nor an option, and without quotes, which the parser would take off. */
function isPlain(word: string): boolean {
  return /^[^-'"]/.test(word);
}
