/**
 * A first look at a thread that is longer than memory may be: which turn is named by which line last, so that the second look can give
 * out each turn as soon as nothing more can come for it. Most lines are only peeked.
 */
import type { Entry } from "../format/entry.ts";
import type { Kind } from "../format/peek.ts";
import type { RolloutRecord } from "../format/record.ts";
import type { Line, SplitEnd } from "../readers/lines.ts";
import type { Turn } from "../thread/items.ts";
import { LegacyTurns } from "../thread/turns-legacy.ts";
import { type LineTaker, readOnce } from "./file-pass.ts";
import { isNumbered } from "./shown-kinds.ts";
import type { LabelCount } from "./tables-bytes.ts";
import { briefKinds, isPaginated } from "./thread-view.ts";
import type { ExportThread } from "./threads.ts";

export interface ThreadSurvey {
  /** The number of the line that names a turn last, by the turn's id. */
  readonly lastLines: ReadonlyMap<string, number>;
  /** Whether the brief view is the whole one (`thread-view.ts`). */
  readonly isBrief: boolean;
}

/**
 * Reads the newest file of a thread; `labels` gets its lines. Undefined where its turns cannot be given out one after the other: where
 * turns are taken back, ordinals leap, or an archive is damaged. @throws RolloutError when the file cannot be read.
 */
export function surveyThread(thread: ExportThread, labels: LabelCount | undefined): ThreadSurvey | undefined {
  const turns = isPaginated(thread) ? new PaginatedNames() : new LegacyNames();
  const end = readOnce(thread.newest.file.path, [], new SurveyLines(briefKinds(thread), turns, labels));
  if (end === undefined || end.failure !== undefined) return undefined;
  turns.finish();
  return turns.isInOrder ? { lastLines: turns.lastLines, isBrief: turns.isBrief } : undefined;
}

interface TurnNames {
  readonly lastLines: ReadonlyMap<string, number>;
  readonly isInOrder: boolean;
  readonly isBrief: boolean;
  add(line: Line, kind: Kind | undefined, decode: () => Entry): void;
  finish(): void;
}

class SurveyLines implements LineTaker {
  readonly #wants: (kind: Kind) => boolean;
  readonly #turns: TurnNames;
  readonly #labels: LabelCount | undefined;

  constructor(wants: (kind: Kind) => boolean, turns: TurnNames, labels: LabelCount | undefined) {
    this.#wants = wants;
    this.#turns = turns;
    this.#labels = labels;
  }

  add(line: Line, kind: Kind | undefined, decode: () => Entry): void {
    this.#labels?.add(line, kind, decode);
    if (kind === undefined || this.#wants(kind)) this.#turns.add(line, kind, decode);
  }

  end(end: SplitEnd): void {
    this.#labels?.end(end);
  }
}

/** Enough for what stands before the item. */
const HEAD_BYTES = 400;
const ORDINAL = /^\{"timestamp":"[^"\\]*","ordinal":(\d{1,15}),/;
const ITEM_TURN = /"payload":\{"type":"item_completed","thread_id":"[^"\\]*","turn_id":"([ -!#-[\]-~]*)","item":/;
const ITEM_COMPLETED = "event_msg/item_completed";
/** Of these only the ordinal matters. */
const NAMELESS: ReadonlySet<string> = new Set(["session_meta", "turn_context", "compacted"]);

class PaginatedNames implements TurnNames {
  readonly lastLines = new Map<string, number>();
  readonly isBrief = true;
  isInOrder = true;
  #ahead: number | undefined;

  add({ bytes, position }: Line, kind: Kind | undefined, decode: () => Entry): void {
    const head = bytes.toString("latin1", 0, HEAD_BYTES);
    const ordinal = ORDINAL.exec(head)?.[1];
    const turnId = kind === ITEM_COMPLETED ? ITEM_TURN.exec(head)?.[1] : undefined;
    const isTold = ordinal !== undefined && kind !== undefined && (turnId !== undefined || NAMELESS.has(kind));
    if (isTold) this.#note(Number(ordinal), turnId, position.line);
    else {
      const entry = decode();
      if (entry.ok) this.#note(entry.record.ordinal, turnOf(entry.record), position.line);
    }
  }

  finish(): void {
    // All is known.
  }

  /** As `RegularOrdinals`. */
  #note(ordinal: number | undefined, turnId: string | undefined, line: number): void {
    this.#ahead ??= (ordinal ?? NaN) - line;
    if (ordinal === undefined || ordinal - line !== this.#ahead) this.isInOrder = false;
    if (turnId !== undefined) this.lastLines.set(turnId, line);
  }
}

/** Plays the turns once, and forgets them at once. */
class LegacyNames implements TurnNames {
  readonly lastLines = new Map<string, number>();
  isBrief = true;
  isInOrder = true;
  readonly #play = new LegacyTurns();
  readonly #forgotten = new Set<string>();
  #untaken = 0;

  add({ position }: Line, _kind: Kind | undefined, decode: () => Entry): void {
    const entry = decode();
    if (entry.ok) this.#note(entry.record, position.line);
    this.#play.add(entry);
    this.#untaken += 1;
    if (this.#untaken >= TAKEN_AT_ONCE) this.#forget();
  }

  #note(record: RolloutRecord, line: number): void {
    const turnId = turnOf(record);
    if (turnId !== undefined) this.lastLines.set(turnId, line);
    if (record.type !== "event_msg") return;
    const { type } = record.payload;
    if (type === "thread_rolled_back") this.isInOrder = false;
    // It would have found its turn, had that not been forgotten.
    if (type.endsWith("_review_mode") && this.#forgotten.has(turnId ?? "")) this.isBrief = false;
  }

  #forget(): void {
    this.#untaken = 0;
    for (const turn of this.#play.take(() => true).turns) {
      this.#forgotten.add(turn.id);
      this.#look(turn);
    }
  }

  #look(turn: Turn): void {
    if (isNumbered(turn)) this.isBrief = false;
  }

  finish(): void {
    for (const turn of this.#play.finish().turns) this.#look(turn);
  }
}

const TAKEN_AT_ONCE = 1000;

function turnOf({ type, payload }: RolloutRecord): string | undefined {
  return type === "event_msg" && "turn_id" in payload && typeof payload.turn_id === "string"
    ? payload.turn_id
    : undefined;
}
