/** What all commands of this room share: naming threads, opening the journal, and telling what was refused. */
import { RolloutError } from "../errors.ts";
import { isThreadBusy } from "../compressor/thread-lock.ts";
import { parseUuid } from "../format/names.ts";
import { Journal } from "../journal/journal.ts";
import type { Recovered } from "../journal/types.ts";
import { findThread } from "../readers/lookup.ts";
import type { Home } from "../readers/home.ts";
import { createPlacer } from "../readers/place.ts";
import type { Members } from "./family.ts";
import type { HomeSurvey } from "./survey.ts";
import type { FamilyChange, LifecycleOptions } from "./types.ts";

export interface JournalRun<T> {
  readonly value: T;
  readonly manifest: string | undefined;
  readonly recovered: readonly Recovered[];
}

/** Under the home's maintenance lock, after all that was cut off is settled; without either for a dry run. */
export function withJournal<T>(
  home: Home,
  command: string,
  { dryRun, force, now }: LifecycleOptions,
  work: (journal: Journal | undefined) => T,
): JournalRun<T> {
  if (dryRun === true) return { value: work(undefined), manifest: undefined, recovered: [] };
  const journal = Journal.open(home, { command, now, force });
  try {
    const value = work(journal);
    return { value, manifest: journal.manifest, recovered: journal.recovered };
  } finally {
    journal.close();
  }
}

/**
 * The id of a thread that has a rollout in this home, or only a row.
 * @throws RolloutError as `findThread`; `not-found` for a file outside of the home.
 */
export function idOf(survey: HomeSurvey, text: string, { cwd }: LifecycleOptions): string {
  const { home, index, rows, owned } = survey;
  const uuid = parseUuid(text);
  if (uuid !== undefined && !owned.has(uuid) && rows.has(uuid)) return uuid;
  const { id, logicalPath, by } = findThread(home, text, { cwd, index: () => index });
  if (id === undefined) {
    throw new RolloutError("unsupported", "the file does not say which thread it holds", { path: logicalPath });
  }
  if (logicalPath.endsWith(".json")) {
    throw new RolloutError("unsupported", "this is a document of early 2025, which no Codex lists or archives", {
      path: logicalPath,
      hint: "rollout-tool migrate --to envelope makes a rollout of it",
    });
  }
  if (by === "path" && createPlacer(home)(logicalPath).status !== "here") {
    throw new RolloutError("not-found", "the file is not among the rollouts of this home", {
      path: logicalPath,
      hint: "name its home with --codex-home",
    });
  }
  return id;
}

/** @throws RolloutError `busy`, which names the thread that a living writer has. */
export function requireIdle({ codexHome }: Home, ids: Iterable<string>): void {
  for (const id of ids) {
    if (!isThreadBusy(codexHome, id)) continue;
    throw new RolloutError("busy", `Codex has the thread ${id} open`, {
      hint: "close it there and run again; nothing was changed",
    });
  }
}

/** A file that cannot be read may continue one that goes. @throws RolloutError `unreadable`. */
export function requireAllKnown(survey: HomeSurvey, members: Members): void {
  const own = new Set(
    [...members.keys()].flatMap((id) => (survey.owned.get(id) ?? []).map(({ logicalPath }) => logicalPath)),
  );
  const path = survey.unknown.find((one) => !own.has(one));
  if (path === undefined) return;
  throw new RolloutError(
    "unreadable",
    "a rollout or folder of this home cannot be read, and may hold a thread that continues this one",
    {
      path,
      hint: "mend it first (rollout-tool verify tells what is wrong), or pass --force; nothing was changed",
    },
  );
}

/** A thread that was named, found before anything is changed. */
export interface Named<T> {
  readonly asked: string;
  /** Or why it was not found. */
  readonly found: { readonly value: T } | { readonly error: RolloutError };
}

/** All that was named, before the first of it is changed: of two of one family the second is then gone, not unknown. */
export function findEach<T>(texts: readonly string[], find: (text: string) => T): readonly Named<T>[] {
  return texts.map((asked): Named<T> => {
    try {
      return { asked, found: { value: find(asked) } };
    } catch (error) {
      return { asked, found: { error: refusable(error, texts.length) } };
    }
  });
}

/** One family after the other: what is wrong with one does not keep the others from being done. */
export function eachFamily<T>(
  named: readonly Named<T>[],
  work: (asked: string, value: T) => FamilyChange,
): readonly FamilyChange[] {
  return named.map(({ asked, found }) => {
    if ("error" in found) return refusal(asked, found.error);
    try {
      return work(asked, found.value);
    } catch (error) {
      return refusal(asked, refusable(error, named.length));
    }
  });
}

/** Of a single thread the error is the answer. */
function refusable(error: unknown, count: number): RolloutError {
  if (!(error instanceof RolloutError) || error.code === "internal" || count === 1) throw error;
  return error;
}

/** One that needs nothing, since it was done with another one or before. */
export function already(asked: string, id: string | undefined): FamilyChange {
  return { asked, id, outcome: "already", error: undefined, threads: [], rows: {}, names: 0 };
}

function refusal(asked: string, { code, message, place, hint }: RolloutError): FamilyChange {
  const error = { code, message, path: place.path, hint };
  return { asked, id: undefined, outcome: "refused", error, threads: [], rows: {}, names: 0 };
}

/** `archive 019a…` or `archive 019a… and 3 more threads`: the title of a unit. */
export function titleOf(verb: string, id: string, count: number): string {
  if (count <= 1) return `${verb} ${id}`;
  return `${verb} ${id} and ${count - 1} more ${count === 2 ? "thread" : "threads"}`;
}
