/** A rollout as a conversion reads it: as often as it has to, and with the bytes of its lines at hand. */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry, Position } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import { peekKind } from "../format/peek.ts";
import { type Generation, GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import type { RolloutFile } from "../readers/home.ts";
import type { Line } from "../readers/lines.ts";
import { openRollout, readLines, readRollout } from "../readers/rollout.ts";
import type { Source } from "./conversion.ts";

/** @throws RolloutError when the file cannot be opened or read. */
export function openSourceOf(path: string, file: RolloutFile | undefined): Source {
  return new RolloutSource(path, file);
}

class RolloutSource implements Source {
  readonly file: RolloutFile | undefined;
  readonly path: string;
  readonly generation: Source["generation"];
  readonly threadId: string | undefined;
  /** The line that was read last. */
  #line: Line | undefined;

  constructor(path: string, file: RolloutFile | undefined) {
    this.path = path;
    this.file = file;
    const generation = generationAt(path);
    this.generation = generation === "typescript" ? "document" : generation;
    this.threadId = idOf(this.entries(isMeta)) ?? file?.name?.threadId;
  }

  entries(kinds?: (kind: string) => boolean): Iterable<Entry> {
    return this.generation === "envelope" ? this.#envelopes(kinds) : readRollout(this.path, { kinds });
  }

  bytesOf({ position }: Entry): Buffer {
    if (position.line === this.#line?.position.line) return Buffer.from(this.#line.bytes);
    for (const line of readLines(this.path, { from: position })) return Buffer.from(line.bytes);
    throw new RolloutError("damaged", "a line is not there any more", { path: this.path, offset: position.offset });
  }

  /** Of a line whose first bytes do not tell its kind all is read. */
  *#envelopes(kinds: ((kind: string) => boolean) | undefined): Generator<Entry> {
    const select = (buffer: Buffer, start: number, end: number): boolean => {
      const kind = peekKind(buffer, start, end);
      return kind === undefined || kinds?.(kind) !== false;
    };
    for (const line of readLines(this.path, kinds === undefined ? {} : { select })) {
      this.#line = line;
      if (line.tooLong === true) throw tooLong(line.position, this.path);
      yield decodeLine(line.bytes, line.position, line);
    }
    this.#line = undefined;
  }
}

function generationAt(path: string): Generation {
  const reader = openRollout(path);
  try {
    const parts: Buffer[] = [];
    for (const chunk of reader.forward(0, GENERATION_HEAD_BYTES)) parts.push(Buffer.from(chunk));
    return generationOf(Buffer.concat(parts));
  } finally {
    reader.close();
  }
}

function isMeta(kind: string): boolean {
  return kind === "session_meta";
}

function idOf(entries: Iterable<Entry>): string | undefined {
  for (const entry of entries) {
    if (entry.ok && entry.record.type === "session_meta") return parseUuid(entry.record.payload.id);
  }
  return undefined;
}

/** Longer than a string can be: whether it is a record cannot be told, nor can it be left out then. */
function tooLong({ line, offset, length }: Position, path: string): RolloutError {
  const message = `a line of ${length} bytes is longer than can be looked into`;
  return new RolloutError("unsupported", message, { path, line, offset, hint: "the file stays as it is" });
}
