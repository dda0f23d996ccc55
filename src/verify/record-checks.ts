/**
 * The lines of one rollout as they come by: what is wrong with a line as such, and what the watchers of ordinals, calls and turns
 * make of the records. Part of the single pass that `file-check.ts` makes over each file.
 */
import { acceptedBy, isRetired } from "../format/decode.ts";
import type { Defect, DefectKind, Entry, Position } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import { historyModeOf, type RolloutRecord, type SessionMeta } from "../format/record.ts";
import type { Line } from "../readers/lines.ts";
import { CallWatch } from "./calls.ts";
import type { Place } from "./check.ts";
import type { FindingCode } from "./checks.ts";
import type { Tell } from "./findings.ts";
import { OrdinalWatch } from "./ordinals.ts";
import { TurnWatch } from "./turns.ts";

/** From this size on Codex's migration drops a line (rollout-format §2.2). */
export const HUGE_LINE_BYTES = 16 * 1024 * 1024;

const CODES: Readonly<Record<DefectKind, FindingCode | undefined>> = {
  torn: "line-torn",
  blank: undefined,
  "not-json": "line-not-json",
  "not-utf8": "line-not-utf8",
  "wrong-shape": "line-wrong-shape",
  "unknown-kind": "line-unknown-kind",
  "too-long": "line-too-long",
  "broken-stream": "archive-broken",
  "state-marker": undefined,
};

export interface RecordChecksOptions {
  readonly path: string;
  readonly tell: Tell;
  /** Whether a live writer has the thread: then what it has not finished is nothing to tell. */
  readonly isBusy: (threadId: string) => boolean;
  /** Files of 2025 are judged by their lines alone. */
  readonly isEnvelope: boolean;
}

export class RecordChecks {
  readonly #options: RecordChecksOptions;
  readonly #place: Place;
  readonly #calls: CallWatch;
  readonly #turns: TurnWatch;
  #ordinals: OrdinalWatch | undefined;
  #meta: SessionMeta | undefined;
  /** Something that is not blank stood before the metadata. */
  #isLate = false;
  /** Something else than metadata stood behind it. */
  #hasBody = false;
  #isPaginated = false;
  #knowsAll = true;

  constructor(options: RecordChecksOptions) {
    this.#options = options;
    this.#place = { path: options.path };
    this.#calls = new CallWatch(this.#place, options.tell);
    this.#turns = new TurnWatch(this.#place, options.tell);
  }

  /** The first metadata that was met. */
  get meta(): SessionMeta | undefined {
    return this.#meta;
  }

  add(line: Line, entry: Entry): void {
    const { position } = line;
    if (position.length >= HUGE_LINE_BYTES) this.#say("line-huge", position, `a line of ${position.length} bytes`);
    if (!entry.ok) this.#addDefect(line, entry.defect);
    else {
      if (!line.terminated && !this.#isLive()) this.#say("line-unterminated", position);
      this.#addRecord(entry.record, position);
    }
  }

  /** Tells what only the end of the file shows. */
  finish(): void {
    if (this.#meta === undefined) return;
    this.#ordinals?.finish();
    this.#calls.finish();
    this.#turns.finish();
  }

  #addDefect({ bytes, position, terminated }: Line, defect: Defect): void {
    if (defect.kind === "blank" || defect.kind === "state-marker") return;
    this.#isLate ||= this.#meta === undefined;
    if (terminated) this.#ordinals?.excuse();
    else if (this.#isLive()) return;
    const code = codeOfDefect(bytes, defect, this.#isPaginated);
    if (code !== undefined) this.#say(code, position, messageOf(defect));
  }

  #addRecord(record: RolloutRecord, position: Position): void {
    const { isEnvelope } = this.#options;
    if (record.type === "session_meta" && this.#meta === undefined) this.#begin(record.payload, position);
    this.#isLate ||= this.#meta === undefined;
    this.#ordinals?.add(record, position);
    if (isEnvelope && !isAccepted(record)) {
      this.#say(isRetired(record) ? "line-retired" : "line-refused", position, `a line of type ${labelOf(record)}`);
      return;
    }
    if (record.type !== "session_meta") this.#hasBody ||= this.#meta !== undefined;
    else if (this.#isPaginated && this.#hasBody) this.#say("file-metadata-again", position);
    if (record.type === "response_item") this.#calls.add(record.payload, position, this.#knowsAll);
    else if (record.type === "event_msg") this.#turns.add(record.payload, position, this.#knowsAll);
  }

  #begin(meta: SessionMeta, position: Position): void {
    this.#meta = meta;
    if (this.#isLate && this.#options.isEnvelope) this.#say("file-metadata-late", position);
    const mode = historyModeOf(meta);
    if (mode === undefined) this.#say("file-unknown-mode", position);
    this.#isPaginated = mode === "paginated";
    if (!this.#isPaginated) return;
    this.#knowsAll = meta.history_base == null;
    this.#ordinals = new OrdinalWatch(meta, this.#place, this.#options.tell);
  }

  #isLive(): boolean {
    const id = this.#meta === undefined ? undefined : parseUuid(this.#meta.id);
    return id !== undefined && this.#options.isBusy(id);
  }

  #say(code: FindingCode, { line, offset }: Position, message?: string): void {
    this.#options.tell(code, { ...this.#place, line, offset }, message);
  }
}

/** The code of a line that is no record; undefined for those that are nothing to tell. */
export function codeOfDefect(bytes: Buffer, { kind, message }: Defect, isPaginated: boolean): FindingCode | undefined {
  if (kind !== "torn" && kind !== "not-json") return CODES[kind];
  if (bytes.includes(0)) return "line-nul";
  // Cut in the middle of a character: a legacy load stops at that, wherever it stands.
  return kind === "torn" && message === "not valid UTF-8" && !isPaginated ? "line-not-utf8" : CODES[kind];
}

/** Events of which there are many, and which this tool reads exactly as 0.169.0 does. */
const ALIKE: ReadonlySet<string> = new Set([
  "token_count",
  "agent_message",
  "agent_reasoning",
  "user_message",
  "task_started",
  "task_complete",
  "turn_aborted",
]);

/** Items of turns that it reads in more layouts. */
const ITEMS_ASKED: ReadonlySet<string> = new Set(["ImageView", "Sleep"]);

/** `acceptedBy` for 0.169.0, without asking it where only one answer is possible: it costs as much as decoding the record. */
export function isAccepted(record: RolloutRecord): boolean {
  if (record.type === "response_item") return !isRetired(record);
  if (record.type === "event_msg") {
    const { payload } = record;
    if (ALIKE.has(payload.type)) return true;
    if (payload.type === "item_completed" && !ITEMS_ASKED.has(payload.item.type)) return true;
  }
  return acceptedBy(record, "0.169.0");
}

function messageOf({ message, type }: Defect): string {
  return type === undefined ? message : `${message} (${type})`;
}

/** Names of types that look like one are safe to print. */
function labelOf(record: RolloutRecord): string {
  const inner = record.type === "event_msg" || record.type === "response_item" ? `/${record.payload.type}` : "";
  return /^[\w./-]{1,80}$/.test(inner) || inner === "" ? record.type + inner : record.type;
}
