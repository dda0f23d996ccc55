/**
 * One run of `export` over whole threads: each becomes a document of its own, `<id>.json`, in a format that others have published. The
 * tables have `run.ts`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { attempt, type UnreadableFile } from "../analysis/inherited.ts";
import { RolloutError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../format/record.ts";
import { fileError, listFolder, lstatOrUndefined, readWholeFile, writeFileAtomic } from "../io/files.ts";
import { atifOf, type DocumentOptions } from "./atif.ts";
import { documentName } from "./document-name.ts";
import { otelOf } from "./otel.ts";
import type { Redaction } from "./redact.ts";
import type { ExportReport } from "./run.ts";
import type { Shard } from "./shard.ts";
import { readStory, type Story } from "./story.ts";
import { type ExportSource, type ExportThread, findThreads } from "./threads.ts";
import type { ExportedFile } from "./unit.ts";

export const DOCUMENT_FORMATS = ["atif", "otel"] as const;
export type DocumentFormat = (typeof DOCUMENT_FORMATS)[number];

export interface DocumentExport extends DocumentOptions {
  readonly source: ExportSource;
  readonly shard: Shard;
  readonly format: DocumentFormat;
  readonly redaction?: Redaction | undefined;
  /** Told the bytes of the files of each thread that is done, as they lie on the disk. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

const MAKERS: { readonly [F in DocumentFormat]: (story: Story, options: DocumentOptions) => JsonObject } = {
  atif: atifOf,
  otel: otelOf,
};

/**
 * Writes the documents of a shard's threads into a folder, in place of earlier ones. A thread that cannot be read is told in the report,
 * and so is one that could be read in part only. Memory: one thread at a time.
 * @throws RolloutError `mismatch` for a folder of other things; when a file cannot be written.
 */
export async function exportDocuments(request: DocumentExport, out: string): Promise<ExportReport> {
  const { threads, unreadable } = findThreads(request.source, request.shard);
  openFolder(out, { format: request.format, content: request.content, redacted: request.redaction !== undefined });
  const problems: UnreadableFile[] = [...unreadable];
  const files: ExportedFile[] = [];
  for (const thread of threads) {
    const made = await documentOf(thread, request);
    if ("message" in made) problems.push(made);
    else {
      if (made.problem !== undefined) problems.push({ path: thread.newest.file.logicalPath, message: made.problem });
      const path = documentName(thread.id);
      const bytes = writeDocument(join(out, path), made.document);
      files.push({ table: request.format, month: thread.month, path, bytes, rows: 1 });
    }
    request.advance?.(thread.own.reduce((sum, { file }) => sum + file.sizeBytes, 0));
  }
  return {
    threads: files.length,
    rows: {},
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
    unreadable: problems,
  };
}

interface MadeDocument {
  readonly document: JsonObject;
  readonly problem: string | undefined;
}

/** The document of one thread. */
export async function documentOf(
  thread: ExportThread,
  { format, content, redaction }: Pick<DocumentExport, "format" | "content" | "redaction">,
): Promise<MadeDocument | UnreadableFile> {
  const read = attempt(thread.newest.file.logicalPath, () => readStory(thread));
  if ("message" in read) return read;
  const story = redaction === undefined ? read : await redacted(read, redaction);
  return { document: MAKERS[format](story, { content }), problem: read.problem };
}

/** Before the document is made, so that what is a secret by its name has its name still. */
async function redacted(story: Story, { redactJson }: Redaction): Promise<Story> {
  const { turns, meta, thread } = story;
  const clean = await redactJson({ turns, meta, name: thread.name });
  return { ...story, turns: clean.turns, meta: clean.meta, thread: { ...thread, name: clean.name } };
}

const NOTE = "_rollout-tool.json";

interface FolderNote {
  readonly format: DocumentFormat;
  readonly content: boolean;
  readonly redacted: boolean;
}

/** A folder is of one kind: no run may slip content into one without. */
function openFolder(out: string, note: FolderNote): void {
  if (lstatOrUndefined(out)?.isFile() === true)
    throw new RolloutError("not-a-file", "it is a file, not a folder", { path: out });
  try {
    mkdirSync(out, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, "write", out);
  }
  const names = listFolder(out).map(({ name }) => name);
  const text = `${JSON.stringify(note)}\n`;
  const isOurs = names.includes(NOTE);
  if (isOurs && readWholeFile(join(out, NOTE)).toString("utf8") === text) return;
  if (names.length > 0) {
    throw new RolloutError(
      "mismatch",
      isOurs ? "the folder holds an export with other settings" : "the folder holds things that no export has made",
      { path: out, hint: "name a new or an empty folder, or one with documents of the same format and settings" },
    );
  }
  writeFileAtomic(join(out, NOTE), text);
}

function writeDocument(path: string, document: JsonObject): number {
  let bytes = 0;
  writeFileAtomic(path, counted());
  return bytes;

  function* counted(): Generator<Uint8Array> {
    for (const text of batched(document)) {
      const chunk = Buffer.from(text);
      bytes += chunk.length;
      yield chunk;
    }
  }
}

/** Given out at a time, in UTF-16 units. */
const CHUNK_LENGTH = 1 << 18;

function* batched(document: JsonObject): Generator<string> {
  let text = "";
  for (const piece of jsonPieces(document, LEVELS)) {
    // Two long texts together could be longer than a string may be.
    if (piece.length >= CHUNK_LENGTH || text.length >= CHUNK_LENGTH) {
      yield text;
      text = "";
    }
    if (piece.length >= CHUNK_LENGTH) yield piece;
    else text += piece;
  }
  yield `${text}\n`;
}

/** Down to where steps and spans are single values, which are written as a whole. */
const LEVELS = 6;

/** JSON on one line, as `JSON.stringify` has it; what is nested deeper than the stack reaches becomes a note. */
export function* jsonPieces(value: JsonValue, levels: number): Generator<string> {
  if (levels === 0 || typeof value !== "object" || value === null) yield jsonOf(value);
  else if (Array.isArray(value)) {
    yield "[";
    for (const [index, item] of (value as readonly JsonValue[]).entries()) {
      if (index > 0) yield ",";
      yield* jsonPieces(item, levels - 1);
    }
    yield "]";
  } else {
    yield "{";
    for (const [index, [name, member]] of Object.entries(value).entries()) {
      yield `${index > 0 ? "," : ""}${JSON.stringify(name)}:`;
      yield* jsonPieces(member, levels - 1);
    }
    yield "}";
  }
}

function jsonOf(value: JsonValue): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return '"[nested too deeply]"';
    throw error;
  }
}
