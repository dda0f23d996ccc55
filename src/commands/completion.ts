/**
 * `rollout-tool completion <shell>`: a completion script, made from the declarations of all commands. The script holds
 * everything it needs, so that pressing TAB starts no program.
 */
import { type CommandEntry, defineCommand, type OptionSpec, type OptionSpecs } from "./command.ts";
import { GLOBAL_OPTIONS } from "./options.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export const command = defineCommand({
  describe:
    "Prints a script that lets the shell complete commands, options and their values. It writes nothing else; put the " +
    "output where the shell looks for completions.",
  options: {},
  positionals: {
    shell: { type: "string", choices: SHELLS, required: true, describe: "the shell to write for" },
  },
  examples: [
    ["completion bash > ~/.local/share/bash-completion/completions/rollout-tool", "bash, with bash-completion"],
    ["completion zsh > ~/.zfunc/_rollout-tool", "zsh, where ~/.zfunc is in fpath"],
    ["completion fish > ~/.config/fish/completions/rollout-tool.fish", "fish"],
  ],
  async run({ shell }, { commands, stdout }) {
    const loaded = await Promise.all(commands.map(loadVerb));
    stdout.write(WRITERS[shell](loaded));
    return 0;
  },
});

interface Verb {
  readonly name: string;
  readonly summary: string;
  /** Its own, without those of every command. */
  readonly options: OptionSpecs;
  /** Words that the positionals allow; empty where they are paths or free text. */
  readonly words: readonly string[];
}

async function loadVerb(entry: CommandEntry): Promise<Verb> {
  const { command: loaded } = await entry.load();
  const words = Object.values(loaded.positionals).flatMap((spec) => spec.choices ?? []);
  return { name: entry.name, summary: entry.summary, options: loaded.options, words };
}

const WRITERS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

const isPath = (spec: OptionSpec): boolean => spec.placeholder === "<path>";

function allOptions(verbs: readonly Verb[]): readonly (readonly [name: string, spec: OptionSpec])[] {
  return [GLOBAL_OPTIONS, ...verbs.map((verb) => verb.options)].flatMap((specs) => Object.entries<OptionSpec>(specs));
}

/** As typed: `--quiet` and `-q`. */
function spellings([name, spec]: readonly [string, OptionSpec]): readonly string[] {
  return spec.short === undefined ? [`--${name}`] : [`--${name}`, `-${spec.short}`];
}

function bashScript(verbs: readonly Verb[]): string {
  const valued = allOptions(verbs).filter(([, spec]) => spec.type !== "boolean");
  const choices = valued.filter(([, spec]) => spec.choices !== undefined);
  const pattern = [...new Set(valued.flatMap(spellings))].join("|");
  const globalWords = Object.entries<OptionSpec>(GLOBAL_OPTIONS).flatMap(spellings).join(" ");
  const verbCase = (verb: Verb): string => {
    const options = Object.entries(verb.options).flatMap(spellings).join(" ");
    return `    ${verb.name}) options="$options ${options}"; words="${verb.words.join(" ")}" ;;`;
  };
  const choiceCase = (option: readonly [string, OptionSpec]): string =>
    `    ${spellings(option).join("|")}) COMPREPLY=($(compgen -W "${option[1].choices?.join(" ")}" -- "$cur")); return ;;`;
  const verbNames = verbs.map((verb) => verb.name).join(" ");
  return `# bash completion of rollout-tool
_rollout_tool() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" verb="" index
  local options="${globalWords}" words="${verbNames} help"
  COMPREPLY=()
  case "$prev" in
${[...new Set(choices.map(choiceCase))].join("\n")}
    ${pattern}) return ;;
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      ${pattern}) ((index++)) ;;
      -*) ;;
      *) verb="\${COMP_WORDS[index]}"; break ;;
    esac
  done
  case "$verb" in
    "") ;;
    help) words="${verbNames}" ;;
${verbs.map(verbCase).join("\n")}
    *) words="" ;;
  esac
  if [[ "$cur" == -* ]]; then words="$options"; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
# Where nothing is offered, bash completes file names.
complete -o bashdefault -o default -F _rollout_tool rollout-tool
`;
}

function zshScript(verbs: readonly Verb[]): string {
  const argument = ([name, spec]: readonly [string, OptionSpec]): string => {
    const text = `[${zshText(spec.describe)}]${zshValue(spec)}`;
    const repeat = spec.type === "strings" ? "*" : "";
    if (spec.short === undefined) return shellQuote(`${repeat}--${name}${text}`);
    const exclusive = repeat === "" ? `(-${spec.short} --${name})` : repeat;
    return `${shellQuote(exclusive)}{-${spec.short},--${name}}${shellQuote(text)}`;
  };
  const list = (specs: OptionSpecs): string[] => Object.entries(specs).map(argument);
  const verbCase = (verb: Verb): string => {
    const words = verb.words.length === 0 ? "*:file:_files" : `1:argument:(${verb.words.join(" ")})`;
    return `    ${verb.name}) _arguments ${[...list(verb.options), "$common", shellQuote(words)].join(" ")} ;;`;
  };
  return `#compdef rollout-tool
_rollout_tool() {
  local context state state_descr line
  typeset -A opt_args
  local -a common verbs
  common=(
    ${list(GLOBAL_OPTIONS).join("\n    ")}
  )
  verbs=(
    ${verbs.map((verb) => shellQuote(`${verb.name}:${verb.summary}`)).join("\n    ")}
    'help:show the help page of a command'
  )
  _arguments -C $common '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe command verbs ;;
    argument) case "$line[1]" in
    help) _describe command verbs ;;
${verbs.map(verbCase).join("\n")}
    esac ;;
  esac
}
if [[ "$funcstack[1]" == _rollout-tool ]]; then _rollout_tool "$@"; else compdef _rollout_tool rollout-tool; fi
`;
}

function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function zshValue(spec: OptionSpec): string {
  if (spec.type === "boolean") return "";
  if (spec.choices !== undefined) return `:value:(${spec.choices.join(" ")})`;
  return isPath(spec) ? ":path:_files" : ":value: ";
}

function fishScript(verbs: readonly Verb[]): string {
  const option = (condition: string, [name, spec]: readonly [string, OptionSpec]): string => {
    const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
    const words = spec.choices === undefined ? "" : ` -a ${shellQuote(spec.choices.join(" "))}`;
    const value = spec.type === "boolean" ? "" : isPath(spec) ? " -r -F" : " -x";
    return `complete -c rollout-tool${condition}${short} -l ${name}${value}${words} -d ${fishQuote(spec.describe)}`;
  };
  const verbLines = (verb: Verb): string[] => {
    const condition = ` -n '__fish_seen_subcommand_from ${verb.name}'`;
    const words =
      verb.words.length === 0 ? [] : [`complete -c rollout-tool${condition} -f -a ${shellQuote(verb.words.join(" "))}`];
    return [...words, ...Object.entries(verb.options).map((entry) => option(condition, entry))];
  };
  const start = "complete -c rollout-tool -n __fish_use_subcommand -f";
  const lines = [
    "# fish completion of rollout-tool",
    ...verbs.map((verb) => `${start} -a ${verb.name} -d ${fishQuote(verb.summary)}`),
    `${start} -a help -d 'show the help page of a command'`,
    `complete -c rollout-tool -n '__fish_seen_subcommand_from help' -f -a ${shellQuote(verbs.map((verb) => verb.name).join(" "))}`,
    ...Object.entries<OptionSpec>(GLOBAL_OPTIONS).map((entry) => option("", entry)),
    ...verbs.flatMap(verbLines),
  ];
  return `${lines.join("\n")}\n`;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
