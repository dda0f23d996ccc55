/** Which rollouts are to be migrated, and in which order: active ones newest first, then archived ones (rollout-format §9.5). */
import { join, resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { plainPath } from "../format/names.ts";
import { discoverRollouts, type DiscoveryProblem, type Home, type RolloutFile } from "../readers/home.ts";
import { findThread } from "../readers/lookup.ts";
import { readIdentity } from "../readers/identity.ts";

export interface Candidate {
  readonly path: string;
  /** Undefined for a document of the TypeScript CLI. */
  readonly file: RolloutFile | undefined;
}

export interface Candidates {
  readonly chosen: readonly Candidate[];
  /** All rollouts of the home, for who asks which of them continues which. */
  readonly files: readonly RolloutFile[];
  readonly problems: readonly DiscoveryProblem[];
}

/**
 * `texts`: ids, names or paths, relative ones to `cwd`; none: all of the home.
 * @throws RolloutError as `findThread` does, and `not-found` for a path outside the home.
 */
export function chooseCandidates(home: Home, texts: readonly string[], cwd: string): Candidates {
  const { files, documents, problems } = discoverRollouts(home.codexHome);
  const all = files.toSorted(byOrder).map((file): Candidate => ({ path: file.path, file }));
  all.push(...documents.map((path) => ({ path: resolve(path), file: undefined })));
  if (texts.length === 0) return { chosen: all, files, problems };
  const wanted = new Set(texts.map((text) => pathOf(home, text, cwd, documents)));
  const chosen = all.filter(({ path, file }) => wanted.has(file?.logicalPath ?? path));
  for (const path of wanted) {
    if (chosen.some((one) => (one.file?.logicalPath ?? one.path) === path)) continue;
    throw new RolloutError("not-found", "this is no rollout of the home", {
      path,
      hint: "name its home with --codex-home",
    });
  }
  return { chosen, files, problems };
}

function byOrder(a: RolloutFile, b: RolloutFile): number {
  if (a.archived !== b.archived) return a.archived ? 1 : -1;
  return a.relativePath < b.relativePath ? 1 : -1;
}

function pathOf(home: Home, text: string, cwd: string, documents: readonly string[]): string {
  const path = resolve(cwd, text);
  if (documents.some((document) => resolve(document) === path)) return path;
  return plainPath(findThread(home, text, { cwd }).logicalPath);
}

/** Rollout ids of the files that continue a rollout, by its rollout id. Reads the head of every file, once. */
export class Continuations {
  readonly #files: readonly RolloutFile[];
  #byBase: Map<string, string[]> | undefined;

  constructor(files: readonly RolloutFile[]) {
    this.#files = files;
  }

  of(rolloutId: string | undefined): readonly string[] {
    if (rolloutId === undefined) return [];
    this.#byBase ??= this.#read();
    return this.#byBase.get(rolloutId) ?? [];
  }

  /** It continues nothing any more. */
  forget(rolloutId: string | undefined): void {
    for (const [base, ids] of this.#byBase ?? [])
      this.#byBase?.set(
        base,
        ids.filter((id) => id !== rolloutId),
      );
  }

  #read(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const { path, name } of this.#files) {
      const base = readIdentity(path)?.meta?.history_base;
      if (base == null) continue;
      const id = base.thread_id.toLowerCase();
      found.set(id, [...(found.get(id) ?? []), name?.rolloutId ?? path]);
    }
    return found;
  }
}

/** Folder of the side files, in the home; nothing below it is taken for a rollout by anybody. */
export function sideFolder({ codexHome }: Home): string {
  return join(codexHome, "rollout-tool", "aside");
}
