/**
 * That a rollout with other working folders in it is still the same thread: the model is shown the same, windows are the same, and
 * so is every turn but for the folder.
 */
import { basename } from "node:path";
import { RolloutError } from "../errors.ts";
import type { RecordOf } from "../format/record.ts";
import { type Proof, proofOf } from "../proof/proof.ts";
import { type LineageChain, lineageChain, readLineage } from "../readers/lineage.ts";
import { type Edits, shiftAt } from "./edits.ts";
import type { HomeSurvey, OwnedRollout } from "./survey.ts";

export interface Rewritten {
  readonly rollout: OwnedRollout;
  /** Path of the new file, under its passing name. */
  readonly temporary: string;
}

/** @throws RolloutError `mismatch` when something else than folders would differ. A chain that Codex cannot follow is not judged. */
export function requireSameThread(
  survey: HomeSurvey,
  rewritten: readonly Rewritten[],
  edits: ReadonlyMap<string, Edits>,
): void {
  const temporaries = new Map(rewritten.map(({ rollout, temporary }) => [rollout.logicalPath, temporary]));
  for (const { rollout } of rewritten) {
    const chain = chainOf(survey, rollout);
    if (chain === undefined) continue;
    const before = prove(survey, chain);
    const after = prove(survey, withTemporaries(chain, temporaries, edits));
    if (isSame(before, after)) continue;
    throw new RolloutError("mismatch", `with other folders ${basename(rollout.logicalPath)} would be another thread`, {
      path: rollout.logicalPath,
      hint: "please report this; nothing was changed",
    });
  }
}

function chainOf({ home, discovered }: HomeSurvey, { forms, facts }: OwnedRollout): LineageChain | undefined {
  try {
    return lineageChain(home, forms[0] ?? "", { files: discovered, threadId: facts?.threadId });
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return undefined;
  }
}

function withTemporaries(
  chain: LineageChain,
  temporaries: ReadonlyMap<string, string>,
  edits: ReadonlyMap<string, Edits>,
): LineageChain {
  const segments = chain.segments.map((segment) => {
    const own = edits.get(segment.logicalPath) ?? [];
    const moved = (offset: number): number => offset + shiftAt(own, offset);
    return {
      ...segment,
      path: temporaries.get(segment.logicalPath) ?? segment.path,
      from: { ...segment.from, offset: moved(segment.from.offset) },
      endOffset: segment.endOffset === undefined ? undefined : moved(segment.endOffset),
    };
  });
  return { ...chain, segments };
}

function prove({ home }: HomeSurvey, chain: LineageChain): Proof {
  const sources = chain.segments
    .slice(0, -1)
    .flatMap(({ meta }): readonly RecordOf<"session_meta">[] => (meta === undefined ? [] : [meta]));
  return proofOf((kinds) => readLineage(home, chain, kinds === undefined ? {} : { kinds }), { sources });
}

/** Settings and the turn context that the model was told hold the folder itself. */
function isSame(before: Proof, after: Proof): boolean {
  const compared = ({ history, windows, turns, next }: Proof): unknown => [
    history,
    windows,
    turns,
    next.worldState,
    next.windowNumber,
  ];
  return JSON.stringify(compared(before)) === JSON.stringify(compared(after));
}
