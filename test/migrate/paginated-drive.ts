/** Converts one legacy rollout, written in shorthand, and tells in shorthand what it became. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeLine } from "../../src/format/encode.ts";
import type { ResponseItem, RolloutRecord } from "../../src/format/record.ts";
import { isOtherItem } from "../../src/format/response-item.ts";
import type { KeepingSink } from "../../src/migrate/conversion.ts";
import { paginated } from "../../src/migrate/paginated.ts";
import { openSourceOf } from "../../src/migrate/source.ts";
import { type Difference, differencesOf } from "../../src/proof/differences.ts";
import { proofOf } from "../../src/proof/proof.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import { linesOf, THREAD_ID } from "../thread/shorthand.ts";

export interface Paginated {
  readonly records: readonly RolloutRecord[];
  /** One row for each, but for the metadata. */
  readonly rows: readonly string[];
  /** `line number: why`. */
  readonly asides: readonly string[];
  readonly notes: readonly string[];
  /** Of the proof; those without a reason may not be. */
  readonly differences: readonly Difference[];
}

/** Times of the lines: line n has second n. */
export function timeOf(line: number): string {
  return new Date(Date.UTC(2026, 10, 21, 0, 30, 0) + line * 1000).toISOString();
}

export function convertText(folder: string, text: string): Paginated {
  const lines = linesOf(text).map((line, at) =>
    line.replace(/^\{"timestamp":"[^"]*"/u, `{"timestamp":"${timeOf(at + 1)}"`),
  );
  return convertLines(folder, lines);
}

export function convertLines(folder: string, lines: readonly (string | Buffer)[]): Paginated {
  const path = join(folder, "sessions", `rollout-2026-11-21T00-30-00-${THREAD_ID}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from("\n")])));
  const source = openSourceOf(path, undefined);
  const records: RolloutRecord[] = [];
  const asides: string[] = [];
  const notes: string[] = [];
  const add = (record: RolloutRecord): void => void records.push({ ...record, ordinal: records.length });
  const sink: KeepingSink = {
    record: add,
    keep: add,
    aside: (_line, why, number) => void asides.push(`${number ?? "?"}: ${why}`),
    note: (words) => void notes.push(words),
  };
  const proof = paginated.convert(source, sink);
  const made = `${path}.new.jsonl`;
  writeFileSync(made, records.map((record) => `${encodeLine(record)}\n`).join(""));
  const before = proofOf((kinds) => source.entries(kinds), proof.before);
  const turns = proof.turnsBefore === undefined ? before.turns : proofOf(proof.turnsBefore, proof.before).turns;
  const after = proofOf((kinds) => readRollout(made, { kinds }), proof.after);
  const differences = differencesOf({ ...before, turns }, after, proof.allowance);
  return { records, rows: records.slice(1).map(rowOf), asides, notes, differences };
}

/** Differences that may not be. */
export function forbidden({ differences }: Paginated): readonly string[] {
  return differences.flatMap(({ view, words, allowed }) => (allowed === undefined ? [`${view}: ${words}`] : []));
}

const EVENTS: Readonly<Record<string, string>> = { task_started: "TS", task_complete: "TC", turn_aborted: "TA" };

function rowOf(record: RolloutRecord): string {
  if (record.type === "response_item") return itemRow(record.payload);
  if (record.type === "compacted") {
    const items = record.payload.replacement_history;
    return items == null ? "CP-" : `CP+[${items.map(itemRow).join(", ")}]`;
  }
  if (record.type === "turn_context") return `TX ${record.payload.turn_id ?? "-"} ${record.payload.model}`;
  if (record.type !== "event_msg") return record.type;
  const event = record.payload;
  if (event.type === "item_completed")
    return `IC ${event.turn_id} ${event.item.type} ${String(event.item["id" as never])}`;
  const symbol = EVENTS[event.type];
  return symbol === undefined ? event.type : `${symbol} ${(event as { turn_id?: string }).turn_id ?? "-"}`;
}

const ROLES: Readonly<Record<string, string>> = { user: "U", assistant: "A", developer: "D", system: "S" };

function itemRow(item: ResponseItem): string {
  if (isOtherItem(item) || item.type !== "message") return item.type;
  const text = item.content.map((part) => ("text" in part ? part.text : "")).join("");
  const wrapper = /^<[\w ]+>/u.exec(text)?.[0];
  return `${ROLES[item.role] ?? item.role} ${wrapper ?? text}`;
}
