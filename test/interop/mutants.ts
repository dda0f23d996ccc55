/**
 * Rollouts with one line changed by chance each, in one home, and what a real release makes of them: whether it refuses the
 * thread, and which lines it says it passed over. It says so in its log, which is turned on here for that.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Rng } from "../../src/bench/rng.ts";
import { acceptedBy, decodeLine } from "../../src/format/decode.ts";
import type { RolloutRecord } from "../../src/format/record.ts";
import { Mutator } from "../support/mutate.ts";
import {
  type AppServer,
  type ClientThread,
  type CodexBinary,
  readThread,
  resumeThread,
  type TestHome,
  withServer,
} from "./codex.ts";

/** A rollout that 0.169.0 takes line by line. */
export interface Original {
  readonly name: string;
  readonly id: string;
  readonly lines: readonly string[];
}

export interface Mutant {
  readonly id: string;
  readonly path: string;
  readonly original: Original;
  /** What was done to which line. */
  readonly what: string;
  /** Of the changed line, from 1; there may be two of it, or none. */
  readonly line: number;
  readonly lines: number;
  /** Where it begins. */
  readonly offset: number;
  /** As it is now. */
  readonly after: string;
}

const TIME_MS = Date.parse("2026-11-21T00:00:00.000Z");
const DAY = "sessions/2026/11/21";

/** The lines that 0.169.0 takes as they are; undefined for what needs another file, or has no metadata. */
export function originalOf(name: string, text: string): Original | undefined {
  const lines = text.split("\n").filter((line) => line !== "" && recordOf(line) !== undefined);
  const first = recordOf(lines[0] ?? "");
  if (first?.type !== "session_meta" || first.payload.history_base != null) return undefined;
  // Agents are resumed through their parents.
  if (typeof first.payload.source === "object") return undefined;
  return { name, id: first.payload.id, lines };
}

function recordOf(line: string): RolloutRecord | undefined {
  const bytes = Buffer.from(line);
  const entry = decodeLine(bytes, { line: 1, offset: 0, length: bytes.length });
  return entry.ok && acceptedBy(entry.record, "0.169.0") ? entry.record : undefined;
}

/** What a line is, down to the item of a turn: `event_msg/item_completed/Plan`. */
function kindOf(line: string): string {
  const { type, payload } = JSON.parse(line) as { type: string; payload: { type?: string; item?: { type?: string } } };
  return [type, payload.type, payload.item?.type].filter((name) => name !== undefined).join("/");
}

/** Writes `count` of them, with each kind of line as often as any other. */
export function writeMutants(
  home: TestHome,
  originals: readonly Original[],
  count: number,
  seed: number,
): readonly Mutant[] {
  const rng = new Rng(seed);
  const mutator = new Mutator(
    originals.flatMap(({ lines }) => lines),
    seed,
  );
  const kinds = placesByKind(originals);
  mkdirSync(join(home.path, DAY), { recursive: true });
  return Array.from({ length: count }, (_, number) => {
    const [original, index] = rng.pick(rng.pick(kinds));
    return writeMutant(home, original, index, { rng, mutator, number });
  });
}

function placesByKind(originals: readonly Original[]): readonly (readonly (readonly [Original, number])[])[] {
  const places = new Map<string, (readonly [Original, number])[]>();
  for (const original of originals) {
    for (const [index, line] of original.lines.entries()) {
      const kind = kindOf(line);
      const known = places.get(kind) ?? [];
      known.push([original, index]);
      places.set(kind, known);
    }
  }
  return [...places.values()];
}

/** Each as it is, under an id of its own. */
export function copyOriginals(home: TestHome, originals: readonly Original[]): readonly Pick<Mutant, "id" | "path">[] {
  const rng = new Rng(0);
  mkdirSync(join(home.path, DAY), { recursive: true });
  return originals.map(({ id: old, lines }, number) => {
    const id = rng.uuid(TIME_MS + number * 1000);
    const path = pathOf(home, id, number);
    writeFileSync(path, lines.map((line) => ended(line.replaceAll(old, id))).join(""));
    return { id, path };
  });
}

function pathOf(home: TestHome, id: string, number: number): string {
  const stamp = new Date(TIME_MS + number * 1000).toISOString().slice(0, 19).replaceAll(":", "-");
  return join(home.path, DAY, `rollout-${stamp}-${id}.jsonl`);
}

interface Chance {
  readonly rng: Rng;
  readonly mutator: Mutator;
  readonly number: number;
}

function writeMutant(home: TestHome, original: Original, index: number, { rng, mutator, number }: Chance): Mutant {
  const id = rng.uuid(TIME_MS + number * 1000);
  const renamed = original.lines.map((line) => line.replaceAll(original.id, id));
  const before = renamed[index] ?? "";
  const { lines, what } = mutator.mutate(before);
  const head = Buffer.from(renamed.slice(0, index).map(ended).join(""));
  const middle = lines.flatMap((line) => [line, Buffer.from("\n")]);
  const tail = Buffer.from(
    renamed
      .slice(index + 1)
      .map(ended)
      .join(""),
  );
  const path = pathOf(home, id, number);
  writeFileSync(path, Buffer.concat([head, ...middle, tail]));
  return {
    id,
    path,
    original,
    what: `${original.name} line ${String(index + 1)} (${kindOf(before)}): ${what}`,
    line: index + 1,
    lines: lines.length,
    offset: head.length,
    after: lines.map((line) => line.toString("utf8")).join("\n"),
  };
}

function ended(line: string): string {
  return `${line}\n`;
}

/** What the release made of one file. */
export interface Verdict {
  /** Lines that a whole load passed over; undefined when there was none. */
  readonly passedOver: number | undefined;
  /** Bytes at which lines begin that the projection of a paginated thread could not read. */
  readonly unreadable: ReadonlySet<number>;
  /** The same of lines that it passed over for their ordinals. */
  readonly outOfOrder: ReadonlySet<number>;
  /** What a client sees of it. */
  readonly read: ClientThread["turns"] | undefined;
  /** Why it was not read, or not resumed. */
  readonly refusals: readonly string[];
  readonly log: readonly string[];
}

/** Reads and resumes each thread, in one server. */
export async function judge(
  binary: CodexBinary,
  home: TestHome,
  threads: readonly Pick<Mutant, "id" | "path">[],
): Promise<ReadonlyMap<string, Verdict>> {
  const log = join(home.root, "codex.log");
  const loud = { ...binary, path: loudBinary(binary, home, log) };
  const answers = new Map<string, Pick<Verdict, "read" | "refusals">>();
  await withServer(loud, home, async (server) => {
    for (const { id } of threads) answers.set(id, await ask(server, id));
  });
  const said = logByPath(readFileSync(log, "utf8"));
  return new Map(
    threads.map(({ id, path }) => {
      const lines = said.get(path) ?? [];
      const { read, refusals = [] } = answers.get(id) ?? {};
      return [id, { ...factsOf(lines), read, refusals, log: lines }];
    }),
  );
}

async function ask(server: AppServer, id: string): Promise<Pick<Verdict, "read" | "refusals">> {
  const refusals: string[] = [];
  const attempt = async (question: Promise<ClientThread>): Promise<ClientThread["turns"] | undefined> => {
    try {
      return (await question).turns;
    } catch (error) {
      refusals.push(String(error).replace(/^.*?\): /u, ""));
      return undefined;
    }
  };
  // First, as it is what makes the turns of a paginated thread.
  await attempt(resumeThread(server, id));
  const read = await attempt(readThread(server, id));
  await server.request("thread/unsubscribe", { threadId: id }).catch(() => undefined);
  return { read, refusals };
}

/** The binary with its log on and in a file. */
function loudBinary(binary: CodexBinary, home: TestHome, log: string): string {
  const path = join(home.root, "codex.sh");
  const filter = "warn,codex_rollout=trace,codex_thread_store=debug";
  writeFileSync(path, `#!/bin/sh\nRUST_LOG=${filter} exec '${binary.path}' "$@" 2>'${log}'\n`);
  chmodSync(path, 0o755);
  return path;
}

const PATH_SAID = /(?:rollout_path=|Resuming rollout from "?)([^"\n]*?\.jsonl)/u;

/** Lines of the log by the file that they are about: the one they name, or the one whose load was last begun. */
function logByPath(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = new Map<string, string[]>();
  let current = "";
  for (const line of text.replaceAll(/\u001b\[[\d;]*m/gu, "").split("\n")) {
    const named = PATH_SAID.exec(line)?.[1];
    if (line.includes("Resuming rollout from")) current = named ?? "";
    const path = named ?? current;
    const known = lines.get(path) ?? [];
    known.push(line.slice(0, 500));
    lines.set(path, known);
  }
  return lines;
}

function factsOf(lines: readonly string[]): Pick<Verdict, "passedOver" | "unreadable" | "outOfOrder"> {
  const loads = lines.flatMap((line) => /Resumed rollout .* parse errors: (\d+)/u.exec(line)?.[1] ?? []);
  const skipped = (what: RegExp): ReadonlySet<number> => {
    const found = lines.filter((line) => what.test(line));
    return new Set(found.flatMap((line) => Number(/line_start_byte_offset=(\d+)/u.exec(line)?.[1] ?? [])));
  };
  return {
    passedOver: loads.length === 0 ? undefined : Math.max(...loads.map(Number)),
    unreadable: skipped(/skipping (?:unknown|malformed|rollout line with) /u),
    outOfOrder: skipped(/skipping (?:duplicate or regressed rollout|paginated rollout line without an) ordinal/u),
  };
}
