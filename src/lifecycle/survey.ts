/**
 * A home as this room looks at it: every rollout with the thread that owns it, the rows of the index, and who spawned whom. Taken
 * once before a plan is made, under the home's maintenance lock where something is going to be changed.
 */
import { basename } from "node:path";
import { RolloutError } from "../errors.ts";
import { compressedPath, parseRolloutName, parseUuid, type RolloutName } from "../format/names.ts";
import { requireOwnDatabase } from "../indexer/database-files.ts";
import { surveyFamilies } from "../indexer/family-facts.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { discoverRollouts, type Home, type RolloutFile } from "../readers/home.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { readThreadIndex, type ThreadIndex } from "../readers/thread-index.ts";
import type { FileFacts } from "../thread/family-facts.ts";

/** A rollout in the forms that it has: one, or both where a crash has left a pair. */
export interface OwnedRollout {
  readonly logicalPath: string;
  /** Relative to the home, `/` between parts, of the form that counts. */
  readonly relativePath: string;
  readonly archived: boolean;
  /** Absolute paths of the forms, the one that counts first. */
  readonly forms: readonly string[];
  readonly name: RolloutName | undefined;
  /** Milliseconds since 1970, of the form that counts. */
  readonly mtimeMs: number;
  /** Undefined for a file that cannot be read: its owner is then the thread in its name. */
  readonly facts: FileFacts | undefined;
  readonly file: RolloutFile;
}

export interface HomeSurvey {
  readonly home: Home;
  readonly index: ThreadIndex;
  /** By thread id, of the index. */
  readonly rows: ReadonlyMap<string, SqlRow>;
  /** By thread id; of several files the newest first. */
  readonly owned: ReadonlyMap<string, readonly OwnedRollout[]>;
  /** Agents by the thread that spawned them: of the index and of the rollouts' own metadata. */
  readonly agents: ReadonlyMap<string, readonly string[]>;
  /** What threads are called in `session_index.jsonl`, by their ids. */
  readonly names: ReadonlyMap<string, string>;
  readonly discovered: readonly RolloutFile[];
  /** Files that cannot be read, and folders that cannot be listed: what they hold is not known. */
  readonly unknown: readonly string[];
}

/**
 * Reads the heads of all rollouts and the rows of the index.
 * @throws RolloutError `damaged` when the index is, `unsupported` when it is of a newer Codex, `unreadable`.
 */
export function surveyHome(home: Home): HomeSurvey {
  const index = usableIndex(home);
  const discovery = discoverRollouts(home.codexHome);
  const { facts, problems } = surveyFamilies(discovery);
  const factsByPath = new Map(facts.map((one) => [one.path, one]));
  const owned = new Map<string, OwnedRollout[]>();
  for (const file of discovery.files) {
    const rollout = ownedOf(file, factsByPath.get(file.logicalPath));
    const id = rollout.facts?.threadId ?? rollout.name?.threadId;
    if (id !== undefined) listIn(owned, id).push(rollout);
  }
  for (const rollouts of owned.values()) rollouts.sort((a, b) => (newness(a) < newness(b) ? 1 : -1));
  return {
    home,
    index,
    rows: rowsById(index),
    owned,
    agents: agentsOf(index, facts),
    names: readSessionNames(home.codexHome).byId,
    discovered: discovery.files,
    unknown: [
      ...problems.filter(({ isLoss }) => isLoss).map(({ path }) => path),
      // An archive that breaks off before its first record.
      ...facts.filter(({ hasMeta, isCompressed }) => !hasMeta && isCompressed).map(({ path }) => path),
    ],
  };
}

/** The state database when it can be written to; one that is not there has no rows. */
function usableIndex(home: Home): ThreadIndex {
  if (lstatOrUndefined(home.sqliteHome) !== undefined) requireOwnDatabase(home.sqliteHome);
  const index = readThreadIndex(home.sqliteHome);
  if (index.state === "damaged" || index.state === "unreadable") {
    throw new RolloutError("damaged", `the index cannot be used: ${index.problem ?? "it is damaged"}`, {
      path: index.path,
      hint: "run `rollout-tool reindex` first; nothing was changed",
    });
  }
  if ((index.level ?? 0) > KNOWN_LEVEL) {
    throw new RolloutError("unsupported", "the index is of a newer release of Codex", {
      path: index.path,
      hint: "update rollout-tool; nothing was changed",
    });
  }
  return index;
}

function ownedOf(file: RolloutFile, facts: FileFacts | undefined): OwnedRollout {
  const { path, logicalPath, relativePath, archived, mtimeMs } = file;
  const forms = file.hasCompressedTwin ? [path, compressedPath(path)] : [path];
  return { logicalPath, relativePath, archived, forms, name: parseRolloutName(basename(path)), mtimeMs, facts, file };
}

/** As the file that counts is chosen where no row says (rollout-format §1.3): one with metadata, the newest by name, active. */
function newness({ name, archived, facts }: OwnedRollout): string {
  return `${facts?.hasMeta === true ? 1 : 0} ${name?.stamp ?? ""} ${name?.rolloutId ?? ""} ${archived ? 0 : 1}`;
}

function rowsById({ threads }: ThreadIndex): ReadonlyMap<string, SqlRow> {
  return new Map(
    threads.flatMap((row) => {
      const id = typeof row["id"] === "string" ? parseUuid(row["id"]) : undefined;
      return id === undefined ? [] : [[id, row] as const];
    }),
  );
}

/** Codex goes by the edges of the index alone; a home whose index was lost still has what the rollouts say (§2.11, §5.7). */
function agentsOf({ edges }: ThreadIndex, facts: readonly FileFacts[]): ReadonlyMap<string, readonly string[]> {
  const agents = new Map<string, Set<string>>();
  const add = (parent: string, child: string): void => {
    const known = agents.get(parent);
    if (known === undefined) agents.set(parent, new Set([child]));
    else known.add(child);
  };
  for (const { parentId, childId } of edges) {
    add(parseUuid(parentId) ?? parentId, parseUuid(childId) ?? childId);
  }
  for (const { kind, parentId, threadId } of facts) {
    if (kind === "agent" && parentId !== undefined) add(parentId, threadId);
  }
  return new Map([...agents].map(([id, children]) => [id, [...children].toSorted()]));
}

function listIn<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: T[] = [];
  map.set(key, list);
  return list;
}

/** The file that the thread's row has selected; without one, the newest (rollout-format §1.3). */
export function selectedRollout({ owned, rows }: HomeSurvey, id: string): OwnedRollout | undefined {
  const rollouts = owned.get(id) ?? [];
  const path = rows.get(id)?.["rollout_path"];
  const wanted = typeof path === "string" ? lastPart(path) : undefined;
  return rollouts.find(({ logicalPath }) => basename(logicalPath) === wanted) ?? rollouts[0];
}

/** Of a path of any system, in its plain form. */
function lastPart(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return name.endsWith(".jsonl.zst") ? name.slice(0, -".zst".length) : name;
}

/** The home without threads that have gone from it since it was looked at. */
export function withoutThreads(survey: HomeSurvey, ids: Iterable<string>): HomeSurvey {
  const gone = new Set(ids);
  const paths = new Set([...gone].flatMap((id) => (survey.owned.get(id) ?? []).map(({ logicalPath }) => logicalPath)));
  const kept = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...map].filter(([id]) => !gone.has(id)));
  const agents = [...kept(survey.agents)].map(([id, all]) => [id, all.filter((agent) => !gone.has(agent))] as const);
  return {
    ...survey,
    rows: kept(survey.rows),
    owned: kept(survey.owned),
    agents: new Map(agents),
    discovered: survey.discovered.filter(({ logicalPath }) => !paths.has(logicalPath)),
    unknown: survey.unknown.filter((path) => !paths.has(path)),
  };
}
