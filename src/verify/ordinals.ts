/** The ordinals of a paginated rollout, record by record (rollout-format §2.3, §8.3): there, rising, without gaps. */
import type { Position } from "../format/entry.ts";
import type { RolloutRecord, SessionMeta } from "../format/record.ts";
import type { Place } from "./check.ts";
import type { Tell } from "./findings.ts";

export class OrdinalWatch {
  readonly #tell: Tell;
  readonly #place: Place;
  readonly #inheritedEnd: number;
  readonly #firstWanted: number;
  #last: number | undefined;
  /** Lines since the last ordinal that may have had one. */
  #excuses = 0;
  #unnumbered: Position | undefined;

  /** Made for the metadata of a paginated file, and fed from that record on. */
  constructor(meta: SessionMeta, place: Place, tell: Tell) {
    this.#tell = tell;
    this.#place = place;
    this.#firstWanted = meta.history_base?.end_ordinal_exclusive ?? 0;
    this.#inheritedEnd = meta.subagent_history_start_ordinal ?? 0;
  }

  /** A line that is no record may have taken an ordinal along. */
  excuse(): void {
    this.#excuses += 1;
  }

  add({ ordinal }: RolloutRecord, position: Position): void {
    this.#tellUnnumbered("ordinal-missing");
    if (ordinal === undefined) {
      this.#unnumbered = position;
      this.#excuses += 1;
      return;
    }
    const last = this.#last;
    if (last === undefined) {
      if (ordinal !== this.#firstWanted) {
        this.#tell("ordinal-first", this.#at(position), `it begins with ${ordinal}, not ${this.#firstWanted}`);
      }
    } else if (ordinal <= last) {
      this.#tell("ordinal-not-rising", this.#at(position), `${ordinal} comes after ${last}`);
      return;
    } else if (ordinal - last - 1 > this.#excuses) {
      this.#tell("ordinal-gap", this.#at(position), `${ordinal} comes after ${last}`);
    }
    this.#last = ordinal;
    this.#excuses = 0;
  }

  finish(): void {
    this.#tellUnnumbered("ordinal-missing-last");
    const reached = this.#last === undefined ? 0 : this.#last + 1;
    if (reached >= this.#inheritedEnd) return;
    const message = `it announces ${this.#inheritedEnd} inherited records, and its ordinals end before ${reached}`;
    this.#tell("agent-prefix-incomplete", this.#place, message);
  }

  #tellUnnumbered(code: "ordinal-missing" | "ordinal-missing-last"): void {
    if (this.#unnumbered !== undefined) this.#tell(code, this.#at(this.#unnumbered));
    this.#unnumbered = undefined;
  }

  #at({ line, offset }: Position): Place {
    return { ...this.#place, line, offset };
  }
}
