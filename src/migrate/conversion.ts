/**
 * What a conversion from one form of rollout to another is. Each target has one, in a file of its own; `migrate.ts` finds the files,
 * gives their entries to the conversion, proves what it made and puts it into place.
 */
import type { Entry } from "../format/entry.ts";
import type { RolloutRecord } from "../format/record.ts";
import type { Allowance } from "../proof/differences.ts";
import type { ProofOptions } from "../proof/proof.ts";
import type { Generation } from "../readers/generation.ts";
import type { RolloutFile } from "../readers/home.ts";

/** `envelope`: 2025 formats to that of today, legacy. `paginated`: legacy to canonical items (rollout-format §9). `legacy`: the way back. */
export type Target = "envelope" | "paginated" | "legacy";

/** A rollout to convert, which can be read as often as is needed. */
export interface Source {
  /** Of a document of the TypeScript CLI undefined; then `path` is all that there is. */
  readonly file: RolloutFile | undefined;
  readonly path: string;
  readonly generation: Generation | "document";
  /** As the metadata says, lower case; undefined without one. */
  readonly threadId: string | undefined;
  /**
   * Of this file alone, from its first line; lines that are no records come as defects. With `kinds`, lines of other kinds may be
   * left out (`readRollout` has such an option).
   */
  entries(kinds?: (kind: string) => boolean): Iterable<Entry>;
  /** The bytes of a line, without its line end, for what is kept as it is. */
  bytesOf(entry: Entry): Buffer;
}

/** Where a conversion puts what it makes, in the order of the new file. */
export interface Sink {
  /** A record; its ordinal is given by the file where the form has ordinals. */
  record(record: RolloutRecord): void;
  /**
   * A line that does not go into the new file and is not thrown away either: it is kept in the side file. `why` in a few words;
   * `number` of the line, from 1, where it is known.
   */
  aside(line: Buffer, why: string, number?: number): void;
  /** Told in the report: what had to be decided for this file, such as a folder that nothing in it names. One clause, safe to print. */
  note(words: string): void;
}

/** One that also takes lines as they are. */
export interface KeepingSink extends Sink {
  /** A record that stays what it is: its line goes over byte by byte, but for the ordinal. */
  keep(record: RolloutRecord, line: Buffer): void;
}

/** How the proof of what a conversion made is judged: what is compared on either side, and which differences may be. */
export interface ConversionProof {
  readonly before: ProofOptions;
  /** Entries that the turns before are taken from, where clients do not see those of the source. Default: those of the source. */
  readonly turnsBefore?: (() => Iterable<Entry>) | undefined;
  readonly after: ProofOptions;
  readonly allowance: Allowance;
}

/** `convert`: it can be done. `already`: there is nothing to do. `refuse`: it cannot be done without loss. */
export type Judgement =
  | { readonly kind: "convert" }
  | { readonly kind: "already" | "not-this-form" }
  | { readonly kind: "refuse"; readonly reason: string };

export interface Conversion {
  readonly target: Target;
  /** By the head of the file, and by who continues it; cheap. `isContinued`: another rollout's `history_base` names it. */
  judge(source: Source, context: { readonly isContinued: boolean }): Judgement;
  /** Absolute path that the new file is to have; mostly the old one. */
  pathOf(source: Source): string;
  /** Absolute paths of files whose content is in the new one, or set aside: they go when it comes. Default: none. */
  retires?(source: Source): readonly string[];
  /** @throws RolloutError for what cannot be converted without loss: nothing has changed then. */
  convert(source: Source, sink: KeepingSink): ConversionProof;
}
