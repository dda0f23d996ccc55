/** Which threads belong together: what a thread has spawned (§5.7), and what the histories of others are made of (rollout-format §7.3). */
import type { HomeSurvey, OwnedRollout } from "./survey.ts";
import type { Tie } from "./types.ts";

/** By id, in the order in which they are met. */
export type Members = ReadonlyMap<string, Tie>;

/** The thread and all agents below it, a thread before its own agents. */
export function withAgents({ agents }: HomeSurvey, id: string): Members {
  const members = new Map<string, Tie>([[id, "named"]]);
  // A map is walked in the order of insertion, and what is added on the way is walked too.
  for (const member of members.keys()) {
    for (const agent of agents.get(member) ?? []) if (!members.has(agent)) members.set(agent, "agent");
  }
  return members;
}

/** A rollout outside of a set of threads that continues one of them. */
export interface Dependent {
  readonly threadId: string;
  readonly rollout: OwnedRollout;
  /** The rollout id that it continues. */
  readonly baseRolloutId: string;
}

/** Whose history would be torn if these threads were not there. */
export function dependentsOf(survey: HomeSurvey, members: Members): readonly Dependent[] {
  const ids = new Set([...members.keys()].flatMap((id) => rolloutIds(survey.owned.get(id) ?? [])));
  const found: Dependent[] = [];
  for (const [threadId, rollouts] of survey.owned) {
    if (members.has(threadId)) continue;
    for (const rollout of rollouts) {
      const base = rollout.facts?.baseRolloutId;
      if (base !== undefined && ids.has(base)) found.push({ threadId, rollout, baseRolloutId: base });
    }
  }
  return found;
}

function rolloutIds(rollouts: readonly OwnedRollout[]): readonly string[] {
  return rollouts.flatMap(({ name }) => name?.rolloutId ?? []);
}

/**
 * All that has to go to another home together: agents, the threads that one of them continues, and, unless it is a copy that
 * leaves the old ones where they are, those that continue one of them.
 */
export function closureOf(survey: HomeSurvey, ids: readonly string[], options: { readonly copy: boolean }): Members {
  const { owners, children } = linksOf(survey);
  const members = new Map<string, Tie>(ids.map((id) => [id, "named"]));
  const add = (id: string, tie: Tie): void => void (members.has(id) || members.set(id, tie));
  for (const [id, tie] of members) {
    // Of a base that only comes along to a copy, the agents tell nothing.
    if (!options.copy || tie !== "base") for (const agent of survey.agents.get(id) ?? []) add(agent, "agent");
    for (const { facts } of survey.owned.get(id) ?? []) {
      const base = facts?.baseRolloutId === undefined ? undefined : owners.get(facts.baseRolloutId);
      if (base !== undefined) add(base, "base");
    }
    if (!options.copy) for (const child of children.get(id) ?? []) add(child, "fork");
  }
  return members;
}

/** Who owns which rollout, and what continues what: the same for every question that is asked of one survey. */
interface Links {
  /** Thread by rollout id. */
  readonly owners: ReadonlyMap<string, string>;
  /** Threads by the thread that they continue. */
  readonly children: ReadonlyMap<string, ReadonlySet<string>>;
}

const known = new WeakMap<HomeSurvey["owned"], Links>();

function linksOf({ owned }: HomeSurvey): Links {
  const links = known.get(owned) ?? makeLinks(owned);
  known.set(owned, links);
  return links;
}

function makeLinks(owned: HomeSurvey["owned"]): Links {
  const owners = new Map<string, string>();
  for (const [id, rollouts] of owned) for (const rolloutId of rolloutIds(rollouts)) owners.set(rolloutId, id);
  const children = new Map<string, Set<string>>();
  for (const [id, rollouts] of owned) {
    for (const { facts } of rollouts) {
      const base = facts?.baseRolloutId === undefined ? undefined : owners.get(facts.baseRolloutId);
      if (base === undefined || base === id) continue;
      const siblings = children.get(base) ?? new Set();
      children.set(base, siblings.add(id));
    }
  }
  return { owners, children };
}
