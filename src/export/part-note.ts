/** The note that stands beside the files of a part: of what it is, how it was made, and whether it is whole. */
import { isJsonObject, parseObject } from "../format/json.ts";
import type { Shard } from "./shard.ts";

export interface PartOwner {
  /** Absolute path of the home; of named files their paths. */
  readonly home: string;
  /** The machine on which it lies. */
  readonly host: string;
  /** What `installation_id` in the home says, if it is there. */
  readonly installation: string | null;
}

export interface WrittenFile {
  readonly table: string;
  readonly month: string;
  /** Relative to the folder, `/` between parts. */
  readonly path: string;
  readonly bytes: number;
}

/** What all parts of a data set have in common. */
export interface PartSettings {
  readonly format: string;
  /** `EXPORT_VERSION`. */
  readonly schema: number;
  readonly tables: readonly string[];
  /** False: `--no-content`. */
  readonly content: boolean;
  readonly redacted: boolean;
}

export interface PartNote extends PartSettings, PartOwner {
  readonly part: string;
  readonly shard: Shard;
  readonly state: "writing" | "complete";
  /** The rest only of a part that is whole. */
  readonly threads?: number;
  readonly rows?: Readonly<Record<string, number>>;
  readonly files?: readonly WrittenFile[];
  /** Files that could not be read, or only in part. */
  readonly skipped?: number;
}

/** Undefined for what is no note of an export. */
export function parseNote(text: string): PartNote | undefined {
  const note = parseObject(text);
  const { part, home, host, shard, state } = note;
  if (typeof part !== "string" || typeof home !== "string" || typeof host !== "string") return undefined;
  if (!isJsonObject(shard) || typeof shard["count"] !== "number") return undefined;
  if (state !== "writing" && state !== "complete") return undefined;
  return note as unknown as PartNote;
}
