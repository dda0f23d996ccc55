/** The documents say what the program does: links lead somewhere, commands and options are all there, lines are the same. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../src/cli.ts";
import type { OptionSpecs } from "../src/commands/command.ts";
import { GLOBAL_OPTIONS } from "../src/commands/options.ts";
import { LAWS } from "./support/laws.ts";
import { listFiles, readText, ROOT } from "./support/sources.ts";

const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", ...listFiles("docs", ".md")];

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

function withoutCode(text: string): string {
  return text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
}

function anchorsOf(text: string): string[] {
  return [...text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => anchorOf(title));
}

/** The parts of docs/cli.md by heading of second level. */
function sections(): Map<string, string> {
  const [, ...parts] = readText("docs/cli.md").split(/^## /m);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf("\n")), part]));
}

/** Options in the first column of a part's table, without their dashes, sorted. */
function optionsIn(part: string): string[] {
  const cells = [...part.matchAll(/^\| (`-.*?`) \|/gm)].map(([, cell = ""]) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/--?([\w-]+)/g)].map(([, name = ""]) => name)).toSorted();
}

function spellings(specs: OptionSpecs): string[] {
  return Object.entries(specs)
    .flatMap(([name, { short }]) => (short === undefined ? [name] : [name, short]))
    .toSorted();
}

function fencedBlocks(text: string): string[] {
  return [...text.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, body = ""]) => body);
}

describe.each(DOCUMENTS)("%s", (path) => {
  const text = readText(path);

  it("links to what is there", () => {
    const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(readText(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it("names only files that are there", () => {
    const named = [...text.matchAll(/`((?:src|test|docs|fixtures|\.ci)\/[^`<>*\s]+)`/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });
});

describe("ARCHITECTURE.md", () => {
  it("has the table of laws by which the sources are judged", () => {
    const rows = [...readText("ARCHITECTURE.md").matchAll(/^\| ([\w-]+) \| ([^|]+) \| (none|local|all) \|$/gm)];
    const written = rows.map(([, room, rooms = "", node]) => [room, rooms === "–" ? [] : rooms.split(", "), node]);
    expect(written).toEqual(Object.entries(LAWS).map(([room, law]) => [room, law.rooms, law.node]));
  });

  it("names only files of src that are there", () => {
    // Inside a room's sentence a file goes by `room/file.ts`.
    const named = [...readText("ARCHITECTURE.md").matchAll(/`([a-z]+\/[\w-]+\.ts)`/g)].map(([, name = ""]) => name);
    const missing = named.filter((name) => !existsSync(join(ROOT, "src", name)) && !existsSync(join(ROOT, name)));
    expect(missing).toEqual([]);
  });
});

describe("docs/cli.md", () => {
  it("has a section for each command, in the order of the help, and none for any other", () => {
    const fixed = new Set(["Options of every command", "Exit codes"]);
    expect([...sections().keys()].filter((title) => !fixed.has(title))).toEqual(commands.map(({ name }) => name));
  });

  it("has every option of every command, and no other", async () => {
    expect(optionsIn(sections().get("Options of every command") ?? "")).toEqual(spellings(GLOBAL_OPTIONS));
    for (const entry of commands) {
      const { command } = await entry.load();
      expect([entry.name, optionsIn(sections().get(entry.name) ?? "")]).toEqual([
        entry.name,
        spellings(command.options),
      ]);
    }
  });

  it("names the choices of every option and argument", async () => {
    for (const entry of commands) {
      const { command } = await entry.load();
      const section = sections().get(entry.name) ?? "";
      for (const { choices = [] } of Object.values({ ...command.options, ...command.positionals })) {
        for (const choice of choices) expect(section).toMatch(new RegExp(`\\b${choice}\\b`));
      }
    }
  });
});

describe("README.md", () => {
  const [first = "", second = ""] = fencedBlocks(readText("README.md"));

  it("has two lines that do everything, and CI runs the second as it stands", () => {
    expect(first.split("\n")).toHaveLength(1);
    expect(first).toMatch(/^npm ci && npm run build && .*node dist\/bin\.js reindex/);
    expect(second).toBe("npm ci && npm test");
    expect(readText(".ci/run")).toContain(`\n${second} || status=1\n`);
  });

  it("runs on a home that is there", () => {
    const [, home = ""] = /(fixtures\/[\w./-]+?)\/?\.?(?=\s)/.exec(first) ?? [];
    expect(statSync(join(ROOT, home)).isDirectory()).toBe(true);
  });
});

describe("scripts", () => {
  it("that documents name exist", () => {
    const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
    for (const path of DOCUMENTS) {
      const named = [...readText(path).matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name);
      expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
    }
  });

  it("that CI runs can be run", () => {
    expect(statSync(join(ROOT, ".ci", "run")).mode & 0o111).not.toBe(0);
  });
});
