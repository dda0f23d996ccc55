/**
 * What there is to compress or to decompress: the rollouts of a home or of paths given by name, plain and compressed, and the
 * files that an interrupted run left behind. Walks folders itself, since it wants what readers of a home must not see.
 */
import { basename, dirname, join } from "node:path";
import { RolloutError } from "../errors.ts";
import { compressedPath, looksLikeRollout, plainPath } from "../format/names.ts";
import { listFolder, lstatOrUndefined, statOrUndefined } from "../io/files.ts";
import { ROLLOUT_ROOTS } from "../readers/home.ts";
import { parsePassing, type PassingFile } from "./names.ts";

/** One rollout, by its plain name, and which of its forms are there. */
export interface Candidate {
  readonly plainPath: string;
  readonly hasPlain: boolean;
  readonly hasArchive: boolean;
  /** Of the form that is read: the plain one where both are there. */
  readonly sizeBytes: number;
  /** The home whose locks guard it; undefined for a file outside of every home. */
  readonly codexHome: string | undefined;
}

export interface Found {
  /** Archived before active ones, then by path, as Codex goes through them (state-and-compression §4.2). */
  readonly candidates: readonly Candidate[];
  readonly passing: readonly PassingFile[];
  /** Folders that could not be listed, and things with a rollout's name that are none. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

export type Scope = "archived" | "active" | "all";

interface Walk {
  readonly candidates: Map<string, Candidate>;
  readonly passing: PassingFile[];
  readonly problems: { readonly path: string; readonly message: string }[];
}

const newWalk = (): Walk => ({ candidates: new Map(), passing: [], problems: [] });

/** The rollouts of a home. A root that is absent is an empty one; one that is a link is followed, as by Codex. */
export function discoverHome(codexHome: string, scope: Scope): Found {
  const walk = newWalk();
  const [archived, active] = ROLLOUT_ROOTS;
  for (const root of scope === "all" ? [archived, active] : [scope === "archived" ? archived : active]) {
    const folder = join(codexHome, root);
    if (statOrUndefined(folder) !== undefined) walkFolder(folder, codexHome, walk);
  }
  return finish(walk);
}

/** Files in either form, and folders with all below them. @throws RolloutError `not-found`, `not-a-file` */
export function discoverPaths(paths: readonly string[]): Found {
  const walk = newWalk();
  for (const path of paths) {
    const stat = lstatOrUndefined(path) ?? lstatOrUndefined(compressedPath(path));
    if (stat === undefined) throw new RolloutError("not-found", "there is no such file or folder", { path });
    if (stat.isDirectory()) {
      walkFolder(path, homeOf(path), walk);
      continue;
    }
    if (!looksLikeRollout(basename(path))) {
      throw new RolloutError("not-a-file", "not the name of a rollout", {
        path,
        hint: "rollouts are named rollout-<time>-<id>.jsonl, compressed ones .jsonl.zst; folders may be named too",
      });
    }
    add(walk, plainPath(path), homeOf(path));
    const folder = dirname(path);
    for (const { name } of listFolder(folder)) {
      const passing = parsePassing(folder, name);
      if (passing?.plainPath === plainPath(path)) walk.passing.push(passing);
    }
  }
  return finish(walk);
}

/** The folder above `sessions` or `archived_sessions`, wherever that stands in the path. */
export function homeOf(path: string): string | undefined {
  const roots: readonly string[] = ROLLOUT_ROOTS;
  for (let at = path; dirname(at) !== at; at = dirname(at)) if (roots.includes(basename(at))) return dirname(at);
  return undefined;
}

/** The homes of all that was found, and those of `others`, each once. */
export function homesOf({ candidates, passing }: Found, others: readonly string[]): ReadonlySet<string> {
  const homes = [...candidates.map(({ codexHome }) => codexHome), ...passing.map(({ path }) => homeOf(path))];
  return new Set([...others, ...homes.filter((home) => home !== undefined)]);
}

function walkFolder(root: string, codexHome: string | undefined, walk: Walk): void {
  const pending = [root];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const below: string[] = [];
    for (const entry of listOrReport(folder, walk)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) below.push(path);
      else if (looksLikeRollout(entry.name)) {
        if (entry.isFile()) add(walk, plainPath(path), codexHome);
        else walk.problems.push({ path, message: "not a regular file, and links are not followed" });
      } else {
        const passing = entry.isFile() ? parsePassing(folder, entry.name) : undefined;
        if (passing !== undefined) walk.passing.push(passing);
      }
    }
    pending.push(...below.toReversed());
  }
}

function listOrReport(folder: string, walk: Walk): ReturnType<typeof listFolder> {
  try {
    return listFolder(folder);
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    walk.problems.push({ path: folder, message: error.message });
    return [];
  }
}

function add(walk: Walk, path: string, codexHome: string | undefined): void {
  const candidate = walk.candidates.has(path) ? undefined : lookAround(path, codexHome);
  if (candidate !== undefined) walk.candidates.set(path, candidate);
}

/** Which forms of a rollout are there now; undefined when there is none. */
export function lookAround(path: string, codexHome: string | undefined): Candidate | undefined {
  const plain = lstatOrUndefined(path);
  const archive = lstatOrUndefined(compressedPath(path));
  const stat = plain ?? archive;
  if (stat === undefined) return undefined;
  const { size: sizeBytes } = stat;
  return { plainPath: path, hasPlain: plain !== undefined, hasArchive: archive !== undefined, sizeBytes, codexHome };
}

function finish({ candidates, passing, problems }: Walk): Found {
  return { candidates: [...candidates.values()], passing, problems };
}
