/** The row of a thread that the index does not have, made of its rollouts by the rules of `reindex`. */
import { assemble, baseName } from "../indexer/assemble.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import { rulesFor } from "../indexer/rules.ts";
import { scanRollouts } from "../indexer/scan.ts";
import { threadColumns } from "../indexer/schema.ts";
import { pathExists, resolveFolder } from "../io/paths.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { type HomeSurvey, type OwnedRollout, selectedRollout } from "./survey.ts";

/** With the columns of that level. Undefined when its files give no row. */
export function freshRow(survey: HomeSurvey, id: string, level: number): SqlRow | undefined {
  const selected = selectedRollout(survey, id);
  if (selected === undefined) return undefined;
  const rules = rulesFor("best", Math.min(level, KNOWN_LEVEL));
  const files = chainOf(survey, selected).map(({ file }) => file);
  const { candidates } = scanRollouts(files, { rules, thorough: false, jobs: 1 });
  const { rows } = assemble({
    candidates,
    rules,
    context: { defaultProvider: survey.home.defaultProvider, resolveFolder, exists: pathExists },
    names: readSessionNames(survey.home.codexHome).byId,
    selected: new Map([[id, baseName(selected.logicalPath)]]),
  });
  const row: SqlRow | undefined = rows.find((one) => one.id === id);
  if (row === undefined) return undefined;
  return Object.fromEntries(threadColumns(level).map((column) => [column, row[column] ?? null]));
}

/** The file and those that it continues, from which its first words come. A chain that goes in a circle has an end too. */
function chainOf(survey: HomeSurvey, first: OwnedRollout): readonly OwnedRollout[] {
  const all = [...survey.owned.values()].flat();
  const chain = new Set<OwnedRollout>();
  for (let next: OwnedRollout | undefined = first; next !== undefined && !chain.has(next);) {
    chain.add(next);
    const base: string | undefined = next.facts?.baseRolloutId;
    next = base === undefined ? undefined : all.find(({ name }) => name?.rolloutId === base);
  }
  return [...chain];
}
