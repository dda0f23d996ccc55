/**
 * The help pages, made from the declarations alone. Written here rather than by the argument parser so that `--help`
 * answers without loading the parser, and the root's page without loading any command.
 */
import { padText, textWidth } from "../io/text.ts";
import type { CommandEntry, AnyCommand, OptionSpec, OptionSpecs, PositionalSpec } from "./command.ts";
import { GLOBAL_OPTIONS } from "./options.ts";

const PROGRAM = "rollout-tool";
const WIDEST_PAGE = 100;
const WIDEST_TERM = 28;

type Row = readonly [term: string, text: string];

/** The page of `rollout-tool --help`. */
export function rootHelp(entries: readonly CommandEntry[], version: string, columns: number | undefined): string {
  const width = pageWidth(columns);
  const commands: Row[] = entries.map((entry) => [entry.name, entry.summary]);
  commands.push(["help [command]", "show this page, or that of a command"]);
  return page([
    wrap(`${PROGRAM} ${version}: read, rebuild and inspect Codex rollouts and their index, without Codex`, width).join(
      "\n",
    ),
    `Usage: ${PROGRAM} <command> [options]`,
    section("Commands", definitions(commands, width)),
    section("Options of every command", definitions(optionRows(GLOBAL_OPTIONS), width)),
    section("Exit codes", definitions(EXIT_CODES, width)),
    wrap(`Each command has examples in its own help: ${PROGRAM} <command> --help`, width).join("\n"),
  ]);
}

/** The page of `rollout-tool <name> --help`. */
export function commandHelp(name: string, command: AnyCommand, columns: number | undefined): string {
  const width = pageWidth(columns);
  const positionals: Row[] = Object.entries(command.positionals).map(([label, spec]) => [
    positionalTerm(label, spec),
    spec.choices === undefined ? spec.describe : `${spec.describe}: ${spec.choices.join(", ")}`,
  ]);
  const usage = ["Usage:", PROGRAM, name, ...positionals.map(([term]) => term), "[options]"].join(" ");
  const examples = command.examples.map(([line, purpose]) => `  # ${purpose}\n  ${PROGRAM} ${line}`);
  return page([
    wrap(usage, width).join("\n  "),
    wrap(command.describe, width).join("\n"),
    section("Arguments", definitions(positionals, width)),
    section("Options", definitions(optionRows(command.options), width)),
    section("Options of every command", definitions(optionRows(GLOBAL_OPTIONS), width)),
    section("Examples", examples.join("\n")),
  ]);
}

const EXIT_CODES: readonly Row[] = [
  ["0", "done"],
  ["1", "done, and something was found: defects, differences"],
  ["2", "could not do it: usage, missing file, locked, disk full"],
  ["70", "a bug in the program"],
  ["130", "interrupted"],
];

function page(paragraphs: readonly string[]): string {
  return `${paragraphs.filter((text) => text !== "").join("\n\n")}\n`;
}

function pageWidth(columns: number | undefined): number {
  return Math.max(40, Math.min(columns ?? WIDEST_PAGE, WIDEST_PAGE));
}

function section(title: string, body: string): string {
  return body === "" ? "" : `${title}:\n${body}`;
}

function positionalTerm(name: string, spec: PositionalSpec): string {
  const label = spec.type === "strings" ? `${name}...` : name;
  return spec.required === true ? `<${label}>` : `[${label}]`;
}

function optionRows(specs: OptionSpecs): Row[] {
  return Object.entries(specs).map(([name, spec]) => [optionTerm(name, spec), spec.describe + valueNotes(spec)]);
}

function optionTerm(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const value = spec.type === "boolean" ? "" : ` ${placeholder(spec)}`;
  return `${short}--${name}${value}`;
}

function placeholder(spec: OptionSpec): string {
  if (spec.placeholder !== undefined) return spec.placeholder;
  if (spec.choices !== undefined) return `<${spec.choices.join("|")}>`;
  return spec.type === "integer" || spec.type === "number" ? "<n>" : "<text>";
}

function valueNotes(spec: OptionSpec): string {
  const initial = spec.default === undefined ? "" : ` [default: ${spec.default}]`;
  const repeat = spec.type === "strings" ? " [may be repeated]" : "";
  return initial + repeat;
}

/** Two columns, the second wrapped; a term too wide for the first stands on a line of its own. */
function definitions(rows: readonly Row[], width: number): string {
  const widest = Math.max(0, ...rows.map(([term]) => textWidth(term)).filter((cells) => cells <= WIDEST_TERM));
  const indent = " ".repeat(widest + 4);
  const lines = rows.flatMap(([term, text]) => {
    const [first = "", ...others] = wrap(text, width - widest - 4);
    const rest = others.map((line) => indent + line);
    if (textWidth(term) > widest) return [`  ${term}`, indent + first, ...rest];
    return [`  ${padText(term, widest)}  ${first}`, ...rest];
  });
  return lines.join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
