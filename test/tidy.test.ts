/**
 * The laws of ARCHITECTURE.md, kept by reading the sources. A law is a line of data here; an exception is one too, with
 * its reason.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listFiles, parseSource, readText, ROOT, type SourceFile } from "./support/sources.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

interface Law {
  /** Rooms (folders of src, or its single files) that this one may import. */
  readonly rooms: readonly string[];
  /** `none`: not even `node:`. `local`: all of Node but the network and other processes. `all`: all of Node. */
  readonly node: "none" | "local" | "all";
}

const READING = ["format", "thread", "readers", "io", "errors"];
const WORKING = [...READING, "indexer", "compressor"];
const ALL_ROOMS = [...WORKING, "fork", "migrate", "verify", "analysis", "export"];

const LAWS: Readonly<Record<string, Law>> = {
  errors: { rooms: [], node: "none" },
  format: { rooms: ["errors"], node: "none" },
  io: { rooms: ["errors"], node: "local" },
  thread: { rooms: ["format", "errors"], node: "none" },
  readers: { rooms: ["format", "io", "errors"], node: "local" },
  indexer: { rooms: READING, node: "local" },
  compressor: { rooms: ["io", "readers", "format", "errors"], node: "all" },
  fork: { rooms: WORKING, node: "local" },
  migrate: { rooms: WORKING, node: "local" },
  verify: { rooms: [...WORKING, "migrate"], node: "local" },
  analysis: { rooms: WORKING, node: "local" },
  export: { rooms: WORKING, node: "local" },
  bench: { rooms: ALL_ROOMS, node: "all" },
  commands: { rooms: [...ALL_ROOMS, "bench"], node: "local" },
  cli: { rooms: ["commands", "io", "errors"], node: "none" },
  bin: { rooms: ["cli", "io", "errors"], node: "local" },
  index: { rooms: [...ALL_ROOMS, "bench"], node: "none" },
};

/** Rooms of which another may know only some files. */
const NARROW: readonly { readonly from: string; readonly room: string; readonly files: readonly string[] }[] = [
  { from: "compressor", room: "readers", files: ["bytes", "home"] },
  { from: "compressor", room: "format", files: ["names", "peek"] },
  { from: "cli", room: "io", files: ["console", "progress"] },
];

/** Each outside package is known to exactly one file. */
const PACKAGES: Readonly<Record<string, string>> = {
  "better-sqlite3": "src/io/sqlite.ts",
  "zstd-napi": "src/io/zstd.ts",
  "fs-ext": "src/io/locks.ts",
  "cli-progress": "src/io/progress.ts",
  "stream-json": "src/readers/legacy.ts",
  yargs: "src/cli.ts",
  tinybench: "src/bench/measure.ts",
};

const ELSEWHERE = [
  "child_process",
  "cluster",
  "dgram",
  "dns",
  "http",
  "http2",
  "https",
  "net",
  "tls",
  "worker_threads",
];

/** Files over the limit, and why. `.oxlintrc.json` has the same list. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "src/indexer/migrations.ts": "data: one row for every migration of every release",
};

/** Tests that judge the whole rather than one file of src. */
const TESTS_WITHOUT_MIRROR = ["test/cli.test.ts", "test/docs.test.ts", "test/golden.test.ts", "test/tidy.test.ts"];

/** What belongs to somebody's machine, not to the product. */
const WORKPLACE: readonly RegExp[] = [
  /\/(work|tmp|root)\/(?!\*)/,
  /\/(home|Users)\/(?!user\b|alice\b|you\b|[<*$.{])\w/,
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
          return allowed === "local" && ELSEWHERE.includes(name);
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
    const manifest = JSON.parse(readText("package.json")) as { dependencies: Record<string, string> };
    expect(Object.keys(manifest.dependencies).toSorted()).toEqual(Object.keys(PACKAGES).toSorted());
  });

  it("pass no barrel but src/index.ts", () => {
    const barrels = sources.filter((file) => file.imports.some(({ how }) => how === "reexport"));
    expect(barrels.map((file) => file.path)).toEqual(["src/index.ts"]);
    expect(sources.filter((file) => file.path.endsWith("/index.ts")).map((file) => file.path)).toEqual([
      "src/index.ts",
    ]);
  });

  it("go round no circle", () => {
    expect(findCycles(sources)).toEqual([]);
  });
});

describe("process", () => {
  it("is touched in src/bin.ts alone", () => {
    const touching = sources.flatMap((file) => file.processAt.map((line) => `${file.path}:${line}`));
    expect(touching.filter((place) => !place.startsWith("src/bin.ts:"))).toEqual([]);
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
      .filter((path) => !TESTS_WITHOUT_MIRROR.includes(path))
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
