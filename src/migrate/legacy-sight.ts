/**
 * What a legacy release makes otherwise of the records of a paginated thread, found on the first walk over them: for the notes of
 * the report, and for the proof. For `legacy.ts`.
 */
import { acceptedBy } from "../format/decode.ts";
import type { RecordOf, RolloutRecord } from "../format/record.ts";
import { classOf } from "../thread/boundary.ts";

/** The release that stands for the older ones: the last of the known ones that reads legacy rollouts only. */
const OLD = "0.142.3";

/** Record types that 0.142.3 makes a history of, too. */
const OF_THE_MODEL: ReadonlySet<string> = new Set(["response_item", "compacted", "turn_context"]);

export interface SightFacts {
  /** A checkpoint cuts off what precedes it in a paginated thread only (rollout-format §5.2, step 1). */
  readonly hasPaginatedBase: boolean;
  /**
   * A turn has a user's message that the model was not sent: as an item it says nothing to a resume, as an event it makes the turn
   * one of the user's, which tell what the settings were and what the model was told (rollout-format §5.2, step 2).
   */
  readonly hasUnsentMessage: boolean;
}

export class LegacySight {
  #unread = 0;
  #hasPaginatedBase = false;
  #hasUnsentMessage = false;
  #turnId: string | undefined;
  /** What the user said in the turn that is open: to clients, and to the model. */
  #isShown = false;
  #isSent = false;

  see(record: RolloutRecord): void {
    if (OF_THE_MODEL.has(record.type) && !acceptedBy(record, OLD)) this.#unread += 1;
    if (isPaginatedBase(record)) this.#hasPaginatedBase = true;
    if (record.type === "event_msg") this.#event(record);
    // What precedes it may be out of reach.
    else if (record.type === "compacted") this.#startOver();
    else if (record.type === "inter_agent_communication") this.#isSent = true;
    else if (record.type === "response_item" && classOf(record.payload) === "boundary") this.#isSent = true;
  }

  get facts(): SightFacts {
    return {
      hasPaginatedBase: this.#hasPaginatedBase,
      hasUnsentMessage: this.#hasUnsentMessage || (this.#isShown && !this.#isSent),
    };
  }

  *notes(meta: RecordOf<"session_meta">): Generator<string> {
    if (!acceptedBy(meta, OLD)) yield `Codex ${OLD} cannot read the metadata of the thread, and does not find it`;
    if (this.#unread > 0)
      yield `records that the model's history is made of, and Codex ${OLD} passes over: ${this.#unread}`;
  }

  #event({ payload }: RecordOf<"event_msg">): void {
    if (payload.type === "item_completed" && payload.item.type === "UserMessage") {
      this.#isShown = true;
      // It moves to its turn, wherever the words went that the model was sent.
      if (payload.turn_id !== this.#turnId) this.#hasUnsentMessage = true;
    } else if (payload.type === "user_message") this.#isShown = true;
    else if (payload.type === "task_started") {
      this.#startOver();
      this.#turnId = payload.turn_id;
    }
  }

  #startOver(): void {
    this.#hasUnsentMessage = this.facts.hasUnsentMessage;
    this.#isShown = false;
    this.#isSent = false;
  }
}

function isPaginatedBase({ type, payload }: RolloutRecord): boolean {
  if (type !== "compacted") return false;
  const isNumbered = payload.window_number != null || typeof payload.window_id === "number";
  return payload.replacement_history != null && isNumbered && payload.resume_metadata == null;
}
