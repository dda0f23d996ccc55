/** A rollout written once more: as it is, byte for byte, or with a few values replaced, in the form that it has. */
import { closeSync } from "node:fs";
import { type Look, openSource } from "../compressor/files.ts";
import { frameEncoder } from "../compressor/frames.ts";
import { RolloutError } from "../errors.ts";
import { copyBytes, writeFully } from "../io/files.ts";
import type { Journal } from "../journal/journal.ts";
import type { Staged } from "../journal/types.ts";
import { openBytes } from "../readers/bytes.ts";
import type { Edits } from "./edits.ts";

/** As Codex and `compress` write (state-and-compression §4.4). */
const LEVEL = 3;

export interface Copied {
  readonly staged: Staged;
  /** Of the file that was copied, as it was. */
  readonly look: Look;
}

/** A new file for `target`, with mode, owner and time of the old one. @throws RolloutError `mismatch` when that changes meanwhile. */
export function stageCopy(journal: Journal, path: string, target: string, edits: Edits): Copied {
  const source = openSource(path);
  try {
    const write =
      edits.length === 0
        ? (fd: number) => void copyBytes(source, { fd, path })
        : (fd: number) => writeEdited(path, edits, fd);
    const staged = journal.stage(target, write, source.look);
    return { staged, look: source.look };
  } finally {
    closeSync(source.fd);
  }
}

function writeEdited(path: string, edits: Edits, fd: number): void {
  const write = (bytes: Buffer): void => writeFully(fd, bytes, null, path);
  if (!path.endsWith(".zst")) {
    for (const bytes of editedBytes(path, edits)) write(bytes);
    return;
  }
  let plainBytes = 0;
  for (const bytes of editedBytes(path, edits)) plainBytes += bytes.length;
  const encoder = frameEncoder(plainBytes, LEVEL);
  try {
    for (const bytes of editedBytes(path, edits)) encoder.writeTo(bytes, write);
    encoder.endFrameTo(write);
  } finally {
    encoder.release();
  }
}

/** The plain stream with the edits in it. Chunks are valid until the next one. @throws RolloutError `damaged` when it breaks off. */
export function* editedBytes(path: string, edits: Edits): Generator<Buffer> {
  const reader = openBytes(path);
  try {
    let [at, next] = [0, 0];
    /** Up to here the old bytes are replaced. */
    let done = 0;
    for (const chunk of reader.forward()) {
      const end = at + chunk.length;
      for (let edit = edits[next]; edit !== undefined && edit.offset < end; edit = edits[next]) {
        if (edit.offset > Math.max(at, done)) yield chunk.subarray(Math.max(at, done) - at, edit.offset - at);
        yield edit.bytes;
        done = edit.offset + edit.length;
        next += 1;
      }
      if (end > Math.max(at, done)) yield chunk.subarray(Math.max(at, done) - at);
      at = end;
    }
    const { failure } = reader;
    if (failure !== undefined) {
      throw new RolloutError("damaged", `the rollout breaks off: ${failure.message}`, { path, offset: failure.offset });
    }
  } finally {
    reader.close();
  }
}
