/** What could be saved of a home's bytes: by compressing, and by dropping checkpoints that newer ones have replaced. Estimates. */
import { RolloutError } from "../errors.ts";
import { COLD_MS } from "../compressor/eligibility.ts";
import { estimateBytes } from "../compressor/estimate.ts";
import type { Checkpoint } from "./bytes-file.ts";

export interface CompressSavings {
  /** Plain rollouts, and their bytes. */
  readonly files: number;
  readonly plainBytes: number;
  /** What archives of them would take, at level 3. */
  readonly archiveBytes: number;
  readonly savedBytes: number;
  /** Of that, by files that have not changed for a week, which `compress` takes without being told more. */
  readonly coldSavedBytes: number;
  /** Bytes that were really compressed for this; what others would give is inferred from them. */
  readonly sampledBytes: number;
}

export interface PlainFile {
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** Level of `compress` where none is given. */
const LEVEL = 3;
/** Compressed for an estimate, in bytes: a fraction of a second. */
const SAMPLE_BYTES = 32 * 1024 * 1024;
/** `estimateBytes` compresses no more of one file. */
const MOST_OF_A_FILE = 16 * 1024 * 1024;

/**
 * Compresses samples in memory: half of the budget goes to the largest files, which matter most, the other half to some of the
 * rest, evenly spread over their sizes.
 */
export function estimateCompression(files: readonly PlainFile[], nowMs: number): CompressSavings {
  const sorted = files.toSorted((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
  const large: PlainFile[] = [];
  let spent = 0;
  for (const file of sorted) {
    if (spent >= SAMPLE_BYTES / 2) break;
    spent += Math.min(file.bytes, MOST_OF_A_FILE);
    large.push(file);
  }
  const sums = { plainBytes: 0, archiveBytes: 0, coldSavedBytes: 0, sampledBytes: 0 };
  for (const [group, budget] of [
    [large, Infinity],
    [sorted.slice(large.length), SAMPLE_BYTES / 2],
  ] as const) {
    const { ratio, sampledBytes } = sampledRatio(group, budget);
    sums.sampledBytes += sampledBytes;
    for (const { bytes, mtimeMs } of group) {
      sums.plainBytes += bytes;
      sums.archiveBytes += bytes * ratio;
      if (nowMs - mtimeMs >= COLD_MS) sums.coldSavedBytes += bytes * (1 - ratio);
    }
  }
  const archiveBytes = Math.round(sums.archiveBytes);
  return {
    files: files.length,
    plainBytes: sums.plainBytes,
    archiveBytes,
    savedBytes: Math.max(0, sums.plainBytes - archiveBytes),
    coldSavedBytes: Math.max(0, Math.round(sums.coldSavedBytes)),
    sampledBytes: sums.sampledBytes,
  };
}

/** Archive bytes for a plain byte, by files spread over the list as far as the budget reaches. */
function sampledRatio(
  files: readonly PlainFile[],
  budget: number,
): { readonly ratio: number; readonly sampledBytes: number } {
  const bytes = files.reduce((sum, file) => sum + Math.min(file.bytes, MOST_OF_A_FILE), 0);
  const step = Math.max(1, Math.ceil(bytes / budget));
  let [plain, packed, sampled] = [0, 0, 0];
  for (let at = Math.floor((step - 1) / 2); at < files.length; at += step) {
    const file = files[at];
    const estimated = file === undefined || file.bytes === 0 ? undefined : tryEstimate(file.path);
    if (file === undefined || estimated === undefined) continue;
    plain += file.bytes;
    packed += estimated;
    sampled += Math.min(file.bytes, MOST_OF_A_FILE);
  }
  return { ratio: plain === 0 ? 1 : packed / plain, sampledBytes: sampled };
}

function tryEstimate(path: string): number | undefined {
  try {
    return estimateBytes(path, LEVEL);
  } catch (error) {
    if (error instanceof RolloutError && error.code !== "internal") return undefined;
    throw error;
  }
}

/**
 * Bytes of the checkpoints of a file that nothing resumes from any more: all but the newest, and but the newest before each place
 * where another rollout continues this one. None in a thread that was rolled back, which may have gone behind a checkpoint.
 */
export function supersededBytes(
  checkpoints: readonly Checkpoint[],
  cuts: readonly number[],
  hasRollbacks: boolean,
): { readonly checkpoints: number; readonly bytes: number } {
  if (hasRollbacks || checkpoints.length < 2) return { checkpoints: 0, bytes: 0 };
  const kept = new Set([Infinity, ...cuts].map((cut) => newestBefore(checkpoints, cut)));
  const dropped = checkpoints.filter((_checkpoint, index) => !kept.has(index));
  return { checkpoints: dropped.length, bytes: dropped.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Index of the last checkpoint that lies before an offset, or -1. */
function newestBefore(checkpoints: readonly Checkpoint[], cut: number): number {
  let [low, high] = [0, checkpoints.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const checkpoint = checkpoints[middle];
    if (checkpoint !== undefined && checkpoint.offset + checkpoint.bytes <= cut) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
