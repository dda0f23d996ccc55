/**
 * How a plain file goes once its archive is published, so that a writer which has it open loses nothing, not even one that
 * takes no lock (state-and-compression §4.10).
 *
 * The file first gets another name, so that no path leads to it any more: whoever opens the rollout now gets the archive. It
 * is then removed only if it has not changed and no process holds it open for writing; after that nobody can ever reach it.
 * Otherwise it gets its name back, with all that was appended, and the archive goes. Looking for holders costs a walk over all
 * open files of the machine, so that several files wait for one walk.
 */
import { closeSync } from "node:fs";
import { dirname } from "node:path";
import { RolloutError } from "../errors.ts";
import { copyBytes, createTemporary, fsyncFolder, removeIfThere } from "../io/files.ts";
import { heldForWriting } from "../io/holders.ts";
import {
  hasSameContent,
  inherit,
  isSameFile,
  isThere,
  isUnchanged,
  type Look,
  lookAt,
  lookAtPath,
  nameWithoutClobber,
  openForAppend,
  openSource,
  type OpenSource,
  rename,
} from "./files.ts";
import { asidePath, temporaryBase } from "./names.ts";
import { beginsWith } from "./verify.ts";

/** `gone`: the archive alone is left. All others: the plain file is back, or still there. */
export type Retirement =
  | { readonly kind: "gone" }
  | { readonly kind: "changed" | "held" }
  /** Somebody made another plain file meanwhile; what was appended to the old one is kept under `kept`. */
  | { readonly kind: "conflict"; readonly kept: string };

/** A plain file without its name. Whoever has it closes the source when it is settled. */
export interface Waiting {
  readonly source: OpenSource;
  readonly archive: string;
  /** Of an archive that goes when the plain file comes back; undefined for one that was there before. */
  readonly ownArchive: Look | undefined;
  readonly aside: string;
}

/** An archive that has its name, beside a plain file that has not changed since. */
export interface Published {
  readonly source: OpenSource;
  readonly archive: string;
  /** The archive's first name, which tells the next run that this pair is unfinished. */
  readonly temporary: string;
}

/**
 * Takes the plain files' names away, after the names of their archives have come to the disk. Undefined for one that has
 * changed, which stays; so does one whose name cannot be taken away, told by its error. Their archives go then.
 */
export function withdraw(published: readonly Published[]): readonly (Waiting | RolloutError | undefined)[] {
  const folders = new Map<string, RolloutError | undefined>();
  for (const { archive } of published) {
    const folder = dirname(archive);
    if (!folders.has(folder))
      folders.set(
        folder,
        errorOf(() => fsyncFolder(folder)),
      );
  }
  return published.map((one) => {
    const ownArchive = lookAtPath(one.archive);
    let waiting: Waiting | undefined;
    const error =
      folders.get(dirname(one.archive)) ??
      errorOf(() => {
        if (isUnchanged(one.source)) waiting = setAside(one.source, one.archive, true);
      });
    if (waiting === undefined) dropArchive({ archive: one.archive, ownArchive });
    removeIfThere(one.temporary);
    return error ?? waiting;
  });
}

function errorOf(work: () => void): RolloutError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof RolloutError) return error;
    throw error;
  }
}

/**
 * Takes the plain file's name away. Its archive must be published, and hold what `source.look` says. `isOwn`: it was made for
 * this, and is nothing by itself. The folder need not come to the disk before the file is gone: until then both names are there.
 */
export function setAside(source: OpenSource, archive: string, isOwn: boolean): Waiting {
  const aside = asidePath(source.path);
  const ownArchive = isOwn ? lookAtPath(archive) : undefined;
  rename(source.path, aside);
  return { source, archive, ownArchive, aside };
}

function dropArchive({ archive, ownArchive }: Pick<Waiting, "archive" | "ownArchive">): void {
  if (isSameFile(lookAtPath(archive), ownArchive)) removeIfThere(archive);
}

/** Removes those that nobody can reach any more, and brings the others back; answers in the order given. */
export function settle(waiting: readonly Waiting[]): readonly Retirement[] {
  const held = heldForWriting(new Set(waiting.map(({ source }) => source.look.id)));
  const folders = new Set<string>();
  const answers = waiting.map((one) => {
    folders.add(dirname(one.aside));
    try {
      return settleOne(one, held?.has(one.source.look.id) === true);
    } catch (error) {
      if (!(error instanceof RolloutError)) throw error;
      return { kind: "conflict", kept: one.aside } as const;
    }
  });
  for (const folder of folders) fsyncFolder(folder);
  return answers;
}

function settleOne(one: Waiting, isHeld: boolean): Retirement {
  const hasChanged = !hasSameContent(lookAt(one.source.fd), one.source.look);
  if (hasChanged) return bringBack(one, "changed");
  if (isHeld) return bringBack(one, "held");
  if (isThere(one.source.path)) return meetNewcomer(one, "changed");
  removeIfThere(one.aside);
  // Where holders cannot be seen, the last that came in until now is still found: the descriptor keeps the bytes.
  return hasSameContent(lookAt(one.source.fd), one.source.look) ? { kind: "gone" } : revive(one);
}

/** The plain file under its own name again, then the archive goes: in this order a reader always finds one of them. */
function bringBack(one: Waiting, kind: "changed" | "held"): Retirement {
  if (!nameWithoutClobber(one.aside, one.source.path)) return meetNewcomer(one, kind);
  dropArchive(one);
  removeIfThere(one.aside);
  return { kind };
}

/**
 * While the file was away somebody made another under its name. If that begins with the same bytes it was made from the
 * archive and goes on from there; if it holds other lines, by a writer that appends to whatever is there, they are put behind
 * those of the old file.
 */
function meetNewcomer(one: Waiting, kind: "changed" | "held"): Retirement {
  const hasGrown = !hasSameContent(lookAt(one.source.fd), one.source.look);
  const newcomer = openSource(one.source.path);
  try {
    if (beginsWith(newcomer, one.source, one.source.look.sizeBytes)) {
      if (hasGrown || kind === "held") return { kind: "conflict", kept: one.aside };
      removeIfThere(one.aside);
      return { kind: "changed" };
    }
    return mergeBehind(one, newcomer);
  } finally {
    closeSync(newcomer.fd);
  }
}

/** A file that appeared under the name while it was free, and how much of it stands behind the old one by now. */
interface Newcomer {
  readonly file: OpenSource;
  readonly path: string;
  copiedBytes: number;
}

function mergeBehind(one: Waiting, first: OpenSource): Retirement {
  const newcomers: Newcomer[] = [];
  try {
    for (let file = first; ; file = openSource(one.source.path)) {
      const path = asidePath(one.source.path);
      newcomers.push({ file, path, copiedBytes: 0 });
      rename(one.source.path, path);
      if (nameWithoutClobber(one.aside, one.source.path)) break;
      if (newcomers.length === MAX_NEWCOMERS) return { kind: "conflict", kept: one.aside };
    }
    dropArchive(one);
    removeIfThere(one.aside);
    const target = openForAppend(one.source.path);
    try {
      const kept = newcomers.find((newcomer) => !takeAll(newcomer, target));
      return kept === undefined ? { kind: "changed" } : { kind: "conflict", kept: kept.path };
    } finally {
      closeSync(target);
    }
  } finally {
    for (const { file } of newcomers) if (file !== first) closeSync(file.fd);
  }
}

const MAX_NEWCOMERS = 20;
/** So often what a second writer goes on appending is fetched; who then still holds its file is left with it. */
const MERGE_ROUNDS = 50;

/** Copies it until nobody can append to it any more, and removes it; false when somebody holds on to it. */
function takeAll(newcomer: Newcomer, target: number): boolean {
  const { id } = newcomer.file.look;
  for (let round = 0; round < MERGE_ROUNDS; round += 1) {
    const isHeld = heldForWriting(new Set([id]))?.has(id) === true;
    newcomer.copiedBytes += copyBytes(
      newcomer.file,
      { fd: target, path: newcomer.path },
      { from: newcomer.copiedBytes },
    );
    if (isHeld) continue;
    removeIfThere(newcomer.path);
    return true;
  }
  return false;
}

/** The file has no name any more and was appended to: a copy of all of it gets the name. */
function revive(one: Waiting): Retirement {
  const { source } = one;
  const temporary = createTemporary(temporaryBase(source.path, "unpacking"));
  try {
    copyBytes(source, temporary);
    inherit(temporary.fd, lookAt(source.fd), temporary.path);
    if (!nameWithoutClobber(temporary.path, source.path)) return { kind: "conflict", kept: temporary.path };
    dropArchive(one);
    removeIfThere(temporary.path);
    return { kind: "changed" };
  } finally {
    closeSync(temporary.fd);
  }
}
