import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runCli } from "../../src/cli.ts";
import type { OptionSpec } from "../../src/commands/command.ts";
import { GLOBAL_OPTIONS } from "../../src/commands/options.ts";
import { readPlainWords } from "../../src/commands/plain-words.ts";
import { runs } from "../support/budget.ts";
import { memoryHost, type SampleCall, sampleTable } from "../support/host.ts";

const SPECS: Readonly<Record<string, OptionSpec>> = {
  json: { type: "boolean", short: "s", describe: "" },
  limit: { type: "integer", short: "n", describe: "" },
  path: { type: "strings", describe: "" },
};

describe("plain words", () => {
  test.each<[string, unknown]>([
    ["", { raw: {}, words: [] }],
    ["a b", { raw: {}, words: ["a", "b"] }],
    ["--json a --limit 3", { raw: { json: true, limit: "3" }, words: ["a"] }],
    ["--limit=a=b", { raw: { limit: "a=b" }, words: [] }],
    ["-s a -n 3", { raw: { json: true, limit: "3" }, words: ["a"] }],
    ["--path a --path b", { raw: { path: ["a", "b"] }, words: [] }],
  ])("%s", (line, expected) => {
    expect(readPlainWords(SPECS, line.split(" ").filter(Boolean))).toEqual(expected);
  });

  test.each([
    ["a word of nothing", [""]],
    ["an unknown short option", ["-x"]],
    ["short options in one word", ["-sn"]],
    ["a short option with its value in one word", ["-n3"]],
    ["a short and a long option that are one", ["-n", "3", "--limit", "3"]],
    ["a short option without a value", ["-n"]],
    ["the end of options", ["--"]],
    ["an unknown option", ["--jsno"]],
    ["what every object has", ["--constructor"]],
    ["a switch with a value", ["--json=true"]],
    ["a switch before its value", ["--json", "true"]],
    ["a switch given twice", ["--json", "--json"]],
    ["a value given twice", ["--limit", "1", "--limit", "2"]],
    ["a value that is lacking", ["--limit"]],
    ["a value that looks like an option", ["--limit", "-1"]],
    ["an empty value", ["--limit="]],
    ["quotes", ["--limit", '"1"']],
  ])("%s is for the parser", (_, words) => {
    expect(readPlainWords(SPECS, words)).toBeUndefined();
  });
});

/** Behind a `--` that changes nothing, the parser itself reads the words. */
async function call(words: readonly string[]) {
  const host = memoryHost();
  const calls: SampleCall[] = [];
  const code = await runCli(["sample", ...words], host, sampleTable(calls));
  return { code, out: host.out(), err: host.err(), options: calls.map(({ options }) => options) };
}

test("mean what the parser takes them for", async () => {
  const word = fc.constantFrom(
    "a",
    "1",
    "0x10",
    "1e3",
    "a b",
    "ä",
    "a=b",
    "'q'",
    '"q"',
    "",
    "-",
    "-x",
    "true",
    "no",
    "~",
    ".5",
    "{}",
  );
  const name = fc.constantFrom(
    "rules",
    "dry-run",
    "check",
    "path",
    "limit",
    "json",
    "quiet",
    "jobs",
    "codex-home",
    "no-color",
    "nope",
    "Path",
  );
  const option = fc.oneof(
    name.map((text) => [`--${text}`]),
    fc.tuple(name, word).map(([text, value]) => [`--${text}`, value]),
    fc.tuple(name, word).map(([text, value]) => [`--${text}=${value}`]),
    fc.constantFrom(["-n"], ["-q"], ["-j", "2"], ["-j2"], ["-j=2"], ["-nq"]),
    fc.tuple(fc.constantFrom("-n", "-q", "-j", "-J"), word).map(([text, value]) => [text, value]),
  );
  const line = fc.array(
    fc.oneof(
      word.map((text) => [text]),
      option,
    ),
    { maxLength: 4 },
  );
  const { command } = (await sampleTable([])[0]?.load()) ?? {};
  const specs = { ...GLOBAL_OPTIONS, ...command?.options };
  await fc.assert(
    fc.asyncProperty(line, async (parts) => {
      const words = parts.flat();
      fc.pre(readPlainWords(specs, words) !== undefined);
      expect(await call(words)).toEqual(await call([...words, "--"]));
    }),
    runs(300),
  );
});
