/**
 * The folder of a data set, into which any number of runs write their parts: one file for each table and month, so named that parts of
 * other homes and shards stay beside it. A file gets its name when it is whole. What a part is of stands in a note below `_rollout-tool`
 * (readers of data sets pass over such names), by which a later run knows whether it may replace it.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import {
  closeFile,
  createTemporary,
  fileError,
  finishFile,
  listFolder,
  lstatOrUndefined,
  publishFile,
  readWholeFile,
  removeIfThere,
  writeFileAtomic,
  writeFully,
} from "../io/files.ts";
import type { ByteSink } from "./format.ts";
import { parseNote, type PartNote, type PartOwner, type PartSettings, type WrittenFile } from "./part-note.ts";
import type { Shard } from "./shard.ts";

export interface PartPlan {
  readonly out: string;
  readonly owner: PartOwner;
  /** Given by the user, who then answers for it being this home's alone. */
  readonly name: string | undefined;
  readonly shard: Shard;
  readonly settings: PartSettings;
  readonly extension: string;
}

export interface PartFile {
  readonly sink: ByteSink;
  /** Gives the file its name. */
  publish(): WrittenFile;
  /** Takes it away. */
  discard(): void;
}

export const NOTES = "_rollout-tool";
const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;

/** Whether a name may be part of a file's. */
export function isPartName(name: string): boolean {
  return NAME.test(name);
}

/** The name of a part, without its extension: the same for every run over the same home and shard. */
export function partName({ name, owner, shard }: Pick<PartPlan, "name" | "owner" | "shard">): string {
  const { home, installation } = owner;
  return `part-${name ?? digestOf([installation ?? "", home])}-${shard.index}of${shard.count}`;
}

/** Twelve hexadecimal digits, the same for the same lines. */
export function digestOf(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 12);
}

/**
 * Makes the folder, or takes one that an export has made, and notes that this part is being written.
 * @throws RolloutError `mismatch` for a folder of other things, of other settings, or with this part of another home.
 */
export function openPartFolder(plan: PartPlan): PartFolder {
  const { out } = plan;
  const stat = lstatOrUndefined(out);
  if (stat?.isFile() === true) throw new RolloutError("not-a-file", "it is a file, not a folder", { path: out });
  const names = stat === undefined ? [] : listFolder(out).map(({ name }) => name);
  if (names.length > 0 && !names.includes(NOTES)) {
    throw new RolloutError("mismatch", "the folder holds things that no export has made", {
      path: out,
      hint: "name a new or an empty folder, or one that holds an export",
    });
  }
  makeFolder(join(out, NOTES));
  checkNotes(plan);
  return new PartFolder(plan);
}

export class PartFolder {
  readonly #plan: PartPlan;
  readonly #name: string;
  /** Of an earlier run, by path relative to the folder. */
  readonly #old: ReadonlySet<string>;

  constructor(plan: PartPlan) {
    this.#plan = plan;
    this.#name = partName(plan);
    this.#old = new Set(this.#earlierFiles());
    this.#note({ state: "writing" });
  }

  get name(): string {
    return this.#name;
  }

  /** What those who write the files of the part have to know. */
  get place(): PartPlace {
    const { out, extension } = this.#plan;
    return { out, name: this.#name, extension };
  }

  /** Takes away what an earlier run wrote and this one did not, and notes that the part is whole. */
  finish(told: Pick<PartNote, "threads" | "rows" | "skipped"> & { readonly files: readonly WrittenFile[] }): void {
    const written = new Set(told.files.map(({ path }) => path));
    for (const path of this.#old) if (!written.has(path)) removeIfThere(join(this.#plan.out, path));
    this.#note({ state: "complete", ...told });
  }

  #note(told: Pick<PartNote, "state"> & Partial<PartNote>): void {
    const { out, owner, shard, settings } = this.#plan;
    const note: PartNote = { ...settings, part: this.#name, ...owner, shard, ...told };
    writeFileAtomic(notePath(out, this.#name), `${JSON.stringify(note, undefined, 2)}\n`);
  }

  /** Files of this part, and what an interrupted run left of them. */
  *#earlierFiles(): Generator<string> {
    const { out } = this.#plan;
    for (const table of listFolder(out)) {
      if (!table.isDirectory() || table.name === NOTES) continue;
      for (const month of listFolder(join(out, table.name))) {
        if (!month.isDirectory() || !month.name.startsWith("month=")) continue;
        const folder = `${table.name}/${month.name}`;
        for (const { name } of listFolder(join(out, folder))) {
          if (name.startsWith(`${this.#name}.`) || name.startsWith(`.${this.#name}.`)) yield `${folder}/${name}`;
        }
      }
    }
  }
}

export interface PartPlace {
  readonly out: string;
  readonly name: string;
  readonly extension: string;
}

/** Begins the file of a table and month; of the second and further units of a month its number is part of its name. */
export function partFile({ out, name, extension }: PartPlace, table: string, { month, number }: FileUnit): PartFile {
  const folder = `${table}/month=${month}`;
  makeFolder(join(out, folder));
  const path = `${folder}/${name}${number === 1 ? "" : `.${number}`}.${extension}`;
  return openPartFile(join(out, path), { table, month, path });
}

export interface FileUnit {
  readonly month: string;
  /** From 1. */
  readonly number: number;
}

function openPartFile(path: string, told: Omit<WrittenFile, "bytes">): PartFile {
  const temporary = createTemporary(path);
  let bytes = 0;
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeFile(temporary.fd);
    isOpen = false;
  };
  return {
    sink: (chunk) => {
      writeFully(temporary.fd, chunk, null, path);
      bytes += chunk.length;
    },
    publish: () => {
      finishFile(temporary.fd, {}, path);
      close();
      publishFile(temporary.path, path, false);
      return { ...told, bytes };
    },
    discard: () => {
      close();
      removeIfThere(temporary.path);
    },
  };
}

function notePath(out: string, part: string): string {
  return join(out, NOTES, `${part}.json`);
}

/** Folders and files are for their owner alone, as rollouts are. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

function checkNotes(plan: PartPlan): void {
  const own = partName(plan);
  for (const { name } of listFolder(join(plan.out, NOTES))) {
    if (!name.endsWith(".json") || name.startsWith(".")) continue;
    const note = parseNote(readWholeFile(join(plan.out, NOTES, name)).toString("utf8"));
    if (note === undefined) continue;
    checkSettings(note, plan);
    if (note.part === own) checkOwner(note, plan);
    else if (isSameHome(note, plan) && note.shard.count !== plan.shard.count) {
      throw refusal(plan, `the home is there in ${note.shard.count} parts, not in ${plan.shard.count}`);
    }
  }
}

/** Parts of one data set are alike: of one made with `--no-content` no part may have content. */
function checkSettings(note: PartNote, plan: PartPlan): void {
  for (const [key, value] of Object.entries(plan.settings)) {
    const there: unknown = note[key as keyof PartSettings];
    if (JSON.stringify(there) === JSON.stringify(value)) continue;
    throw refusal(plan, `the folder holds an export with other settings (${key})`);
  }
}

function checkOwner(note: PartNote, plan: PartPlan): void {
  if (plan.name !== undefined || isSameHome(note, plan)) return;
  throw refusal(plan, `the folder has this part already, of the home ${JSON.stringify(note.home)} on another machine`);
}

function isSameHome(note: PartNote, { owner, name }: PartPlan): boolean {
  if (name !== undefined) return note.part === partName({ owner, name, shard: note.shard });
  return note.home === owner.home && note.host === owner.host && note.installation === owner.installation;
}

function refusal({ out }: PartPlan, message: string): RolloutError {
  return new RolloutError("mismatch", message, {
    path: out,
    hint: "name another folder, or give the parts of each home a name of their own with --part-name",
  });
}
