/** The row of one thread that the index does not have, made of its rollouts by the rules of a reindex. */
import { pathExists, resolveFolder } from "../io/paths.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { Home, RolloutFile } from "../readers/home.ts";
import { assemble, baseName } from "./assemble.ts";
import { KNOWN_LEVEL } from "./levels.ts";
import { rulesFor } from "./rules.ts";
import { scanRollouts } from "./scan.ts";
import { threadColumns } from "./schema.ts";

export interface FreshRowInput {
  readonly id: string;
  /** The rollout that the thread is opened by. */
  readonly selected: RolloutFile;
  /** Those that it continues, from which its first words come. */
  readonly continued: readonly RolloutFile[];
  /** Of the database that gets the row. */
  readonly level: number;
  /** What threads are called, by their ids (`readSessionNames`). */
  readonly names: ReadonlyMap<string, string>;
}

/** With the columns of that level. Undefined when the files give no row. */
export function freshRow(home: Home, { id, selected, continued, level, names }: FreshRowInput): SqlRow | undefined {
  const rules = rulesFor("best", Math.min(level, KNOWN_LEVEL));
  const { candidates } = scanRollouts([selected, ...continued], { rules, thorough: false, jobs: 1 });
  const { rows } = assemble({
    candidates,
    rules,
    context: { defaultProvider: home.defaultProvider, resolveFolder, exists: pathExists },
    names,
    selected: new Map([[id, baseName(selected.logicalPath)]]),
  });
  const row: SqlRow | undefined = rows.find((one) => one.id === id);
  if (row === undefined) return undefined;
  return Object.fromEntries(threadColumns(level).map((column) => [column, row[column] ?? null]));
}
