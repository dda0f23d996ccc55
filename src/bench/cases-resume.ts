/**
 * `bench resume`: what it takes to have the state of a thread again. This tool's engine, from the end and from the beginning,
 * inside a process and as a whole one; beside it any number of real Codex binaries; each on plain files and on archives.
 *
 * Labels: `resume`, input, form, subject, way. The ways of this tool are `fast` and `full` (one call, inside a process that
 * has made it before) and `process` (`rollout-tool history --json` from its start to its end). Those of a Codex, from the
 * writing of `thread/resume` to its answer, are `cold` (a new process that has answered its handshake), `warm` (one
 * that has resumed the thread before and unloaded it) and `turns` (warm, and the answer holds all turns); the others leave
 * them out.
 */
import { openThread } from "../analysis/open-thread.ts";
import { openHome } from "../readers/home.ts";
import { type CaseContext, TOOL } from "./case-context.ts";
import type { BenchInput } from "./case-home.ts";
import { codexCases } from "./codex-contender.ts";
import { type Group, groupsOf } from "./groups.ts";
import { spawnNode, timeCalls } from "./measure.ts";
import { CODEX, pairsOf } from "./pairs.ts";
import type { BenchCase, BenchSample } from "./results.ts";
import type { SuitePlan } from "./suite.ts";

export function resumePlan(inputs: readonly BenchInput[], context: CaseContext): SuitePlan {
  const groups = groupsOf(inputs, context.scratch);
  const notes = new Set<string>();
  const cases = groups.flatMap((group) => [
    ...ownCases(group, context),
    ...codexCases({ ...CODEX_RESUMES, notes }, group, context),
  ]);
  const pairs = pairsOf(cases, [
    { case: [TOOL, "full"], against: [TOOL, "fast"] },
    { case: [CODEX, "cold"], against: [TOOL, "fast"] },
    { case: [CODEX, "warm"], against: [TOOL, "fast"] },
    { case: [CODEX, "cold"], against: [CODEX, "cold"] },
    { case: [CODEX, "warm"], against: [CODEX, "warm"] },
    { case: [CODEX, "turns"], against: [CODEX, "turns"] },
  ]);
  return { benchmark: "resume", cases, pairs, notes: () => [...notes] };
}

const CODEX_RESUMES = {
  benchmark: "resume",
  method: "thread/resume",
  ways: [
    { name: "cold", isCold: true, params: { excludeTurns: true } },
    { name: "warm", isCold: false, params: { excludeTurns: true } },
    { name: "turns", isCold: false, params: { excludeTurns: false } },
  ],
  unloads: true,
} as const;

function ownCases({ input, form, pristine }: Group, { node, program }: CaseContext): readonly BenchCase[] {
  const labels = (way: string): readonly string[] => ["resume", input.name, form, TOOL, way];
  const home = openHome({ codexHome: pristine });
  const call = (fullReplay: boolean) => async (): Promise<BenchSample> => {
    let readBytes = 0;
    const wallMs = await timeCalls(() => {
      readBytes = openThread(home, input.threadId).history({ fullReplay }).reading.bytesRead;
    });
    return { wallMs, readBytes };
  };
  const args = [program, "history", input.threadId, "--codex-home", pristine, "--json"];
  return [
    { labels: labels("fast"), run: call(false) },
    { labels: labels("full"), run: call(true) },
    { labels: labels("process"), run: () => spawnNode(node, args) },
  ];
}
