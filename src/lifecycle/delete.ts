/**
 * `delete`: a thread and the agents below it out of a home: files, rows, names (state-and-compression §5.7). For good, or kept in
 * the folder of the run so that they can be brought back. Refused while the history of another thread is made of theirs.
 */
import { rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { lookAtPath } from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import { STATE_DB } from "../indexer/database-files.ts";
import type { Journal } from "../journal/journal.ts";
import type { Run } from "../journal/manifest.ts";
import { listRuns } from "../journal/undo.ts";
import type { Step } from "../journal/types.ts";
import type { Home } from "../readers/home.ts";
import { dependentsOf, type Members, withAgents } from "./family.ts";
import {
  already,
  eachFamily,
  findEach,
  idOf,
  type Named,
  requireAllKnown,
  requireIdle,
  titleOf,
  withJournal,
} from "./run.ts";
import { type OwnedRows, ownedRows, removalSteps } from "./rows.ts";
import { type NameLines, nameLines, withoutNames } from "./session-names.ts";
import { type HomeSurvey, surveyHome, withoutThreads } from "./survey.ts";
import type { FamilyChange, FileChange, LifecycleOptions, LifecycleReport, ThreadChange } from "./types.ts";

export interface DeleteOptions extends LifecycleOptions {
  /** Keep files and rows in the folder of the run, from which `repair --undo` brings them back. */
  readonly keep?: boolean | undefined;
}

/** @throws RolloutError as `archiveThreads`; `mismatch` while another thread continues one that would go. */
export function deleteThreads(home: Home, texts: readonly string[], options: DeleteOptions): LifecycleReport {
  const { keep = false, dryRun = false } = options;
  const { value, manifest, recovered } = withJournal(home, "delete", options, (journal) => {
    if (journal !== undefined) dropTraces(home);
    const survey = surveyHome(home);
    const named = findEach(texts, (text) => idOf(survey, text, options));
    return deleteEach(survey, named, options, journal);
  });
  // What went for good is not to be read in the list of what was done.
  if (!keep && manifest !== undefined && isSettled(listRuns(home).find((one) => one.manifest === manifest)))
    rmSync(dirname(manifest), { recursive: true, force: true });
  const kept = keep ? manifest : undefined;
  return { action: "delete", dryRun, families: value, manifest: kept, recovered, notes: [] };
}

/** What continues others goes before them, in whichever order they were named. */
function deleteEach(
  first: HomeSurvey,
  named: readonly Named<string>[],
  options: DeleteOptions,
  journal: Journal | undefined,
): readonly FamilyChange[] {
  let survey = first;
  const gone = new Set<string>();
  const work = (asked: string, id: string): FamilyChange => {
    if (gone.has(id)) return already(asked, id);
    const plan = planFor(survey, id, options);
    const family = carryOut(plan, { asked, keep: options.keep === true }, journal);
    // Also where nothing was deleted yet: what comes next is planned for when this is gone.
    survey = withoutThreads(survey, plan.members.keys());
    for (const member of plan.members.keys()) gone.add(member);
    return family;
  };
  const done = new Map<Named<string>, FamilyChange>();
  for (let pending = named; pending.length > 0;) {
    const waiting = pending.filter((one) => pending.length > 1 && isContinued(survey, one, pending));
    const ready = waiting.length < pending.length ? pending.filter((one) => !waiting.includes(one)) : pending;
    for (const [at, family] of eachFamily(ready, work).entries()) {
      const one = ready[at];
      if (one !== undefined) done.set(one, family);
    }
    pending = pending.filter((one) => !ready.includes(one));
  }
  return named.flatMap((one) => done.get(one) ?? []);
}

/** By a thread of another family that is to go as well. */
function isContinued(survey: HomeSurvey, one: Named<string>, pending: readonly Named<string>[]): boolean {
  if (!("value" in one.found)) return false;
  const others = pending.flatMap(({ found }) => ("value" in found ? [...withAgents(survey, found.value).keys()] : []));
  return dependentsOf(survey, withAgents(survey, one.found.value)).some(({ threadId }) => others.includes(threadId));
}

/** Of a unit that is cut off, what the run has put aside is all that there is. */
function isSettled(run: Run | undefined): boolean {
  return run?.units.every(({ state }) => state === "done" || state === "undone") === true;
}

/** Of runs that were killed after they had removed a thread for good, and before they could remove what they had written down. */
function dropTraces(home: Home): void {
  for (const run of listRuns(home)) {
    const isForGood = run.units.some(({ unit }) =>
      unit.steps.some(({ step }) => step.kind === "remove" && step.forGood === true),
    );
    if (run.command === "delete" && isForGood && isSettled(run))
      rmSync(dirname(run.manifest), { recursive: true, force: true });
  }
}

interface Plan {
  readonly survey: HomeSurvey;
  readonly id: string;
  readonly members: Members;
  readonly files: readonly (FileChange & { readonly threadId: string })[];
  readonly rows: OwnedRows;
  readonly names: NameLines;
}

function planFor(survey: HomeSurvey, id: string, { force, keep = false }: DeleteOptions): Plan {
  const members = withAgents(survey, id);
  requireNoDependents(survey, members, id);
  const threads = [...members.keys()];
  const owned = threads.map((threadId) => ({ threadId, rollouts: survey.owned.get(threadId) ?? [] }));
  const isBase = owned.some(({ rollouts }) => rollouts.some(({ facts }) => facts?.historyMode !== "legacy"));
  if (isBase && force !== true) requireAllKnown(survey, members);
  const files = owned.flatMap(({ threadId, rollouts }) =>
    rollouts.flatMap(({ forms }) =>
      forms.map((path) => ({ threadId, path, target: undefined, sizeBytes: sizeOf(path) })),
    ),
  );
  const rollouts = owned.flatMap((one) => one.rollouts.flatMap(({ name }) => name?.rolloutId ?? []));
  const ids = { threads: storedIds(survey, threads), rollouts: [...new Set([...threads, ...rollouts])] };
  const rows = ownedRows(survey.home.sqliteHome, ids, keep ? "keep" : "forget");
  return { survey, id, members, files, rows, names: nameLines(survey.home.codexHome, new Set(threads)) };
}

/** As they are spelled in the index too. */
function storedIds({ rows }: HomeSurvey, ids: readonly string[]): readonly string[] {
  const spelled = ids.flatMap((id) => {
    const stored = rows.get(id)?.["id"];
    return typeof stored === "string" ? [stored] : [];
  });
  return [...new Set([...ids, ...spelled])];
}

function sizeOf(path: string): number {
  return lookAtPath(path)?.sizeBytes ?? 0;
}

const SHOWN_DEPENDENTS = 3;

function requireNoDependents(survey: HomeSurvey, members: Members, id: string): void {
  const dependents = dependentsOf(survey, members);
  const [first] = dependents;
  if (first === undefined) return;
  const ids = [...new Set(dependents.map(({ threadId }) => threadId))];
  const more = ids.length > SHOWN_DEPENDENTS ? ` and ${ids.length - SHOWN_DEPENDENTS} more` : "";
  const list = `${ids.slice(0, SHOWN_DEPENDENTS).join(", ")}${more}`;
  throw new RolloutError("mismatch", `${id} cannot go: the history of other threads is made of it: ${list}`, {
    path: first.rollout.logicalPath,
    hint: "delete those too, before it, or make them whole with rollout-tool fork --copy; nothing was changed",
  });
}

function carryOut(
  plan: Plan,
  call: { readonly asked: string; readonly keep: boolean },
  journal: Journal | undefined,
): FamilyChange {
  const { survey, id, members, rows, names } = plan;
  const told = {
    asked: call.asked,
    id,
    error: undefined,
    threads: [...members].map(([member, tie]) => threadOf(plan, member, tie)),
    rows: rows.counts,
    names: names.own.length,
  };
  requireIdle(survey.home, members.keys());
  if (journal === undefined) return { ...told, outcome: "planned" };
  const threadIds = [...members.keys()];
  journal.commit({
    title: titleOf("delete", id, threadIds.length),
    threadIds,
    steps: stepsOf(plan, call.keep, journal),
  });
  return { ...told, outcome: "done" };
}

function threadOf({ survey, files, rows }: Plan, id: string, tie: ThreadChange["tie"]): ThreadChange {
  const hasRow = survey.rows.has(id) && rows.counts["threads"] !== undefined;
  const own = files.filter(({ threadId }) => threadId === id);
  return {
    id,
    tie,
    files: own.map(({ path, target, sizeBytes }) => ({ path, target, sizeBytes })),
    row: hasRow ? "removed" : "none",
  };
}

/** Rows last, those of `threads` after all others; what is made anew is forgotten when nothing can fail any more. */
function stepsOf({ survey, files, rows, names }: Plan, keep: boolean, journal: Journal): readonly Step[] {
  const removed = files.map(({ path }): Step => {
    const look = lookAtPath(path);
    if (look?.isFile !== true) {
      const place = relative(survey.home.codexHome, path);
      throw new RolloutError("mismatch", `the file has gone since the plan was made: ${place}`, {
        path,
        hint: "run again",
      });
    }
    return { kind: "remove", path, look, forGood: !keep };
  });
  const database = join(survey.home.sqliteHome, STATE_DB);
  return [...withoutNames(journal, names), ...removed, ...removalSteps(rows.found, database), ...rows.forgotten];
}
