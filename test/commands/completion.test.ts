import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { runCli } from "../../src/cli.ts";
import { command } from "../../src/commands/completion.ts";
import type { CommandEntry } from "../../src/commands/command.ts";
import { memoryHost, sampleTable } from "../support/host.ts";

async function script(shell: string): Promise<string> {
  const host = memoryHost();
  const own: CommandEntry = {
    name: "completion",
    summary: "it's this",
    load: async () => Promise.resolve({ command }),
  };
  const table = [...sampleTable([]).filter((entry) => entry.name !== "heavy"), own];
  expect(await runCli(["completion", shell], host, table)).toBe(0);
  return host.out();
}

const hasBash = spawnSync("bash", ["--norc", "--noprofile", "-c", "((BASH_VERSINFO[0] >= 4))"]).status === 0;

describe.skipIf(!hasBash)("in bash", () => {
  it.each([
    [["rollout-tool", ""], "sample fail completion help"],
    [["rollout-tool", "sa"], "sample"],
    [["rollout-tool", "--codex-home", "fail", "sam"], "sample"],
    [["rollout-tool", "sample", "--r"], "--rules"],
    [["rollout-tool", "sample", "-"], /^--codex-home .* -V --rules --dry-run -n --check --path --limit$/],
    [["rollout-tool", "sample", "--rules", ""], "codex best"],
    [["rollout-tool", "sample", "--path", ""], ""],
    [["rollout-tool", "sample", ""], ""],
    [["rollout-tool", "completion", ""], "bash zsh fish"],
    [["rollout-tool", "help", "f"], "fail"],
    [["rollout-tool", "unknown", ""], ""],
  ])("%j offers %j", async (words, offered) => {
    const drive = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rollout_tool; printf "%s" "${COMPREPLY[*]}"';
    const { stdout, stderr } = spawnSync(
      "bash",
      ["--norc", "--noprofile", "-uc", `${await script("bash")}\n${drive}`, "bash", ...words],
      {
        encoding: "utf8",
      },
    );
    expect(stderr).toBe("");
    expect(stdout).toEqual(typeof offered === "string" ? offered : (expect.stringMatching(offered) as string));
  });
});

describe("in zsh", () => {
  it("declares commands, options and values", async () => {
    const text = await script("zsh");
    expect(text).toMatch(/^#compdef rollout-tool\n/);
    expect(text).toContain("    'completion:it'\\''s this'\n");
    expect(text).toContain("    '(-j --jobs)'{-j,--jobs}'[how many workers may run at once]:value: '\n");
    expect(text).toContain(
      "'--rules[the set of rules]:value:(codex best)' '(-n --dry-run)'{-n,--dry-run}'[write nothing]'",
    );
    expect(text).toContain("'*--path[a file]:path:_files'");
    expect(text).toContain("    completion) _arguments $common '1:argument:(bash zsh fish)' ;;\n");
  });
});

describe("in fish", () => {
  it("declares commands, options and values", async () => {
    const lines = (await script("fish")).split("\n");
    expect(lines).toContain("complete -c rollout-tool -n __fish_use_subcommand -f -a completion -d 'it\\'s this'");
    expect(lines).toContain("complete -c rollout-tool -s j -l jobs -x -d 'how many workers may run at once'");
    expect(lines).toContain(
      "complete -c rollout-tool -n '__fish_seen_subcommand_from sample' -l rules -x -a 'codex best' -d 'the set of rules'",
    );
    expect(lines).toContain(
      "complete -c rollout-tool -n '__fish_seen_subcommand_from sample' -l path -r -F -d 'a file'",
    );
    expect(lines).toContain(
      "complete -c rollout-tool -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'",
    );
  });
});
