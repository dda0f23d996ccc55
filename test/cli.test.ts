import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { commands, runCli } from "../src/cli.ts";
import { RolloutError } from "../src/errors.ts";
import { BrokenPipe } from "../src/io/console.ts";
import { PassThrough } from "node:stream";
import { BIN, runBin } from "./support/bin.ts";
import { memoryHost, type SampleCall, sampleTable } from "./support/host.ts";
import { readText } from "./support/sources.ts";

async function run(line: string, options: { thrown?: unknown; host?: ReturnType<typeof memoryHost> } = {}) {
  const host = options.host ?? memoryHost();
  const calls: SampleCall[] = [];
  const argv = line === "" ? [] : line.split(" ");
  const code = await runCli(argv, host, sampleTable(calls, options.thrown));
  return { code, out: host.out(), err: host.err(), calls };
}

describe("pages", () => {
  it("the root's help lists commands and options without loading a command", async () => {
    const pages = await Promise.all(["", "--help", "-h", "help", "--json"].map((line) => run(line)));
    for (const page of pages) {
      expect(page.code).toBe(0);
      expect(page.out).toBe(pages[0]?.out);
      expect(page.err).toBe("");
    }
    expect(pages[0]?.out).toContain("  heavy           must stay unloaded\n");
    expect(pages[0]?.out).toContain("      --codex-home <path>   the Codex home");
    expect(pages[0]?.out).toContain("  130  interrupted\n");
  });

  it("a command's help shows usage, options, and examples", async () => {
    const pages = await Promise.all(
      ["sample --help", "--help sample", "help sample", "-h sample"].map((line) => run(line)),
    );
    for (const page of pages) expect([page.code, page.out]).toEqual([0, pages[0]?.out]);
    expect(pages[0]?.out.split("\n").slice(0, 17)).toEqual([
      "Usage: rollout-tool sample [thread] [rest...] [options]",
      "",
      "Notes how it was called.",
      "",
      "Arguments:",
      "  [thread]   a thread",
      "  [rest...]  more threads",
      "",
      "Options:",
      "      --rules <codex|best>  the set of rules [default: best]",
      "  -n, --dry-run             write nothing",
      "      --check               compare",
      "      --path <path>         a file [may be repeated]",
      "      --limit <n>           how many",
      "",
      "Options of every command:",
      "      --codex-home <path>   the Codex home to work on; else CODEX_HOME, else ~/.codex",
    ]);
    expect(pages[0]?.out).toMatch(/\nExamples:\n {2}# as Codex does it\n {2}rollout-tool sample --rules codex\n$/);
  });

  it("fit the terminal", async () => {
    const { out } = await run("sample --help", { host: memoryHost({ columns: 44 }) });
    const [page = ""] = out.split("Examples:");
    expect(Math.max(...page.split("\n").map((line) => line.length))).toBeLessThanOrEqual(44);
  });

  it("the version is the version", async () => {
    expect(await run("--version")).toMatchObject({ code: 0, out: "9.8.7\n" });
    expect(await run("-V")).toMatchObject({ code: 0, out: "9.8.7\n" });
  });
});

describe("a call", () => {
  it("hands a command its options, checked and named", async () => {
    const line =
      "--codex-home=h sample --rules codex -n --path a --path=b --limit 3 --jobs 2 --quiet -- one two -three";
    const { calls, code, out, err } = await run(line);
    expect({ code, out, err }).toEqual({ code: 0, out: "rules codex\n", err: "" });
    expect(calls[0]?.options).toEqual({
      rules: "codex",
      dryRun: true,
      check: false,
      path: ["a", "b"],
      limit: 3,
      thread: "one",
      rest: ["two", "-three"],
      codexHome: "/here/h",
      sqliteHome: undefined,
      json: false,
      quiet: true,
      jobs: 2,
    });
  });

  it("takes text for text: numbers, dots and dashes are not interpreted", async () => {
    const { calls } = await run("sample --path 007 --path a.b 0x10 1e3");
    expect(calls[0]?.options).toMatchObject({ path: ["007", "a.b"], thread: "0x10", rest: ["1e3"] });
  });

  it("hands back the command's exit code, and its messages", async () => {
    expect(await run("sample --check")).toMatchObject({ code: 1, err: "a message\n" });
  });

  it("colours only where colour is wanted", async () => {
    const red = async (line: string, env: Record<string, string>, isTTY: boolean) => {
      const { calls } = await run(line, { host: memoryHost({ env, isTTY }) });
      return calls[0]?.context.paint.red("x");
    };
    expect(await red("sample", {}, true)).toBe("\x1b[31mx\x1b[39m");
    expect(await red("sample --no-color", {}, true)).toBe("x");
    expect(await red("sample", { NO_COLOR: "1" }, true)).toBe("x");
    expect(await red("sample", {}, false)).toBe("x");
  });
});

describe("a wrong call", () => {
  it.each([
    ["smaple", 'unknown command "smaple"', "did you mean sample?"],
    ["frobnicate", 'unknown command "frobnicate"', "rollout-tool --help lists the commands"],
    ["help smaple", 'unknown command "smaple"', "did you mean sample?"],
    ["--jsno", "unknown option --jsno", "did you mean --json?"],
    ["--rules codex sample", "unknown option --rules before the command", "options of a command come after its name"],
    ["sample --ruels codex", "unknown option --ruels", "did you mean --rules?"],
    ["sample --dryRun", "unknown option --dryRun", "did you mean --dry-run?"],
    ["sample --no-check", "unknown option --no-check", "did you mean --check?"],
    ["sample -x", "unknown option -x", "--help lists the options"],
    ["sample --path", "--path needs a value", undefined],
    ["sample --path --check", "--path needs a value", undefined],
    ["sample --rules=", "--rules needs a value", undefined],
    ["sample --rules bset", '--rules is one of codex, best, not "bset"', "did you mean best?"],
    ["sample --rules best --rules codex", "--rules was given 2 times", undefined],
    ["sample --limit ten", '--limit takes a whole number of at least 0, not "ten"', undefined],
    ["sample --dry-run --check", "--dry-run and --check exclude each other", undefined],
    ["fail extra", 'unexpected argument "extra"', undefined],
    ["sample --constructor", "unknown option --constructor", "--help lists the options"],
  ])("%s", async (line, message, hint) => {
    const { code, out, err } = await run(line);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe(`rollout-tool: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
  });

  it("is told as JSON with --json", async () => {
    const { err } = await run("sample --json --limit ten");
    expect(JSON.parse(err)).toEqual({
      error: { code: "usage", message: '--limit takes a whole number of at least 0, not "ten"' },
    });
  });
});

describe("an error", () => {
  it("ends with 2, and with 70 when it is a bug", async () => {
    const missing = new RolloutError("not-found", "no such home", { path: "/x", hint: "look" });
    expect(await run("fail", { thrown: missing })).toMatchObject({
      code: 2,
      err: "rollout-tool: no such home (/x)\nhint: look\n",
    });
    expect(await run("fail", { thrown: new TypeError("boom") })).toMatchObject({ code: 70 });
    expect(await run("heavy")).toMatchObject({ code: 70 });
  });

  it("is printed under --quiet too, and after what was already answered", async () => {
    expect(await run("fail --quiet", { thrown: new RolloutError("busy", "in use") })).toMatchObject({
      code: 2,
      err: "rollout-tool: in use\n",
    });
  });

  it("ends quietly when nobody reads the answer", async () => {
    expect(await run("fail", { thrown: new BrokenPipe("gone") })).toMatchObject({ code: 0, err: "" });
  });

  it("takes the progress bar away", async () => {
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
    let at_ms = 0;
    const host = memoryHost({ progressStream: () => stream, now: () => (at_ms += 1000) });
    await run("fail", { thrown: new RolloutError("busy", "in use"), host });
    expect(String(stream.read())).toMatch(/working {2}\[===-.*\x1b\[2K$/s);
  });
});

describe("the table of commands", () => {
  it("holds commands that say what they are, with an example that is theirs", async () => {
    for (const entry of commands) {
      const { command } = await entry.load();
      expect(entry.summary).toMatch(/^[a-z].*[^.]$/);
      expect(command.describe).toMatch(/^[A-Z].*\.$/s);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const [line] of command.examples) expect(line.split(" ")[0]).toBe(entry.name);
      for (const spec of Object.values({ ...command.options, ...command.positionals })) {
        expect(spec.describe).toMatch(/[^.]$/);
      }
    }
  });
});

describe("the process", () => {
  it("answers with its own version", () => {
    const manifest = JSON.parse(readText("package.json")) as { version: string };
    expect(runBin(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  it("refuses what it does not know, with exit code 2", () => {
    expect(runBin(["frobnicate"])).toEqual({
      code: 2,
      stdout: "",
      stderr: 'rollout-tool: unknown command "frobnicate"\nhint: rollout-tool --help lists the commands\n',
    });
  });

  it("limits lines to COLUMNS where stdout is no terminal", () => {
    const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));
    expect(widest(runBin(["--help"], { env: { COLUMNS: "50" } }).stdout)).toBeLessThanOrEqual(50);
    expect(widest(runBin(["--help"], { env: { COLUMNS: "nonsense" } }).stdout)).toBeGreaterThan(50);
  });

  it.skipIf(process.platform === "win32")("ends with 0 when the reader of a pipe goes away", async () => {
    const child = spawn("sh", [
      "-c",
      '(sleep 0.2; "$0" "$1" completion bash; echo "code $?" >&2) | true',
      process.execPath,
      BIN,
    ]);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    await new Promise((resolve) => child.on("close", resolve));
    expect(stderr).toBe("code 0\n");
  });
});
