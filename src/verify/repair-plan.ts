/**
 * From findings to a plan: what is mended in which place, what goes to side files, and what cannot be mended here and why. Reads, and
 * changes nothing.
 */
import { basename } from "node:path";
import { RolloutError } from "../errors.ts";
import { lookAtPath } from "../compressor/files.ts";
import { requireOwnDatabase, STATE_DB } from "../indexer/database-files.ts";
import { plainPath } from "../format/names.ts";
import type { Finding } from "./findings.ts";
import { HISTORY_DB, type RepairContext } from "./repair-context.ts";
import { stepsFor } from "./repair-files.ts";
import { planNames } from "./repair-names.ts";
import { type Planned, planRollout } from "./repair-rollout.ts";
import {
  isRepairable,
  type PlannedRepair,
  type RepairableCode,
  type RepairPlace,
  type RepairPlan,
  REPAIRS,
} from "./repairs.ts";
import type { VerifyReport } from "./verify.ts";
import { join } from "node:path";

/** Findings of one place, which are mended together. */
interface Group {
  readonly place: RepairPlace;
  readonly path: string;
  readonly threadId: string | undefined;
  readonly codes: RepairableCode[];
  readonly inStep: string[];
}

/** Files first, then what lists them; what was projected of a file that gets other numbers is forgotten before. */
const ORDER: readonly RepairPlace[] = ["leftover", "pair", "history", "rollout", "names", "marker", "state"];

/** Of a report that was made for this home just now. Files that cannot be read are told among the refusals. */
export function planRepair(report: VerifyReport, context: RepairContext): RepairPlan {
  const groups = groupsOf(report.findings, context);
  // Which of two forms stays decides what there is to mend.
  const pairs = new Set(groups.filter(({ place }) => place === "pair").map(({ path }) => plainPath(path)));
  const now = groups.filter(({ place, path }) => place !== "rollout" || !pairs.has(plainPath(path)));
  const planned = now.map((group) => planOne(group, context));
  return {
    codexHome: context.home.codexHome,
    repairs: withForgetting(
      planned.flatMap(({ repairs }) => repairs),
      context,
    ),
    refusals: planned.flatMap(({ refusals }) => refusals),
  };
}

/** The thread history forgets what rollouts need that are to be written anew. */
function withForgetting(repairs: readonly PlannedRepair[], { home }: RepairContext): readonly PlannedRepair[] {
  const inStep = repairs.flatMap((repair) => (repair.place === "rollout" ? repair.inStep : []));
  if (inStep.length === 0) return repairs;
  const path = join(home.sqliteHome, HISTORY_DB);
  const does = ["forget what was projected of rollouts that get ordinals"];
  const own = repairs.find((repair) => repair.place === "history" && repair.path === path);
  const base = own ?? {
    place: "history",
    path,
    threadId: undefined,
    codes: [],
    inStep: [],
    does: [],
    aside: undefined,
  };
  const others = repairs.filter((repair) => repair !== own);
  return [{ ...base, inStep, does: [...base.does, ...does] }, ...others].toSorted(
    (a, b) => ORDER.indexOf(a.place) - ORDER.indexOf(b.place),
  );
}

function groupsOf(findings: readonly Finding[], context: RepairContext): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { code, path, threadId } of findings) {
    const follows = code === "row-differs" && threadId !== undefined && context.mended.has(threadId);
    if (path === undefined || (!follows && !isRepairable(code))) continue;
    const at = follows ? stateOf(context) : placeOf(code as RepairableCode, path, context);
    const key = `${at.place} ${at.path}`;
    const own = at.place === "rollout" ? threadId : undefined;
    const group = groups.get(key) ?? { ...at, threadId: own, codes: [], inStep: [] };
    if (follows) group.inStep.push(threadId);
    else if (isRepairable(code) && !group.codes.includes(code)) group.codes.push(code);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => ORDER.indexOf(a.place) - ORDER.indexOf(b.place));
}

/** Rows are told with the rollout that they are of; they lie in their database. */
function placeOf(code: RepairableCode, path: string, { home }: RepairContext): Pick<Group, "place" | "path"> {
  const { place } = REPAIRS[code];
  const history = join(home.sqliteHome, HISTORY_DB);
  if (code === "database-damaged" && basename(path) !== STATE_DB) return { place: "history", path };
  if (place === "state") return stateOf({ home });
  return { place, path: place === "history" ? history : path };
}

function stateOf({ home }: Pick<RepairContext, "home">): Pick<Group, "place" | "path"> {
  return { place: "state", path: join(home.sqliteHome, STATE_DB) };
}

function planOne(group: Group, context: RepairContext): Planned {
  const { path, codes } = group;
  try {
    const look = lookAtPath(path);
    if (look?.isFile === false) return refused(path, codes, "it is a link or a folder, which is not followed");
    if (group.place === "state") requireOwnDatabase(context.home.sqliteHome);
    return planIn(group, context);
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return refused(path, codes, error.message);
  }
}

function planIn({ place, path, threadId, codes, inStep }: Group, context: RepairContext): Planned {
  if (place === "rollout") return planRollout(path, codes, context);
  const follows = inStep.length === 0 ? [] : ["bring rows in step with rollouts that were mended"];
  const does = [...new Set([...codes.map((code): string => REPAIRS[code].does), ...follows])];
  const repair: PlannedRepair = { place, path, threadId, codes, inStep, does, aside: undefined };
  if (place === "names") return { repairs: [{ ...repair, aside: planNames(path) }], refusals: [] };
  if (place === "history" && codes.includes("database-damaged")) return planDamaged(repair);
  if (place === "history" || place === "state") return { repairs: [repair], refusals: [] };
  const steps = stepsFor(repair, context);
  if (typeof steps === "string") return refused(path, codes, steps);
  return { repairs: steps === undefined ? [] : [repair], refusals: [] };
}

/** A thread history is made anew by Codex; the other databases hold what nothing else does. */
function planDamaged(repair: PlannedRepair): Planned {
  const { path, codes } = repair;
  if (basename(path) === HISTORY_DB) {
    return { repairs: [{ ...repair, does: ["move it away; Codex makes a new one thread by thread"] }], refusals: [] };
  }
  const reason = "what it holds is nowhere else; `reindex --all-databases` moves it aside";
  return refused(path, codes, reason);
}

function refused(path: string, codes: readonly RepairableCode[], reason: string): Planned {
  return { repairs: [], refusals: [{ path, codes, reason }] };
}
