/** How much memory V8 takes for what is soon garbage. */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

let isSmall = false;
let isOldSmall = false;

/** What this thread has asked for, so that threads it starts ask again. */
export interface HeapHabits {
  readonly isYoungSmall: boolean;
  readonly isOldSmall: boolean;
}

export function heapHabits(): HeapHabits {
  return { isYoungSmall: isSmall, isOldSmall };
}

export function takeUpHabits(habits: HeapHabits): void {
  if (habits.isYoungSmall) keepYoungGenerationSmall();
  if (habits.isOldSmall) keepOldGenerationSmall();
}

/**
 * Keeps the young generations of the process at the size they have: a walk over thousands of files makes much garbage and
 * keeps little, and would have one grown to twice 16 MiB for nothing measurable. V8 forgets it whenever a thread starts. Meant for
 * a program's own process, not for a library's host.
 */
export function keepYoungGenerationSmall(): void {
  isSmall = true;
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Of each of the two halves, as V8 names it: `--min-semi-space-size` takes it in MiB. */
const MIDDLING_MIB = 2;
let isGrowing = false;

/**
 * Lets young generations have two halves of 2 MiB, for work that makes garbage by the gigabyte: with 1 MiB each much of it is taken for
 * what will stay. To be called before the work, with `settleYoungGeneration` now and then while it is done.
 */
export function letYoungGenerationGrow(): void {
  isGrowing = true;
  setFlagsFromString(`--semi-space-growth-factor=${MIDDLING_MIB}`);
  // For threads that are started later.
  setFlagsFromString(`--min-semi-space-size=${MIDDLING_MIB}`);
}

export function settleYoungGeneration(): void {
  if (!isGrowing) return;
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space");
  if ((space?.space_size ?? Infinity) < 2 * MIDDLING_MIB * 1024 * 1024) return;
  isGrowing = false;
  keepYoungGenerationSmall();
}

/**
 * Collects the old generations whenever they have grown by half: what is read and written by the gigabyte leaves them full of what is
 * garbage already. By itself V8 waits until they are up to four times as large. Meant as `keepYoungGenerationSmall` is.
 */
export function keepOldGenerationSmall(): void {
  isOldSmall = true;
  setFlagsFromString("--heap-growing-percent=50");
}
