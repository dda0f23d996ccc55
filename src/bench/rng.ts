/**
 * Seeded chance for benchmarks: the same seed gives the same numbers on every machine and in every Node.
 *
 * The generator is xoshiro128** by Blackman and Vigna (public domain), its state filled by splitmix32. Not for secrets.
 */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** Any safe integer; only its low 32 bits and the next 21 count. */
  constructor(seed: number) {
    let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  /** 32 random bits, 0 … 2^32 − 1. */
  bits(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** 0 ≤ x < 1. */
  unit(): number {
    return this.bits() / 2 ** 32;
  }

  /** A whole number, `low` ≤ n ≤ `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  /** Between `low` and `high` with equal weight per order of magnitude: many small values, few large ones. */
  logBetween(low: number, high: number): number {
    // (high / low) ^ unit, bit by bit of the exponent: roots are rounded alike on every machine, powers are not.
    let exponent = this.bits();
    let root = high / low;
    let factor = 1;
    for (let bit = 0; bit < 24; bit++) {
      root = Math.sqrt(root);
      if (exponent >>> 31 === 1) factor *= root;
      exponent <<= 1;
    }
    return Math.floor(low * factor);
  }

  /** True with that probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.unit() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** That many lower-case hexadecimal digits. */
  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.bits().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }

  /** A UUID of version 7 whose time is `timeMs` (unix milliseconds). */
  uuid(timeMs: number): string {
    const time = timeMs.toString(16).padStart(12, "0");
    const tail = this.hex(20);
    const variant = "89ab"[this.bits() & 3] ?? "8";
    return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-${variant}${tail.slice(3, 6)}-${tail.slice(6, 18)}`;
  }
}
