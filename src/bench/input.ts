/**
 * The input of `bench`, as a user names it: `--synthetic paginated-late:120MB`. Reads such a name, says what it takes on the disk,
 * and writes the home. The same name and seed give the same bytes, names and modification times everywhere.
 */
import { assert, RolloutError } from "../errors.ts";
import { shapeFor, SYNTH_SHAPES, type SynthShape } from "./synth-shapes.ts";
import type { SynthRollout } from "./synth-house.ts";
import { writeSyntheticBytes } from "./synth.ts";

export interface SyntheticSpec {
  readonly shape: SynthShape;
  /** Of all rollouts together. */
  readonly bytes: number;
}

export interface SyntheticThread {
  readonly threadId: string;
  /** Relative to the home, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Those copied from another thread not among them. */
  readonly turns: number;
  readonly historyMode: "legacy" | "paginated";
  readonly kind: SynthRollout["kind"];
}

export interface SyntheticInput {
  readonly home: string;
  /** Bases before what continues them. */
  readonly threads: readonly SyntheticThread[];
  /** The one to resume or to fork. */
  readonly main: SyntheticThread;
  readonly bytes: number;
}

const LEAST_BYTES = 10_000;
const MOST_BYTES = 100e9;
const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/**
 * Reads `<shape>:<size>`, the size in B, kB, MB, GB or KiB, MiB, GiB, of any case.
 * @throws RolloutError `usage`, with the shapes that there are.
 */
export function parseSynthetic(name: string): SyntheticSpec {
  const [, shape = "", digits = "", unit = ""] = /^([a-z-]+):(\d+(?:\.\d+)?)\s?([a-z]+)$/iu.exec(name) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (!isShape(shape) || factor === undefined) throw usage(`no synthetic input is called ${JSON.stringify(name)}`);
  const bytes = Math.round(Number(digits) * factor);
  if (bytes < LEAST_BYTES || bytes > MOST_BYTES)
    throw usage(`a synthetic input has at least 10 kB and at most 100 GB, not ${digits}${unit}`);
  return { shape, bytes };
}

function isShape(text: string): text is SynthShape {
  return Object.hasOwn(SYNTH_SHAPES, text);
}

function usage(message: string): RolloutError {
  const shapes = Object.keys(SYNTH_SHAPES).join(", ");
  return new RolloutError("usage", message, { hint: `Write it as legacy:20MB. The shapes are ${shapes}.` });
}

/** Bytes that the home of such an input takes at most: what was asked for, and the longest turn that may stand over. */
export function syntheticDiskBytes({ shape, bytes }: SyntheticSpec): number {
  const { sizes, family } = shapeFor(shape, bytes);
  const calls = sizes.callsPerTurn[1];
  const images = (sizes.images?.bytes[1] ?? 0) * (calls + 2);
  const turnBytes = TURN_BYTES + calls * (CALL_BYTES + 2 * sizes.outputBytes[1]) + images;
  return bytes + turnBytes * (family === "many" ? 1 : family.length);
}

/** Most that a turn and a call come to beside outputs and images, generously. */
const TURN_BYTES = 50_000;
const CALL_BYTES = 20_000;

/**
 * Writes the rollouts into `folder`, which must hold none of these names yet. The bytes are hit to within a turn per rollout,
 * and to within one turn in all when the rollouts are longer than their turns.
 */
export function writeSynthetic(folder: string, { shape, bytes }: SyntheticSpec, seed: number): SyntheticInput {
  const { historyMode } = SYNTH_SHAPES[shape].dialect;
  const threads = writeSyntheticBytes(folder, { seed, shape, bytes }).map(
    ({ threadId, path, bytes: size, turns, kind }) => ({
      threadId,
      path,
      bytes: size,
      turns,
      historyMode,
      kind,
    }),
  );
  const main = threads.findLast(({ kind }) => kind !== "sub-agent");
  assert(main !== undefined, "a synthetic home without a thread of its own");
  return { home: folder, threads, main, bytes: threads.reduce((sum, thread) => sum + thread.bytes, 0) };
}
