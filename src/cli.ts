/**
 * The program without its process: from an argument list to an exit code.
 *
 * Nothing is loaded that the call does not need: the root's help and the version answer from this file's table alone, a
 * command's help loads that command's declaration, and the argument parser is loaded for what is not plain words
 * (`commands/plain-words.ts`). The only file that knows yargs.
 */
import type { AnyCommand, CommandContext, CommandEntry, OptionSpec } from "./commands/command.ts";
import { commandHelp, rootHelp } from "./commands/help.ts";
import {
  checkCombinations,
  didYouMean,
  GLOBAL_OPTIONS,
  globalOptions,
  optionValues,
  positionalValues,
  quote,
  usageError,
} from "./commands/options.ts";
import { readPlainWords, type ReadWords } from "./commands/plain-words.ts";
import { errorToFailure, type Failure, renderFailure } from "./commands/failure.ts";
import { BrokenPipe, createPaint, silentWriter, wantsColor, type Writer } from "./io/console.ts";
import { keepYoungGenerationSmall } from "./io/heap.ts";
import { createProgressLine, type ProgressLine, type ProgressStream, silentProgressLine } from "./io/progress.ts";

/** Every command of the program. A new one is a new file under `commands/` and a new line here. */
export const commands: readonly CommandEntry[] = [
  {
    name: "reindex",
    summary: "rebuild the index of a Codex home from its rollouts",
    load: () => {
      // Before the heap has grown: later it would not shrink.
      keepYoungGenerationSmall();
      return import("./commands/reindex.ts");
    },
  },
  { name: "list", summary: "list the threads of a Codex home", load: () => import("./commands/list.ts") },
  { name: "show", summary: "show what one rollout holds", load: () => import("./commands/show.ts") },
  {
    name: "history",
    summary: "print what the model is shown of a thread",
    load: () => import("./commands/history.ts"),
  },
  {
    name: "windows",
    summary: "list the context windows of a thread",
    load: () => import("./commands/windows.ts"),
  },
  { name: "turns", summary: "list the turns of a thread", load: () => import("./commands/turns.ts") },
  { name: "tree", summary: "draw which thread came from which", load: () => import("./commands/tree.ts") },
  { name: "search", summary: "find what was said, run or put out", load: () => import("./commands/search.ts") },
  {
    name: "compress",
    summary: "make cold rollouts several times smaller",
    load: () => import("./commands/compress.ts"),
  },
  {
    name: "decompress",
    summary: "bring compressed rollouts back, or check them",
    load: () => import("./commands/decompress.ts"),
  },
  {
    name: "verify",
    summary: "tell what is broken in a home, what it does, and what mends it",
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "migrate",
    summary: "bring rollouts into another form, proven to come to the same",
    load: () => import("./commands/migrate.ts"),
  },
  {
    name: "repair",
    summary: "bring back what verify --repair, migrate, archive or move changed",
    load: () => import("./commands/repair.ts"),
  },
  {
    name: "fork",
    summary: "begin a new thread with the history of an old one",
    load: () => import("./commands/fork.ts"),
  },
  {
    name: "archive",
    summary: "put threads into the archive, with the agents below them",
    load: () => import("./commands/archive.ts"),
  },
  {
    name: "unarchive",
    summary: "bring threads back from the archive",
    load: () => import("./commands/unarchive.ts"),
  },
  {
    name: "delete",
    summary: "delete threads: files, rows and names",
    load: () => import("./commands/delete.ts"),
  },
  {
    name: "move",
    summary: "move a home to another place, or threads to another home",
    load: () => import("./commands/move.ts"),
  },
  {
    name: "stats",
    summary: "account for the bytes, the tokens and the time of a home",
    load: () => import("./commands/stats.ts"),
  },
  {
    name: "export",
    summary: "write threads as tables that other programs read",
    load: () => {
      keepYoungGenerationSmall();
      return import("./commands/export.ts");
    },
  },
  {
    name: "query",
    summary: "ask threads in SQL, straight from a home or over an export",
    load: () => {
      keepYoungGenerationSmall();
      return import("./commands/query.ts");
    },
  },
  {
    name: "report",
    summary: "make one page of a home or a thread, for a browser",
    load: () => import("./commands/report.ts"),
  },
  {
    name: "bench",
    summary: "measure resume, fork, start, reindex, compress and parse, beside real Codex binaries",
    load: () => import("./commands/bench.ts"),
  },
  {
    name: "completion",
    summary: "print a completion script for bash, zsh or fish",
    load: () => import("./commands/completion.ts"),
  },
];

/** The process, as far as the program may know it. `bin.ts` hands in the real one. */
export interface Host {
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The user's home folder. */
  readonly userHome: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether stdout is a terminal. */
  readonly isTTY: boolean;
  /** Width of stdout in cells; undefined where it is not limited. */
  readonly columns: number | undefined;
  /** stderr where it is a terminal, else undefined. Asked only when there may be progress to show. */
  readonly progressStream: () => ProgressStream | undefined;
  readonly version: string;
  /** The Node that runs it. */
  readonly node: CommandContext["node"];
  readonly openPage: CommandContext["openPage"];
}

/** Runs the program once. Never rejects: whatever happens becomes an exit code, and one line on stderr. */
export async function runCli(argv: readonly string[], host: Host, entries = commands): Promise<number> {
  try {
    const code = await dispatch(argv, host, entries);
    host.stdout.flush();
    return code;
  } catch (error) {
    if (error instanceof BrokenPipe) return 0;
    return reportError(error, argv, host);
  }
}

/** Prints an error as a person or a script (`--json`) wants to read it. Returns the exit code. */
export function reportError(error: unknown, argv: readonly string[], host: Host): number {
  const failure: Failure = errorToFailure(error);
  try {
    // What was said before the error belongs before it.
    host.stdout.flush();
  } catch {
    // A broken stdout must not hide the error.
  }
  const json = switchGiven(argv, "json", undefined);
  const debug = (host.env["ROLLOUT_TOOL_DEBUG"] ?? "") !== "";
  host.stderr.write(renderFailure(failure, { json, debug }));
  host.stderr.flush();
  return failure.exitCode;
}

async function dispatch(argv: readonly string[], host: Host, entries: readonly CommandEntry[]): Promise<number> {
  const call = splitCall(argv);
  if (switchGiven(argv, "version", "V")) {
    host.stdout.write(`${host.version}\n`);
    return 0;
  }
  const topic = call.name === "help" ? call.rest.find((word) => !word.startsWith("-")) : call.name;
  const wantsHelp = call.name === "help" || switchGiven(argv, "help", "h");
  if (topic === undefined) {
    if (!wantsHelp && call.unknownOption !== undefined)
      throw unknownOption(call.unknownOption, Object.keys(GLOBAL_OPTIONS));
    host.stdout.write(rootHelp(entries, host.version, host.columns));
    return 0;
  }
  const entry = findEntry(topic, call.unknownOption, entries);
  const { command } = await entry.load();
  if (wantsHelp) {
    host.stdout.write(commandHelp(entry.name, command, host.columns));
    return 0;
  }
  return runCommand(command, await parseArguments(entry.name, command, call.rest), host, entries);
}

interface Call {
  /** The first word that is neither an option nor an option's value. */
  readonly name: string | undefined;
  /** Everything but the name, in its order. */
  readonly rest: readonly string[];
  /** An option before the name that is not one of every command's. */
  readonly unknownOption: string | undefined;
}

function splitCall(argv: readonly string[]): Call {
  let unknownName: string | undefined;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-") || word === "-") {
      const rest = [...argv.slice(0, index), ...argv.slice(index + 1)];
      return { name: word, rest, unknownOption: unknownName };
    }
    if (word === "--") break;
    const spec = findGlobal(word);
    if (spec === undefined) unknownName ??= word;
    else if (spec.type !== "boolean" && !word.includes("=")) index += 1;
  }
  return { name: undefined, rest: argv, unknownOption: unknownName };
}

/** `--jobs=2` → `jobs`, `-j` → `j`. */
function optionName(word: string): string {
  return word.replace(/^--?/, "").replace(/=.*$/s, "");
}

function findGlobal(word: string): OptionSpec | undefined {
  const specs: Readonly<Record<string, OptionSpec>> = GLOBAL_OPTIONS;
  const name = optionName(word);
  if (word.startsWith("--")) return Object.hasOwn(specs, name) ? specs[name] : undefined;
  return Object.values(specs).find((spec) => spec.short === name);
}

function switchGiven(argv: readonly string[], name: string, short: string | undefined): boolean {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  return words.includes(`--${name}`) || (short !== undefined && words.includes(`-${short}`));
}

function findEntry(name: string, strayOption: string | undefined, entries: readonly CommandEntry[]): CommandEntry {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry !== undefined && strayOption === undefined) return entry;
  if (strayOption !== undefined) {
    throw usageError(`unknown option ${strayOption} before the command`, "options of a command come after its name");
  }
  const names = [...entries.map((candidate) => candidate.name), "help"];
  throw usageError(
    `unknown command ${quote(name)}`,
    didYouMean(name, names) ?? "rollout-tool --help lists the commands",
  );
}

function unknownOption(word: string, known: readonly string[]): Error {
  const near = didYouMean(optionName(word), known)?.replace("mean ", "mean --");
  return usageError(`unknown option ${word.replace(/=.*$/s, "")}`, near ?? "--help lists the options");
}

/** Splits a command's words into option values and the rest. Errors: `usage`. */
async function parseArguments(name: string, command: AnyCommand, words: readonly string[]): Promise<ReadWords> {
  const specs: Readonly<Record<string, OptionSpec>> = { ...GLOBAL_OPTIONS, ...command.options };
  const plain = readPlainWords(specs, words);
  if (plain !== undefined) return plain;
  const { default: yargs } = await import("yargs");
  // The parser looks names up in plain objects, where every object has a "constructor".
  const inherited = words.find((word) => word.startsWith("--") && optionName(word) in Object.prototype);
  if (inherited !== undefined) throw unknownOption(inherited, Object.keys(specs));
  let failed: string | undefined;
  const parsed: Readonly<Record<string, unknown>> = await yargs()
    .scriptName("rollout-tool")
    .locale("en")
    .help(false)
    .version(false)
    .exitProcess(false)
    .parserConfiguration(PARSER)
    .options(Object.fromEntries(Object.entries(specs).map(([option, spec]) => [option, parserOption(spec)])))
    .strictOptions()
    .fail((message) => {
      failed ??= message;
    })
    .parseAsync([...words]);
  if (failed !== undefined) throw parserError(failed, name, Object.keys(specs));
  const rest: readonly unknown[] = Array.isArray(parsed["_"]) ? parsed["_"] : [];
  return { raw: parsed, words: rest.map(String) };
}

/** What is typed is what is meant: no numbers guessed, no names rewritten, no `--no-` made up. */
const PARSER = {
  "boolean-negation": false,
  "camel-case-expansion": false,
  "dot-notation": false,
  "greedy-arrays": false,
  "parse-numbers": false,
  "parse-positional-numbers": false,
} as const;

function parserOption(spec: OptionSpec) {
  const alias = spec.short === undefined ? {} : { alias: spec.short };
  if (spec.type === "boolean") return { ...alias, type: "boolean" as const };
  return { ...alias, type: "string" as const, nargs: 1, array: spec.type === "strings" };
}

/** The parser's own sentences, which its pinned version and the locale `en` keep as they are, in the words of this tool. */
function parserError(message: string, command: string, known: readonly string[]): Error {
  const [, unknown] = /^Unknown arguments?: ([^,\n]+)/.exec(message) ?? [];
  if (unknown !== undefined) return unknownOption(unknown.length === 1 ? `-${unknown}` : `--${unknown}`, known);
  const [, lacking] = /^Not enough arguments following: (\S+)/.exec(message) ?? [];
  if (lacking !== undefined) return usageError(`--${lacking} needs a value`);
  return usageError(message, `rollout-tool ${command} --help shows how it is called`);
}

async function runCommand(
  command: AnyCommand,
  given: ReadWords,
  host: Host,
  entries: readonly CommandEntry[],
): Promise<number> {
  checkCombinations(command.options, given.raw);
  const options = {
    ...optionValues(command.options, given.raw),
    ...positionalValues(command.positionals, given.words),
    ...globalOptions(given.raw, host),
  };
  const progressStream = options.quiet ? undefined : host.progressStream();
  const line = progressStream === undefined ? silentProgressLine : createProgressLine(progressStream, host.now);
  try {
    return await command.run(options, createContext(host, options, line, given.raw["no-color"] === true, entries));
  } finally {
    line.end();
  }
}

function createContext(
  host: Host,
  options: { readonly quiet: boolean },
  line: ProgressLine,
  noColor: boolean,
  entries: readonly CommandEntry[],
): CommandContext {
  return {
    stdout: aboveProgress(host.stdout, line),
    stderr: options.quiet ? silentWriter : aboveProgress(host.stderr, line),
    paint: createPaint(wantsColor({ isTTY: host.isTTY, noColor, env: host.env })),
    env: host.env,
    cwd: host.cwd,
    now: host.now,
    isTTY: host.isTTY,
    columns: host.columns,
    version: host.version,
    node: host.node,
    openPage: host.openPage,
    commands: entries,
    progress: (label, total, unit = "count") => line.start(label, total, unit),
  };
}

/** Takes the progress bar away before anything else is printed on the same terminal. */
function aboveProgress(writer: Writer, line: ProgressLine): Writer {
  return {
    write: (text) => {
      line.hide();
      writer.write(text);
    },
    flush: () => {
      line.hide();
      writer.flush();
    },
  };
}
