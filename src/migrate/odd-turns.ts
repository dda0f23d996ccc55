/**
 * What clients are not going to see as before once a legacy rollout is paginated, turn by turn: gathered by the conversion, so that
 * the proof of it can look past exactly that and nothing else.
 */
export class OddTurns {
  readonly #implied = new Set<string>();
  readonly #odd = new Map<string, string>();
  readonly #shown = new Map<string, Set<string>>();

  /** Nothing opened this turn in the legacy rollout; it has an id and times of its own now. */
  implied(turnId: string): void {
    this.#implied.add(turnId);
  }

  /** The two forms have different rules for such a turn. `why` is one clause after "a turn". */
  seenOtherwise(turnId: string, why: string): void {
    this.#odd.set(turnId, why);
  }

  /** An item that clients of the legacy thread were not shown. */
  shown(turnId: string, itemId: string): void {
    const known = this.#shown.get(turnId);
    if (known === undefined) this.#shown.set(turnId, new Set([itemId]));
    else known.add(itemId);
  }

  get hasImplied(): boolean {
    return this.#implied.size > 0;
  }

  isImplied(turnId: string): boolean {
    return this.#implied.has(turnId);
  }

  isOdd(turnId: string): boolean {
    return this.#odd.has(turnId);
  }

  isNew(turnId: string, itemId: string): boolean {
    return this.#shown.get(turnId)?.has(itemId) === true;
  }

  get newItems(): number {
    let count = 0;
    for (const ids of this.#shown.values()) count += ids.size;
    return count;
  }

  /** Why, with the number of turns of each. */
  reasons(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const why of this.#odd.values()) counts.set(why, (counts.get(why) ?? 0) + 1);
    return counts;
  }
}
