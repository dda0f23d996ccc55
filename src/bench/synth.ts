/**
 * Synthetic rollouts and homes: input for benchmarks and tests that nobody's privacy or disk suffers from.
 *
 * The same specification gives the same bytes, names and modification times everywhere, and what it gives is accepted by the real
 * Codex (0.142.3 and 0.169.0 read, list and resume the legacy shapes, 0.169.0 all of them). Nothing imitates the words of a
 * real conversation; sizes, order and shape of the records do imitate real ones (rollout-format §11).
 */
import { mkdirSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";

import { Rng } from "./rng.ts";
import { SynthWriter } from "./synth-file.ts";
import { LEGACY_DIALECT } from "./synth-legacy.ts";
import { PAGINATED_DIALECT } from "./synth-paginated.ts";
import { synthText, type SynthText } from "./synth-text.ts";
import {
  SYNTH_SETTINGS,
  type SynthCut,
  type SynthDialect,
  type SynthIdentity,
  type SynthSizes,
  type SynthThread,
} from "./synth-thread.ts";

/**
 * `legacy`: turns of Codex 0.142 with tool output of 0.2–20 KB. `paginated`: the same work as 0.169 tells it.
 * `small`: legacy again, but short threads of 10–30 KB, of which a home holds many.
 */
export type SynthShape = "legacy" | "paginated" | "small";

interface Shape {
  readonly dialect: SynthDialect;
  readonly sizes: SynthSizes;
  /** Bytes of one rollout when the caller asks for none, and how far single files stray from it (×, ÷). */
  readonly meanBytes: number;
  readonly spread: number;
}

const WORK: SynthSizes = { instructionsBytes: 12_000, outputBytes: [200, 20_000], callsPerTurn: [1, 8] };

const SHAPES: Readonly<Record<SynthShape, Shape>> = {
  legacy: { dialect: LEGACY_DIALECT, sizes: WORK, meanBytes: 1_000_000, spread: 8 },
  paginated: { dialect: PAGINATED_DIALECT, sizes: WORK, meanBytes: 1_000_000, spread: 8 },
  small: {
    dialect: LEGACY_DIALECT,
    sizes: { instructionsBytes: 3_000, outputBytes: [100, 1_500], callsPerTurn: [0, 2] },
    meanBytes: 15_000,
    spread: 1.5,
  },
};

export interface SynthHomeSpec {
  readonly seed: number;
  readonly shape: SynthShape;
  readonly rollouts: number;
  /** Bytes of all rollouts together, hit to within a turn or so per rollout; by default what the shape calls usual. */
  readonly totalBytes?: number | undefined;
  /** Shares of all rollouts, 0 … 1. */
  readonly archived?: number | undefined;
  readonly forks?: number | undefined;
  readonly subAgents?: number | undefined;
  /** Days that the creation times are spread over, the last of them 31 October 2026. */
  readonly days?: number | undefined;
  /** As in config.toml; Codex resumes only threads of a provider that it knows. */
  readonly provider?: string | undefined;
}

export interface SynthRollout {
  readonly threadId: string;
  /** Relative to the home, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly turns: number;
  readonly kind: "root" | "fork" | "sub-agent";
  readonly archived: boolean;
  readonly mtimeMs: number;
}

export interface SynthHome {
  readonly folder: string;
  readonly rollouts: readonly SynthRollout[];
  readonly bytes: number;
}

/** Fills `sessions/` and `archived_sessions/` of `folder`, which must hold no rollout of the same name yet. */
export function writeSyntheticHome(folder: string, spec: SynthHomeSpec): SynthHome {
  const rng = new Rng(spec.seed);
  const shape = SHAPES[spec.shape];
  const text = synthText(spec.seed);
  const writer = new SynthWriter();
  const sizes = fileSizes(spec, shape, rng);
  const births = birthTimes(spec, rng);
  const roots: SynthCut[] = [];
  const rollouts: SynthRollout[] = [];
  mkdirSync(join(folder, "sessions"), { recursive: true });
  for (const [index, targetBytes] of sizes.entries()) {
    const kind = kindOf(spec, rng, roots.length > 0);
    const relative = kind === "root" ? undefined : rng.pick(roots);
    const archived = rng.chance(spec.archived ?? 0.1);
    const identity = makeIdentity(spec, rng, births[index] ?? 0, kind, relative);
    const { rollout, cut } = writeThread(folder, identity, { shape, text, rng, writer, targetBytes, archived, kind });
    rollouts.push(rollout);
    // Bases that others continue stay where they are, and only the latest are continued, as people do.
    if (kind === "root" && !archived) roots.push(cut);
    if (roots.length > 20) roots.shift();
  }
  return { folder, rollouts, bytes: rollouts.reduce((sum, rollout) => sum + rollout.bytes, 0) };
}

export interface SynthRolloutSpec {
  readonly seed: number;
  readonly shape: SynthShape;
  readonly bytes: number;
  readonly provider?: string | undefined;
}

/** One rollout of about that many bytes, in its place below `folder`. */
export function writeSyntheticRollout(folder: string, spec: SynthRolloutSpec): SynthRollout {
  const { bytes, ...rest } = spec;
  const home = { ...rest, rollouts: 1, totalBytes: bytes, archived: 0, forks: 0, subAgents: 0, days: 1 };
  const [rollout] = writeSyntheticHome(folder, home).rollouts;
  if (rollout === undefined) throw new RangeError("no rollout was written");
  return rollout;
}

/** Target bytes per rollout: equal weight per order of magnitude around the mean, scaled so that the sum is what was asked for. */
function fileSizes(spec: SynthHomeSpec, shape: Shape, rng: Rng): readonly number[] {
  const raw = Array.from({ length: spec.rollouts }, () => rng.logBetween(1000, 1000 * shape.spread ** 2));
  const sum = raw.reduce((total, size) => total + size, 0);
  const totalBytes = spec.totalBytes ?? spec.rollouts * shape.meanBytes;
  return raw.map((size) => Math.floor((size / sum) * totalBytes));
}

const LAST_DAY_MS = Date.UTC(2026, 9, 31);
const DAY_MS = 86_400_000;

/** Creation times, ascending and all different. */
function birthTimes(spec: SynthHomeSpec, rng: Rng): readonly number[] {
  const spanMs = (spec.days ?? 60) * DAY_MS;
  const times = new Set<number>();
  while (times.size < spec.rollouts) times.add(LAST_DAY_MS + DAY_MS - 1 - Math.floor(rng.unit() * spanMs));
  return [...times].toSorted((one, other) => one - other);
}

function kindOf(spec: SynthHomeSpec, rng: Rng, possible: boolean): SynthRollout["kind"] {
  const forks = spec.forks ?? 0.05;
  const x = rng.unit();
  if (!possible || x >= forks + (spec.subAgents ?? 0.1)) return "root";
  return x < forks ? "fork" : "sub-agent";
}

const NICKNAMES = ["Ada", "Bernoulli", "Curie", "Darwin", "Euler", "Franklin", "Gauss", "Hopper"];

function makeIdentity(
  spec: SynthHomeSpec,
  rng: Rng,
  createdMs: number,
  kind: SynthRollout["kind"],
  relative: SynthCut | undefined,
): SynthIdentity {
  const id = rng.uuid(createdMs - rng.between(10, 60));
  return {
    id,
    sessionId: kind === "sub-agent" ? (relative?.threadId ?? id) : id,
    createdMs,
    cwd: `/home/user/project-${String(rng.between(1, 12))}`,
    provider: spec.provider ?? "mock",
    model: "mock",
    forkedFrom: kind === "fork" ? relative : undefined,
    parent:
      kind === "sub-agent" && relative ? { id: relative.threadId, nickname: rng.pick(NICKNAMES), depth: 1 } : undefined,
  };
}

interface ThreadJob {
  readonly shape: Shape;
  readonly text: SynthText;
  readonly rng: Rng;
  readonly writer: SynthWriter;
  readonly targetBytes: number;
  readonly archived: boolean;
  readonly kind: SynthRollout["kind"];
}

function writeThread(
  folder: string,
  identity: SynthIdentity,
  job: ThreadJob,
): { readonly rollout: SynthRollout; readonly cut: SynthCut } {
  const { shape, rng, writer, targetBytes, archived, kind } = job;
  const path = rolloutPath(identity, archived);
  const absolute = join(folder, path);
  mkdirSync(dirname(absolute), { recursive: true });
  const thread: SynthThread = {
    ...identity,
    sizes: shape.sizes,
    rng,
    text: job.text,
    settings: rng.pick(SYNTH_SETTINGS),
    clockMs: identity.createdMs,
    turns: 0,
    ordinal: 0,
    sequence: 0,
    tokens: { input: 0, cached: 0, output: 0, reasoning: 0 },
  };
  writer.open(absolute);
  begin(folder, thread, shape.dialect, writer);
  let cut: SynthCut | undefined;
  do {
    shape.dialect.turn(thread, writer.line);
    if (writer.bytes * 2 >= targetBytes)
      cut ??= { threadId: thread.id, path, bytes: writer.bytes, ordinal: thread.ordinal };
  } while (writer.bytes < targetBytes);
  const bytes = writer.bytes;
  cut ??= { threadId: thread.id, path, bytes, ordinal: thread.ordinal };
  writer.close();
  const mtimeMs = thread.clockMs + rng.between(1, 20);
  // Half a microsecond more: times travel as floating seconds, and some file systems cut what they get.
  const mtime = (mtimeMs + 0.0005) / 1000;
  utimesSync(absolute, mtime, mtime);
  return { rollout: { threadId: thread.id, path, bytes, turns: thread.turns, kind, archived, mtimeMs }, cut };
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
