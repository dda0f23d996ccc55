/** Beginnings and ends of turns, record by record (rollout-format §8.2, §8.3): each turn begins once and ends at most once. */
import type { Position } from "../format/entry.ts";
import type { EventMsg } from "../format/record.ts";
import type { Place } from "./check.ts";
import type { Tell } from "./findings.ts";

/** Beyond so many turns nothing is judged any more: only a hostile file has them. */
const MAX_TURNS = 200_000;

interface Spot {
  readonly line: number;
  readonly offset: number;
}

export class TurnWatch {
  readonly #tell: Tell;
  readonly #place: Place;
  readonly #turns = new Map<string, "open" | "ended">();
  #current: { readonly id: string; readonly spot: Spot } | undefined;

  constructor(place: Place, tell: Tell) {
    this.#tell = tell;
    this.#place = place;
  }

  /** `knowsAll` is false where turns may have begun in another file, which this one continues. */
  add(event: EventMsg, { line, offset }: Position, knowsAll: boolean): void {
    if (this.#turns.size >= MAX_TURNS) return;
    switch (event.type) {
      case "task_started":
        this.#begin(event.turn_id, { line, offset });
        break;
      case "task_complete":
        this.#end(event.turn_id, { line, offset }, knowsAll);
        break;
      case "turn_aborted":
        // Old releases do not say which: it is the one that is open.
        if (event.turn_id != null) this.#end(event.turn_id, { line, offset }, knowsAll);
        else if (this.#current !== undefined) this.#close(this.#current.id);
        break;
      default:
        break;
    }
  }

  finish(): void {
    if (this.#current !== undefined) this.#say("turn-open-last", this.#current.spot);
  }

  #begin(id: string, spot: Spot): void {
    if (this.#current !== undefined && this.#current.id !== id) this.#say("turn-not-ended", this.#current.spot);
    if (this.#turns.has(id)) this.#say("turn-begun-twice", spot);
    this.#turns.set(id, "open");
    this.#current = { id, spot };
  }

  #end(id: string, spot: Spot, knowsAll: boolean): void {
    const state = this.#turns.get(id);
    if (state === "ended") this.#say("turn-ended-twice", spot);
    // A review begins under one id and ends under another; readers then close what is open.
    else if (state === undefined && this.#current !== undefined) {
      this.#say("turn-other-id", spot);
      this.#close(this.#current.id);
    } else if (state === undefined && knowsAll) this.#say("turn-not-begun", spot);
    this.#close(id);
  }

  #close(id: string): void {
    this.#turns.set(id, "ended");
    if (this.#current?.id === id) this.#current = undefined;
  }

  #say(code: Parameters<Tell>[0], { line, offset }: Spot): void {
    this.#tell(code, { ...this.#place, line, offset });
  }
}
