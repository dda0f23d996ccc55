/**
 * One rollout file in one pass: opened, told apart by form and generation, and its lines given to `record-checks.ts`. A
 * plain file is read whole; of an archive, unless it is to be decoded, only the frames and the first metadata are looked at. Memory
 * is bounded by the longest line.
 */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import { type HistoryBase, historyModeOf, type SessionMeta } from "../format/record.ts";
import type { ByteReader } from "../readers/bytes.ts";
import { bareTimestamp, type Generation, GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import type { RolloutFile } from "../readers/home.ts";
import { readIdentity } from "../readers/identity.ts";
import { decodeBareLine, decodeTypescriptDocument } from "../readers/legacy.ts";
import { type Line, MAX_LINE_BYTES, splitLines } from "../readers/lines.ts";
import { openRollout } from "../readers/rollout.ts";
import { lookAtArchive, tellBroken } from "./archives.ts";
import type { Tell } from "./findings.ts";
import { RecordChecks } from "./record-checks.ts";

/** What a pass has told of a file, for the checks of the whole home. */
export interface FileFacts {
  readonly file: RolloutFile;
  /** What a paginated file continues. The rest of the metadata is not kept: thousands of files have 20 kB of it each. */
  readonly base: HistoryBase | undefined;
  /** As the metadata says, lower case; undefined without one. */
  readonly threadId: string | undefined;
  readonly mode: "legacy" | "paginated" | "unknown" | undefined;
  /** Of the plain text; undefined where nothing tells. */
  readonly plainBytes: number | undefined;
  /** All of its lines were looked at. */
  readonly wasRead: boolean;
  readonly generation: Generation;
  readonly bytesRead: number;
}

export interface FileCheckOptions {
  readonly tell: Tell;
  readonly isBusy: (threadId: string) => boolean;
  /** Whether the lines of an archive are looked at. */
  readonly decodes: boolean;
  /** Told the bytes taken from the disk, as they are taken. */
  readonly advance: (bytes: number) => void;
  /** Longer lines are not decoded. Default: what fits into one string. */
  readonly maxLineBytes?: number | undefined;
}

/** Never throws for what is wrong with the file. */
export function checkFile(file: RolloutFile, options: FileCheckOptions): FileFacts {
  const { path } = file;
  if (file.sizeBytes === 0) {
    options.tell("file-empty", { path });
    return factsOf(file, undefined, { plainBytes: 0, wasRead: true });
  }
  try {
    const reader = openRollout(path);
    try {
      return checkOpened(file, reader, options);
    } finally {
      reader.close();
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    options.tell("file-unreadable", { path }, error.message);
    return factsOf(file, undefined, {});
  }
}

function checkOpened(file: RolloutFile, reader: ByteReader, options: FileCheckOptions): FileFacts {
  const { tell } = options;
  const isNamedArchive = reader.path.endsWith(".zst");
  if (isNamedArchive !== (reader.form === "zstd")) tell("file-form", { path: file.path });
  if (reader.form === "plain") return readWhole(file, reader, undefined, options);
  const { plainBytes, isRefused, isCut } = lookAtArchive(reader.path, tell);
  if (isRefused) return factsOf(file, undefined, { plainBytes });
  if (options.decodes || !isNamedArchive) return readWhole(file, reader, plainBytes, options);
  const identity = readIdentity(reader.path);
  if (identity?.meta === undefined) {
    // Either it breaks before the metadata, or there are none: decoding tells.
    return readWhole(file, reader, plainBytes, options);
  }
  if (isCut) tell("archive-broken", { path: file.path }, "its first frame is cut short");
  return factsOf(file, identity.meta, { plainBytes });
}

function readWhole(
  file: RolloutFile,
  reader: ByteReader,
  claimedBytes: number | undefined,
  options: FileCheckOptions,
): FileFacts {
  const { path } = file;
  const { tell, isBusy } = options;
  const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
  const generation = generationOf(head);
  const checks = new RecordChecks({ path, tell, isBusy, isEnvelope: generation === "envelope" });
  if (generation !== "envelope") tell("file-old-format", { path });
  const timestamp = generation === "bare" ? bareTimestamp(head) : undefined;
  const hasMark = head.subarray(0, 3).equals(BYTE_ORDER_MARK);
  if (hasMark) tell("file-bom", { path, line: 1, offset: 0 });
  const lines = splitLines(counted(reader, options.advance), {
    skipEmpty: true,
    maxLineBytes: options.maxLineBytes ?? MAX_LINE_BYTES,
  });
  let next = lines.next();
  for (; next.done !== true; next = lines.next()) {
    const line = hasMark && next.value.position.line === 1 ? withoutMark(next.value) : next.value;
    checks.add(line, decode(line, timestamp));
  }
  const { failure } = reader;
  if (failure !== undefined) tellBroken(path, failure, claimedBytes, tell);
  checks.finish();
  if (checks.meta === undefined && failure === undefined) tell("file-no-metadata", { path });
  const plainBytes = failure === undefined ? next.value.offset : undefined;
  return { ...factsOf(file, checks.meta, { plainBytes, wasRead: true }), generation, bytesRead: reader.bytesRead };
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

function withoutMark(line: Line): Line {
  return { ...line, bytes: line.bytes.subarray(3) };
}

function* counted(reader: ByteReader, advance: (bytes: number) => void): Generator<Buffer> {
  let told = reader.bytesRead;
  for (const chunk of reader.forward()) {
    yield chunk;
    advance(reader.bytesRead - told);
    told = reader.bytesRead;
  }
}

/** `timestamp` is given for the bare format. */
function decode(line: Line, timestamp: string | undefined): Entry {
  const { bytes, position, terminated } = line;
  if (line.tooLong === true) {
    return { ok: false, position, defect: { kind: "too-long", message: "longer than one string can be" } };
  }
  return timestamp === undefined ? decodeLine(bytes, position, { terminated }) : decodeBareLine(line, timestamp);
}

function factsOf(
  file: RolloutFile,
  meta: SessionMeta | undefined,
  told: { readonly plainBytes?: number | undefined; readonly wasRead?: boolean },
): FileFacts {
  const mode = meta === undefined ? undefined : (historyModeOf(meta) ?? "unknown");
  return {
    file,
    base: mode === "paginated" ? (meta?.history_base ?? undefined) : undefined,
    threadId: meta === undefined ? undefined : (parseUuid(meta.id) ?? meta.id.toLowerCase()),
    mode,
    plainBytes: told.plainBytes,
    wasRead: told.wasRead ?? false,
    generation: "envelope",
    bytesRead: 0,
  };
}

/** A document of the TypeScript CLI, which no release of today lists. */
export function checkDocument(path: string, { tell, advance }: Pick<FileCheckOptions, "tell" | "advance">): void {
  tell("file-old-format", { path });
  try {
    const reader = openRollout(path);
    try {
      for (const entry of decodeTypescriptDocument(counted(reader, advance))) {
        if (entry.ok) continue;
        const code = entry.defect.kind === "torn" ? "line-torn" : "line-not-json";
        tell(code, { path, offset: entry.position.offset }, entry.defect.message);
      }
    } finally {
      reader.close();
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    tell("file-unreadable", { path }, error.message);
  }
}
