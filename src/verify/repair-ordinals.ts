/**
 * Which ordinals the records of a paginated rollout have lost, as far as that is certain. Pure.
 *
 * A writer numbers its lines without gaps, and the file is in the order in which they were written; a reader of it shows no record
 * that is not numbered higher than the one before (rollout-format §2.3, §8.3). So as many numbers as possible are kept that rise
 * with room for the records between them. The records without one get theirs where there is only one way: as many numbers
 * are free as there are records, or records and damaged lines; behind the last one that is kept they go on from it, as Codex does.
 */

export interface NumberedRecord {
  /** What it has; undefined: none. */
  readonly ordinal: number | undefined;
  /** Lines that are no records and may have had a number, from the start of the file up to here. */
  readonly damagedBefore: number;
}

export interface Restored {
  /** By index of the record: the number that it is to have. */
  readonly ordinals: ReadonlyMap<number, number>;
  /** Records that stay as they are, since it is not certain which number is theirs. */
  readonly uncertain: number;
}

export interface OrdinalRules {
  /** What the first record, the metadata, begins with. */
  readonly first: number;
  /** Below it is what an agent inherited; how much of that is missing at the end of the file nobody knows. */
  readonly inheritedEnd: number;
}

/** `records` begin with the metadata. */
export function restoreOrdinals(records: readonly NumberedRecord[], { first, inheritedEnd }: OrdinalRules): Restored {
  const ordinals = new Map<number, number>();
  let uncertain = 0;
  const start = records[0]?.ordinal;
  if (start === undefined) ordinals.set(0, first);
  const numberOf = (index: number): number => records[index]?.ordinal ?? first;
  const damaged = (index: number): number => records[index]?.damagedBefore ?? 0;
  const kept = keptRecords(records, numberOf(0));
  for (const [at, from] of kept.entries()) {
    const to = kept[at + 1];
    const lost = (to ?? records.length) - from - 1;
    if (lost === 0) continue;
    const free = to === undefined ? lost : numberOf(to) - numberOf(from) - 1;
    const between = to === undefined ? 0 : damaged(to) - damaged(from);
    const isCertain = to === undefined ? numberOf(from) + 1 >= inheritedEnd : free === lost || free === lost + between;
    if (!isCertain) {
      uncertain += lost;
      continue;
    }
    for (let index = from + 1; index <= from + lost; index += 1) {
      const passed = free === lost ? 0 : damaged(index) - damaged(from);
      ordinals.set(index, numberOf(from) + index - from + passed);
    }
  }
  return { ordinals, uncertain };
}

/**
 * Indexes of the records whose numbers stay: the first one, and of the others the longest series that rises by at least one for each
 * record. With the index taken off each number that is the longest series that does not fall.
 */
function keptRecords(records: readonly NumberedRecord[], start: number): readonly number[] {
  /** By length of a series, its last record with the least number. */
  const ends: number[] = [0];
  const values: number[] = [start];
  const before = new Map<number, number>();
  for (let index = 1; index < records.length; index += 1) {
    const ordinal = records[index]?.ordinal;
    if (ordinal === undefined || !Number.isSafeInteger(ordinal) || ordinal - index < start) continue;
    const value = ordinal - index;
    const length = lengthUpTo(values, value);
    before.set(index, ends[length - 1] ?? 0);
    ends[length] = index;
    values[length] = value;
  }
  const kept: number[] = [];
  for (let index = ends.at(-1); index !== undefined; index = before.get(index)) kept.push(index);
  return kept.toReversed();
}

/** How many of the values, which do not fall, are not above this one. */
function lengthUpTo(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
