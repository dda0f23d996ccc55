/**
 * The laws of ARCHITECTURE.md, kept by reading the sources. The laws, and the exceptions with their reasons, are data in
 * `support/laws.ts`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  ENTRY_POINTS,
  LAWS,
  LIGHT_FILES,
  LONG_FILES,
  MAX_FILE_LINES,
  MAX_FUNCTION_LINES,
  NARROW,
  OUTSIDE,
  PACKAGES,
} from "./support/laws.ts";
import { listFiles, parseSource, readText, ROOT, type SourceFile } from "./support/sources.ts";

/** Tests that judge the whole, or all cases of a theme, rather than one file of src. */
const WITHOUT_MIRROR =
  /^test\/(cli|docs|library|tidy)\.test\.ts$|^test\/(faults|properties)\/|\/(golden|properties)\.test\.ts$/;

/** What belongs to somebody's machine, not to the product. */
const WORKPLACE: readonly RegExp[] = [
  /\/work\/\w|\/tmp\/\w/,
  /\bregistry\.npmjs\.org\b|\bnpmmirror\b|\bartifactory\b/,
  /\blocalhost:\d{2,5}\b/,
];

const sources: readonly SourceFile[] = listFiles("src", ".ts").map((path) => parseSource(path));
const byPath = new Map(sources.map((file) => [file.path, file]));

/** `src/io/zstd.ts` → `io`; `src/cli.ts` → `cli`. */
function roomOf(path: string): string {
  const [, first = ""] = path.split("/");
  return first.replace(/\.ts$/, "");
}

function packageOf(target: string): string {
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

describe("rooms", () => {
  it("are those of ARCHITECTURE.md", () => {
    expect(sources.map((file) => roomOf(file.path)).filter((room) => LAWS[room] === undefined)).toEqual([]);
  });

  it("import only what their law allows", () => {
    const broken = sources.flatMap((file) => {
      const room = roomOf(file.path);
      const local = file.imports.filter((found) => found.target.startsWith("src/"));
      return local
        .filter(({ target }) => roomOf(target) !== room && LAWS[room]?.rooms.includes(roomOf(target)) !== true)
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it("know of a neighbour only the files that are for them", () => {
    const broken = sources.flatMap((file) =>
      NARROW.filter((law) => law.from === roomOf(file.path)).flatMap((law) =>
        file.imports
          .filter(({ target, how }) => how !== "type" && target.startsWith(`src/${law.room}/`))
          .filter(({ target }) => !law.files.some((name) => target === `src/${law.room}/${name}.ts`))
          .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
      ),
    );
    expect(broken).toEqual([]);
  });

  it("use of Node what their law allows, with the node: prefix", () => {
    const broken = sources.flatMap((file) => {
      const allowed = LAWS[roomOf(file.path)]?.node ?? "none";
      return file.imports
        .filter(({ target }) => target.startsWith("node:"))
        .filter(({ target }) => {
          const name = packageOf(target.slice("node:".length));
          if (name === "process" || allowed === "none") return true;
          return allowed === "local" && OUTSIDE.includes(name);
        })
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`);
    });
    expect(broken).toEqual([]);
  });
});

describe("imports", () => {
  it("name an existing file with its extension, or a package known to that file alone", () => {
    const broken = sources.flatMap((file) =>
      file.imports
        .filter(({ target }) => !target.startsWith("node:"))
        .filter(({ target }) => !byPath.has(target) && PACKAGES[packageOf(target)] !== file.path)
        .map(({ target, line }) => `${file.path}:${line} imports ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("have a package for every dependency, and a dependency for every package", () => {
    const manifest = JSON.parse(readText("package.json")) as Record<string, Record<string, string>>;
    const packages = { ...manifest["dependencies"], ...manifest["optionalDependencies"] };
    expect(Object.keys(packages).toSorted()).toEqual(Object.keys(PACKAGES).toSorted());
    for (const [name, path] of Object.entries(PACKAGES)) {
      expect(byPath.get(path)?.imports.map(({ target }) => packageOf(target))).toContain(name);
    }
  });

  it("pass no barrel but src/index.ts", () => {
    const isBarrel = ({ text, imports }: SourceFile) =>
      /^export \* /m.test(text) ||
      (imports.some(({ how }) => how === "reexport") &&
        !/^(export )?(async )?(function|class|const|interface|type \w)/m.test(text));
    expect(sources.filter(isBarrel).map(({ path }) => path)).toEqual(["src/index.ts"]);
    expect(sources.filter(({ path }) => path.endsWith("/index.ts")).map(({ path }) => path)).toEqual(["src/index.ts"]);
  });

  it("go round no circle", () => {
    expect(findCycles(sources)).toEqual([]);
  });
});

describe("process", () => {
  it("is touched in the entry points alone", () => {
    const others = sources.filter((file) => !ENTRY_POINTS.includes(file.path));
    expect(others.flatMap((file) => file.processAt.map((line) => `${file.path}:${line}`))).toEqual([]);
  });
});

describe("the start", () => {
  it("loads no command and no package, so that help and version answer at once", () => {
    expect(closureOf("src/bin.ts")).toEqual({ files: ["src/bin.ts"], packages: [] });
    const loaded = closureOf("src/cli.ts");
    expect(loaded.packages).toEqual([]);
    expect(loaded.files).toEqual(
      [
        "src/cli.ts",
        "src/commands/failure.ts",
        "src/commands/help.ts",
        "src/commands/options.ts",
        "src/commands/command.ts",
        "src/commands/plain-words.ts",
        "src/commands/render.ts",
        "src/errors.ts",
        "src/io/console.ts",
        "src/io/heap.ts",
        "src/io/progress.ts",
        "src/io/text.ts",
      ].toSorted(),
    );
  });

  it("of a search loads next to nothing before its helpers are started", () => {
    expect(closureOf("src/analysis/search-crew.ts")).toEqual({
      files: ["src/analysis/search-crew.ts", "src/io/heap.ts", "src/io/optimizing.ts", "src/io/workers.ts"],
      packages: [],
    });
  });
});

describe("a command", () => {
  it("loads what does its work only when it runs, so that its help answers at once", () => {
    const entries = (byPath.get("src/cli.ts")?.imports ?? []).filter(({ target }) =>
      target.startsWith("src/commands/"),
    );
    const heavy = entries
      .filter(({ how }) => how === "dynamic")
      .flatMap(({ target }) => {
        const { files, packages } = closureOf(target);
        const others = files.filter((file) => !file.startsWith("src/commands/") && !LIGHT_FILES.includes(file));
        return [...packages, ...others].slice(0, 3).map((name) => `${target} loads ${name}`);
      });
    expect(heavy).toEqual([]);
  });
});

describe("sizes", () => {
  it(`of files stay within ${MAX_FILE_LINES} lines`, () => {
    const long = sources.filter((file) => file.lines > MAX_FILE_LINES).map((file) => file.path);
    expect(long).toEqual(Object.keys(LONG_FILES).toSorted());
  });

  it("have the same exceptions in the linter", () => {
    interface Override {
      readonly files: readonly string[];
      readonly rules: Readonly<Record<string, unknown>>;
    }
    const { overrides } = JSON.parse(readText(".oxlintrc.json")) as { overrides: Override[] };
    const exempt = overrides.filter(({ rules }) => rules["max-lines"] === "off").flatMap(({ files }) => files);
    expect(exempt.filter((pattern) => pattern.startsWith("src/")).toSorted()).toEqual(
      Object.keys(LONG_FILES).toSorted(),
    );
  });

  it(`of functions stay within ${MAX_FUNCTION_LINES} lines`, () => {
    const long = sources.flatMap((file) =>
      file.functions
        .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
        .map(({ name, line, lines }) => `${file.path}:${line} ${name} has ${lines} lines`),
    );
    expect(long).toEqual([]);
  });
});

describe("files", () => {
  it("open with a comment that says what they are for", () => {
    const silent = sources.filter(({ text }) => !/^(#![^\n]*\n)?\/\*\*/.test(text)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it("of tests mirror a file of src", () => {
    const tests = listFiles("test", ".test.ts").filter((path) => !path.startsWith("test/interop/"));
    const orphans = tests
      .filter((path) => !WITHOUT_MIRROR.test(path))
      // `test/readers/rollout.hostile.test.ts` is a second test of `src/readers/rollout.ts`.
      .filter((path) => !existsSync(join(ROOT, path.replace(/^test\//, "src/").replace(/\.[^/]*$/, ".ts"))));
    expect(orphans).toEqual([]);
  });

  it("hold no word of the machine they were written on", () => {
    const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "package.json"];
    const paths = [...listFiles("src"), ...listFiles("test", ".ts"), ...listFiles("docs"), ...documents];
    const found = paths
      .filter((path) => path !== "test/tidy.test.ts")
      .flatMap((path) =>
        readText(path)
          .split("\n")
          .flatMap((text, index) =>
            WORKPLACE.some((word) => word.test(text)) ? [`${path}:${index + 1} ${text}`] : [],
          ),
      );
    expect(found).toEqual([]);
  });
});

describe("the reader of sources itself", () => {
  it("sees every form of import, and process only where it is meant", () => {
    const file = parseSource(
      "src/io/sample.ts",
      `import type { A } from "../errors.ts";
import { b } from "node:fs";
export { c } from "./c.ts";
const d = await import("./d.ts");
type E = import("./e.ts").E;
const f = createRequire(import.meta.url)("cli-progress");
const g = { process: 1 }.process + globalThis.process.pid;
const h = await import(name);
`,
    );
    expect(file.imports).toEqual([
      { target: "src/errors.ts", how: "type", line: 1 },
      { target: "node:fs", how: "static", line: 2 },
      { target: "src/io/c.ts", how: "reexport", line: 3 },
      { target: "src/io/d.ts", how: "dynamic", line: 4 },
      { target: "src/io/e.ts", how: "type", line: 5 },
      { target: "cli-progress", how: "dynamic", line: 6 },
      { target: "<computed>", how: "dynamic", line: 8 },
    ]);
    expect(file.processAt).toEqual([7]);
  });

  it("finds a circle", () => {
    const files = [
      parseSource("src/io/a.ts", 'import "./b.ts";'),
      parseSource("src/io/b.ts", 'import type { C } from "./c.ts";'),
      parseSource("src/io/c.ts", 'export * from "./a.ts";'),
    ];
    expect(findCycles(files)).toEqual(["src/io/a.ts → src/io/b.ts → src/io/c.ts → src/io/a.ts"]);
  });
});

/** What is loaded with a file: local files, and packages. Types and `import()` load nothing. */
function closureOf(entry: string): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const path of files) {
    for (const { target, how } of byPath.get(path)?.imports ?? []) {
      if (how === "type" || how === "dynamic") continue;
      if (byPath.has(target)) files.add(target);
      else if (!target.startsWith("node:")) packages.add(target);
    }
  }
  return { files: [...files].toSorted(), packages: [...packages].toSorted() };
}

/** Circles among local imports, of types too: who needs whom should be a question with one answer. */
function findCycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, file.imports.map(({ target }) => target)]));
  const state = new Map<string, "open" | "closed">();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "open") cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (state.has(path)) return;
    state.set(path, "open");
    for (const target of graph.get(path) ?? []) if (graph.has(target)) walk(target, [...trail, path]);
    state.set(path, "closed");
  };
  for (const path of graph.keys()) walk(path, []);
  return cycles;
}
