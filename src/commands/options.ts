/**
 * From what was typed to what `run` receives: the options every command has, and the checks of values against their
 * declaration. Pure; the splitting of the command line into names and values is done before, in `cli.ts`.
 */
import { join, resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { camelCase, type GlobalOptions, type OptionSpecs, type PositionalSpecs, type ValueSpec } from "./command.ts";

/** Shown in this order in every help page. `help` and `version` are answered before any command is loaded. */
export const GLOBAL_OPTIONS = {
  "codex-home": {
    type: "string",
    placeholder: "<path>",
    describe: "the Codex home to work on; else CODEX_HOME, else ~/.codex",
  },
  "sqlite-home": {
    type: "string",
    placeholder: "<path>",
    describe: "where its databases lie, if not where the home's configuration says",
  },
  json: { type: "boolean", describe: "print one JSON document (JSON Lines for streams) instead of text" },
  quiet: { type: "boolean", short: "q", describe: "no progress and no messages, only the answer and errors" },
  "no-color": { type: "boolean", describe: "no colours; NO_COLOR and FORCE_COLOR are honoured too" },
  jobs: { type: "integer", short: "j", placeholder: "<n>", min: 1, describe: "how many workers may run at once" },
  help: { type: "boolean", short: "h", describe: "show this help" },
  version: { type: "boolean", short: "V", describe: "show the version" },
} as const satisfies OptionSpecs;

/** The argument of every command that looks at one thread; `readers/lookup.ts` finds it. */
export const THREAD = {
  type: "string",
  required: true,
  describe:
    "an id, the first 4 or more characters of one, a name, or a path (.jsonl, .jsonl.zst, or .json of early 2025)",
} as const satisfies PositionalSpecs[string];

/** Which part of a home to work on, where none is taken for granted (`compress-scope.ts`). */
export const SCOPE_OPTIONS = {
  archived: { type: "boolean", describe: "the archived threads of the home", conflicts: ["active", "all"] },
  active: { type: "boolean", describe: "its active threads", conflicts: ["all"] },
  all: { type: "boolean", short: "a", describe: "archived and active threads" },
} as const satisfies OptionSpecs;

/** Values by name as typed: what the parser of the command line found. */
export type RawValues = Readonly<Record<string, unknown>>;

export function usageError(message: string, hint?: string): RolloutError {
  return new RolloutError("usage", message, { hint });
}

/** The options of every command, resolved against the environment. Errors: `usage`. */
export function globalOptions(
  raw: RawValues,
  surroundings: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    readonly userHome: string;
  },
): GlobalOptions {
  const { cwd, env, userHome } = surroundings;
  const value = (name: keyof typeof GLOBAL_OPTIONS): unknown =>
    checkValue(`--${name}`, GLOBAL_OPTIONS[name], raw[name]);
  const path = (name: "codex-home" | "sqlite-home"): string | undefined => {
    const given = value(name);
    return typeof given === "string" ? resolve(cwd, given) : undefined;
  };
  const fromEnv = env["CODEX_HOME"];
  const fallback = fromEnv === undefined || fromEnv === "" ? join(userHome, ".codex") : resolve(cwd, fromEnv);
  const jobs = value("jobs");
  return {
    codexHome: path("codex-home") ?? fallback,
    sqliteHome: path("sqlite-home"),
    json: value("json") === true,
    quiet: value("quiet") === true,
    jobs: typeof jobs === "number" ? jobs : undefined,
  };
}

/** A command's own options, by their JavaScript names. Errors: `usage`. */
export function optionValues(specs: OptionSpecs, raw: RawValues): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) values[camelCase(name)] = checkValue(`--${name}`, spec, raw[name]);
  return values;
}

/** Refuses options that exclude or lack each other. Errors: `usage`. */
export function checkCombinations(specs: OptionSpecs, raw: RawValues): void {
  const given = (name: string): boolean => raw[name] !== undefined && raw[name] !== false;
  for (const [name, spec] of Object.entries(specs)) {
    if (!given(name)) continue;
    const rival = spec.conflicts?.find(given);
    if (rival !== undefined) throw usageError(`--${name} and --${rival} exclude each other`);
    const lacking = spec.requires?.find((other) => !given(other));
    if (lacking !== undefined) throw usageError(`--${name} means nothing without --${lacking}`);
  }
}

/** A command's positionals, by their JavaScript names. Errors: `usage`. */
export function positionalValues(specs: PositionalSpecs, given: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let next = 0;
  for (const [name, spec] of Object.entries(specs)) {
    const taken = spec.type === "strings" ? given.slice(next) : given[next];
    next = spec.type === "strings" ? given.length : next + 1;
    if (spec.required === true && (taken === undefined || taken.length === 0)) throw usageError(`missing <${name}>`);
    values[camelCase(name)] = checkValue(`<${name}>`, spec, taken);
  }
  const surplus = given[next];
  if (surplus !== undefined) throw usageError(`unexpected argument ${quote(surplus)}`);
  return values;
}

function checkValue(label: string, spec: ValueSpec, given: unknown): unknown {
  if (given === undefined) return absentValue(spec);
  if (spec.type === "strings") {
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    return list.map((item) => checkText(label, spec, item));
  }
  if (Array.isArray(given)) throw usageError(`${label} was given ${given.length} times`);
  if (spec.type === "boolean") return given === true;
  const text = checkText(label, spec, given);
  return spec.type === "string" ? text : checkNumber(label, spec, text);
}

function absentValue(spec: ValueSpec): unknown {
  if (spec.type === "boolean") return false;
  if (spec.type === "strings") return spec.default === undefined ? [] : [spec.default];
  return spec.default;
}

function checkText(label: string, spec: ValueSpec, given: unknown): string {
  if (typeof given !== "string" || given === "") throw usageError(`${label} needs a value`);
  if (spec.choices !== undefined && !spec.choices.includes(given)) {
    throw usageError(
      `${label} is one of ${spec.choices.join(", ")}, not ${quote(given)}`,
      didYouMean(given, spec.choices),
    );
  }
  return given;
}

function checkNumber(label: string, spec: ValueSpec, text: string): number {
  const shape = spec.type === "integer" ? /^-?\d+$/ : /^-?(\d+\.?\d*|\.\d+)$/;
  const value = shape.test(text) ? Number(text) : Number.NaN;
  const min = spec.min ?? (spec.type === "integer" ? 0 : -Infinity);
  if (value >= min && (spec.type !== "integer" || Number.isSafeInteger(value))) return value;
  const kind = spec.type === "integer" ? "a whole number" : "a number";
  throw usageError(`${label} takes ${kind}${Number.isFinite(min) ? ` of at least ${min}` : ""}, not ${quote(text)}`);
}

/** Text of the command line, made printable and short enough for one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}

/** The hint for a mistyped word, or undefined where nothing known is near. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = candidate.startsWith(word) && word.length > 1 ? 1 : editDistance(word.slice(0, 64), candidate);
    if (distance < least && distance < candidate.length) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest === undefined ? undefined : `did you mean ${nearest}?`;
}

/** Single-letter insertions, deletions and replacements that turn one word into the other. */
function editDistance(source: string, target: string): number {
  let previous = Array.from({ length: target.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= source.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= target.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (source[row - 1] === target[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[target.length] ?? 0;
}
