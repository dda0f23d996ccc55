/**
 * From what is wrong with a rollout to the bytes that change: splices of its plain text, in their order. Pure.
 *
 * What others count in bytes of this file must stay true (`history_base` of forks, the thread history of Codex): before the last
 * of these places a line that is moved away leaves blanks behind, which every reader passes over (rollout-format §2.2), and nothing
 * becomes longer or shorter. Behind it lines go as a whole.
 */
import { restoreOrdinals } from "./repair-ordinals.ts";
import type { Fault, NumberPlace, Survey } from "./repair-survey.ts";
import type { RepairableCode } from "./repairs.ts";

/** Bytes of the plain text that others stand in their place. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  /** Text in their place; `null`: as many blanks. */
  readonly put: string | null;
}

/** Up to which plain byte others count in this file. */
export interface Claims {
  /** By rollouts that continue it: there nothing may be written anew. */
  readonly continued: number;
  /** By what Codex has projected of it, too; that can be forgotten. */
  readonly projected: number;
}

export interface Edits {
  /** In the order of the file; none overlaps another. */
  readonly splices: readonly Splice[];
  /** Lines that go to the side file. */
  readonly moved: readonly Fault[];
  /** Cut the archive off here, which has nothing else to be changed. */
  readonly cutArchive: number | undefined;
  readonly codes: readonly RepairableCode[];
  /** Ordinals were written: what Codex has projected of the file has to be made anew. */
  readonly isRenumbered: boolean;
  readonly refused: readonly { readonly codes: readonly RepairableCode[]; readonly reason: string }[];
}

/** Findings about the numbers of records. */
export const ORDINALS: readonly RepairableCode[] = ["ordinal-missing", "ordinal-missing-last", "ordinal-not-rising"];
/** `wanted`: what is to be mended, as far as it is there. */
export function editsOf(survey: Survey, wanted: ReadonlySet<RepairableCode>, claims: Claims): Edits {
  const refusal = refusalOf(survey);
  if (refusal !== undefined) {
    return { ...NONE, refused: [{ codes: [...wanted], reason: refusal }] };
  }
  const moved = survey.faults.filter(({ code, offset, terminated }) => {
    return wanted.has(code) && (terminated || offset >= claims.continued);
  });
  const keepBytesUntil = Math.max(claims.continued, claims.projected);
  const splices = moved.map((fault) => movedSplice(fault, keepBytesUntil));
  const codes = new Set<RepairableCode>(moved.map(({ code }) => code));
  if (survey.hasMark && wanted.has("file-bom")) {
    codes.add("file-bom");
    if (moved[0]?.offset !== 0) splices.unshift({ start: 0, end: 3, put: keepBytesUntil > 0 ? null : "" });
  }
  const front = frontEdits(survey, wanted, moved);
  if (front.isMended) codes.add("file-metadata-late");
  splices.push(...front.splices);
  const numbers = numberEdits(survey, wanted, claims);
  for (const code of numbers.codes) codes.add(code);
  splices.push(...numbers.splices);
  if (survey.isOpen && wanted.has("line-unterminated")) {
    codes.add("line-unterminated");
    splices.push({ start: survey.plainBytes, end: survey.plainBytes, put: "\n" });
  }
  // Whoever makes the archive anew leaves it out.
  const endsArchive = survey.archiveEnd !== undefined && (wanted.has("archive-trailing") || splices.length > 0);
  if (endsArchive) codes.add("archive-trailing");
  return {
    splices: splices.toSorted((a, b) => a.start - b.start || a.end - b.end),
    moved,
    cutArchive: endsArchive && splices.length === 0 ? survey.archiveEnd : undefined,
    codes: [...codes],
    isRenumbered: numbers.splices.length > 0,
    refused: [...front.refused, ...numbers.refused],
  };
}

const NONE: Edits = { splices: [], moved: [], cutArchive: undefined, codes: [], isRenumbered: false, refused: [] };

function refusalOf({ meta, damage, isFull }: Survey): string | undefined {
  if (damage !== undefined) return `it cannot be read to its end: ${damage}`;
  if (isFull) return "it has more than a million damaged lines";
  return meta === undefined ? "no line of it is a session_meta that can be read" : undefined;
}

/** The last line, if it has no end, goes as a whole: who counts behind its beginning was kept out before. */
function movedSplice({ offset, bytes, terminated }: Fault, keepBytesUntil: number): Splice {
  if (terminated && offset < keepBytesUntil) return { start: offset, end: offset + bytes, put: null };
  return { start: offset, end: offset + bytes + (terminated ? 1 : 0), put: "" };
}

interface FrontEdits {
  readonly isMended: boolean;
  readonly splices: readonly Splice[];
  readonly refused: Edits["refused"];
}

const NO_FRONT: FrontEdits = { isMended: false, splices: [], refused: [] };

/** The metadata before everything else, where what stands there does not go by itself. The proof tells whether that changes anything. */
function frontEdits(survey: Survey, wanted: ReadonlySet<RepairableCode>, moved: readonly Fault[]): FrontEdits {
  const { metaLine, isPaginated } = survey;
  if (!wanted.has("file-metadata-late") || metaLine === undefined) return NO_FRONT;
  const { offset, text, terminated, linesBefore } = metaLine;
  if (linesBefore === moved.filter((fault) => fault.offset < offset).length) return { ...NO_FRONT, isMended: true };
  if (isPaginated || !terminated) {
    const reason = "it has numbers, which would no longer rise";
    return { ...NO_FRONT, refused: [{ codes: ["file-metadata-late"], reason }] };
  }
  const end = offset + Buffer.byteLength(text) + 1;
  const splices = [
    { start: 0, end: 0, put: `${text}\n` },
    { start: offset, end, put: "" },
  ];
  return { isMended: true, splices, refused: [] };
}

interface NumberEdits {
  readonly splices: readonly Splice[];
  readonly codes: readonly RepairableCode[];
  readonly refused: Edits["refused"];
}

const NO_NUMBERS: NumberEdits = { splices: [], codes: [], refused: [] };

function numberEdits(survey: Survey, wanted: ReadonlySet<RepairableCode>, claims: Claims): NumberEdits {
  const asked = ORDINALS.filter((code) => wanted.has(code));
  const { meta, numbers } = survey;
  if (asked.length === 0 || meta === undefined) return NO_NUMBERS;
  const refuse = (reason: string): NumberEdits => ({ ...NO_NUMBERS, refused: [{ codes: asked, reason }] });
  const { ordinals, uncertain } = restoreOrdinals(numbers, {
    first: meta.history_base?.end_ordinal_exclusive ?? 0,
    inheritedEnd: meta.subagent_history_start_ordinal ?? 0,
  });
  const changes = [...ordinals].flatMap(([index, ordinal]) => {
    const place = numbers[index];
    return place === undefined || place.ordinal === ordinal ? [] : [{ place, ordinal }];
  });
  if (changes.some(({ place }) => place.offset < claims.continued)) {
    return refuse("other rollouts continue it behind these records, and count its bytes");
  }
  if (changes.some(({ place }) => place.at === undefined)) {
    return refuse("records are not laid out as Codex writes them");
  }
  if (claims.projected === Infinity) return refuse("the thread history, which would have to forget it, cannot be read");
  const unsure = "which number belongs to which record is not certain";
  if (changes.length === 0) return refuse(unsure);
  return {
    splices: changes.map(({ place, ordinal }) => numberSplice(place, ordinal)),
    codes: asked,
    refused: uncertain > 0 ? [{ codes: asked, reason: `of ${uncertain} records ${unsure}` }] : [],
  };
}

function numberSplice({ at = 0, ordinalBytes }: NumberPlace, ordinal: number): Splice {
  return { start: at, end: at + ordinalBytes, put: `"ordinal":${ordinal},` };
}

const GATHERED_BYTES = 256 * 1024;

/** The same bytes in larger pieces: a renumbered file comes in two for each line. */
export function* gathered(chunks: Iterable<Buffer>): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(GATHERED_BYTES);
  let filled = 0;
  for (const chunk of chunks) {
    if (filled + chunk.length > buffer.length) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (chunk.length > buffer.length) yield chunk;
    else filled += chunk.copy(buffer, filled);
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/** The plain text with its splices, chunk by chunk; chunks are views valid until the next one is asked for. */
export function* spliced(chunks: Iterable<Buffer>, splices: readonly Splice[]): Generator<Buffer> {
  let offset = 0;
  let next = 0;
  for (const chunk of chunks) {
    const end = offset + chunk.length;
    for (let at = offset; at < end;) {
      const splice = splices[next];
      if (splice === undefined || splice.start >= end) {
        yield chunk.subarray(at - offset);
        break;
      }
      if (splice.start > at) yield chunk.subarray(at - offset, splice.start - offset);
      if (splice.start >= at && splice.put !== null && splice.put !== "") yield Buffer.from(splice.put);
      const stop = Math.min(splice.end, end);
      if (splice.put === null) yield Buffer.alloc(stop - Math.max(at, splice.start), 0x20);
      at = Math.max(at, stop);
      if (splice.end > end) break;
      next += 1;
    }
    offset = end;
  }
  for (const { put } of splices.slice(next)) if (put !== null && put !== "") yield Buffer.from(put);
}
