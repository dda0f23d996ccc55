/** A rollout of early 2025 piece by piece: what it decodes to, and the bytes that this is made of. */
import type { Entry } from "../format/entry.ts";
import { bytesBetween, type DocumentPart, documentParts } from "./envelope-document.ts";
import type { Source } from "./conversion.ts";

export interface Part {
  readonly entry: Entry;
  /** The bytes of the line, or of the session or item in a document. */
  bytes(): Buffer;
}

/**
 * In the order of the file. Of a damaged document come what the decoder gives, then items that end before the damage, then the rest in pieces
 * of bounded length.
 */
export function* partsOf(source: Source): Generator<Part> {
  const isDocument = source.generation !== "bare";
  const places = isDocument ? documentParts(source.path) : undefined;
  let end = 0;
  for (const entry of source.entries()) {
    if (places === undefined || entry.position.line > 0) {
      yield { entry, bytes: () => source.bytesOf(entry) };
    } else if (entry.position.length === 0) {
      // The decoder works by the slice, and gives nothing of one that has an error.
      for (const place of places) {
        const bytes = bytesOf(source.path, place);
        if (!isJson(bytes)) break;
        end = place.end;
        yield { entry, bytes: () => bytes };
      }
      yield* restOf(source.path, end, entry);
    } else {
      const place = places.next().value as DocumentPart | undefined;
      end = place?.end ?? end;
      yield { entry, bytes: () => (place === undefined ? Buffer.alloc(0) : bytesOf(source.path, place)) };
    }
  }
}

function bytesOf(path: string, { offset, end }: DocumentPart): Buffer {
  return Buffer.concat([...bytesBetween(path, offset, end)]);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString("utf8"));
    return true;
  } catch {
    return false;
  }
}

/** Brackets and white space alone hold nothing. */
const HOLDS_SOMETHING = /[^\s[\]{},]/;

function* restOf(path: string, from: number, entry: Entry): Generator<Part> {
  for (const bytes of bytesBetween(path, from)) {
    if (HOLDS_SOMETHING.test(bytes.toString("latin1"))) yield { entry, bytes: () => bytes };
  }
}
