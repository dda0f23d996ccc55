/**
 * Bytes of one line → `Entry`: a typed record, or a defect (rollout-format §2.2, §3, §10). Between the readers, which
 * cut lines, and everything that works on records. The rules of each record type are in the tables `shapes-*.ts`.
 *
 * More is read here than Codex 0.169.0 reads: layouts of old releases that it skips are decoded, and `acceptedBy` and
 * `isRetired` say so.
 */
import type { Defect, DefectKind, Entry, Position } from "./entry.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { hasDisguisedInteger, hasLoneSurrogate, hasOversizedInteger, withFractions } from "./json-text.ts";
import { currentName } from "./peek.ts";
import type { RecordType, RolloutRecord } from "./record.ts";
import { type CodexRelease, tally } from "./shape.ts";
import { isKnownEvent, isRetiredEvent } from "./shapes-events.ts";
import { lineShapes } from "./shapes-records.ts";

export type { CodexRelease } from "./shape.ts";

export interface DecodeOptions {
  /** False for a last line without a newline; what does not parse there is torn, not damaged. Default true. */
  readonly terminated?: boolean;
}

const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** White space as Codex trims it; a byte order mark is not part of it. */
const BLANK = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;

/**
 * Decodes one line (without its `\n`). Never throws, whatever the bytes. The payload of a good entry is the parsed JSON
 * itself, but for old names of events and items, which become the present ones (`task_started` for `turn_started` and
 * the like). Integers beyond 2^53 come as the nearest double, as JavaScript has it.
 */
export function decodeLine(bytes: Uint8Array, position: Position, options: DecodeOptions = {}): Entry {
  const torn = options.terminated === false;
  let text: string;
  try {
    text = fromUtf8.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) return bad(position, "too-long", "longer than a string can be");
    return bad(position, torn ? "torn" : "not-utf8", "not valid UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (BLANK.test(text)) return bad(position, "blank", "blank line");
    return torn
      ? bad(position, "torn", "incomplete line at the end of the file")
      : bad(position, "not-json", "not valid JSON");
  }
  if (hasLoneSurrogate(text)) return bad(position, "not-json", "half of a surrogate pair");
  const defect = judge(value, text);
  if (defect !== undefined) return { ok: false, position, defect };
  settle(value as Draft);
  return { ok: true, position, record: value as RolloutRecord };
}

function bad(position: Position, kind: DefectKind, message: string): Entry {
  return { ok: false, position, defect: { kind, message } };
}

/**
 * What is wrong with a line. An integer that the text spells as a fraction is wrong too, and one that only the text shows
 * to be too large: the value is judged once more with numbers in those places that show it.
 */
function judge(value: unknown, text: string): Defect | undefined {
  const { integers: integersBefore, large: largeBefore } = tally;
  const defect = defectOf(value);
  const isLarge = tally.large > largeBefore;
  if (defect === undefined && isLarge && hasOversizedInteger(text)) return OVERSIZED;
  const integers = tally.integers - integersBefore;
  if (defect !== undefined || integers === 0 || isOnlyOrdinal(value as JsonObject, integers, text)) return defect;
  return hasDisguisedInteger(text, isLarge) ? defectOf(JSON.parse(withFractions(text))) : undefined;
}

const OVERSIZED: Defect = { kind: "wrong-shape", message: "holds an integer of more than 64 bits" };

/** True when the ordinal is the only integer of a line, and is spelled as one at the place where every release puts it. */
function isOnlyOrdinal({ timestamp, ordinal }: JsonObject, integers: number, text: string): boolean {
  if (integers > 1 || !Number.isSafeInteger(ordinal)) return false;
  return text.startsWith(
    `","ordinal":${JSON.stringify(ordinal)},"type":"`,
    '{"timestamp":"'.length + (timestamp as string).length,
  );
}

function defectOf(value: unknown): Defect | undefined {
  if (!isJsonObject(value)) return { kind: "wrong-shape", message: "not a JSON object" };
  const { type, payload } = value;
  if (typeof type !== "string") return { kind: "wrong-shape", message: "type is not a string" };
  const check = lineShapes.get(type);
  if (check === undefined) return { kind: "unknown-kind", message: "unknown record type", type: wordOf(type) };
  const complaint = check(value, "reader");
  if (complaint === undefined) return undefined;
  if (
    type === "event_msg" &&
    isJsonObject(payload) &&
    typeof payload["type"] === "string" &&
    !isKnownEvent(payload["type"])
  ) {
    return { kind: "unknown-kind", message: "unknown event", type: wordOf(`event_msg/${payload["type"]}`) };
  }
  const { path, message } = complaint;
  return { kind: "wrong-shape", message: path === "" ? message : `${path} ${message}`, type };
}

/** A type name that is fit to be shown; anything that does not look like a name is left out. */
function wordOf(type: string): string | undefined {
  return /^[\w./-]{1,80}$/.test(type) ? type : undefined;
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

/**
 * Old names become present ones, and a null that stands for nothing goes, so that a record is what its type says.
 * Changes the parsed value in place; almost no line needs it.
 */
function settle(record: Draft): void {
  if (record.ordinal === null) delete record.ordinal;
  if (record.metadata === null) delete record.metadata;
  if (record.type === "event_msg" || record.type === "response_item") rename(record.type, record.payload);
  if (record.type === "compacted")
    for (const item of record.payload.replacement_history ?? []) rename("response_item", item);
}

function rename(type: "event_msg" | "response_item", payload: Named): void {
  const name = currentName(type, payload.type);
  if (name !== payload.type) payload.type = name;
}

/**
 * Whether that release takes the line of a decoded record; it passes over those that it does not take without a word
 * (state-and-compression §1.13, §2.4). Exact for all that rows and history are made of; what is not looked into are
 * events that no policy stores, the insides of guardian records, and absolute paths of another system than Codex runs
 * on, which pass here.
 */
export function acceptedBy(record: RolloutRecord, release: CodexRelease): boolean {
  return lineShapes.get(record.type)?.(record, release) === undefined;
}

/** Whether a record is of a kind that 0.142.3 and 0.169.0 no longer know, though older releases wrote it. */
export function isRetired(record: RolloutRecord): boolean {
  if (record.type === "response_item") return record.payload.type === "ghost_snapshot";
  return record.type === "event_msg" && isRetiredEvent(record.payload.type);
}
