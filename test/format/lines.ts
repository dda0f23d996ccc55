/** The recorded lines of `fixtures/lines`, for the tests of this folder. */
import { readdirSync, readFileSync } from "node:fs";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import type { JsonValue } from "../../src/format/json.ts";
import type { RolloutRecord } from "../../src/format/record.ts";

const FOLDER = new URL("../../fixtures/lines/", import.meta.url);
const PLACE = { line: 1, offset: 0, length: 0 };
const encoder = new TextEncoder();

export const TIME = "2026-11-21T01:04:38.942Z";

export function linesOf(name: string): string[] {
  return readFileSync(new URL(`${name}.jsonl`, FOLDER), "utf8")
    .trimEnd()
    .split("\n");
}

/** Every recorded line with the release that wrote it. */
export function recordedLines(): { readonly release: string; readonly line: string }[] {
  const releases = readdirSync(FOLDER)
    .filter((name) => /^\d.*\.jsonl$/.test(name))
    .map((name) => name.slice(0, -".jsonl".length));
  return releases.flatMap((release) => linesOf(release).map((line) => ({ release, line })));
}

export function bytesOf(line: string): Uint8Array {
  return encoder.encode(line);
}

export function decode(line: string | Uint8Array, terminated = true): Entry {
  return decodeLine(typeof line === "string" ? bytesOf(line) : line, PLACE, { terminated });
}

/** `ok`, or the kind of the defect and what it says. */
export function outcome(line: string | Uint8Array, terminated = true): string {
  const entry = decode(line, terminated);
  return entry.ok ? "ok" : `${entry.defect.kind}: ${entry.defect.message}`;
}

export function recordOf(line: string): RolloutRecord {
  const entry = decode(line);
  if (!entry.ok) throw new Error(`${entry.defect.kind}: ${entry.defect.message}`);
  return entry.record;
}

/** A line of that type around a payload. */
export function lineOf(type: string, payload: unknown, more: object = {}): string {
  return JSON.stringify({ timestamp: TIME, type, payload, ...more });
}

export type Path = readonly (string | number)[];

/** Every path into a value, outermost first. */
export function* pathsOf(value: JsonValue | undefined, base: Path = []): Generator<Path> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const path = [...base, Array.isArray(value) ? Number(key) : key];
    yield path;
    yield* pathsOf(member, path);
  }
}

/** A copy of `root` with `value` at `path`; undefined takes the member away. */
export function changed(root: JsonValue, path: Path, value: JsonValue | undefined): JsonValue {
  const [key, ...rest] = path;
  if (key === undefined) return value ?? null;
  if (Array.isArray(root)) {
    const index = Number(key);
    const member = rest.length === 0 ? value : changed(root[index] ?? null, rest, value);
    return root.toSpliced(index, 1, ...(member === undefined ? [] : [member]));
  }
  const object = root as { readonly [name: string]: JsonValue };
  const member = rest.length === 0 ? value : changed(object[key] ?? null, rest, value);
  const entries = Object.entries(object).map(([name, old]) => [name, name === key ? member : old] as const);
  const all = Object.hasOwn(object, key) ? entries : [...entries, [key, member] as const];
  return Object.fromEntries(all.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined));
}
