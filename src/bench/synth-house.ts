/** Writes synthetic threads into a home, one file each: who a thread is, when it is compacted, where others may continue it. */
import { mkdirSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Rng } from "./rng.ts";
import { SynthWriter } from "./synth-file.ts";
import { shapeFor, type SynthCheckpoints, type SynthMember, type SynthShape } from "./synth-shapes.ts";
import { synthText, type SynthText } from "./synth-text.ts";
import {
  SYNTH_SETTINGS,
  SynthMemory,
  type SynthCut,
  type SynthDialect,
  type SynthIdentity,
  type SynthThread,
} from "./synth-thread.ts";

export interface SynthRollout {
  readonly threadId: string;
  /** Relative to the home, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Those copied from another thread not among them. */
  readonly turns: number;
  readonly kind: SynthMember["kind"];
  readonly archived: boolean;
  readonly mtimeMs: number;
}

/** One thread to write. */
export interface SynthJob {
  readonly shape: SynthShape;
  readonly kind: SynthMember["kind"];
  /** What a fork continues, or who spawned a sub-agent; undefined for a root. */
  readonly relative: SynthCut | undefined;
  /** Unix milliseconds. */
  readonly createdMs: number;
  readonly targetBytes: number;
  readonly archived?: boolean | undefined;
  /** As in config.toml; Codex resumes only threads of a provider that it knows. */
  readonly provider?: string | undefined;
  /** Instead of those of the shape. */
  readonly checkpoints?: SynthCheckpoints | undefined;
  /** Where others may fork from it: after the first turn that ends behind this share of it. By default the middle. */
  readonly cutShare?: number | undefined;
}

export interface SynthWritten {
  readonly rollout: SynthRollout;
  readonly cut: SynthCut;
}

export class SynthHouse {
  readonly #folder: string;
  readonly #rng: Rng;
  readonly #text: SynthText;
  readonly #writer = new SynthWriter();
  #overBytes = 0;

  constructor(folder: string, seed: number, rng: Rng) {
    this.#folder = folder;
    this.#rng = rng;
    this.#text = synthText(seed);
    mkdirSync(join(folder, "sessions"), { recursive: true });
  }

  /** What stands over of one rollout, since it ends with a turn, is taken from the next. */
  write(job: SynthJob): SynthWritten {
    const { kind, archived = false, cutShare = 0.5 } = job;
    const targetBytes = Math.max(1, Math.round(job.targetBytes - this.#overBytes));
    const { dialect, sizes, ...shape } = shapeFor(job.shape, targetBytes);
    const checkpoints = new CheckpointPlan(job.checkpoints ?? shape.checkpoints, targetBytes);
    const identity = makeIdentity(job, this.#rng);
    const thread = this.#draft(identity, sizes, { targetBytes, memory: new SynthMemory(checkpoints.keptBytes) });
    const path = rolloutPath(identity, archived);
    const absolute = join(this.#folder, path);
    const writer = this.#writer;
    mkdirSync(dirname(absolute), { recursive: true });
    writer.open(absolute);
    begin(this.#folder, thread, dialect, writer);
    const copiedTurns = thread.turns;
    let cut: SynthCut | undefined;
    do {
      dialect.turn(thread, writer.line);
      if (checkpoints.isDue(writer.bytes, thread.memory.bytes)) {
        dialect.compaction(thread, writer.line);
        checkpoints.written(writer.bytes);
      }
      if (writer.bytes >= targetBytes * cutShare) cut ??= cutHere(thread, path, writer.bytes);
    } while (writer.bytes < targetBytes);
    const { bytes } = writer;
    writer.close();
    this.#overBytes += bytes - job.targetBytes;
    const mtimeMs = thread.clockMs + this.#rng.between(1, 20);
    // Half a microsecond more: times travel as floating seconds, and some file systems cut what they get.
    const mtime = (mtimeMs + 0.0005) / 1000;
    utimesSync(absolute, mtime, mtime);
    const turns = thread.turns - copiedTurns;
    return {
      rollout: { threadId: thread.id, path, bytes, turns, kind, archived, mtimeMs },
      cut: cut ?? cutHere(thread, path, bytes),
    };
  }

  #draft(
    identity: SynthIdentity,
    sizes: SynthThread["sizes"],
    { targetBytes, memory }: { readonly targetBytes: number; readonly memory: SynthMemory },
  ): SynthThread {
    const rng = this.#rng;
    const window = rng.uuid(identity.createdMs);
    return {
      ...identity,
      sizes,
      rng,
      text: this.#text,
      settings: rng.pick(SYNTH_SETTINGS),
      clockMs: identity.createdMs,
      turns: 0,
      ordinal: 0,
      sequence: 0,
      tokens: { input: 0, cached: 0, output: 0, reasoning: 0 },
      memory,
      windows: { first: window, newest: window, number: 0 },
      pauseMs: pauseMs(targetBytes),
    };
  }
}

/** When the next compaction is due. */
class CheckpointPlan {
  readonly #targetBytes: number;
  readonly #everyBytes: number;
  readonly #isRepeated: boolean;
  #due: number;
  readonly keptBytes: number;

  constructor(checkpoints: SynthCheckpoints | undefined, targetBytes: number) {
    const { due, keptBytes } = checkpoints ?? { due: { atShare: Infinity }, keptBytes: 0 };
    this.#targetBytes = targetBytes;
    this.#isRepeated = "everyBytes" in due;
    this.#everyBytes = "everyBytes" in due ? due.everyBytes : Infinity;
    this.#due = "everyBytes" in due ? due.everyBytes : due.atShare * targetBytes;
    this.keptBytes = keptBytes;
  }

  /** `checkpointBytes`: what it would come to. One of many is left out rather than that the file becomes too long. */
  isDue(bytes: number, checkpointBytes: number): boolean {
    return bytes >= this.#due && (!this.#isRepeated || bytes + checkpointBytes <= this.#targetBytes);
  }

  written(bytes: number): void {
    this.#due = bytes + this.#everyBytes;
  }
}

const NICKNAMES = ["Ada", "Bernoulli", "Curie", "Darwin", "Euler", "Franklin", "Gauss", "Hopper"];

function makeIdentity({ kind, relative, createdMs, provider }: SynthJob, rng: Rng): SynthIdentity {
  const id = rng.uuid(createdMs - rng.between(10, 60));
  const parent = kind === "sub-agent" ? relative : undefined;
  return {
    id,
    sessionId: parent?.sessionId ?? id,
    createdMs,
    cwd: `/home/user/project-${String(rng.between(1, 12))}`,
    provider: provider ?? "mock",
    model: "mock",
    forkedFrom: kind === "fork" ? relative : undefined,
    parent: parent && { id: parent.threadId, nickname: rng.pick(NICKNAMES), depth: parent.depth + 1 },
  };
}

function cutHere(thread: SynthThread, path: string, bytes: number): SynthCut {
  const { id: threadId, sessionId, ordinal, clockMs, parent } = thread;
  return { threadId, sessionId, depth: parent?.depth ?? 0, path, bytes, ordinal, clockMs };
}

const DAY_MS = 86_400_000;
const TURN_BYTES = 30_000;

/** How long people wait at most before they go on: ten minutes, or less, so that a thread of any size ends after some days. */
function pauseMs(targetBytes: number): number {
  return Math.round(Math.min(600_000, Math.max(2_000, (4 * DAY_MS * TURN_BYTES) / targetBytes)));
}

/** The head of the file: for a legacy fork its own identity and then all that it copied, for a paginated one a reference. */
function begin(folder: string, thread: SynthThread, dialect: SynthDialect, writer: SynthWriter): void {
  const base = thread.forkedFrom;
  if (base !== undefined && dialect.historyMode === "paginated") thread.ordinal = base.ordinal;
  dialect.meta(thread, writer.line);
  if (base !== undefined && dialect.historyMode === "legacy") {
    writer.copyFrom(join(folder, base.path), base.bytes);
    thread.turns = 1;
  }
}

/** Rollout-format §1.1–1.2, in UTC. */
function rolloutPath({ id, createdMs }: SynthIdentity, archived: boolean): string {
  const iso = new Date(createdMs).toISOString();
  const name = `rollout-${iso.slice(0, 19).replaceAll(":", "-")}-${id}.jsonl`;
  return archived ? `archived_sessions/${name}` : `sessions/${iso.slice(0, 10).replaceAll("-", "/")}/${name}`;
}
