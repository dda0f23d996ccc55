/**
 * The way by which this tool changes what is in a home: in units that happen whole or not at all, whatever kills the process, with the
 * old files kept and everything written down, so that `repair --undo` can bring it back.
 *
 *     stage ─► (proof) ─► commit: locks ─► looks ─► plan on disk ─► steps ─► done on disk
 */
import { closeSync, fsyncSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { inherit, type Look, lookAt } from "../compressor/files.ts";
import { requireLockFolder } from "../compressor/thread-lock.ts";
import { errnoOf } from "../errors.ts";
import { claimHome } from "../indexer/guard.ts";
import { sha256Of } from "../io/digest.ts";
import { chunksOf, fileError, fsyncFolder, removeIfThere } from "../io/files.ts";
import type { HeldLock } from "../io/locks.ts";
import { ensureFolder } from "../io/swap.ts";
import type { Home } from "../readers/home.ts";
import { carryOut, HalfDone, requirePending, withLocks } from "./carry-out.ts";
import { ManifestWriter, manifestIn, newRunFolder, type RunHead, runsFolder } from "./manifest.ts";
import { openBeside, openStaged, tidyRun } from "./passing.ts";
import { missingFolders } from "./place.ts";
import { planUnit } from "./plan.ts";
import { requireOwnFolders } from "./planned.ts";
import { settleRuns } from "./settle.ts";
import type { Recovered, Staged, Unit } from "./types.ts";

export interface JournalOptions {
  /** The verb, as users know it. */
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Go on although Codex has its databases open; threads that are open are left alone in any case. */
  readonly force?: boolean | undefined;
}

export class Journal {
  readonly #home: Home;
  readonly #options: JournalOptions;
  readonly #lock: HeldLock;
  #folder: string | undefined;
  #writer: ManifestWriter | undefined;
  #units = 0;
  #staged = 0;
  #isHalfDone = false;
  /** Folders into which a file of the run's own folder can be moved. */
  readonly #reached = new Map<string, boolean>();
  /** Threads whose locks the run has already. */
  #held: ReadonlySet<string> = new Set();
  /** What became of units that runs before were cut off in. */
  readonly recovered: readonly Recovered[];

  private constructor(home: Home, options: JournalOptions, lock: HeldLock) {
    this.#home = home;
    this.#options = options;
    this.#lock = lock;
    this.recovered = settleRuns(home);
  }

  /**
   * Keeps every other run of maintenance away from the home until it is closed.
   * @throws RolloutError `busy` when one is at work, or Codex has its databases open; `unwritable`; `unsupported`.
   */
  static open(home: Home, options: JournalOptions): Journal {
    requireLockFolder(home.codexHome);
    const lock = claimHome(home, { force: options.force ?? false, openThreads: "leave" });
    try {
      requireOwnFolders(home, manifestIn(join(runsFolder(home), "run")));
      return new Journal(home, options, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Absolute path; undefined as long as nothing was changed. */
  get manifest(): string | undefined {
    return this.#writer?.path;
  }

  /**
   * A new file for `path`, which nobody sees before its unit is committed. `like` gives it owner, mode and time, to the microsecond;
   * without, it is readable by its owner alone.
   */
  stage(path: string, write: (fd: number) => void, like?: Look): Staged {
    const temporary = this.#openStaged(path);
    try {
      write(temporary.fd);
      if (like === undefined) fsyncSync(temporary.fd);
      else inherit(temporary.fd, like, path);
      return {
        temporary: temporary.path,
        path,
        look: lookAt(temporary.fd),
        sha256: sha256Of(chunksOf(temporary.fd, path)),
      };
    } catch (error) {
      removeIfThere(temporary.path);
      throw fileError(error, "write", path);
    } finally {
      closeSync(temporary.fd);
    }
  }

  /** Takes staged files back that are not going to be committed. */
  discard(...staged: readonly Staged[]): void {
    for (const { temporary } of staged) removeIfThere(temporary);
  }

  /** Keeps writers away from threads for as long as the work on them takes, several units of it. @throws RolloutError `busy`. */
  holding<T>(threadIds: readonly string[], work: () => T): T {
    return withLocks(this.#home, { threadIds, steps: [] }, () => {
      this.#held = new Set(threadIds);
      try {
        return work();
      } finally {
        this.#held = new Set();
      }
    });
  }

  /**
   * All steps of the unit, or none. Its staged files belong to it from here on.
   * @throws RolloutError `busy` when a writer has a thread or a file; `mismatch` when something has changed since it was looked at;
   *   `disk-full`, `unwritable`. Nothing has changed then.
   */
  commit(unit: Unit): void {
    const staged = unit.steps.flatMap((step) => ("staged" in step ? [step.staged] : []));
    try {
      const planned = planUnit(this.#home, this.#run(), this.#units, unit);
      const threadIds = planned.threadIds.filter((id) => !this.#held.has(id));
      withLocks(this.#home, { ...planned, threadIds }, () => {
        requirePending(planned);
        this.#units += 1;
        carryOut(planned, this.#openWriter());
      });
    } catch (error) {
      if (error instanceof HalfDone) this.#isHalfDone = true;
      else this.discard(...staged);
      throw error;
    }
  }

  /** Leaves nothing behind of a run that has changed nothing. */
  close(): void {
    try {
      this.#writer?.close();
      if (this.#folder !== undefined && !this.#isHalfDone) tidyRun(this.#home, this.#folder);
    } finally {
      this.#lock.release();
    }
  }

  #openWriter(): ManifestWriter {
    this.#writer ??= new ManifestWriter(this.#home, manifestIn(this.#run()), this.#head());
    return this.#writer;
  }

  #head(): RunHead {
    return { command: this.#options.command, startedMs: this.#options.now() };
  }

  /** The folder of this run, made with its first use. */
  #run(): string {
    if (this.#folder === undefined) {
      const folder = newRunFolder(this.#home, this.#head());
      ensureFolder(join(folder, "backup"));
      // What is put aside there must not be lost with the folder's own name.
      for (let at = folder; at.startsWith(this.#home.codexHome); at = dirname(at)) fsyncFolder(at);
      this.#folder = folder;
    }
    return this.#folder;
  }

  #reaches(folder: string): boolean {
    const known = this.#reached.get(folder) ?? canMove(this.#run(), folder);
    this.#reached.set(folder, known);
    return known;
  }

  /** In the folder of the run where that is on the same disk as the place it is for, else beside that place. */
  #openStaged(path: string): { readonly fd: number; readonly path: string } {
    requireOwnFolders(this.#home, path);
    const [missing = path] = missingFolders(path);
    this.#staged += 1;
    if (this.#reaches(dirname(missing))) return openStaged(this.#run(), this.#staged, basename(path));
    return openBeside(this.#home, this.#run(), this.#staged, join(dirname(missing), basename(path)));
  }
}

/**
 * Whether a file can get a name in another folder: not across disks, nor where one disk is mounted twice. Asked by a rename to a name
 * that nothing can have, so that nothing is left whatever happens: the system looks at the disks before it looks at the name.
 */
function canMove(from: string, to: string): boolean {
  if (statSync(from).dev !== statSync(to).dev) return false;
  try {
    renameSync(from, `${to}/.`);
  } catch (error) {
    return errnoOf(error) !== "EXDEV";
  }
  return true;
}
