/**
 * Bytes of one line → `Entry`: a typed record, or a defect (rollout-format §2.2, §3, §10). Between the readers, which
 * cut lines, and everything that works on records. The rules of each payload are in the tables `shapes-*.ts`.
 *
 * More is read here than Codex 0.169.0 reads: layouts of old releases that it skips are decoded, and `acceptedBy` and
 * `isRetired` say so. Nothing is read here that no release wrote.
 */
import type { Defect, DefectKind, Entry, Position } from "./entry.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { closesOneMore, disguisedIntegers, hasLoneSurrogate, isTooDeep, MAX_DEPTH, withFractions } from "./json-text.ts";
import { currentName } from "./peek.ts";
import type { RecordType, RolloutRecord } from "./record.ts";
import { tally, u64 } from "./scalars.ts";
import type { Check, CodexRelease, Complaint, Judge } from "./shape.ts";
import { isKnownEvent, isRetiredEvent } from "./shapes-events.ts";
import { harnessMetadata } from "./shapes-items.ts";
import { recordShapes } from "./shapes-records.ts";

export type { CodexRelease } from "./shape.ts";

export interface DecodeOptions {
  /** False for a last line without a newline; what does not parse there is torn, not damaged. Default true. */
  readonly terminated?: boolean;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** White space as Codex trims it; a byte order mark is not part of it. */
const BLANK = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;

/**
 * Decodes one line (without its `\n`). Never throws, whatever the bytes. The payload of a good entry is the parsed JSON
 * itself; its own type is spelled the new way (`task_started` for `turn_started` and the like).
 */
export function decodeLine(bytes: Uint8Array, position: Position, options: DecodeOptions = {}): Entry {
  const terminated = options.terminated !== false;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) return bad(position, "too-long", "longer than a string can be");
    return bad(position, terminated ? "not-utf8" : "torn", "not valid UTF-8");
  }
  const unparsed = terminated ? "not-json" : "torn";
  if (isTooDeep(text)) return bad(position, unparsed, `nested deeper than ${MAX_DEPTH} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (BLANK.test(text)) return bad(position, "blank", "blank line");
    return bad(position, unparsed, terminated ? "not valid JSON" : "incomplete JSON at the end of the file");
  }
  if (hasLoneSurrogate(text)) return bad(position, "not-json", "half of a surrogate pair");
  const defect = judge(value, text);
  if (defect !== undefined) return { ok: false, position, defect };
  settle(value as Draft);
  return { ok: true, position, record: value as RolloutRecord };
}

/**
 * What is wrong with a line. An integer that the text spells as a fraction is wrong too: since the value does not show
 * it, the value is judged once more with real fractions in those places.
 */
function judge(value: unknown, text: string): Defect | undefined {
  const before = tally.integers;
  const defect = defectOf(value);
  const seen = tally.integers - before;
  if (defect !== undefined || seen === 0) return defect;
  const disguised = disguisedIntegers(text, firstIntegerAt(value as JsonObject, text, seen));
  return disguised.length === 0 ? undefined : defectOf(JSON.parse(withFractions(text, disguised)));
}

const HEAD = /^\{"timestamp":"[^"\\]*",(?:"ordinal":(\d+),)?"type":/;
const METADATA = '},"metadata":{';

/**
 * Where to begin to look for integers, given how many there are. Model items are most of a rollout and have hardly any
 * of their own; so if such a line looks as every release writes it, only its metadata is walked through.
 */
function firstIntegerAt(line: JsonObject, text: string, seen: number): number {
  const { ordinal, type, payload, metadata } = line;
  const head = HEAD.exec(text);
  if (head === null || (head[1] === undefined ? ordinal !== undefined : Number(head[1]) !== ordinal)) return 0;
  if (seen === (ordinal === undefined ? 0 : 1)) return text.length;
  if (type === "response_item" && metadata !== undefined && (payload as JsonObject)["type"] !== "local_shell_call") {
    const at = text.lastIndexOf(METADATA);
    if (at !== -1 && closesOneMore(text, at + 1)) return at + 1;
  }
  return head[0].length;
}

function bad(position: Position, kind: DefectKind, message: string): Entry {
  return { ok: false, position, defect: { kind, message } };
}

function defectOf(value: unknown): Defect | undefined {
  if (!isJsonObject(value)) return { kind: "wrong-shape", message: "not a JSON object" };
  const { timestamp, ordinal, type, payload } = value;
  if (typeof timestamp !== "string") return { kind: "wrong-shape", message: "timestamp is not a string" };
  if (ordinal != null && u64(ordinal, "reader") !== undefined) return { kind: "wrong-shape", message: "ordinal is not an unsigned integer" };
  if (typeof type !== "string") return { kind: "wrong-shape", message: "type is not a string" };
  const check = checks.get(type);
  if (check === undefined) return { kind: "unknown-kind", message: "unknown record type", type: wordOf(type) };
  if (type === "event_msg" && isJsonObject(payload) && typeof payload["type"] === "string" && !isKnownEvent(payload["type"])) {
    return { kind: "unknown-kind", message: "unknown event", type: wordOf(`event_msg/${payload["type"]}`) };
  }
  const complaint = check(payload, "reader") ?? metadataComplaint(value, type, "reader");
  return complaint === undefined ? undefined : { kind: "wrong-shape", message: describe(type, complaint), type };
}

const checks: ReadonlyMap<string, Check<unknown>> = new Map(Object.entries(recordShapes));

function metadataComplaint(line: JsonObject, type: string, judge: Judge): Complaint | undefined {
  const { metadata } = line;
  if (type !== "response_item" || metadata === undefined || metadata === null) return undefined;
  return harnessMetadata(metadata, judge);
}

function describe(type: string, { path, message }: Complaint): string {
  return `${path === "" ? type : `${type}: ${path}`} ${message}`;
}

/** A type name that is fit to be shown; anything that does not look like a name is left out. */
function wordOf(type: string): string | undefined {
  return /^[\w./-]{1,80}$/.test(type) ? type : undefined;
}

/**
 * Old names become new ones, and a null that stands for nothing goes, so that a record is what its type says. Changes
 * the parsed value in place; almost no line needs it.
 */
function settle(record: Draft): void {
  if (record.ordinal === null) delete record.ordinal;
  if (record.metadata === null) delete record.metadata;
  if (record.type === "event_msg" || record.type === "response_item") rename(record.type, record.payload);
  if (record.type === "compacted") for (const item of record.payload.replacement_history ?? []) rename("response_item", item);
}

interface Draft {
  ordinal?: number | null;
  metadata?: JsonObject | null;
  readonly type: RecordType;
  readonly payload: Named & { readonly replacement_history?: readonly Named[] | null };
}

interface Named {
  type: string;
}

function rename(type: "event_msg" | "response_item", payload: Named): void {
  const name = currentName(type, payload.type);
  if (name !== payload.type) payload.type = name;
}

const typesOf142: ReadonlySet<RecordType> = new Set([
  "session_meta",
  "response_item",
  "inter_agent_communication",
  "compacted",
  "turn_context",
  "event_msg",
]);

/**
 * Whether that release takes the line of a decoded record; it passes over those it does not take, without a word. Exact
 * for what rows and history are made of; events that are never stored are not looked into (state-and-compression §1.13,
 * §2.4).
 */
export function acceptedBy(record: RolloutRecord, release: CodexRelease): boolean {
  if (release === "0.142.3" && !typesOf142.has(record.type)) return false;
  return recordShapes[record.type](record.payload, release) === undefined;
}

/** Whether a record is of a kind that 0.142.3 and 0.169.0 no longer know, though older releases wrote it. */
export function isRetired(record: RolloutRecord): boolean {
  if (record.type === "response_item") return record.payload.type === "ghost_snapshot";
  return record.type === "event_msg" && isRetiredEvent(record.payload.type);
}
