/**
 * Homes that cases work on: a home to begin with, of a user's thread or made up, and one copy per contender that writes, which
 * is brought back to where it began before each sample. The user's own home is only ever read.
 */
import { chmodSync, constants, copyFileSync, existsSync, mkdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";

import { decompressRun } from "../compressor/decompress.ts";
import { compressRun } from "../compressor/run.ts";
import { errnoOf, RolloutError } from "../errors.ts";
import { parseRolloutName } from "../format/names.ts";
import { fileError, listFolder, statOrUndefined } from "../io/files.ts";

/** Files as Codex writes them, or as `compress` leaves them. */
export type Form = "plain" | "zst";
export const FORMS: readonly Form[] = ["plain", "zst"];

/** A thread, ready to be resumed or forked. */
export interface MadeThread {
  readonly home: string;
  readonly threadId: string;
  readonly historyMode: "legacy" | "paginated";
  /** Paths of its plain rollouts below the home, all that the thread needs. */
  readonly paths: readonly string[];
  readonly bytes: number;
  /** What it is, where its label does not say so: a sentence for the report. */
  readonly note?: string | undefined;
}

/** A thread to measure on: made once per run, and only read from then on. */
export interface BenchInput extends MadeThread {
  /** What it is called in the names of cases. */
  readonly name: string;
}

const ROOTS = ["sessions", "archived_sessions"] as const;

/** Rollouts of both forms, relative to a home of the run's own, in order. */
export function rolloutsBelow(home: string): readonly string[] {
  const pending = ROOTS.filter((root) => existsSync(join(home, root))) as string[];
  const found: string[] = [];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of listFolder(join(home, folder))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (parseRolloutName(entry.name) !== undefined) found.push(path);
    }
  }
  return found.toSorted();
}

/** Modification times matter: Codex sorts by them, and their fraction of a second survives only like this. */
export function copyWithTimes(source: string, target: string): void {
  try {
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
    // A copy is there to be written to, whatever its original is.
    chmodSync(target, 0o600);
    const { atimeMs, mtimeMs } = statSync(source);
    // Half a microsecond more: times travel as floating seconds, and are cut.
    utimesSync(target, (atimeMs + 0.0005) / 1000, (mtimeMs + 0.0005) / 1000);
  } catch (error) {
    if (errnoOf(error) === "ENOSPC" || errnoOf(error) === "EDQUOT") throw fileError(error, "write", target);
    throw fileError(error, "read", source);
  }
}

/**
 * Brings all rollouts of a home of one's own into a form.
 * @throws RolloutError `unsupported` when one of them does not go there; it is named by its place in the home.
 */
export function toForm(codexHome: string, form: Form): void {
  const shared = { what: { codexHome, scope: "all" }, mode: "write", now: Date.now } as const;
  const profile = { kind: "checkpoint" } as const;
  const files: readonly { readonly path: string; readonly outcome: string; readonly message?: string }[] =
    form === "plain"
      ? decompressRun(shared).files
      : compressRun({ ...shared, profile, level: 3, keep: false, olderThanMs: 0, force: true, jobs: 1 }).files;
  const left = rolloutsBelow(codexHome).find((path) => path.endsWith(".zst") !== (form === "zst"));
  if (left === undefined) return;
  const { outcome, message } = files.find(({ path }) => join(codexHome, left).startsWith(path)) ?? {};
  const why = message ?? outcome ?? "the home is in use";
  const verb = form === "plain" ? "unpacked" : "compressed";
  throw new RolloutError("unsupported", `a rollout of the input cannot be ${verb}: ${why}`, { path: left });
}

/** A home that a contender may change, and that can be brought back to what it was. */
export class CaseHome {
  readonly home: string;
  #pristine: string;
  #paths: readonly string[];
  #databases: readonly string[] = [];

  /** `pristine` has the rollouts in the form that is wanted. */
  constructor(folder: string, pristine: string) {
    this.home = folder;
    this.#pristine = pristine;
    this.#paths = rolloutsBelow(pristine);
    this.restore();
  }

  /** From now on, `restore` brings all back to what it is now, but for the form of its rollouts. No process may be at work in it. */
  capture(form: Form): void {
    if (form === "zst") toForm(this.home, form);
    this.#paths = rolloutsBelow(this.home);
    this.#databases = databasesIn(this.home);
    this.#pristine = this.#kept;
    for (const path of [...this.#paths, ...this.#databases])
      copyWithTimes(join(this.home, path), join(this.#kept, path));
  }

  restore(): void {
    this.removeNew();
    for (const path of this.#paths) {
      const [source, target] = [join(this.#pristine, path), join(this.home, path)];
      if (!isSame(source, target)) copyWithTimes(source, target);
    }
    if (this.#databases.length === 0) return;
    for (const name of databasesIn(this.home)) rmSync(join(this.home, name));
    for (const name of this.#databases) copyWithTimes(join(this.#kept, name), join(this.home, name));
  }

  /** Removes rollouts that were not there in the beginning, and what is there in another form too. */
  removeNew(): void {
    const wanted = new Set(this.#paths);
    for (const path of rolloutsBelow(this.home)) if (!wanted.has(path)) rmSync(join(this.home, path));
  }

  remove(): void {
    for (const folder of [this.home, this.#kept]) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }

  get #kept(): string {
    return `${this.home}-kept`;
  }
}

function databasesIn(home: string): readonly string[] {
  return listFolder(home).flatMap(({ name }) => (/\.sqlite(?:-wal|-shm)?$/u.test(name) ? [name] : []));
}

/** As before anything was indexed: with what `reindex` keeps beside its databases, too. */
export function removeDatabases(home: string): void {
  for (const name of [...databasesIn(home), "db-backups", "rollout-tool"])
    rmSync(join(home, name), { recursive: true, force: true });
}

function isSame(source: string, target: string): boolean {
  const [one, other] = [statSync(source), statOrUndefined(target)];
  return other !== undefined && one.size === other.size && Math.abs(one.mtimeMs - other.mtimeMs) < 1;
}
