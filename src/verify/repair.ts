/**
 * `verify --repair`: what loses nothing is mended, one unit of the journal for each place, and the home is verified again. What that
 * shows beyond the first report follows from the repairs themselves, as the row of a thread that can be read again: it is mended
 * in the next round.
 *
 *     report ─► plan ─► units ─► report ─► …
 */
import { RolloutError } from "../errors.ts";
import { Journal } from "../journal/journal.ts";
import type { Recovered, Unit } from "../journal/types.ts";
import type { Home } from "../readers/home.ts";
import { RepairContext } from "./repair-context.ts";
import { fileUnit } from "./repair-files.ts";
import { historyUnit } from "./repair-history.ts";
import { namesUnit } from "./repair-names.ts";
import { planRepair } from "./repair-plan.ts";
import { rolloutUnit } from "./repair-rollout.ts";
import { stateUnit } from "./repair-state.ts";
import { type PlannedRepair, type RepairPlace, type RepairPlan } from "./repairs.ts";
import type { VerifyReport } from "./verify.ts";

export interface RepairOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Go on although Codex has its databases open. */
  readonly force?: boolean | undefined;
}

/** `done`; `nothing`: there was nothing to do any more; all others: nothing was changed. */
export interface Repaired extends PlannedRepair {
  readonly outcome: "done" | "nothing" | "busy" | "changed" | "failed";
  readonly message?: string;
}

export interface RepairReport {
  readonly codexHome: string;
  /** Absolute path, by which `repair --undo` brings everything back; undefined when nothing was changed. */
  readonly manifest: string | undefined;
  /** Units that runs before were cut off in. */
  readonly recovered: readonly Recovered[];
  readonly repairs: readonly Repaired[];
  readonly refusals: RepairPlan["refusals"];
  /** As the home is now. */
  readonly after: VerifyReport;
}

type MakeUnit = (repair: PlannedRepair, context: RepairContext, journal: Journal) => Unit | undefined;

const UNITS: Readonly<Record<RepairPlace, MakeUnit>> = {
  rollout: rolloutUnit,
  pair: fileUnit,
  leftover: fileUnit,
  marker: fileUnit,
  names: namesUnit,
  state: stateUnit,
  history: historyUnit,
};

/** A pair, what hides behind it, and the rows of that. */
const MAX_ROUNDS = 4;

/**
 * `verify` gives a new report of the same scope. @throws RolloutError `busy` while another run is at work or Codex has its databases
 * open, `unwritable`, `unsupported`.
 */
export function repairHome(home: Home, verify: () => VerifyReport, options: RepairOptions): RepairReport {
  const journal = Journal.open(home, { ...options, command: "repair" });
  try {
    const repairs: Repaired[] = [];
    let after = verify();
    const differed = rowsThatDiffer(after);
    let refusals: RepairPlan["refusals"] = [];
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const mended = repairs.flatMap(({ outcome, threadId }) => (outcome === "done" ? (threadId ?? []) : []));
      const own = new Set(mended.filter((id) => !differed.has(id)));
      const context = new RepairContext(home, options.now, own);
      const plan = planRepair(after, context);
      ({ refusals } = plan);
      const done = applyRepair({ ...plan, repairs: plan.repairs.filter(isNew(repairs)) }, context, journal);
      repairs.push(...done);
      if (!done.some(({ outcome }) => outcome === "done")) break;
      after = verify();
    }
    const { manifest, recovered } = journal;
    return { codexHome: home.codexHome, manifest, recovered, repairs, refusals, after };
  } finally {
    journal.close();
  }
}

/** Their values may be a user's choice, and stay. */
function rowsThatDiffer({ findings }: VerifyReport): ReadonlySet<string> {
  return new Set(findings.flatMap(({ code, threadId }) => (code === "row-differs" ? (threadId ?? []) : [])));
}

/** What failed once is not tried again in the same run. */
function isNew(before: readonly Repaired[]): (repair: PlannedRepair) => boolean {
  const failed = new Set(before.filter(({ outcome }) => outcome !== "done").map(keyOf));
  return (repair) => !failed.has(keyOf(repair));
}

function keyOf({ place, path }: PlannedRepair): string {
  return `${place} ${path}`;
}

/** Carries a plan out. What fails is told, and does not keep the rest from being done. */
export function applyRepair(plan: RepairPlan, context: RepairContext, journal: Journal): readonly Repaired[] {
  return plan.repairs.map((repair): Repaired => {
    try {
      const unit = UNITS[repair.place](repair, context, journal);
      if (unit === undefined) return { ...repair, outcome: "nothing" };
      journal.commit(unit);
      return { ...repair, outcome: "done" };
    } catch (error) {
      if (!(error instanceof RolloutError) || error.code === "internal" || error.code === "disk-full") throw error;
      const outcome = error.code === "busy" ? "busy" : error.code === "mismatch" ? "changed" : "failed";
      return { ...repair, outcome, message: error.message };
    }
  });
}
