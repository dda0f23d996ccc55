/** Working folders replaced in the rollouts of a home: files that continue each other change together. */
import { assert, RolloutError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Step } from "../journal/types.ts";
import type { FolderMap } from "./cwd-map.ts";
import { type Edits, editsOf, shiftAt } from "./edits.ts";
import { closureOf } from "./family.ts";
import { requireSameThread } from "./mapping-proof.ts";
import { shiftedProjection } from "./rows.ts";
import type { HomeSurvey, OwnedRollout } from "./survey.ts";
import { stageCopy } from "./write-rollout.ts";

export interface MappedRollouts {
  readonly rollouts: number;
}

/** How many rollouts name a folder that has moved. */
export function plannedMapping(survey: HomeSurvey, map: FolderMap): MappedRollouts {
  return { rollouts: editsOf(readable(survey), map).size };
}

/** So much is changed in one unit: looking who has files open takes longer than changing a few small ones. */
const BATCH = { rollouts: 64, bytes: 128 * 1024 * 1024 } as const;

/** @throws RolloutError as `Journal.commit`; what was done before is done. */
export function mapFolders(journal: Journal, survey: HomeSurvey, map: FolderMap): MappedRollouts {
  const edits = editsOf(readable(survey), map);
  const done = new Set<string>();
  let [ids, rollouts, bytes]: [string[], OwnedRollout[], number] = [[], [], 0];
  const flush = (): void => {
    if (rollouts.length > 0) mapBatch(journal, survey, { ids, rollouts, edits });
    [ids, rollouts, bytes] = [[], [], 0];
  };
  for (const id of survey.owned.keys()) {
    if (done.has(id)) continue;
    const family = chainOf(survey, id);
    for (const one of family) done.add(one);
    const changed = family
      .flatMap((one) => survey.owned.get(one) ?? [])
      .filter(({ logicalPath }) => edits.has(logicalPath));
    if (changed.length === 0) continue;
    ids.push(...family);
    rollouts.push(...changed);
    bytes += changed.reduce((sum, { file }) => sum + file.sizeBytes, 0);
    if (rollouts.length >= BATCH.rollouts || bytes >= BATCH.bytes) flush();
  }
  flush();
  return { rollouts: edits.size };
}

function readable({ owned }: HomeSurvey): readonly OwnedRollout[] {
  return [...owned.values()].flat().filter(({ facts }) => facts !== undefined);
}

/** Threads whose files continue each other. */
function chainOf(survey: HomeSurvey, id: string): readonly string[] {
  return [...closureOf({ ...survey, agents: new Map() }, [id], { copy: false }).keys()];
}

/** Whole families: files that continue each other. */
interface Batch {
  readonly ids: readonly string[];
  readonly rollouts: readonly OwnedRollout[];
  readonly edits: ReadonlyMap<string, Edits>;
}

function mapBatch(journal: Journal, survey: HomeSurvey, batch: Batch): void {
  const { ids, rollouts, edits } = batch;
  const staged = rollouts.map((rollout) => {
    requireOneForm(rollout);
    const [path] = rollout.forms;
    assert(path !== undefined, "a rollout has a form");
    const copied = stageCopy(journal, path, path, edits.get(rollout.logicalPath) ?? []);
    return { path, rollout, ...copied };
  });
  try {
    requireSameThread(
      survey,
      staged.map(({ rollout, staged: { temporary } }) => ({ rollout, temporary })),
      edits,
    );
  } catch (error) {
    journal.discard(...staged.map((one) => one.staged));
    throw error;
  }
  const [first = "", ...others] = ids;
  journal.commit({
    title: others.length === 0 ? `map folders of ${first}` : `map folders of ${first} and ${others.length} more`,
    threadIds: ids,
    steps: [
      ...staged.map((one): Step => ({ kind: "replace", path: one.path, look: one.look, staged: one.staged })),
      ...projectionSteps(survey, batch),
    ],
  });
}

/** Offsets in it count bytes that have moved (§3.7). */
function projectionSteps({ home }: HomeSurvey, { rollouts, edits }: Batch): readonly Step[] {
  const moved = rollouts.flatMap(({ name, logicalPath }) => {
    const own = edits.get(logicalPath) ?? [];
    return name === undefined ? [] : [{ id: name.rolloutId, shift: (offset: number) => shiftAt(own, offset) }];
  });
  return shiftedProjection(home.sqliteHome, moved);
}

/** Of a pair both would have to change, and the one that does not count may hold anything. */
export function requireOneForm({ forms, logicalPath }: OwnedRollout): void {
  if (forms.length < 2) return;
  throw new RolloutError("mismatch", "the rollout is there in both forms, of which only one counts", {
    path: logicalPath,
    hint: "run `rollout-tool decompress --all --resolve-pairs` first",
  });
}
