/**
 * What a command is: a declaration as plain data (what it is called with) and one function (what it does).
 *
 * A command stands at the far end of the way from bytes to answer: it picks a view, and prints it. It knows neither the
 * argument parser nor the process; `cli.ts` turns the declaration into a parser and a help page, and hands in everything of
 * the outside world as a `CommandContext`, so that a test can run a command with a few literals.
 */
import type { Paint, Writer } from "../io/console.ts";
import type { Progress, ProgressUnit } from "../io/progress.ts";

/** How an option or a positional is read from the command line, and shown in the help. */
export interface ValueSpec {
  /**
   * `boolean`: a switch; absent means false. `integer`: a whole number from `min` (0 unless told). `strings`: may be given
   * more than once. All but `boolean` are undefined when absent and without a default (`strings`: an empty list).
   */
  readonly type: "boolean" | "string" | "integer" | "number" | "strings";
  /** One clause for the help page, lower case, no full stop. */
  readonly describe: string;
  /** What the help page shows for the value, such as `<path>`; by default the choices, or the type. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly default?: string | number;
  /** The lowest number allowed. */
  readonly min?: number;
}

export interface OptionSpec extends ValueSpec {
  /** A single letter, without its dash. */
  readonly short?: string;
  /** Names of options that cannot be given together with this one. */
  readonly conflicts?: readonly string[];
  /** Names of options without which this one means nothing. */
  readonly requires?: readonly string[];
}

export interface PositionalSpec extends ValueSpec {
  readonly type: "string" | "strings";
  readonly required?: boolean;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;
/** In their order on the command line; only the last may be of type `strings`. */
export type PositionalSpecs = Readonly<Record<string, PositionalSpec>>;

/** `dry-run` → `dryRun`: options are declared as they are typed, and read as JavaScript names. */
export type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type Choice<Spec extends ValueSpec> = Spec extends { choices: readonly (infer Value extends string)[] }
  ? Value
  : string;

type Parsed<Spec extends ValueSpec> = {
  readonly boolean: boolean;
  readonly string: Choice<Spec>;
  readonly integer: number;
  readonly number: number;
  readonly strings: readonly Choice<Spec>[];
}[Spec["type"]];

type IsAlwaysSet<Spec extends ValueSpec> = Spec extends
  | { type: "boolean" | "strings" }
  | { default: string | number }
  | { required: true }
  ? true
  : false;

type ValueOf<Spec extends ValueSpec> = IsAlwaysSet<Spec> extends true ? Parsed<Spec> : Parsed<Spec> | undefined;

/** What `run` receives for a set of declared options or positionals. */
export type ValuesOf<Specs extends Readonly<Record<string, ValueSpec>>> = {
  readonly [Name in keyof Specs & string as CamelCase<Name>]: ValueOf<Specs[Name]>;
};

/** Options that every command has. */
export interface GlobalOptions {
  /** Absolute. From `--codex-home`, else `CODEX_HOME`, else `.codex` in the user's home folder. Not checked to exist. */
  readonly codexHome: string;
  /** Absolute path given as `--sqlite-home`; where it is undefined, the home itself says (state-and-compression §1.2). */
  readonly sqliteHome: string | undefined;
  /** stdout must then be one JSON document, or JSON Lines where the answer is a stream. */
  readonly json: boolean;
  /** No progress and no messages on stderr other than errors. */
  readonly quiet: boolean;
  /** How many workers may run at once; undefined where the command should choose. */
  readonly jobs: number | undefined;
}

/** The outside world, as far as a command may touch it. */
export interface CommandContext {
  /** Data. Buffered; flushed by the caller of `run`. */
  readonly stdout: Writer;
  /** Messages. With `--quiet` nothing arrives there. */
  readonly stderr: Writer;
  /** Colours for stdout; each is the identity where colour is not wanted. */
  readonly paint: Paint;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path that relative arguments are resolved against. */
  readonly cwd: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether stdout is a terminal. */
  readonly isTTY: boolean;
  /** Width of stdout in cells; undefined where lines may have any length (a file, a pipe). */
  readonly columns: number | undefined;
  /** This program's version, for reports. */
  readonly version: string;
  /** Executable and version of the Node that runs this, for commands that measure programs. */
  readonly node: { readonly path: string; readonly version: string };
  /** Shows a file in the system's browser. Resolves when that has been started; to what is wrong, in one clause, if it could not be. */
  readonly openPage: (path: string) => Promise<string | undefined>;
  /** The table this command was called from, for commands about commands. */
  readonly commands: readonly CommandEntry[];
  /**
   * Starts a progress bar, which appears on stderr of a terminal only, and only if the work lasts over half a second.
   * The caller of `run` ends whatever a command leaves running.
   */
  readonly progress: (label: string, total?: number, unit?: ProgressUnit) => Progress;
}

/** What `run` returns. 0: done. 1: done, and something was found (defects, differences). All else is thrown as an error. */
export type ExitCode = number;

interface Declaration<Options extends OptionSpecs, Positionals extends PositionalSpecs> {
  /** The first paragraph of the help page: what it does and what it never does. Sentences. */
  readonly describe: string;
  readonly options: Options;
  readonly positionals: Positionals;
  /** Command line (without the program's name) and what it is good for. At least one. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
}

/**
 * A command as it is written: `run` knows its options by their types.
 *
 * The file of a command is loaded for its help page too, so it imports little. What does the work is imported inside `run`:
 *
 *     async run(options, context) {
 *       const { runReindex } = await import("./reindex-run.ts");
 *       return runReindex(options, context);
 *     }
 */
export interface CommandModule<Options extends OptionSpecs, Positionals extends PositionalSpecs> extends Declaration<
  Options,
  Positionals
> {
  run(
    options: ValuesOf<Options> & ValuesOf<Positionals> & GlobalOptions,
    context: CommandContext,
  ): ExitCode | Promise<ExitCode>;
}

/** A command as it is called: one type for all of them. The caller adds the values that the declaration asks for. */
export interface AnyCommand extends Declaration<OptionSpecs, PositionalSpecs> {
  run(options: GlobalOptions, context: CommandContext): ExitCode | Promise<ExitCode>;
}

/** The identity; it only lets the compiler derive the types of `run`'s options from the declaration. */
export function defineCommand<const Options extends OptionSpecs, const Positionals extends PositionalSpecs>(
  command: CommandModule<Options, Positionals>,
): CommandModule<Options, Positionals> {
  return command;
}

/** One line of the table of commands: enough for the root's help page, without loading the command. */
export interface CommandEntry {
  readonly name: string;
  /** One clause, lower case, no full stop. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: AnyCommand }>;
}

/** `dry-run` → `dryRun`, as the type `CamelCase` says. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
