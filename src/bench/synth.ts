/**
 * Synthetic rollouts and homes: input for benchmarks and tests that nobody's privacy or disk suffers from.
 *
 * The same specification gives the same bytes, names and modification times everywhere, and what it gives is accepted by the real
 * Codex (0.142.3 and 0.169.0 read, list and resume the legacy shapes, 0.169.0 all of them). Nothing imitates the words of a
 * real conversation; sizes, order and shape of the records do imitate real ones (rollout-format §11).
 */
import { assert } from "../errors.ts";
import { Rng } from "./rng.ts";
import { SynthHouse, type SynthRollout, type SynthWritten } from "./synth-house.ts";
import { SYNTH_SHAPES, type SynthCheckpoints, type SynthMember, type SynthShape } from "./synth-shapes.ts";
import type { SynthCut } from "./synth-thread.ts";

export interface SynthHomeSpec {
  readonly seed: number;
  readonly shape: SynthShape;
  readonly rollouts: number;
  /** Bytes of all rollouts together, hit to within a turn when the rollouts are longer than their turns; by default what the shape calls usual. */
  readonly totalBytes?: number | undefined;
  /** Shares of all rollouts, 0 … 1. */
  readonly archived?: number | undefined;
  readonly forks?: number | undefined;
  readonly subAgents?: number | undefined;
  /** Days that the creation times are spread over, the last of them 31 October 2026. */
  readonly days?: number | undefined;
  readonly provider?: string | undefined;
}

export interface SynthHome {
  readonly folder: string;
  readonly rollouts: readonly SynthRollout[];
  readonly bytes: number;
}

/** Fills `sessions/` and `archived_sessions/` of `folder`, which must hold no rollout of the same name yet. */
export function writeSyntheticHome(folder: string, spec: SynthHomeSpec): SynthHome {
  const rng = new Rng(spec.seed);
  const house = new SynthHouse(folder, spec.seed, rng);
  const sizes = fileSizes(spec, rng);
  const births = birthTimes(spec, rng);
  const roots: SynthCut[] = [];
  const rollouts: SynthRollout[] = [];
  for (const [index, targetBytes] of sizes.entries()) {
    const kind = kindOf(spec, rng, roots.length > 0);
    const relative = kind === "root" ? undefined : rng.pick(roots);
    const archived = rng.chance(spec.archived ?? 0.1);
    const createdMs = births[index] ?? 0;
    const { shape, provider } = spec;
    const { rollout, cut } = house.write({ shape, kind, relative, createdMs, targetBytes, archived, provider });
    rollouts.push(rollout);
    // Bases that others continue stay where they are, and only the latest are continued, as people do.
    if (kind === "root" && !archived) roots.push(cut);
    if (roots.length > 20) roots.shift();
  }
  return { folder, rollouts, bytes: rollouts.reduce((sum, rollout) => sum + rollout.bytes, 0) };
}

export interface SynthBytesSpec {
  readonly seed: number;
  readonly shape: SynthShape;
  /** Of all rollouts together, hit to within a turn per rollout. */
  readonly bytes: number;
  readonly provider?: string | undefined;
  /** Instead of those of the shape. */
  readonly checkpoints?: SynthCheckpoints | undefined;
}

/** The family of the shape, or a home of as many rollouts as come to that many bytes, below `folder`; none archived. */
export function writeSyntheticBytes(folder: string, spec: SynthBytesSpec): readonly SynthRollout[] {
  const { seed, shape, bytes, provider } = spec;
  const { family, usual } = SYNTH_SHAPES[shape];
  if (family === "many") {
    const rollouts = Math.ceil(bytes / usual.meanBytes);
    return writeSyntheticHome(folder, { seed, shape, rollouts, totalBytes: bytes, archived: 0, provider }).rollouts;
  }
  return writeFamily(folder, spec, family);
}

/** One rollout of about that many bytes, in its place below `folder`. */
export function writeSyntheticRollout(folder: string, spec: SynthBytesSpec): SynthRollout {
  const [rollout] = writeFamily(folder, spec, [{ kind: "root", share: 1 }]);
  assert(rollout !== undefined, "no rollout was written");
  return rollout;
}

function writeFamily(folder: string, spec: SynthBytesSpec, family: readonly SynthMember[]): readonly SynthRollout[] {
  const { seed, shape, bytes, provider, checkpoints } = spec;
  const rng = new Rng(seed);
  const house = new SynthHouse(folder, seed, rng);
  const members = family.slice(0, Math.max(2, Math.floor(bytes / LEAST_MEMBER_BYTES)));
  const shares = members.reduce((sum, { share }) => sum + share, 0);
  const written: SynthWritten[] = [];
  let createdMs = LAST_DAY_MS + rng.between(0, DAY_MS - 1);
  for (const { kind, of, share, cutShare } of members) {
    const relative = of === undefined ? undefined : written[of]?.cut;
    createdMs = Math.max(createdMs, relative?.clockMs ?? 0) + rng.between(1_000, 60_000);
    const targetBytes = (share / shares) * bytes;
    written.push(house.write({ shape, kind, relative, createdMs, targetBytes, cutShare, provider, checkpoints }));
  }
  return written.map(({ rollout }) => rollout);
}

/** A family has no more members than this goes into its bytes, but two. */
const LEAST_MEMBER_BYTES = 200_000;

/** Target bytes per rollout: equal weight per order of magnitude around the mean, scaled so that the sum is what was asked for. */
function fileSizes(spec: SynthHomeSpec, rng: Rng): readonly number[] {
  const { meanBytes, spread } = SYNTH_SHAPES[spec.shape].usual;
  const raw = Array.from({ length: spec.rollouts }, () => rng.logBetween(1000, 1000 * spread ** 2));
  const sum = raw.reduce((total, size) => total + size, 0);
  const totalBytes = spec.totalBytes ?? spec.rollouts * meanBytes;
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
