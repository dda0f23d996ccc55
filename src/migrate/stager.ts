/** Where new files are made before it is known whether they are good: the journal's own place, or for a dry run a passing one. */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { inherit, type Look, lookAt } from "../compressor/files.ts";
import { fileError, removeIfThere } from "../io/files.ts";
import type { Staged } from "../journal/types.ts";

/** What a journal offers of this. */
export interface Stager {
  stage(path: string, write: (fd: number) => void, like?: Look): Staged;
  discard(...staged: readonly Staged[]): void;
}

/** Outside of the home, which a dry run does not touch. Its folder is there from the first file until `close`. */
export class ScratchStager implements Stager {
  #folder: string | undefined;
  #files = 0;

  stage(path: string, write: (fd: number) => void, like?: Look): Staged {
    const folder = (this.#folder ??= mkdtempSync(join(tmpdir(), "rollout-tool-")));
    const temporary = join(folder, `${this.#files++}-${basename(path)}`);
    let fd: number | undefined;
    try {
      fd = openSync(temporary, "wx+", 0o600);
      write(fd);
      if (like === undefined) fsyncSync(fd);
      else inherit(fd, like, path);
      return { temporary, path, look: lookAt(fd), sha256: "" };
    } catch (error) {
      removeIfThere(temporary);
      throw fileError(error, "write", temporary);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  discard(...staged: readonly Staged[]): void {
    for (const { temporary } of staged) removeIfThere(temporary);
  }

  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}
