/**
 * The manifest of a run: one JSON document per line, only ever appended to, each brought to the disk before the step that follows it.
 * Paths stand in it relative to the home, so that it stays true when the home moves, and leads nowhere else whoever wrote it.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { RolloutError } from "../errors.ts";
import { parseTimestamp } from "../format/names.ts";
import {
  fileError,
  fsyncFolder,
  listFolder,
  lstatOrUndefined,
  readWholeFile,
  removeIfThere,
  writeFully,
} from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import { type PlannedUnit, requireOwnUnit } from "./planned.ts";

/** Folder of all runs, in the Codex home. */
const RUNS = join("rollout-tool", "changes");
const FILE = "manifest.jsonl";
const VERSION = 1;

/** How far a unit has come, by its last line. */
export type UnitState = "planned" | "done" | "undoing" | "undone";

export interface RunHead {
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
}

export interface Run extends RunHead {
  readonly manifest: string;
  /** Where its databases lie, relative to the home if within it; undefined where nothing tells. */
  readonly databases: string | undefined;
  readonly units: readonly { readonly unit: PlannedUnit; readonly state: UnitState }[];
}

type Line =
  | ({ readonly kind: "run"; readonly version: number; readonly databases?: string } & RunHead)
  | { readonly kind: "plan"; readonly unit: PlannedUnit }
  | { readonly kind: Exclude<UnitState, "planned">; readonly number: number };

export function runsFolder({ codexHome }: Home): string {
  return join(codexHome, RUNS);
}

/** Relative to the home for databases within it, which move along; `.` for those of most homes. */
function databasesOf({ codexHome, sqliteHome }: Home): string {
  if (sqliteHome !== codexHome && !sqliteHome.startsWith(codexHome + sep)) return sqliteHome;
  return relative(codexHome, sqliteHome) || ".";
}

export function manifestIn(folder: string): string {
  return join(folder, FILE);
}

/** Manifests of a home, the oldest first. */
export function manifestsOf(home: Home): readonly string[] {
  return runFolders(home)
    .map(manifestIn)
    .filter((path) => lstatOrUndefined(path)?.isFile());
}

/** Those too that have no manifest yet, or were cut off before they had one. */
export function runFolders(home: Home): readonly string[] {
  const folder = runsFolder(home);
  if (lstatOrUndefined(folder)?.isDirectory() !== true) return [];
  const runs = listFolder(folder).filter((entry) => entry.isDirectory());
  return runs.map(({ name }) => join(folder, name));
}

/** A folder for a new run, not made yet. Its name comes behind those of all runs before, also where the clock has been set back since. */
export function newRunFolder(home: Home, { command, startedMs }: RunHead): string {
  const latestMs = runFolders(home).reduce((latest, folder) => Math.max(latest, stampMs(basename(folder))), 0);
  const stamp = new Date(Math.max(startedMs, latestMs + 1)).toISOString().replaceAll(/[-:.]/g, "");
  return join(runsFolder(home), `${stamp}-${command}-${randomBytes(3).toString("hex")}`);
}

/** The time at the front of a folder's name; 0 for what is no run's. */
function stampMs(name: string): number {
  const iso = name.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-.*$/s, "$1-$2-$3T$4:$5:$6.$7Z");
  return parseTimestamp(iso) ?? 0;
}

/** Appends to a manifest, line by line. */
export class ManifestWriter {
  readonly #fd: number;
  readonly #home: Home;
  readonly path: string;

  /** Of a new run, or of one that is gone on with: what a killed process left of its last line is closed first. */
  constructor(home: Home, path: string, head?: RunHead) {
    this.#home = home;
    this.path = path;
    const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL } = constants;
    try {
      this.#fd = openSync(path, O_WRONLY | O_APPEND | (head === undefined ? 0 : O_CREAT | O_EXCL), 0o600);
    } catch (error) {
      throw fileError(error, "write", path);
    }
    if (head === undefined) this.#closeTorn();
    else this.#begin(head);
  }

  plan(unit: PlannedUnit): void {
    this.#append({ kind: "plan", unit });
  }

  mark(number: number, kind: Exclude<UnitState, "planned">): void {
    this.#append({ kind, number });
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** One that cannot be begun is not left in the way of the next attempt. */
  #begin(head: RunHead): void {
    try {
      this.#append({ kind: "run", version: VERSION, ...head, databases: databasesOf(this.#home) });
      fsyncFolder(dirname(this.path));
    } catch (error) {
      closeSync(this.#fd);
      removeIfThere(this.path);
      throw error;
    }
  }

  #append(line: Line): void {
    const text = Buffer.from(`${encode(this.#home, line)}\n`);
    const { size } = fstatSync(this.#fd);
    try {
      writeFully(this.#fd, text, null, this.path);
      fsyncSync(this.#fd);
    } catch (error) {
      // What follows goes by what is written here: a line that may not last must not be there at all.
      ftruncateSync(this.#fd, size);
      throw fileError(error, "write", this.path);
    }
  }

  #closeTorn(): void {
    const bytes = readWholeFile(this.path);
    if (bytes.length > 0 && bytes.at(-1) !== 0x0a) writeFully(this.#fd, Buffer.from("\n"), null, this.path);
  }
}

/**
 * Everything that a manifest says. A line that is cut off was never acted upon, and is passed over.
 * @throws RolloutError `damaged` when it is none, `unsupported` for that of a newer version or with paths that lead out of the home.
 */
export function readManifest(home: Home, manifest: string): Run {
  const lines = readWholeFile(manifest).toString("utf8").split("\n");
  // Killed while it wrote its first line: nothing was ever done.
  if (lines.length === 1) return { manifest, command: "", startedMs: 0, databases: undefined, units: [] };
  const head = decode(home, lines[0] ?? "", manifest);
  if (head?.kind !== "run") {
    throw new RolloutError("damaged", "this is not the manifest of a run of rollout-tool", { path: manifest });
  }
  if (head.version !== VERSION) {
    throw new RolloutError("unsupported", "the manifest is of a newer version", {
      path: manifest,
      hint: "update rollout-tool",
    });
  }
  const units = new Map<number, { unit: PlannedUnit; state: UnitState }>();
  for (const text of lines.slice(1)) {
    const line = decode(home, text, manifest);
    if (line?.kind === "plan") {
      requireOwnUnit(home, dirname(manifest), line.unit);
      units.set(line.unit.number, { unit: line.unit, state: "planned" });
    }
    if (line !== undefined && line.kind !== "run" && line.kind !== "plan") {
      const known = units.get(line.number);
      if (known !== undefined) known.state = line.kind;
    }
  }
  const { command, startedMs, databases } = head;
  return { manifest, command, startedMs, databases, units: [...units.values()] };
}

/** @throws RolloutError `mismatch` where the databases that a run has changed are not those that are worked on now. */
export function requireItsDatabases(home: Home, { manifest, databases }: Run): void {
  if (databases === undefined || databases === databasesOf(home)) return;
  throw new RolloutError("mismatch", `the databases of this run lie at ${resolve(home.codexHome, databases)}`, {
    path: manifest,
    hint: "name that folder with --sqlite-home",
  });
}

/** Keys whose values are absolute paths in memory. */
const PATH_KEYS: ReadonlySet<string> = new Set(["path", "target", "temporary", "backup", "database"]);

function encode(home: Home, line: Line): string {
  return JSON.stringify(line, (key, value: unknown) => {
    if (typeof value === "bigint") return { $integer: value.toString() };
    if (isBytes(value)) return { $bytes: Buffer.from(value).toString("base64") };
    if (typeof value === "string" && PATH_KEYS.has(key)) return pathText(home, value);
    if (key === "folders" && Array.isArray(value)) return value.map((path) => pathText(home, String(path)));
    // What a row holds and what is noted has names of its own, which are no paths of this home.
    if (key === "notes" || key === "key" || key === "before" || key === "after" || key === "where")
      return wrapped(value);
    return value;
  });
}

/** A Buffer turns itself into an object before a replacer sees it. */
function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Kept as text of its own, so that no key in it is taken for one of the manifest's. */
function wrapped(value: unknown): unknown {
  if (value === null || value === undefined) return value;
  return JSON.stringify(value, function (this: Record<string, unknown>, key: string, one: unknown) {
    const raw = key === "" ? one : this[key];
    if (isBytes(raw)) return { $bytes: Buffer.from(raw).toString("base64") };
    return typeof one === "bigint" ? { $integer: one.toString() } : one;
  });
}

function decode(home: Home, text: string, manifest: string): Line | undefined {
  try {
    return JSON.parse(text, (key, value: unknown) => revive(home, key, value)) as Line;
  } catch (error) {
    if (!(error instanceof RolloutError)) return undefined;
    throw new RolloutError(error.code, error.message, { path: manifest, hint: error.hint });
  }
}

function revive(home: Home, key: string, value: unknown): unknown {
  if (typeof value === "string") {
    if (PATH_KEYS.has(key)) return pathOf(home, value);
    if (WRAPPED.has(key)) return JSON.parse(value, (_, one: unknown) => unwrapped(one));
    return value;
  }
  if (key === "folders" && Array.isArray(value)) return value.map((path) => pathOf(home, String(path)));
  return unwrapped(value);
}

const WRAPPED: ReadonlySet<string> = new Set(["notes", "key", "before", "after", "where"]);

function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$integer" in value) return BigInt(String(value.$integer));
  if ("$bytes" in value) return Buffer.from(String(value.$bytes), "base64");
  return value;
}

/** `codex/sessions/…` or `sqlite/state_5.sqlite`. */
function pathText({ codexHome, sqliteHome }: Home, path: string): string {
  for (const [name, root] of [["codex", codexHome] as const, ["sqlite", sqliteHome] as const]) {
    const inside = relative(root, path);
    if (inside !== "" && !inside.startsWith("..") && !inside.includes(`${sep}..`) && join(root, inside) === path) {
      return `${name}/${inside.split(sep).join("/")}`;
    }
  }
  throw new RolloutError("unsupported", "a path leads out of the home, where nothing is written", { path });
}

function pathOf({ codexHome, sqliteHome }: Home, text: string): string {
  const [name, ...parts] = text.split("/");
  const root = name === "codex" ? codexHome : name === "sqlite" ? sqliteHome : undefined;
  if (root === undefined || parts.length === 0 || parts.some((part) => /^\.{0,2}$/.test(part) || /[\\\0]/.test(part))) {
    throw new RolloutError("unsupported", "the manifest names a path outside of the home", {
      hint: "it was not written by rollout-tool; nothing was changed",
    });
  }
  return join(root, ...parts);
}
