/**
 * How threads hang together: forks, agents and their children, reverted threads with several files, sessions, and the key
 * under which the model's prompt cache knows each (rollout-format §7, §5.10, §3.1). Pure: the facts of files in, a graph out;
 * `indexer/family-facts.ts` reads the facts of a home.
 *
 * What is named and not there is a member without files. What goes in a circle is cut at its oldest member. Nothing here
 * recurses, so a line of agents may be of any depth.
 */
import type { CodexRelease } from "../format/decode.ts";
import type { FileFacts } from "./family-facts.ts";

export interface FamilyThread {
  /** Lower case. */
  readonly id: string;
  /** All its files: the one that counts first, then from the newest to the oldest. Empty for a thread only others name. */
  readonly files: readonly FileFacts[];
  /** The file whose metadata speaks for the thread. */
  readonly facts: FileFacts | undefined;
  /** What it hangs on: the agent that spawned it, else the thread it was forked from. */
  readonly stem: Branch | undefined;
  /** What hangs on it, oldest first. */
  readonly branches: readonly Branch[];
  /** The end of the stems; itself for a root. */
  readonly rootId: string;
  /** Stems up to the root. */
  readonly depth: number;
  readonly session: Session;
  readonly cacheKey: CacheKey;
  readonly problems: readonly FamilyProblem[];
}

/** `agent`: spawned, or begun for a review; `fork`: continued from a copy, or from the same bytes. */
export interface Branch {
  readonly id: string;
  readonly by: "agent" | "fork";
}

export interface Session {
  /** Id of the root of the agent tree; undefined where nothing tells. */
  readonly id: string | undefined;
  /** `recorded`: in the metadata (since about 0.140). `own`: a thread that is no agent. `carried`: down from the agent above. */
  readonly rule: "recorded" | "own" | "carried" | "untold";
}

export interface CacheKey {
  /** `prompt_cache_key` of the next request after a resume; undefined where it cannot be foretold. */
  readonly key: string | undefined;
  /**
   * `own-session`, `shared-session`: the recorded session id, which is the thread's own, or that of the tree it belongs to.
   * `thread`: its own id. `fresh`: an agent without a recorded session gets a new random one at every resume.
   * `no-metadata`: nothing to go by.
   */
  readonly rule: "own-session" | "shared-session" | "thread" | "fresh" | "no-metadata";
}

/**
 * `no-file`: only named by others. `no-metadata`: its files do not say whose they are. `cycle`: its stem led back to it, and
 * was cut. `base-missing`: it continues a rollout that is not there. `copies`: two files are the same rollout.
 */
export type FamilyProblem = "no-file" | "no-metadata" | "cycle" | "base-missing" | "copies";

export interface Family {
  readonly threads: ReadonlyMap<string, FamilyThread>;
  /** Threads that hang on no other, newest first. */
  readonly roots: readonly string[];
}

export interface FamilyOptions {
  /** The path that the index has selected, by thread id; it beats the newest name (rollout-format §1.3). */
  readonly selected?: ReadonlyMap<string, string>;
  /** The release that would resume; it decides on the cache key. Default `0.169.0`. */
  readonly release?: CodexRelease;
}

/** Puts the facts of files together. The order in which they come does not matter. */
export function buildFamily(files: Iterable<FileFacts>, options: FamilyOptions = {}): Family {
  const drafts = gather(files, options);
  const owners = ownersOf(drafts);
  // Those who are only named join the map on the way; they have no stem.
  for (const draft of drafts.values()) findStem(draft, drafts, owners);
  cutCycles(drafts);
  const roots = joinBranches(drafts);
  settleFromRoots(roots, drafts, options.release ?? "0.169.0");
  // Ids of version 7 begin with their time.
  return { threads: drafts, roots: roots.map(({ id }) => id).toSorted((a, b) => compare(b, a)) };
}

/** The thread and all that hangs on it, a thread before its branches, with `isLast` among the branches of its stem. */
export function* walkFamily(family: Family, id: string): Generator<Step> {
  const thread = family.threads.get(id);
  const pending: Step[] = thread === undefined ? [] : [{ thread, by: undefined, depth: 0, isLast: true }];
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    yield step;
    const { branches } = step.thread;
    for (let at = branches.length - 1; at >= 0; at -= 1) {
      const branch = branches[at];
      const next = branch && family.threads.get(branch.id);
      if (branch === undefined || next === undefined) continue;
      pending.push({ thread: next, by: branch.by, depth: step.depth + 1, isLast: at === branches.length - 1 });
    }
  }
}

export interface Step {
  readonly thread: FamilyThread;
  /** How it hangs on the thread above; undefined for the first. */
  readonly by: Branch["by"] | undefined;
  /** Steps from the first. */
  readonly depth: number;
  readonly isLast: boolean;
}

/** Agents that a thread spawned itself, oldest first. */
export function agentsOf(family: Family, id: string): readonly string[] {
  const branches = family.threads.get(id)?.branches ?? [];
  return branches.filter(({ by }) => by === "agent").map((branch) => branch.id);
}

/** Agents below a thread at any depth, each before its own; forks of them are threads of their own and do not count. */
export function agentsBelow(family: Family, id: string): readonly string[] {
  const found: string[] = [];
  const pending = [id];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next !== id) found.push(next);
    for (const agent of agentsOf(family, next).toReversed()) pending.push(agent);
  }
  return found;
}

/** Threads by the session they belong to; those of which that cannot be told are left out. */
export function sessionsOf({ threads }: Family): ReadonlyMap<string, readonly string[]> {
  const sessions = new Map<string, string[]>();
  for (const { id, session } of threads.values()) {
    if (session.id === undefined) continue;
    const members = sessions.get(session.id);
    if (members === undefined) sessions.set(session.id, [id]);
    else members.push(id);
  }
  return sessions;
}

/** A thread while the graph is being made. */
interface Draft extends FamilyThread {
  files: FileFacts[];
  facts: FileFacts | undefined;
  stem: Branch | undefined;
  branches: Branch[];
  rootId: string;
  depth: number;
  session: Session;
  cacheKey: CacheKey;
  problems: FamilyProblem[];
}

type Drafts = Map<string, Draft>;

function gather(files: Iterable<FileFacts>, { selected }: FamilyOptions): Drafts {
  const drafts: Drafts = new Map();
  for (const file of files) draftOf(file.threadId, drafts).files.push(file);
  for (const draft of drafts.values()) {
    const path = selected?.get(draft.id);
    draft.files.sort(
      (a, b) => rankOf(b, path) - rankOf(a, path) || compare(b.newness, a.newness) || compare(a.path, b.path),
    );
    draft.facts = draft.files.find(({ hasMeta }) => hasMeta) ?? draft.files[0];
    draft.problems = problemsOf(draft);
  }
  return drafts;
}

function draftOf(id: string, drafts: Drafts): Draft {
  const known = drafts.get(id);
  if (known !== undefined) return known;
  const draft: Draft = {
    id,
    files: [],
    facts: undefined,
    stem: undefined,
    branches: [],
    rootId: id,
    depth: 0,
    session: { id: undefined, rule: "untold" },
    cacheKey: { key: undefined, rule: "no-metadata" },
    problems: ["no-file"],
  };
  drafts.set(id, draft);
  return draft;
}

function rankOf(file: FileFacts, selected: string | undefined): number {
  return selected !== undefined && file.path === selected ? 1 : 0;
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function problemsOf({ files, facts }: Draft): FamilyProblem[] {
  const rollouts = files.flatMap(({ rolloutId }) => rolloutId ?? []);
  const problems: FamilyProblem[] = [];
  if (facts?.hasMeta !== true) problems.push("no-metadata");
  if (new Set(rollouts).size < rollouts.length) problems.push("copies");
  return problems;
}

/** Whose thread a rollout is: after a revert its id is not the thread's. Should several claim one, its namesake has it. */
function ownersOf(drafts: Drafts): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const { id, files } of drafts.values()) {
    for (const { rolloutId } of files) {
      const owner = rolloutId === undefined ? undefined : owners.get(rolloutId);
      if (rolloutId === undefined || owner === rolloutId) continue;
      if (owner === undefined || id === rolloutId || id < owner) owners.set(rolloutId, id);
    }
  }
  return owners;
}

function findStem(draft: Draft, drafts: Drafts, owners: ReadonlyMap<string, string>): void {
  const { facts } = draft;
  const baseMissing = draft.files.some(({ baseRolloutId: id }) => id !== undefined && !owners.has(id));
  if (baseMissing) draft.problems.push("base-missing");
  if (facts === undefined) return;
  const baseOwner = facts.baseRolloutId === undefined ? undefined : owners.get(facts.baseRolloutId);
  const source = facts.forkedFromId ?? (baseOwner === draft.id ? undefined : baseOwner);
  const id = facts.parentId ?? source;
  if (id === undefined) return;
  draft.stem = { id, by: facts.parentId === undefined ? "fork" : "agent" };
  draftOf(id, drafts);
}

/** Each thread has one stem at most, so from any thread the way up ends, or comes back to a thread on it. */
function cutCycles(drafts: Drafts): void {
  const checked = new Set<string>();
  for (const start of drafts.keys()) {
    const way: Draft[] = [];
    const onWay = new Set<string>();
    let at = drafts.get(start);
    while (at !== undefined && !checked.has(at.id) && !onWay.has(at.id)) {
      way.push(at);
      onWay.add(at.id);
      at = at.stem && drafts.get(at.stem.id);
    }
    if (at !== undefined && onWay.has(at.id)) {
      const circle = way.slice(way.indexOf(at));
      const oldest = circle.reduce((a, b) => (a.id <= b.id ? a : b));
      oldest.stem = undefined;
      oldest.problems.push("cycle");
    }
    for (const { id } of way) checked.add(id);
  }
}

/** Hangs every thread on its stem. Returns those that have none. */
function joinBranches(drafts: Drafts): readonly Draft[] {
  const roots: Draft[] = [];
  for (const draft of drafts.values()) {
    const stem = draft.stem && drafts.get(draft.stem.id);
    if (draft.stem === undefined || stem === undefined) roots.push(draft);
    else stem.branches.push({ id: draft.id, by: draft.stem.by });
  }
  for (const { branches } of drafts.values()) branches.sort((a, b) => compare(a.id, b.id));
  return roots;
}

/** What comes down from the root: depth, and the session of agents that do not name one. */
function settleFromRoots(roots: readonly Draft[], drafts: Drafts, release: CodexRelease): void {
  const pending = [...roots];
  for (let draft = pending.pop(); draft !== undefined; draft = pending.pop()) {
    const stem = draft.stem && drafts.get(draft.stem.id);
    if (stem !== undefined) {
      draft.rootId = stem.rootId;
      draft.depth = stem.depth + 1;
    }
    draft.session = sessionOf(draft.facts, stem);
    draft.cacheKey = cacheKeyOf(draft.facts, release);
    for (const { id } of draft.branches) {
      const branch = drafts.get(id);
      if (branch !== undefined) pending.push(branch);
    }
  }
}

function sessionOf(facts: FileFacts | undefined, stem: Draft | undefined): Session {
  if (facts?.hasMeta !== true) return { id: undefined, rule: "untold" };
  if (facts.sessionId !== undefined) return { id: facts.sessionId, rule: "recorded" };
  if (!facts.isAgent) return { id: facts.threadId, rule: "own" };
  if (stem?.session.id !== undefined) return { id: stem.session.id, rule: "carried" };
  // Of a lost parent only this much is known: what spawned the first generation is the root.
  if (facts.parentId !== undefined && facts.spawnDepth === 1) return { id: facts.parentId, rule: "carried" };
  return { id: undefined, rule: "untold" };
}

/**
 * The key under which a resumed thread asks (rollout-format §5.10). 0.169.0 uses the session id; 0.142.3 the id of the thread,
 * also for agents.
 */
export function cacheKeyOf(facts: FileFacts | undefined, release: CodexRelease = "0.169.0"): CacheKey {
  if (facts?.hasMeta !== true) return { key: undefined, rule: "no-metadata" };
  const { threadId, sessionId, isAgent } = facts;
  if (release === "0.142.3") return { key: threadId, rule: "thread" };
  if (sessionId !== undefined)
    return { key: sessionId, rule: sessionId === threadId ? "own-session" : "shared-session" };
  return isAgent ? { key: undefined, rule: "fresh" } : { key: threadId, rule: "thread" };
}
