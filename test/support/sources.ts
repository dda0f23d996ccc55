/** The project's own source files, parsed: what the tidy test judges. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vitest/node";

/** Absolute path of the repository. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

export interface SourceImport {
  /** As written, or for a relative import the file it names, relative to the repository: `src/errors.ts`. */
  readonly target: string;
  readonly line: number;
  /** `reexport`: `export … from`. `dynamic`: `import(…)` or `require(…)`. */
  readonly how: "static" | "type" | "reexport" | "dynamic";
}

export interface SourceFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly SourceImport[];
  readonly functions: readonly SourceFunction[];
  /** Lines at which the global `process` (or `globalThis.process`) is named. */
  readonly processAt: readonly number[];
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number; readonly end: number };

/** Every file below a folder of the repository, as sorted relative paths. */
export function listFiles(folder: string, ending = ""): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && entry.name.endsWith(ending));
  return files
    .map((entry) => posix.join(entry.parentPath.slice(ROOT.length + 1).replaceAll("\\", "/"), entry.name))
    .toSorted();
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function parseSource(path: string, text = readText(path)): SourceFile {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const lineOf = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1;
  const imports: SourceImport[] = [];
  const functions: SourceFunction[] = [];
  const processAt: number[] = [];
  visit(parseAst(text, { lang: "ts" }) as unknown as Node, undefined, (node, parent) => {
    const found = importOf(node);
    if (found !== undefined) {
      imports.push({ ...found, target: resolveTarget(path, found.target), line: lineOf(node.start) });
    }
    if (FUNCTIONS.has(node.type)) {
      const line = lineOf(node.start);
      functions.push({ name: functionName(node, parent), line, lines: lineOf(node.end) - line + 1 });
    }
    if (namesProcess(node, parent)) processAt.push(lineOf(node.start));
  });
  return { path, text, lines: text.split("\n").length - 1, imports, functions, processAt };
}

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function visit(node: Node, parent: Node | undefined, look: (node: Node, parent: Node | undefined) => void): void {
  look(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, node, look);
  }
}

function importOf(node: Node): { target: string; how: SourceImport["how"] } | undefined {
  switch (node.type) {
    case "ImportDeclaration":
      return { target: literal(node["source"]), how: node["importKind"] === "type" ? "type" : "static" };
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      return isNode(node["source"]) ? { target: literal(node["source"]), how: "reexport" } : undefined;
    case "ImportExpression":
      return { target: literal(node["source"]), how: "dynamic" };
    case "TSImportType":
      return { target: literal(node["source"] ?? node["argument"]), how: "type" };
    case "CallExpression":
      return isRequire(node) ? { target: literal((node["arguments"] as unknown[])[0]), how: "dynamic" } : undefined;
    default:
      return undefined;
  }
}

/** `require("x")` and `createRequire(import.meta.url)("x")`. */
function isRequire(node: Node): boolean {
  const callee = node["callee"];
  if (!isNode(callee)) return false;
  if (callee.type === "Identifier") return callee["name"] === "require";
  const inner = callee["callee"];
  return callee.type === "CallExpression" && isNode(inner) && inner["name"] === "createRequire";
}

/** A target that is not a literal would hide from the laws: it is reported under a name that no law allows. */
function literal(node: unknown): string {
  if (isNode(node) && node.type === "TSLiteralType") return literal(node["literal"]);
  return isNode(node) && typeof node["value"] === "string" ? node["value"] : "<computed>";
}

function resolveTarget(from: string, target: string): string {
  return target.startsWith(".") ? posix.join(posix.dirname(from), target) : target;
}

function functionName(node: Node, parent: Node | undefined): string {
  for (const holder of [node["id"], parent?.["id"], parent?.["key"]]) {
    if (isNode(holder) && typeof holder["name"] === "string") return holder["name"];
  }
  return "(anonymous)";
}

function namesProcess(node: Node, parent: Node | undefined): boolean {
  if (node.type !== "Identifier" || node["name"] !== "process" || parent === undefined) return false;
  if (parent.type === "MemberExpression" && parent["property"] === node && parent["computed"] !== true) {
    const object = parent["object"];
    return isNode(object) && object["name"] === "globalThis";
  }
  return !(parent["key"] === node && parent["computed"] !== true);
}
