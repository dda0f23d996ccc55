/**
 * `move <thread…> --to-home`: threads to another home, with all that their histories are made of. First all of it comes into being
 * there, then it goes from here; whatever ends the run in between, each thread is whole in one home at least, and the same command
 * finishes.
 */
import { closeSync } from "node:fs";
import { join, sep } from "node:path";
import { type Look, lookAtPath, openSource } from "../compressor/files.ts";
import { assert, RolloutError } from "../errors.ts";
import { STATE_DB } from "../indexer/database-files.ts";
import { sha256Of } from "../io/digest.ts";
import { chunksOf } from "../io/files.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { Journal } from "../journal/journal.ts";
import type { Staged, Step } from "../journal/types.ts";
import type { Home } from "../readers/home.ts";
import type { FolderMap } from "./cwd-map.ts";
import { type Edits, editsOf, shiftAt } from "./edits.ts";
import { closureOf, type Members } from "./family.ts";
import { freshRow } from "./fresh-row.ts";
import { requireOneForm } from "./map-folders.ts";
import { requireSameThread } from "./mapping-proof.ts";
import { type FoundRows, type OwnedRows, ownedRows, removalSteps, withShift } from "./rows.ts";
import { already, eachFamily, findEach, idOf, requireAllKnown, requireIdle, titleOf } from "./run.ts";
import { haveEqualBytes } from "./same-bytes.ts";
import { nameLines, withNames, withoutNames } from "./session-names.ts";
import { type HomeSurvey, type OwnedRollout, selectedRollout, surveyHome, withoutThreads } from "./survey.ts";
import { PROJECTED_TABLES } from "./tables.ts";
import { incomingRows, type IncomingRows, requireNoOther } from "./target-home.ts";
import type { FamilyChange, FileChange, LifecycleOptions, LifecycleReport, ThreadChange } from "./types.ts";
import { stageCopy } from "./write-rollout.ts";

export interface MoveThreadsOptions extends LifecycleOptions {
  readonly target: Home;
  /** Leave the threads in their old home too. */
  readonly copy?: boolean | undefined;
  /** Working folders that have moved. */
  readonly folders?: FolderMap | undefined;
}

export interface MoveReport extends LifecycleReport {
  /** Of the other home. To undo a move, the manifest of the old home comes first. */
  readonly targetManifest: string | undefined;
}

/** @throws RolloutError as `archiveThreads`; `mismatch` when the other home has one of the threads already. */
export function moveThreads(source: Home, texts: readonly string[], options: MoveThreadsOptions): MoveReport {
  const { target, dryRun = false, now, force } = options;
  if (source.codexHome === target.codexHome || source.sqliteHome === target.sqliteHome) {
    throw new RolloutError("usage", "both homes are the same one, or share their databases", {
      path: target.codexHome,
    });
  }
  const report = { action: "move" as const, dryRun };
  if (dryRun) {
    const moved = each(texts, { source, options, journals: undefined });
    return { ...report, ...moved, manifest: undefined, targetManifest: undefined, recovered: [] };
  }
  const here = Journal.open(source, { command: "move", now, force });
  try {
    const there = Journal.open(target, { command: "move", now, force });
    try {
      const moved = each(texts, { source, options, journals: { here, there } });
      const recovered = [...here.recovered, ...there.recovered];
      return { ...report, ...moved, manifest: here.manifest, targetManifest: there.manifest, recovered };
    } finally {
      there.close();
    }
  } finally {
    here.close();
  }
}

interface Run {
  readonly source: Home;
  readonly options: MoveThreadsOptions;
  readonly journals: { readonly here: Journal; readonly there: Journal } | undefined;
}

function each(texts: readonly string[], run: Run): Pick<LifecycleReport, "families" | "notes"> {
  const notes: string[] = [];
  let here = surveyHome(run.source);
  const there = surveyHome(run.options.target);
  const gone = new Set<string>();
  const named = findEach(texts, (text) => idIn(here, there, text, run.options));
  const families = eachFamily(named, (asked, id) => {
    if (id === undefined || gone.has(id)) return already(asked, id);
    const plan = planFor({ here, there }, id, run.options);
    notes.push(...plan.incoming.notes);
    const family = carryOut(plan, asked, run);
    if (plan.copy) return family;
    here = withoutThreads(here, plan.members.keys());
    for (const member of plan.members.keys()) gone.add(member);
    return family;
  });
  return { families, notes };
}

/** Undefined when the thread has gone to the other home already: a run that was cut off had done all but say so. */
function idIn(here: HomeSurvey, there: HomeSurvey, text: string, options: MoveThreadsOptions): string | undefined {
  try {
    return idOf(here, text, options);
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "not-found") throw error;
    try {
      idOf(there, text, options);
    } catch {
      throw error;
    }
    return undefined;
  }
}

const NO_EDITS: ReadonlyMap<string, Edits> = new Map();

interface PlannedFile {
  readonly threadId: string;
  readonly rollout: OwnedRollout;
  readonly path: string;
  readonly target: string;
  readonly edits: Edits;
}

interface Plan {
  readonly here: HomeSurvey;
  readonly there: HomeSurvey;
  readonly id: string;
  readonly copy: boolean;
  readonly members: Members;
  readonly files: readonly PlannedFile[];
  readonly edits: ReadonlyMap<string, Edits>;
  /** In the old home. */
  readonly rows: OwnedRows;
  readonly incoming: IncomingRows;
}

function planFor(
  { here, there }: { readonly here: HomeSurvey; readonly there: HomeSurvey },
  id: string,
  { copy = false, folders, force }: MoveThreadsOptions,
): Plan {
  const members = closureOf(here, [id], { copy });
  const ids = [...members.keys()];
  const rollouts = ids.flatMap((threadId) =>
    (here.owned.get(threadId) ?? []).map((rollout) => ({ threadId, rollout })),
  );
  if (!copy && force !== true) requireAllKnown(here, members);
  const edits =
    folders === undefined
      ? NO_EDITS
      : editsOf(
          rollouts.map(({ rollout }) => rollout),
          folders,
        );
  const files = rollouts.flatMap(({ threadId, rollout }) => filesOf(there, threadId, rollout, edits));
  for (const threadId of ids) requireNoOther(there, threadId, new Set(files.map(({ target }) => target)));
  const names = rollouts.flatMap(({ rollout }) => rollout.name?.rolloutId ?? []);
  const rows = ownedRows(here.home.sqliteHome, { threads: ids, rollouts: [...new Set([...ids, ...names])] }, "keep");
  const incoming = incomingRows(
    { here, there, folders },
    movedRows({ here, there, ids, files, rows, folders }),
    (one) => members.has(one),
  );
  return { here, there, id, copy, members, files, edits, rows, incoming };
}

/** At the same place below the other home. */
function filesOf(
  there: HomeSurvey,
  threadId: string,
  rollout: OwnedRollout,
  edits: ReadonlyMap<string, Edits>,
): readonly PlannedFile[] {
  const own = edits.get(rollout.logicalPath) ?? [];
  if (own.length > 0) requireOneForm(rollout);
  const folder = rollout.relativePath.split("/").slice(0, -1);
  return rollout.forms.map((path) => {
    const name = path.slice(path.lastIndexOf(sep) + 1);
    return { threadId, rollout, path, target: join(there.home.codexHome, ...folder, name), edits: own };
  });
}

interface RowMove {
  readonly here: HomeSurvey;
  readonly there: HomeSurvey;
  readonly ids: readonly string[];
  readonly files: readonly PlannedFile[];
  readonly rows: OwnedRows;
  readonly folders: FolderMap | undefined;
}

/** Rows of the old home as they are to be in the other one; of threads without one a row made of their rollouts. */
function movedRows({ here, there, ids, files, rows, folders }: RowMove): readonly FoundRows[] {
  const level = there.index.level;
  const threads = ids.flatMap((id): readonly SqlRow[] => {
    const row = here.rows.get(id) ?? (level === undefined ? undefined : freshRow(here, id, level));
    const selected = selectedRollout(here, id);
    const path = files.find((file) => file.path === selected?.forms[0])?.target;
    if (row === undefined || path === undefined) return [];
    const { cwd = null } = row;
    return [{ ...row, rollout_path: path, cwd: (typeof cwd === "string" ? folders?.(cwd) : undefined) ?? cwd }];
  });
  const others = rows.found.filter(({ table }) => table !== "threads").map((one) => withMovedOffsets(one, files));
  const database = join(here.home.sqliteHome, STATE_DB);
  return threads.length === 0 ? others : [...others, { database, table: "threads", keys: ["id"], rows: threads }];
}

/** Of rollouts with other folders in them, what clients are shown is found at other places. */
function withMovedOffsets(found: FoundRows, files: readonly PlannedFile[]): FoundRows {
  const { offsets = [] } = PROJECTED_TABLES.find(({ table }) => table === found.table) ?? {};
  if (offsets.length === 0) return found;
  const edits = new Map(files.map(({ rollout, edits: own }) => [rollout.name?.rolloutId, own] as const));
  const rows = found.rows.map((row) => {
    const own = edits.get(String(row["thread_id"])) ?? [];
    return withShift(row, offsets, (offset) => shiftAt(own, offset));
  });
  return { ...found, rows };
}

function carryOut(plan: Plan, asked: string, { journals }: Run): FamilyChange {
  const { here, there, id, members, files, incoming, copy } = plan;
  const own = nameLines(here.home.codexHome, new Set(members.keys())).own;
  const told = {
    asked,
    id,
    error: undefined,
    threads: [...members].map(([member, tie]): ThreadChange => threadOf(plan, member, tie)),
    rows: incoming.counts,
    names: own.length,
  };
  requireIdle(here.home, members.keys());
  requireIdle(there.home, members.keys());
  if (journals === undefined) {
    for (const file of files) requireFreeOrEqual(file);
    return { ...told, outcome: "planned" };
  }
  // Whoever went on with a thread between the two would have it in both homes, each in another state.
  return journals.here.holding([...members.keys()], () => {
    const { isNew, looks } = arrive(plan, journals.there);
    if (copy) return { ...told, outcome: isNew ? "done" : "already" };
    leave(plan, looks, journals.here);
    return { ...told, outcome: "done" };
  });
}

function threadOf({ here, files, incoming }: Plan, id: string, tie: ThreadChange["tie"]): ThreadChange {
  const own = files
    .filter(({ threadId }) => threadId === id)
    .map(({ path, target }): FileChange => ({ path, target, sizeBytes: lookAtPath(path)?.sizeBytes ?? 0 }));
  const changes = incoming.steps.flatMap((step) => (step.kind === "rows" ? step.changes : []));
  const comes = changes.some(({ table, key }) => table === "threads" && key["id"] === id);
  return { id, tie, files: own, row: comes ? (here.rows.has(id) ? "changed" : "made") : "none" };
}

/** Of a file with other folders in it only writing tells; that is not done for a dry run. */
function requireFreeOrEqual({ path, target, edits }: PlannedFile): void {
  if (lookAtPath(target) === undefined || edits.length > 0 || haveEqualBytes(path, target)) return;
  throw nameTaken(target);
}

function nameTaken(target: string): RolloutError {
  return new RolloutError("mismatch", "the other home has another file of this name", {
    path: target,
    hint: "delete the thread there first, if it is not wanted; nothing was changed",
  });
}

interface Arrival {
  /** Something was missing there. */
  readonly isNew: boolean;
  /** What the old files were when they were copied, by path. */
  readonly looks: ReadonlyMap<string, Look>;
}

/** Everything into the other home, in one unit. */
function arrive({ here, there, id, members, files, edits, incoming }: Plan, journal: Journal): Arrival {
  const staged: { readonly file: PlannedFile; readonly staged: Staged }[] = [];
  const looks = new Map<string, Look>();
  const steps: Step[] = [];
  try {
    for (const file of files) {
      const copied = stageCopy(journal, file.path, file.target, file.edits);
      looks.set(file.path, copied.look);
      if (lookAtPath(file.target) === undefined) staged.push({ file, staged: copied.staged });
      else {
        journal.discard(copied.staged);
        if (digestOf(file.target) !== copied.staged.sha256) throw nameTaken(file.target);
      }
    }
    const rewritten = staged.filter(({ file }) => file.edits.length > 0);
    requireSameThread(
      here,
      rewritten.map((one) => ({ rollout: one.file.rollout, temporary: one.staged.temporary })),
      edits,
    );
    const memberIds = new Set(members.keys());
    const names = nameLines(there.home.codexHome, memberIds);
    const lines = names.own.length > 0 ? [] : nameLines(here.home.codexHome, memberIds).own;
    steps.push(...staged.map((one): Step => ({ kind: "create", path: one.file.target, staged: one.staged })));
    steps.push(...withNames(journal, names, lines), ...incoming.steps);
  } catch (error) {
    journal.discard(...staged.map((one) => one.staged));
    throw error;
  }
  const threadIds = [...members.keys()];
  if (steps.length > 0) journal.commit({ title: titleOf("take in", id, threadIds.length), threadIds, steps });
  return { isNew: steps.length > 0, looks };
}

function digestOf(path: string): string {
  const { fd, look } = openSource(path);
  try {
    return sha256Of(chunksOf(fd, path, { end: look.sizeBytes }));
  } finally {
    closeSync(fd);
  }
}

/** Everything out of the old home, in one unit; the files are kept in the folder of the run. */
function leave({ here, id, members, files, rows }: Plan, looks: Arrival["looks"], journal: Journal): void {
  const { codexHome, sqliteHome } = here.home;
  const names = nameLines(codexHome, new Set(members.keys()));
  const removed = files.map(({ path }): Step => {
    const look = looks.get(path);
    assert(look !== undefined, "what goes was copied before");
    return { kind: "remove", path, look };
  });
  const steps = [
    ...withoutNames(journal, names),
    ...removed,
    ...removalSteps(rows.found, join(sqliteHome, STATE_DB)),
    ...rows.forgotten,
  ];
  const threadIds = [...members.keys()];
  journal.commit({ title: titleOf("give away", id, threadIds.length), threadIds, steps });
}
