/** A world for `runCli`, held in memory. */
import type { Host } from "../../src/cli.ts";
import { type CommandContext, defineCommand, type CommandEntry } from "../../src/commands/command.ts";

export interface MemoryHost extends Host {
  readonly out: () => string;
  readonly err: () => string;
}

export function memoryHost(changes: Partial<Host> = {}): MemoryHost {
  let out = "";
  let err = "";
  return {
    stdout: { write: (text) => void (out += text), flush: () => undefined },
    stderr: { write: (text) => void (err += text), flush: () => undefined },
    env: {},
    cwd: "/here",
    userHome: "/home/user",
    now: () => 1_700_000_000_000,
    isTTY: false,
    columns: undefined,
    progressStream: () => undefined,
    version: "9.8.7",
    node: { path: process.execPath, version: "v20.19.0" },
    openPage: () => Promise.resolve("no browser here"),
    out: () => out,
    err: () => err,
    ...changes,
  };
}

export interface SampleCall {
  readonly options: unknown;
  readonly context: CommandContext;
}

/** A command table of three: one that notes how it was called, one that throws, and one that must not be loaded. */
export function sampleTable(calls: SampleCall[], thrown?: unknown): readonly CommandEntry[] {
  const sample = defineCommand({
    describe: "Notes how it was called.",
    options: {
      rules: { type: "string", choices: ["codex", "best"], default: "best", describe: "the set of rules" },
      "dry-run": { type: "boolean", short: "n", conflicts: ["check"], describe: "write nothing" },
      check: { type: "boolean", describe: "compare" },
      path: { type: "strings", placeholder: "<path>", describe: "a file" },
      limit: { type: "integer", describe: "how many" },
    },
    positionals: {
      thread: { type: "string", describe: "a thread" },
      rest: { type: "strings", describe: "more threads" },
    },
    examples: [["sample --rules codex", "as Codex does it"]],
    run(options, context) {
      calls.push({ options, context });
      context.stdout.write(`rules ${options.rules}\n`);
      context.stderr.write("a message\n");
      return options.check ? 1 : 0;
    },
  });
  const failing = defineCommand({
    describe: "Throws.",
    options: {},
    positionals: {},
    examples: [["fail", "see it fail"]],
    run: (_options, { progress }) => {
      progress("working", 10).advance(1);
      throw thrown;
    },
  });
  return [
    { name: "sample", summary: "note the call", load: async () => Promise.resolve({ command: sample }) },
    { name: "fail", summary: "throw", load: async () => Promise.resolve({ command: failing }) },
    { name: "heavy", summary: "must stay unloaded", load: async () => Promise.reject(new Error("was loaded")) },
  ];
}
