/**
 * `migrate --to envelope`: the two formats of early 2025 become rollouts of today, in legacy mode (rollout-format §12). Items are what they
 * were; beside them come the events that a client makes its turns of, in the order of 0.40 (§11). What those formats never said is put
 * down so that it can be told from what was said: `originator` is `rollout_tool_migrate`, `cli_version` is `0.0.0`, and all lines have the
 * time of the session.
 *
 * The instructions of the old metadata are the user's own: they were sent beside Codex's prompt, whereas today's `base_instructions` take
 * its place. So they become the item that releases since 0.40 make of them, unless an item holds them already.
 */
import { join } from "node:path";
import { userWrapperOf } from "../format/contextual.ts";
import { acceptedBy, decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../format/json.ts";
import type { ResponseItem, RolloutRecord } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import { RolloutError } from "../errors.ts";
import { LEFT_OUT } from "../proof/proof.ts";
import type { Conversion, ConversionProof, Judgement, Sink, Source } from "./conversion.ts";
import { type Head, headOf, textsOf } from "./envelope-head.ts";
import { mendItem } from "./envelope-items.ts";
import { type Part, partsOf } from "./envelope-parts.ts";

export interface EnvelopeOptions {
  readonly codexHome: string;
  /** Folder of the user, for threads of which nothing tells where they worked. */
  readonly userHome: string;
}

export const ENVELOPE_ORIGINATOR = "rollout_tool_migrate";

export function envelopeConversion({ codexHome, userHome }: EnvelopeOptions): Conversion {
  return {
    target: "envelope",
    judge,
    pathOf: (source) => pathOf(source, codexHome, userHome),
    convert: (source, sink) => new Converter(headOf(source, userHome), sink).run(source),
  };
}

function judge(source: Source): Judgement {
  // A document that does not even begin as one is taken for lines.
  if (source.generation === "envelope" && source.file !== undefined) return { kind: "already" };
  for (const entry of source.entries()) {
    // A document that ends within its session: there is no thread in it, only the beginning of its metadata.
    if (source.generation === "envelope" || (entry.position.line === 0 && entry.position.length === 0)) break;
    return { kind: "convert" };
  }
  return { kind: "refuse", reason: "nothing in it can be read" };
}

/** A rollout of lines stays where it is; a document goes where a rollout of its time would lie. */
function pathOf(source: Source, codexHome: string, userHome: string): string {
  if (source.file?.name !== undefined) return source.path;
  const { id, timeMs } = headOf(source, userHome);
  const [day = "", time = ""] = new Date(timeMs).toISOString().slice(0, 19).split("T");
  const name = `rollout-${day}T${time.replaceAll(":", "-")}-${id}.jsonl`;
  if (source.file?.archived === true) return join(codexHome, "archived_sessions", name);
  return join(codexHome, "sessions", ...day.split("-"), name);
}

interface Taken {
  readonly item: ResponseItem;
  readonly loses: boolean;
}

class Converter {
  readonly #head: Head;
  readonly #sink: Sink;
  /** Of every line. */
  readonly #timestamp: string;
  #lines = 0;
  /** Lines of the new file with items that the old one's readers do not give. */
  readonly #added = new Set<number>();
  #hasMeta = false;
  /** Of the old line; undefined in a document. */
  #number: number | undefined;
  #mended = 0;
  #setAside = 0;

  constructor(head: Head, sink: Sink) {
    this.#head = head;
    this.#sink = sink;
    this.#timestamp = new Date(head.timeMs).toISOString();
  }

  run(source: Source): ConversionProof {
    for (const note of this.#head.notes) this.#sink.note(note);
    this.#metadata();
    for (const part of partsOf(source)) this.#part(part);
    if (this.#mended > 0) this.#sink.note(`${this.#mended} items are given the shape that Codex takes today`);
    if (this.#setAside > 0) this.#sink.note(`${this.#setAside} lines or items are set aside`);
    return this.#proof();
  }

  #metadata(): void {
    const { id, timestamp = this.#timestamp, cwd, git, instructions, allInstructions } = this.#head;
    this.#write("session_meta", {
      id,
      timestamp,
      cwd,
      originator: ENVELOPE_ORIGINATOR,
      cli_version: "0.0.0",
      // The name that releases to about 0.73 had for it: nobody reads it any more, and nothing is lost.
      ...(allInstructions === undefined ? {} : { instructions: allInstructions }),
      source: "cli",
      ...(git === undefined ? {} : { git }),
    });
    if (instructions === undefined) return;
    const text = `# AGENTS.md instructions for ${cwd}\n\n<INSTRUCTIONS>\n${instructions}\n</INSTRUCTIONS>`;
    this.#write("response_item", { type: "message", role: "user", content: [{ type: "input_text", text }] });
    this.#added.add(this.#lines);
  }

  #part(part: Part): void {
    const { entry } = part;
    this.#number = entry.position.line === 0 ? undefined : entry.position.line;
    const bytes = (): Buffer => part.bytes();
    if (!entry.ok) this.#defect(entry, bytes);
    else if (entry.record.type === "session_meta") this.#laterMetadata(bytes);
    else if (entry.record.type !== "response_item") this.#otherRecord(entry.record, bytes);
    else if (isOtherItem(entry.record.payload) || !acceptedBy(entry.record, "0.169.0")) this.#mend(bytes);
    else this.#item(entry.record.payload);
  }

  #laterMetadata(bytes: () => Buffer): void {
    if (this.#hasMeta) this.#aside(bytes(), "another line of metadata");
    this.#hasMeta = true;
  }

  /** A line of today's format in a file of then. */
  #otherRecord(record: RolloutRecord, bytes: () => Buffer): void {
    if (!acceptedBy(record, "0.169.0")) return this.#aside(bytes(), "not a record that Codex takes today");
    this.#sink.record(record);
    this.#lines += 1;
  }

  #defect({ defect }: Extract<Entry, { readonly ok: false }>, bytes: () => Buffer): void {
    if (defect.kind === "blank") return;
    if (defect.kind === "state-marker")
      return this.#aside(bytes(), "a state marker, which holds nothing of the thread");
    if (defect.kind === "broken-stream") {
      throw new RolloutError("damaged", defect.message, { hint: "what can be read of it, `decompress` saves" });
    }
    if (defect.type === "session_meta" && !this.#hasMeta) {
      this.#hasMeta = true;
      return this.#aside(bytes(), "metadata that today's format refuses");
    }
    this.#mend(bytes, defect.message);
  }

  #mend(bytes: () => Buffer, why = "an item that Codex has no place for"): void {
    const old = bytes();
    const text = old.toString("utf8");
    const value = valueOf(text);
    // Of some only bytes were wrong, or the decoder did not come to them.
    const found = this.#itemOf(value, false) ?? this.#mendedItem(value);
    if (found === undefined) return this.#aside(old, why);
    if (found.loses || !Buffer.from(text).equals(old)) this.#aside(old, `kept in part: ${why}`);
    this.#mended += 1;
    this.#item(found.item, true);
  }

  #mendedItem(value: JsonValue): Taken | undefined {
    const mended = mendItem(value);
    return mended && this.#itemOf(mended.item, mended.loses);
  }

  /** Undefined for what today's format has no place for, and for a message of which nothing is left. */
  #itemOf(value: JsonValue, loses: boolean): Taken | undefined {
    const record = isJsonObject(value) ? this.#recordOf("response_item", value) : undefined;
    if (record?.type !== "response_item" || isOtherItem(record.payload) || isEmpty(record.payload)) return undefined;
    return { item: record.payload, loses };
  }

  /** What the model said is told before its item, what the user said after it (rollout-format §11). */
  #item(item: ResponseItem, isAdded = false): void {
    const message = !isOtherItem(item) && item.type === "message" ? item : undefined;
    if (!isOtherItem(item) && item.type === "reasoning") {
      for (const { text } of item.summary) this.#event({ type: "agent_reasoning", text });
    }
    const texts = message === undefined ? [] : textsOf(message);
    const text = texts.join("");
    if (message?.role === "assistant" && text !== "") this.#event({ type: "agent_message", message: text });
    this.#write("response_item", item as unknown as JsonObject);
    if (isAdded) this.#added.add(this.#lines);
    if (message?.role !== "user" || texts.some(isContext)) return;
    const images = message.content.flatMap((part) =>
      part.type === "input_image" && typeof part.image_url === "string" ? [part.image_url] : [],
    );
    if (text === "" && images.length === 0) return;
    this.#event({ type: "user_message", message: text, images, local_images: [], text_elements: [] });
  }

  #event(payload: JsonObject): void {
    this.#write("event_msg", payload);
  }

  #write(type: RolloutRecord["type"], payload: JsonObject): void {
    const record = this.#recordOf(type, payload);
    if (record === undefined) throw new RolloutError("internal", `a ${type} was made that does not decode`);
    this.#sink.record(record);
    this.#lines += 1;
  }

  /** Undefined for what today's Codex would not take. */
  #recordOf(type: RolloutRecord["type"], payload: JsonObject): RolloutRecord | undefined {
    const line = Buffer.from(wellFormed(JSON.stringify({ timestamp: this.#timestamp, type, payload })));
    const entry = decodeLine(line, { line: 0, offset: 0, length: line.length });
    return entry.ok && acceptedBy(entry.record, "0.169.0") ? entry.record : undefined;
  }

  #aside(line: Buffer, why: string): void {
    this.#setAside += 1;
    this.#sink.aside(line, why, this.#number);
  }

  /** Items are compared, but for those that the old file's readers do not give. Turns it had none, windows and settings neither. */
  #proof(): ConversionProof {
    return {
      before: {},
      after: { item: ({ item, place }) => (this.#added.has(place.line) ? LEFT_OUT : item) },
      allowance: ({ view, before }) => (view === "turns" && before === 0 ? "the old format knew no turns" : undefined),
    };
  }
}

function isContext(text: string): boolean {
  return (userWrapperOf(text) ?? userWrapperOf(text, "0.40.0")) !== undefined;
}

/** A message whose parts all had to go. */
function isEmpty(item: ResponseItem): boolean {
  return !isOtherItem(item) && item.type === "message" && item.content.length === 0;
}

function valueOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}

const ESCAPES = /\\(?:u(d[89a-f][0-9a-f]{2})|[^])/g;

/** Half of a surrogate pair, which `JSON.stringify` writes as an escape, becomes the replacement character (rollout-format §2.2). */
function wellFormed(json: string): string {
  return json.includes("\\ud")
    ? json.replace(ESCAPES, (escape, half?: string) => (half === undefined ? escape : "�"))
    : json;
}
