/** The shapes of synthetic rollouts, as data: a new shape is one entry here. */
import { LEGACY_DIALECT } from "./synth-legacy.ts";
import { PAGINATED_DIALECT } from "./synth-paginated.ts";
import type { SynthDialect, SynthSizes } from "./synth-thread.ts";

export interface SynthShapeData {
  /** For people who have to choose one. */
  readonly about: string;
  readonly dialect: SynthDialect;
  readonly sizes: SynthSizes;
  readonly checkpoints?: SynthCheckpoints | undefined;
  /** A rollout of less has smaller images and checkpoints, so that it repeats itself as often. */
  readonly fullBytes: number;
  /** What stands in a home of this shape that is asked for by its bytes alone. */
  readonly family: SynthFamily;
  /** Bytes of one rollout of a home that is asked for by number, and how far single files stray from it (×, ÷). */
  readonly usual: { readonly meanBytes: number; readonly spread: number };
}

/** When a thread is compacted, and how much of it is then carried over; each checkpoint is one that history can begin with. */
export interface SynthCheckpoints {
  /** After each so many bytes of turns; or once, at a share of the whole. */
  readonly due: { readonly everyBytes: number } | { readonly atShare: number };
  /** As many of the newest turns as come to so many bytes. */
  readonly keptBytes: number;
}

/** Threads that hang together, bases first; or as many as come to the bytes that were asked for. */
export type SynthFamily = readonly SynthMember[] | "many";

export interface SynthMember {
  readonly kind: "root" | "fork" | "sub-agent";
  /** What a fork continues, or who spawned a sub-agent, as an index into the family. */
  readonly of?: number;
  /** Bytes, as a share of those of all. */
  readonly share: number;
  /** After which share of it those begin that come from it; the middle, if nothing is said. */
  readonly cutShare?: number;
}

const ONE: SynthFamily = [{ kind: "root", share: 1 }];
/** Each begins with a copy of most of what it continues. */
const FORKS: SynthFamily = [
  { kind: "root", share: 0.2, cutShare: 0.6 },
  { kind: "fork", of: 0, share: 0.16, cutShare: 0.9 },
  { kind: "fork", of: 0, share: 0.14, cutShare: 0.9 },
  { kind: "fork", of: 1, share: 0.16 },
  { kind: "fork", of: 2, share: 0.16 },
  { kind: "fork", of: 1, share: 0.18 },
];
const AGENTS: SynthFamily = [
  { kind: "root", share: 0.4 },
  { kind: "sub-agent", of: 0, share: 0.12 },
  { kind: "sub-agent", of: 0, share: 0.12 },
  { kind: "sub-agent", of: 1, share: 0.1 },
  { kind: "sub-agent", of: 1, share: 0.08 },
  { kind: "sub-agent", of: 3, share: 0.06 },
  { kind: "sub-agent", of: 0, share: 0.12 },
];

const WORK: SynthSizes = { instructionsBytes: 12_000, outputBytes: [200, 20_000], callsPerTurn: [1, 8] };
/** Builds, listings and diffs instead of talk. */
const OUTPUT: SynthSizes = { instructionsBytes: 12_000, outputBytes: [20_000, 400_000], callsPerTurn: [2, 8] };
const IMAGES: SynthSizes = {
  instructionsBytes: 12_000,
  outputBytes: [200, 4_000],
  callsPerTurn: [1, 4],
  images: { perPrompt: 0.6, perCall: 0.1, bytes: [100_000, 2_000_000] },
};
const SHORT: SynthSizes = { instructionsBytes: 3_000, outputBytes: [100, 1_500], callsPerTurn: [0, 2] };

const EARLY: SynthCheckpoints = { due: { atShare: 0.05 }, keptBytes: 200_000 };
const LATE: SynthCheckpoints = { due: { atShare: 0.95 }, keptBytes: 200_000 };
/** As with a context window of a million tokens: what is carried over lies beyond the reach of a search of two megabytes. */
const OFTEN: SynthCheckpoints = { due: { everyBytes: 900_000 }, keptBytes: 2_400_000 };

const legacy = {
  dialect: LEGACY_DIALECT,
  sizes: WORK,
  fullBytes: 20_000_000,
  family: ONE,
  usual: { meanBytes: 1_000_000, spread: 8 },
} as const;
const paginated = { ...legacy, dialect: PAGINATED_DIALECT } as const;

export const SYNTH_SHAPES = {
  legacy: { ...legacy, about: "turns as Codex 0.142 writes them, no compaction" },
  "legacy-early": { ...legacy, checkpoints: EARLY, about: "compacted once, near the beginning" },
  "legacy-late": { ...legacy, checkpoints: LATE, about: "compacted once, near the end" },
  paginated: { ...paginated, about: "the same work as Codex 0.169 writes it, no compaction" },
  "paginated-early": { ...paginated, checkpoints: EARLY, about: "compacted once, near the beginning" },
  "paginated-late": {
    ...paginated,
    checkpoints: LATE,
    about: "compacted once, near the end: a resume reads only the end",
  },
  compactions: {
    ...legacy,
    checkpoints: OFTEN,
    about: "legacy, compacted all the time, each time with most of what was said",
  },
  "paginated-compactions": { ...paginated, checkpoints: OFTEN, about: "the same, paginated" },
  images: {
    ...legacy,
    sizes: IMAGES,
    checkpoints: { due: { everyBytes: 2_500_000 }, keptBytes: 10_000_000 },
    fullBytes: 60_000_000,
    about: "legacy, images of 0.1–2 MB in prompts and tool output, sent again by every compaction",
  },
  "tool-output": { ...legacy, sizes: OUTPUT, about: "legacy, long outputs of commands, nearly all of them new" },
  forks: { ...legacy, family: FORKS, about: "legacy, a thread and copied forks of it, and forks of those" },
  agents: { ...legacy, family: AGENTS, about: "legacy, a thread and the tree of sub-agents that it spawned" },
  small: {
    ...legacy,
    sizes: SHORT,
    family: "many",
    usual: { meanBytes: 15_000, spread: 1.5 },
    about: "a home of many short legacy threads",
  },
} as const satisfies Readonly<Record<string, SynthShapeData>>;

export type SynthShape = keyof typeof SYNTH_SHAPES;

/** What a shape comes to in a rollout of that many bytes. */
export function shapeFor(shape: SynthShape, targetBytes: number): SynthShapeData {
  const data: SynthShapeData = SYNTH_SHAPES[shape];
  const { sizes, checkpoints, fullBytes } = data;
  const factor = Math.min(1, targetBytes / fullBytes);
  const scaled = (bytes: number): number => Math.ceil(bytes * factor);
  const { images } = sizes;
  return {
    ...data,
    sizes: {
      ...sizes,
      instructionsBytes: Math.min(sizes.instructionsBytes, Math.ceil(targetBytes / 8)),
      images: images && { ...images, bytes: [scaled(images.bytes[0]), scaled(images.bytes[1])] },
    },
    checkpoints: checkpoints && {
      due: "everyBytes" in checkpoints.due ? { everyBytes: scaled(checkpoints.due.everyBytes) } : checkpoints.due,
      keptBytes: scaled(checkpoints.keptBytes),
    },
  };
}
