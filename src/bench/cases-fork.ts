/**
 * `bench fork`: what a new thread from an old one takes, copied or continued where it lies.
 *
 * Labels: `fork`, input, form, subject, way. The ways of this tool are `copy` and `reference` (one call, inside a process that
 * has made it before, its proof and what it syncs to the disk included); those of a Codex, from the writing of `thread/fork` to
 * its answer without turns, `cold` (a new process) and `warm` (one that has done it before). Which kind of fork a Codex
 * makes follows from the history mode: legacy threads are copied, paginated ones continued (rollout-format §7.1).
 */
import { join } from "node:path";

import { forkThread } from "../fork/fork.ts";
import type { ForkKind } from "../fork/types.ts";
import { openHome } from "../readers/home.ts";
import { type CaseContext, TOOL } from "./case-context.ts";
import { type BenchInput, CaseHome } from "./case-home.ts";
import { codexCases } from "./codex-contender.ts";
import { type Group, groupsOf } from "./groups.ts";
import { CODEX, pairsOf } from "./pairs.ts";
import type { BenchCase } from "./results.ts";
import type { SuitePlan } from "./suite.ts";

export function forkPlan(inputs: readonly BenchInput[], context: CaseContext): SuitePlan {
  const groups = groupsOf(inputs, context.scratch);
  const notes = new Set<string>();
  const cases = groups.flatMap((group) => [
    ...ownCases(group),
    ...codexCases({ ...CODEX_FORKS, notes }, group, context),
  ]);
  const pairs = pairsOf(cases, [
    { case: [TOOL, "copy"], against: [TOOL, "reference"] },
    ...["copy", "reference"].flatMap((kind) => [
      { case: [CODEX, "cold"] as const, against: [TOOL, kind] as const },
      { case: [CODEX, "warm"] as const, against: [TOOL, kind] as const },
    ]),
    { case: [CODEX, "cold"], against: [CODEX, "cold"] },
    { case: [CODEX, "warm"], against: [CODEX, "warm"] },
  ]);
  return { benchmark: "fork", cases, pairs, notes: () => [...notes] };
}

const CODEX_FORKS = {
  benchmark: "fork",
  method: "thread/fork",
  ways: [
    { name: "cold", isCold: true, params: { excludeTurns: true } },
    { name: "warm", isCold: false, plainOnly: true, params: { excludeTurns: true } },
  ],
  unloads: false,
} as const;

function ownCases(group: Group): readonly BenchCase[] {
  const { input, form } = group;
  // What an archive holds cannot be continued: somebody may rewrite it.
  const kinds: readonly ForkKind[] =
    input.historyMode === "paginated" && form === "plain" ? ["copy", "reference"] : ["copy"];
  return kinds.map((kind) => ownCase(group, kind));
}

function ownCase({ input, form, pristine, folder }: Group, kind: ForkKind): BenchCase {
  let home: CaseHome | undefined;
  return {
    labels: ["fork", input.name, form, TOOL, kind],
    prepare() {
      home ??= new CaseHome(join(folder, `own-${kind}`), pristine);
      home.restore();
    },
    run() {
      const codexHome = openHome({ codexHome: join(folder, `own-${kind}`) });
      const started = performance.now();
      const { bytesWritten } = forkThread(codexHome, input.threadId, { kind });
      return { wallMs: performance.now() - started, writtenBytes: bytesWritten };
    },
    release: () => home?.remove(),
  };
}
