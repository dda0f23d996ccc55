/**
 * The two generations before the envelope, as entries like all others (rollout-format §12). Each item is put into an
 * envelope and then decoded by the one decoder, so that the same rules hold for it and the same defects come out.
 *
 * What these files never held is invented once, here: `cwd` and `cli_version` are empty, every record carries the
 * session's time, and `originator` names the generation.
 */
import { createRequire } from "node:module";
import type { jsonParser, Token } from "stream-json/core/parser.js";
import { decodeLine } from "../format/decode.ts";
import type { DefectKind, Entry, Position } from "../format/entry.ts";
import { openBytes } from "./bytes.ts";
import type { Line } from "./lines.ts";

const TYPESCRIPT_ORIGINATOR = "codex_cli_ts";
const BARE_ORIGINATOR = "codex_cli_rs";
/** Fed to the tokenizer at a time: what it holds in tokens, and what is lost when it meets an error, is this small. */
const SLICE_BYTES = 16 * 1024;

/**
 * Reads the JSON document of the TypeScript CLI (rollout-format §12.1): a `session_meta`, then a `response_item` per
 * item. Positions have line 0 and offset 0, since a tokenizer tells no places; `length` counts the item's own compact
 * text. Memory is bounded by the largest item. Damage ends the entries with one defect, whose offset says how far the
 * document was read.
 */
export function* readTypescriptDocument(path: string): Generator<Entry> {
  const reader = openBytes(path);
  try {
    yield* decodeTypescriptDocument(reader.forward());
  } finally {
    reader.close();
  }
}

/** The same from a stream of plain chunks. */
export function* decodeTypescriptDocument(chunks: Iterable<Buffer>): Generator<Entry> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  // Loaded here, since hardly any home still has such a document.
  const parser = createRequire(import.meta.url)("stream-json/core/parser.js") as {
    readonly jsonParser: typeof jsonParser;
  };
  const tokenize = parser.jsonParser({ packValues: true, streamValues: false });
  const cutter = new DocumentCutter();
  let timestamp = "";
  let hasSession = false;
  let offset = 0;
  for (const slice of slices(chunks)) {
    try {
      const tokens = tokenize(decoder.decode(slice, { stream: true }));
      for (const token of typeof tokens === "symbol" ? [] : tokens.values) cutter.take(token);
    } catch (error) {
      yield defect({ line: 0, offset, length: 0 }, ...documentDamage(error));
      return;
    }
    offset += slice.length;
    for (const part of cutter.finished()) {
      if (part.key === "session") {
        hasSession = true;
        timestamp = stringOr(objectOr(parseOr(part.text))["timestamp"], timestamp);
        yield decodeMeta(part.text, TYPESCRIPT_ORIGINATOR, {
          line: 0,
          offset: 0,
          length: Buffer.byteLength(part.text),
        });
      } else {
        const item = Buffer.from(part.text);
        yield decodeWrapped("response_item", timestamp, item, { line: 0, offset: 0, length: item.length }, true);
      }
    }
  }
  const end = { line: 0, offset, length: 0 };
  if (!cutter.isComplete) yield defect(end, "torn", "the JSON document ends early");
  else if (!hasSession) yield defect(end, "wrong-shape", "the JSON document has no session");
}

/**
 * Decodes a line of the bare format (rollout-format §12.2): the meta object becomes `session_meta`, an item becomes
 * `response_item` with the session's time, a state marker a defect. A line that is an envelope already is taken as one.
 */
export function decodeBareLine(line: Line, timestamp: string): Entry {
  const { bytes, position, terminated } = line;
  const value = parseOr(bytes.toString("utf8"));
  // Only a line that is one whole JSON object may be wrapped: anything else could reach into the envelope around it.
  if (!isObject(value) || "payload" in value) return decodeLine(bytes, position, { terminated });
  if ("record_type" in value) return defect(position, "state-marker", "a state marker of the bare format");
  if ("type" in value) return decodeWrapped("response_item", timestamp, bytes, position, terminated);
  if (!("id" in value) || !("timestamp" in value)) return decodeLine(bytes, position, { terminated });
  return decodeMeta(bytes.toString("utf8"), BARE_ORIGINATOR, position);
}

function decodeMeta(text: string, originator: string, position: Position): Entry {
  const { id, timestamp, instructions, git } = objectOr(parseOr(text));
  const payload = {
    id,
    timestamp,
    cwd: "",
    originator,
    cli_version: "",
    ...(typeof instructions === "string" ? { base_instructions: { text: instructions } } : {}),
    ...(isObject(git) ? { git } : {}),
  };
  return decodeWrapped("session_meta", stringOr(timestamp, ""), Buffer.from(JSON.stringify(payload)), position, true);
}

function decodeWrapped(
  type: string,
  timestamp: string,
  payload: Buffer,
  position: Position,
  terminated: boolean,
): Entry {
  const before = Buffer.from(`{"timestamp":${JSON.stringify(timestamp)},"type":"${type}","payload":`);
  return decodeLine(Buffer.concat([before, payload, Buffer.from("}")]), position, { terminated });
}

/** A piece of the document that is complete: the session, or one item, as compact JSON text. */
interface DocumentPart {
  readonly key: "session" | "items";
  readonly text: string;
}

/** Collects the tokens of one session or item at a time back into text; numbers keep the digits they were written with. */
class DocumentCutter {
  #depth = 0;
  /** The top-level key whose value is being read. */
  #key = "";
  #text = "";
  /** Depth at which the value being collected began; 0 when none is. */
  #from = 0;
  #needsComma = false;
  #parts: DocumentPart[] = [];
  isComplete = false;

  /** The parts completed since the last call. */
  finished(): DocumentPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  take(token: Token): void {
    const closes = token.name === "endObject" || token.name === "endArray";
    const opens = token.name === "startObject" || token.name === "startArray";
    if (closes) this.#depth--;
    if (this.#from === 0) this.#outside(token);
    if (this.#from > 0) {
      this.#append(token, closes);
      if (!opens && token.name !== "keyValue" && this.#depth < this.#from) this.#finish();
    }
    if (opens) this.#depth++;
    if (this.#depth === 0) this.isComplete = true;
  }

  #outside(token: Token): void {
    if (token.name === "keyValue") {
      if (this.#depth === 1) this.#key = token.value;
      return;
    }
    const isClosing = token.name === "endObject" || token.name === "endArray";
    const isValueOfSession = this.#depth === 1 && this.#key === "session";
    const isItem = this.#depth === 2 && this.#key === "items";
    if (!isClosing && (isValueOfSession || isItem)) this.#from = this.#depth + 1;
  }

  #append(token: Token, closes: boolean): void {
    if (this.#needsComma && !closes) this.#text += ",";
    this.#text += textOf(token);
    this.#needsComma = token.name !== "startObject" && token.name !== "startArray" && token.name !== "keyValue";
  }

  #finish(): void {
    this.#parts.push({ key: this.#key === "session" ? "session" : "items", text: this.#text });
    this.#text = "";
    this.#from = 0;
    this.#needsComma = false;
  }
}

function textOf(token: Token): string {
  switch (token.name) {
    case "startObject":
      return "{";
    case "endObject":
      return "}";
    case "startArray":
      return "[";
    case "endArray":
      return "]";
    case "keyValue":
      return `${JSON.stringify(token.value)}:`;
    case "stringValue":
      return JSON.stringify(token.value);
    case "numberValue":
      return token.value;
    case "nullValue":
    case "trueValue":
    case "falseValue":
      return String(token.value);
    default:
      return "";
  }
}

function* slices(chunks: Iterable<Buffer>): Generator<Buffer> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
  }
}

function documentDamage(error: unknown): [DefectKind, string] {
  if (error instanceof RangeError)
    return ["too-long", "an item of the JSON document is longer than the reader's limit"];
  if (error instanceof TypeError) return ["not-utf8", "the JSON document is not valid UTF-8"];
  return ["not-json", "the document is not valid JSON"];
}

function defect(position: Position, kind: DefectKind, message: string): Entry {
  return { ok: false, position, defect: { kind, message } };
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOr(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function stringOr(value: unknown, fallback: string): string {
  return typeof value === "string" ? value : fallback;
}
