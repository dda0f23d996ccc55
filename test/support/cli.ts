/** The program in this process, with its own sources and a host in memory. */
import { runCli } from "../../src/cli.ts";
import { memoryHost } from "./host.ts";

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function cli(
  home: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  changes: Partial<Parameters<typeof memoryHost>[0]> = {},
): Promise<CliRun> {
  const host = memoryHost({ env, now: Date.now, ...changes });
  const code = await runCli([...argv, "--codex-home", home], host);
  return { code, out: host.out(), err: host.err() };
}
