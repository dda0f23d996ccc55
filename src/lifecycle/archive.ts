/**
 * `archive` and `unarchive`: a thread and the agents below it between the two folders of a home, files and rows at once, as Codex
 * does it (state-and-compression §5.7). Files keep their form and their bytes.
 */
import { utimesSync } from "node:fs";
import { basename, join } from "node:path";
import { lookAtPath } from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import { STATE_DB } from "../indexer/database-files.ts";
import { fileError } from "../io/files.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { Journal } from "../journal/journal.ts";
import type { RowChange, Step } from "../journal/types.ts";
import type { Home } from "../readers/home.ts";
import { compressedPath, plainPath } from "../format/names.ts";
import { freshRow } from "./fresh-row.ts";
import { withAgents, type Members } from "./family.ts";
import { haveEqualBytes } from "./same-bytes.ts";
import { eachFamily, findEach, idOf, requireIdle, titleOf, withJournal } from "./run.ts";
import { type HomeSurvey, type OwnedRollout, selectedRollout, surveyHome } from "./survey.ts";
import { updatedColumns, updateTimes } from "./times.ts";
import type { FamilyChange, FileChange, LifecycleOptions, LifecycleReport, ThreadChange } from "./types.ts";

type Direction = "archive" | "unarchive";

/** @throws RolloutError as `findThread`, `surveyHome` and `Journal.commit`; for one of several threads it is told in the report. */
export function archiveThreads(home: Home, texts: readonly string[], options: LifecycleOptions): LifecycleReport {
  return relocate(home, "archive", texts, options);
}

/** As `archiveThreads`, the other way. */
export function unarchiveThreads(home: Home, texts: readonly string[], options: LifecycleOptions): LifecycleReport {
  return relocate(home, "unarchive", texts, options);
}

function relocate(
  home: Home,
  direction: Direction,
  texts: readonly string[],
  options: LifecycleOptions,
): LifecycleReport {
  const { value, manifest, recovered } = withJournal(home, direction, options, (journal) => {
    let survey = surveyHome(home);
    const updated = updateTimes(survey.rows.values());
    const moved = new Set<string>();
    const named = findEach(texts, (text) => idOf(survey, text, options));
    return eachFamily(named, (asked, id) => {
      // What was found of a family holds until one of its threads has been moved with another one.
      if ([...withAgents(survey, id).keys()].some((member) => moved.has(member))) {
        survey = surveyHome(home);
        moved.clear();
      }
      const plan = planFor({ survey, direction, nowMs: options.now(), updated, targets: new Set() }, id);
      const family = carryOut(survey, plan, asked, journal);
      for (const member of plan.members.keys()) moved.add(member);
      return family;
    });
  });
  return { action: direction, dryRun: options.dryRun === true, families: value, manifest, recovered, notes: [] };
}

interface Plan {
  readonly direction: Direction;
  readonly id: string;
  readonly members: Members;
  readonly threads: readonly ThreadChange[];
  readonly steps: readonly Step[];
  /** Files that are touched when they become active, with their new time in milliseconds. */
  readonly touched: readonly { readonly path: string; readonly timeMs: number }[];
}

function carryOut(survey: HomeSurvey, plan: Plan, asked: string, journal: Journal | undefined): FamilyChange {
  const { id, members, threads, steps, direction } = plan;
  const told = { asked, id, error: undefined, threads, rows: {}, names: 0 };
  if (steps.length === 0) return { ...told, outcome: "already" };
  requireIdle(survey.home, members.keys());
  if (journal === undefined) return { ...told, outcome: "planned" };
  const restore = touch(plan.touched);
  try {
    const threadIds = [...members.keys()];
    journal.commit({ title: titleOf(direction, id, threadIds.length), threadIds, steps: withLooks(steps) });
  } catch (error) {
    restore();
    throw error;
  }
  return { ...told, outcome: "done" };
}

/**
 * Codex touches a file that becomes active again. That is done before the journal begins: a file in the archive with a newer time
 * does no harm, and the next run does the rest.
 */
function touch(files: Plan["touched"]): () => void {
  const before = files.map(({ path }) => ({ path, look: lookAtPath(path) }));
  for (const { path, timeMs } of files) setTime(path, timeMs + 0.0005);
  return () => {
    for (const { path, look } of before) if (look !== undefined) setTime(path, Number(look.mtimeNs) / 1e6);
  };
}

function setTime(path: string, timeMs: number): void {
  try {
    utimesSync(path, timeMs / 1000, timeMs / 1000);
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** What they were when they were looked at, their new times included. */
function withLooks(steps: readonly Step[]): readonly Step[] {
  return steps.map((step) =>
    step.kind === "move" || step.kind === "remove" ? { ...step, look: lookOf(step.path) } : step,
  );
}

function lookOf(path: string) {
  const look = lookAtPath(path);
  if (look?.isFile === true) return look;
  throw new RolloutError("mismatch", "the file has gone since the plan was made", { path, hint: "run again" });
}

function planFor(context: Context, id: string): Plan {
  const { survey, direction } = context;
  if ((survey.owned.get(id) ?? []).length === 0) {
    throw new RolloutError("not-found", `the thread ${id} has a row in the index, but no rollout in this home`, {
      hint: `rollout-tool delete ${id} takes the row away, reindex --prune all such rows`,
    });
  }
  const members = withAgents(survey, id);
  const threads = [...members].map(([member, tie]) => ({ tie, ...planThread(context, member) }));
  const changes = threads.flatMap((thread) => thread.change ?? []);
  const database = join(survey.home.sqliteHome, STATE_DB);
  const rows: readonly Step[] = changes.length === 0 ? [] : [{ kind: "rows", database, changes }];
  return {
    direction,
    id,
    members,
    threads: threads.map(({ id: threadId, tie, files, row }) => ({ id: threadId, tie, files, row })),
    steps: [...threads.flatMap(({ steps }) => steps), ...rows],
    touched: threads.flatMap(({ touched }) => touched ?? []),
  };
}

interface Context {
  readonly survey: HomeSurvey;
  readonly direction: Direction;
  readonly nowMs: number;
  readonly updated: (timeMs: number) => number;
  /** Paths that files get by this plan. */
  readonly targets: Set<string>;
}

interface PlannedThread {
  readonly id: string;
  readonly files: readonly FileChange[];
  readonly steps: readonly Step[];
  readonly touched: Plan["touched"][number] | undefined;
  readonly row: ThreadChange["row"];
  readonly change: RowChange | undefined;
}

function planThread(context: Context, id: string): PlannedThread {
  const { survey, direction } = context;
  const selected = selectedRollout(survey, id);
  const moving = (survey.owned.get(id) ?? []).filter(({ archived }) => archived !== (direction === "archive"));
  const moves = moving.flatMap((rollout) =>
    rollout.forms.map((path) => ({ path, target: targetOf(context, rollout, path) })),
  );
  const moved = selected === undefined ? undefined : moves.find(({ path }) => path === selected.forms[0]);
  const timeMs = moved === undefined || selected === undefined ? undefined : newTime(context, selected);
  const path = moved?.target ?? selected?.forms[0];
  return {
    id,
    files: moves.map((move) => ({ ...move, sizeBytes: lookOf(move.path).sizeBytes })),
    steps: moves.map((move) => moveStep(move)),
    touched:
      direction === "unarchive" && moved !== undefined && timeMs !== undefined
        ? { path: moved.path, timeMs }
        : undefined,
    ...rowFor(context, id, path === undefined ? undefined : { path, timeMs }),
  };
}

function newTime({ direction, nowMs, updated }: Context, { mtimeMs }: OwnedRollout): number {
  return updated(direction === "archive" ? mtimeMs : nowMs);
}

/** Flat in the archive, by the day in its name among the active ones. @throws RolloutError when something has that name. */
function targetOf({ survey, direction, targets }: Context, { name, logicalPath }: OwnedRollout, path: string): string {
  const { codexHome } = survey.home;
  const target = join(codexHome, ...folderFor(direction, name?.stamp, logicalPath), basename(path));
  if (targets.has(target)) throw nameTaken(path, target);
  targets.add(target);
  const forms = [plainPath(target), compressedPath(target)].filter((form) => lookAtPath(form) !== undefined);
  // The same file in both places, as a copy by hand leaves it: one of them is enough.
  if (forms.length > 0 && (forms.some((form) => form !== target) || !haveEqualBytes(path, target))) {
    throw nameTaken(path, forms[0] ?? target);
  }
  return target;
}

function folderFor(direction: Direction, stamp: string | undefined, path: string): readonly string[] {
  if (direction === "archive") return ["archived_sessions"];
  if (stamp !== undefined) return ["sessions", stamp.slice(0, 4), stamp.slice(5, 7), stamp.slice(8, 10)];
  throw new RolloutError("unsupported", "the name of the file does not tell the day that it belongs to", {
    path,
    hint: "give it a name such as rollout-2026-11-21T00-58-05-<thread id>.jsonl",
  });
}

function nameTaken(path: string, target: string): RolloutError {
  return new RolloutError("mismatch", `another file has the name that this one would get: ${target}`, {
    path,
    hint: "see with rollout-tool verify which of the two counts, and take the other away; nothing was changed",
  });
}

function moveStep({ path, target }: { readonly path: string; readonly target: string }): Step {
  const look = lookOf(path);
  // The other one has the same bytes.
  return lookAtPath(target) === undefined ? { kind: "move", path, target, look } : { kind: "remove", path, look };
}

/** `place`: where the file lies that counts, and the time of change if it has got there just now. */
function rowFor(
  context: Context,
  id: string,
  place: { readonly path: string; readonly timeMs: number | undefined } | undefined,
): Pick<PlannedThread, "row" | "change"> {
  const { survey } = context;
  const { state, level } = survey.index;
  if (place === undefined || state !== "sound" || level === undefined) return { row: "none", change: undefined };
  const stored = survey.rows.get(id);
  const row = stored ?? freshRow(survey, id, level);
  if (row === undefined) return { row: "none", change: undefined };
  const named = row["rollout_path"];
  // Of a file that stays where it is, a row may name either form.
  const isNamed = place.timeMs === undefined && typeof named === "string" && plainPath(named) === plainPath(place.path);
  const wanted: SqlRow = { ...flags(context, row, place.timeMs), rollout_path: isNamed ? named : place.path };
  if (stored === undefined) {
    return { row: "made", change: { table: "threads", key: { id }, before: null, after: { ...row, ...wanted } } };
  }
  const names = Object.keys(wanted).filter((name) => wanted[name] !== stored[name]);
  if (names.length === 0) return { row: "right", change: undefined };
  const only = (from: SqlRow): SqlRow => Object.fromEntries(names.map((name) => [name, from[name] ?? null]));
  const key = { id: stored["id"] ?? id };
  return { row: "changed", change: { table: "threads", key, before: only(stored), after: only(wanted) } };
}

function flags({ direction, nowMs }: Context, row: SqlRow, timeMs: number | undefined): SqlRow {
  const times = timeMs === undefined ? {} : updatedColumns(row, timeMs);
  if (direction === "unarchive") return { archived: 0, archived_at: null, ...times };
  const nowSeconds = Math.floor(nowMs / 1000);
  // Of one that lies in the archive already, only what is wrong is put right.
  const since = timeMs === undefined ? (row["archived_at"] ?? nowSeconds) : nowSeconds;
  return { archived: 1, archived_at: since, ...times };
}
