/**
 * When lines were written, remembered for the lines of one thread while they go by: 16 bytes each. For turns and items of releases
 * that recorded no times of their own.
 */
import { LineClock } from "../analysis/line-clock.ts";
import type { ChainPosition } from "../readers/lineage.ts";

const FORGOTTEN_AT_ONCE = 1000;

export class LineTimes {
  readonly #clock = new LineClock();
  readonly #offsets: number[][] = [];
  readonly #timesMs: number[][] = [];

  /** Lines of one file come in their order. */
  add({ segment = 0, offset }: ChainPosition, timestamp: string): void {
    const timeMs = this.#clock.parse(timestamp);
    if (timeMs === undefined) return;
    const offsets = (this.#offsets[segment] ??= []);
    const times = (this.#timesMs[segment] ??= []);
    const last = offsets.at(-1);
    if (last !== undefined && offset <= last) return;
    offsets.push(offset);
    times.push(timeMs);
  }

  /** Nobody will ask for the lines before this one any more. */
  forgetBefore({ segment = 0, offset }: ChainPosition): void {
    const count = this.#placeOf(segment, offset);
    // To take a few away costs as much as to take many.
    if (count < FORGOTTEN_AT_ONCE) return;
    this.#offsets[segment]?.splice(0, count);
    this.#timesMs[segment]?.splice(0, count);
  }

  /** Of the line that begins there; undefined for one that was not added, or told no time. */
  at({ segment = 0, offset }: ChainPosition): number | undefined {
    const at = this.#placeOf(segment, offset);
    return this.#offsets[segment]?.[at] === offset ? this.#timesMs[segment]?.[at] : undefined;
  }

  /** How many lines of a file begin before an offset. */
  #placeOf(segment: number, offset: number): number {
    const offsets = this.#offsets[segment] ?? [];
    let [low, high] = [0, offsets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((offsets[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
