/** What `verify --repair` would do, or did, for people. Paths and messages are escaped. */
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import type { Repaired, RepairReport } from "../verify/repair.ts";
import type { PlannedRepair, Refusal, RepairPlan } from "../verify/repairs.ts";
import type { VerifyReport } from "../verify/verify.ts";
import { shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";
import type { VerifyLook } from "./verify-text.ts";

export function renderPlan(plan: RepairPlan, look: VerifyLook): string {
  const seen = { ...look, cwd: plan.codexHome };
  const parts = plan.repairs.map((repair) => repairText(repair, undefined, seen));
  const { length } = plan.repairs;
  const end = length === 0 ? "nothing can be mended\n" : `${places(length)} would be mended; nothing was changed\n`;
  return look.quiet ? "" : parts.join("") + refusalsText(plan.refusals, seen) + end;
}

export function renderRepair(report: RepairReport, look: VerifyLook): string {
  const seen = { ...look, cwd: report.codexHome };
  const shown = report.repairs.filter(({ outcome }) => !look.quiet || (outcome !== "done" && outcome !== "nothing"));
  const parts = shown.map((repair) => repairText(repair, repair, seen));
  const recovered = report.recovered.map(({ title, outcome, reason }) => {
    const why = reason === undefined ? "" : `: ${reason}`;
    return `${escapeText(`a run before was cut off in "${title}": ${outcome}${why}`)}\n`;
  });
  if (look.quiet) return parts.join("");
  return (
    recovered.join("") + parts.join("") + refusalsText(report.refusals, seen) + renderFields(fields(report), look.paint)
  );
}

function repairText(
  { path, codes, does, aside }: PlannedRepair,
  done: Pick<Repaired, "outcome" | "message"> | undefined,
  look: VerifyLook,
): string {
  const { paint } = look;
  const lines = [paint.bold(escapeText(shortPath(path, look))), `  ${codes.join(", ")}`];
  lines.push(...does.map((one) => `  ${paint.green("mend")}  ${escapeText(one)}`));
  if (aside !== undefined) {
    const where = escapeText(shortPath(aside.path, look));
    lines.push(`  ${paint.dim("aside")} ${count(aside.lines, "line")} (${formatBytes(aside.bytes)}) to ${where}`);
  }
  if (done !== undefined && done.outcome !== "done") {
    const why = done.message === undefined ? "" : `: ${done.message}`;
    lines.push(`  ${paint.red(WORDS[done.outcome])}${escapeText(why)}`);
  }
  return `${lines.join("\n")}\n`;
}

const WORDS: Readonly<Record<Exclude<Repaired["outcome"], "done">, string>> = {
  nothing: "nothing to do any more",
  busy: "left alone, somebody uses it",
  changed: "left alone",
  failed: "failed, and left as it was",
};

function refusalsText(refusals: readonly Refusal[], look: VerifyLook): string {
  return refusals
    .map(({ path, codes, reason }) => {
      const name = look.paint.bold(escapeText(shortPath(path, look)));
      return `${name}\n  ${codes.join(", ")}\n  ${look.paint.yellow("not mended")}  ${escapeText(reason)}\n`;
    })
    .join("");
}

function fields({ repairs, manifest, after }: RepairReport): readonly (readonly [string, string | undefined])[] {
  const done = repairs.filter(({ outcome }) => outcome === "done").length;
  return [
    ["mended", done === 0 ? "nothing" : places(done)],
    ["left", leftText(after)],
    ["undo", manifest === undefined ? undefined : `rollout-tool repair --undo ${manifest}`],
  ];
}

function leftText({ counts }: VerifyReport): string {
  return (["error", "warning", "note"] as const).map((severity) => count(counts[severity], severity)).join(", ");
}

function places(number: number): string {
  return count(number, "place");
}

function count(number: number, what: string): string {
  return `${formatCount(number)} ${what}${number === 1 ? "" : "s"}`;
}
