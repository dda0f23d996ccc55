/**
 * The newest line of each kind of which only the last one counts, unparsed: most of them are replaced before anybody asks.
 * For the quick way through a rollout (`survey.ts`).
 */

export const LATE = [
  "turn_context",
  "event_msg/thread_settings_applied",
  "event_msg/token_count",
  "event_msg/task_started",
] as const;
export type LateKind = (typeof LATE)[number];

export function isLate(kind: string | undefined): kind is LateKind {
  return kind !== undefined && (LATE as readonly string[]).includes(kind);
}

export interface KeptLine {
  readonly bytes: Buffer;
  /** In the plain text. */
  readonly offset: number;
}

interface Place {
  /** The chunk, as long as it lies there; later a buffer of our own, which grows with its lines. */
  buffer: Buffer;
  start: number;
  end: number;
  offset: number;
  isLent: boolean;
  own: Buffer;
}

const NOTHING = Buffer.alloc(0);

export class KeptLines {
  readonly #places = new Map<LateKind, Place>();

  /** A line inside a chunk; nothing is copied. `settle` has to be called before the chunk is overwritten. */
  note(kind: LateKind, chunk: Buffer, start: number, end: number, offset: number): void {
    const place = this.#place(kind);
    place.buffer = chunk;
    place.start = start;
    place.end = end;
    place.offset = offset;
    place.isLent = true;
  }

  /** A line whose bytes are only lent for the call. */
  keep(kind: LateKind, bytes: Buffer, offset: number): void {
    this.note(kind, bytes, 0, bytes.length, offset);
    copyHome(this.#place(kind));
  }

  settle(): void {
    for (const place of this.#places.values()) if (place.isLent) copyHome(place);
  }

  has(kind: LateKind): boolean {
    return this.#places.has(kind);
  }

  delete(kind: LateKind): void {
    this.#places.delete(kind);
  }

  *lines(): Generator<KeptLine> {
    for (const { buffer, start, end, offset } of this.#places.values()) {
      yield { bytes: buffer.subarray(start, end), offset };
    }
  }

  #place(kind: LateKind): Place {
    const known = this.#places.get(kind);
    if (known !== undefined) return known;
    const place = { buffer: NOTHING, start: 0, end: 0, offset: 0, isLent: false, own: NOTHING };
    this.#places.set(kind, place);
    return place;
  }
}

function copyHome(place: Place): void {
  const length = place.end - place.start;
  if (place.own.length < length) place.own = Buffer.allocUnsafe(Math.max(1024, length * 2));
  place.buffer.copy(place.own, 0, place.start, place.end);
  place.buffer = place.own;
  place.start = 0;
  place.end = length;
  place.isLent = false;
}
