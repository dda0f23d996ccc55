/** The row of a thread of this home that the index does not have. */
import { freshRow as rowOf } from "../indexer/fresh-row.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { type HomeSurvey, type OwnedRollout, selectedRollout } from "./survey.ts";

/** With the columns of that level. Undefined when its files give no row. */
export function freshRow(survey: HomeSurvey, id: string, level: number): SqlRow | undefined {
  const selected = selectedRollout(survey, id);
  if (selected === undefined) return undefined;
  const [, ...continued] = chainOf(survey, selected).map(({ file }) => file);
  return rowOf(survey.home, { id, selected: selected.file, continued, level, names: survey.names });
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
