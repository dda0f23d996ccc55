/**
 * What the index should say of one thread, and where a stored row says otherwise: the rules of `reindex`, for one file and
 * the files that it continues (see `assemble.ts`, `overlay.ts`). Reads, never writes.
 */
import { pathExists, resolveFolder } from "../io/paths.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { Home, RolloutFile } from "../readers/home.ts";
import { assemble, baseName, type Candidate } from "./assemble.ts";
import { type Difference, rowDifferences } from "./compare.ts";
import type { FileFacts } from "./facts.ts";
import { overlayRow } from "./overlay.ts";
import { rulesFor } from "./rules.ts";
import { scanRollouts } from "./scan.ts";
import { KNOWN_LEVEL } from "./levels.ts";

export interface ExpectedRowInput {
  readonly home: Home;
  /** All rollouts of the home, among which the bases of a fork are looked for. */
  readonly files: readonly RolloutFile[];
  readonly file: RolloutFile;
  readonly facts: FileFacts;
  readonly lastLineMs: number | undefined;
  readonly stored: SqlRow;
  /** Level of the database that holds `stored`. */
  readonly level: number | undefined;
  /** Thread id to name, from the session index. */
  readonly names: ReadonlyMap<string, string>;
}

/** Columns of the stored row that differ from what `reindex` would write; as far as the row has them. */
export function storedDifferences(input: ExpectedRowInput): readonly Difference[] {
  const { home, file, facts, lastLineMs, stored } = input;
  const rules = rulesFor("best", Math.min(input.level ?? KNOWN_LEVEL, KNOWN_LEVEL));
  const { rows } = assemble({
    candidates: withBases({ file, facts, lastLineMs }, input.files, rules),
    rules,
    context: { defaultProvider: home.defaultProvider, resolveFolder, exists: pathExists },
    names: input.names,
    selected: new Map([[facts.id, baseName(file.logicalPath)]]),
  });
  const derived = rows.find(({ id }) => id === facts.id);
  if (derived === undefined) return [];
  return rowDifferences(stored, overlayRow(derived, stored).row, Object.keys(stored), false);
}

/** A fork or a reverted thread shows what its base shows; chains have an end even if they lead in a circle. */
function withBases(
  candidate: Candidate,
  files: readonly RolloutFile[],
  rules: ReturnType<typeof rulesFor>,
): readonly Candidate[] {
  const chain = [candidate];
  const seen = new Set([candidate.file]);
  for (let last: Candidate | undefined = candidate; last !== undefined;) {
    const wanted: string | undefined = last.facts.historyBase?.rolloutId;
    const base: RolloutFile | undefined =
      wanted === undefined ? undefined : files.find(({ name }) => name?.rolloutId === wanted);
    if (base === undefined || seen.has(base)) break;
    seen.add(base);
    [last] = scanRollouts([base], { rules, thorough: false, jobs: 1 }).candidates;
    if (last !== undefined) chain.push(last);
  }
  return chain;
}
