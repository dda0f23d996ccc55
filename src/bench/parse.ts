/**
 * `npm run bench -- parse`: what each step from bytes to entries costs, inside one process, on one synthetic rollout per
 * history mode. The ratios say which step a command pays for; the absolute figures say little.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";

import { readLines, readRollout } from "../readers/rollout.ts";
import { formatMs, timeFunctions } from "./measure.ts";
import type { BenchContext } from "./context.ts";
import { writeSyntheticRollout } from "./synth.ts";

const FILE_BYTES = { small: 10_000_000, full: 100_000_000 } as const;
const TIME_MS = { small: 300, full: 3_000 } as const;

/** What the row of an index is made from. */
const ROW_KINDS: ReadonlySet<string> = new Set([
  "session_meta",
  "turn_context",
  "event_msg/user_message",
  "event_msg/token_count",
  "event_msg/thread_settings_applied",
]);

export async function benchParse(context: BenchContext): Promise<void> {
  for (const shape of ["legacy", "paginated"] as const) {
    const folder = join(context.scratch, `parse-${shape}`);
    const rollout = writeSyntheticRollout(folder, { seed: context.seed, shape, bytes: FILE_BYTES[context.scale] });
    const path = join(folder, rollout.path);
    context.tell(`parsing one ${shape} rollout of ${(rollout.bytes / 1e6).toFixed(0)} MB`);
    const steps = {
      "read, 1 MiB buffer": () => readAll(path),
      "split into lines": () => drain(readLines(path)),
      "decode what a row needs": () => drain(readRollout(path, { kinds: ROW_KINDS })),
      "decode everything": () => drain(readRollout(path)),
      "JSON.parse of every line": () => parseAll(path),
    };
    const found = await timeFunctions(steps, TIME_MS[context.scale]);
    const floor = found.get("read, 1 MiB buffer")?.median ?? Number.NaN;
    context.print(`\n## parse, one ${shape} rollout of ${(rollout.bytes / 1e6).toFixed(0)} MB\n`);
    context.print("| step | n | median | GB/s | × reading |\n|---|---|---|---|---|");
    for (const [name, { count, median }] of found) {
      const speed = (rollout.bytes / 1e6 / median).toFixed(2);
      context.print(`| ${name} | ${String(count)} | ${formatMs(median)} | ${speed} | ${(median / floor).toFixed(1)} |`);
    }
  }
}

/** Takes all, and keeps nothing. */
export function drain(items: Iterable<unknown>): void {
  for (const _ of items);
}

const buffer = Buffer.allocUnsafe(1 << 20);

/** Reads a file through one buffer: the floor for whatever has to see all bytes. */
export function readAll(path: string): void {
  const fd = openSync(path, "r");
  while (readSync(fd, buffer, 0, buffer.length, null) > 0);
  closeSync(fd);
}

/** The plainest way there is, for comparison. */
function parseAll(path: string): void {
  for (const line of readFileSync(path, "utf8").split("\n")) if (line !== "") JSON.parse(line);
}
