/**
 * Paginated rollouts that end alike, for the benchmark of resume: whatever a synthetic rollout (`synth.ts`) holds, it gets an end
 * that begins with a compaction and is the same for all but for ordinals and ids, so that two of them differ in nothing but what
 * lies before it.
 */
import { appendFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { RolloutError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import { peekKind } from "../format/peek.ts";
import { readLines } from "../readers/rollout.ts";
import { Rng } from "./rng.ts";
import type { SynthRollout } from "./synth-house.ts";
import { writeSyntheticRollout } from "./synth.ts";

/** Lines of a paginated rollout that others get for an end, or as what a fork adds. */
export class Donor {
  readonly threadId: string;
  readonly #createdMs: number;
  readonly #meta: JsonObject;
  /** Those of the turn that compacts, and those of the turns after it. */
  readonly #compaction: readonly string[];
  readonly #turns: readonly string[];

  /** Writes a rollout of that size below `folder`, where nobody looks at it again: one turn, a compaction, more turns. */
  constructor(folder: string, seed: number, bytes: number) {
    const checkpoints = { due: { atShare: 0 }, keptBytes: 10_000 };
    const rollout = writeSyntheticRollout(folder, { seed, shape: "paginated", bytes, checkpoints });
    const lines = Array.from(readLines(join(folder, rollout.path)), (line) => line.bytes.toString("utf8"));
    const kinds = lines.map((line) => peekKind(Buffer.from(line)));
    const [, begin = 0, next = 0] = kinds.flatMap((kind, index) => (kind === "event_msg/task_started" ? [index] : []));
    if (next === 0) throw new RolloutError("internal", "a donor with no turn after its compaction");
    this.threadId = rollout.threadId;
    this.#createdMs = rollout.mtimeMs;
    this.#meta = parse(lines[0] ?? "");
    this.#compaction = lines.slice(begin, next);
    this.#turns = lines.slice(next);
  }

  /** Appends a compaction and the donor's turns; returns the bytes from the compaction's own line on. */
  appendTail(folder: string, { path, threadId }: SynthRollout): number {
    const file = join(folder, path);
    const lines = this.#renumbered([...this.#compaction, ...this.#turns], lastOrdinal(file) + 1, threadId);
    appendFileSync(file, `${lines.join("\n")}\n`);
    const from = lines.findIndex((line) => peekKind(Buffer.from(line)) === "compacted");
    return lines.slice(from).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  }

  /** A thread that continues another one to its end, as a fork by reference does (rollout-format §7.3), in a file beside it. */
  writeFork(folder: string, base: SynthRollout): { readonly threadId: string; readonly bytes: number } {
    const file = join(folder, base.path);
    const end = lastOrdinal(file) + 1;
    const threadId = new Rng(base.bytes).uuid(this.#createdMs);
    const from = { forked_from_id: base.threadId, forked_from_ordinal_exclusive: end };
    const history = { thread_id: base.threadId, end_ordinal_exclusive: end, end_byte_offset: statSync(file).size };
    const own = { id: threadId, session_id: threadId };
    const payload = { ...(this.#meta["payload"] as JsonObject), ...own, ...from, history_base: history };
    const meta = JSON.stringify({ ...this.#meta, ordinal: end, payload });
    const text = `${[meta, ...this.#renumbered(this.#turns, end + 1, threadId)].join("\n")}\n`;
    appendFileSync(file.replace(base.threadId, threadId), text);
    return { threadId, bytes: Buffer.byteLength(text) };
  }

  #renumbered(lines: readonly string[], ordinal: number, threadId: string): readonly string[] {
    return lines.map((line, index) =>
      line.replace(/"ordinal":\d+/u, `"ordinal":${String(ordinal + index)}`).replaceAll(this.threadId, threadId),
    );
  }
}

function parse(line: string): JsonObject {
  const value: unknown = JSON.parse(line);
  if (isJsonObject(value)) return value;
  throw new RolloutError("internal", "a synthetic line is no object");
}

function lastOrdinal(file: string): number {
  for (const { bytes } of readLines(file, { order: "backward" })) {
    const { ordinal } = parse(bytes.toString("utf8"));
    if (typeof ordinal === "number") return ordinal;
  }
  throw new RolloutError("internal", "a synthetic rollout without ordinals", { path: file });
}
