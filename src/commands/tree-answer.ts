/** The answer of `tree`, from which every form of it is printed, and what it says of a thread in one word each. */
import type { SurveyProblem } from "../indexer/family-facts.ts";
import type { Family, FamilyThread, Step } from "../thread/family.ts";
import { walkFamily } from "../thread/family.ts";
import type { FileFacts } from "../thread/family-facts.ts";
import type { FollowedHistory } from "./thread-lineage.ts";

export interface TreeAnswer {
  readonly home: string;
  readonly family: Family;
  /** The thread that was asked for, if one was. */
  readonly asked: string | undefined;
  /** Of that one. */
  readonly history: FollowedHistory | undefined;
  /** Roots of the families to be drawn, in order. */
  readonly roots: readonly string[];
  /** Families that were left out. */
  readonly leftOut: number;
  /** What the index, or the session index, calls a thread; by id. */
  readonly titles: ReadonlyMap<string, string>;
  /** Agents that the index knows to be closed. */
  readonly closed: ReadonlySet<string>;
  /** Why there are no titles from the index, in words safe to print. */
  readonly indexProblem: string | undefined;
  readonly problems: readonly SurveyProblem[];
}

/** All threads to be drawn, a root before what hangs on it. */
export function* stepsOf({ family, roots }: TreeAnswer): Generator<Step> {
  for (const root of roots) yield* walkFamily(family, root);
}

/**
 * `review`, `guardian`, `helper`, `internal`: begun by Codex itself; `attached`: a fork that is shown with its source;
 * `reverted`: its newest file continues an older one; `closed`: an agent that is done; the others as `FamilyProblem`.
 */
export function flagsOf({ id, files, facts, problems }: FamilyThread, { closed }: TreeAnswer): readonly string[] {
  const own = new Set([id, ...files.flatMap(({ rolloutId }) => rolloutId ?? [])]);
  const kind = facts?.kind ?? "main";
  const flags: readonly (readonly [string, boolean])[] = [
    [kind, kind !== "main" && kind !== "agent"],
    ["attached", facts?.isAttached === true],
    ["reverted", files.some(({ baseRolloutId }) => baseRolloutId !== undefined && own.has(baseRolloutId))],
    ["archived", facts?.archived === true],
    ["closed", closed.has(id)],
  ];
  return [...flags.filter(([, holds]) => holds).map(([flag]) => flag), ...problems];
}

/** Name and role of an agent, and its path; empty for other threads. */
export function agentText(facts: FileFacts | undefined): string {
  const role = facts?.agentRole === undefined ? "" : `(${facts.agentRole})`;
  return [facts?.agentNickname ?? "", role, facts?.agentPath ?? ""].filter((part) => part !== "").join(" ");
}

/** What is printed as JSON: flat, since a family may be of any depth. */
export function jsonAnswer(answer: TreeAnswer): unknown {
  return {
    home: answer.home,
    thread: answer.asked ?? null,
    history: answer.history === undefined ? null : jsonHistory(answer.history),
    roots: answer.roots,
    left_out: answer.leftOut,
    threads: [...stepsOf(answer)].map((step) => jsonThread(step, answer)),
    problems: answer.problems.map(({ path, message }) => ({ path, message })),
  };
}

function jsonHistory(history: FollowedHistory): unknown {
  if (!history.ok) return { rollouts: [], fault: history.fault ?? "unreadable", message: history.message };
  const rollouts = history.chain.segments.map(({ logicalPath, from, endOffset }) => ({
    path: logicalPath,
    from_byte: from.offset,
    end_byte_exclusive: endOffset ?? null,
  }));
  return { rollouts, fault: null, message: null };
}

function jsonThread({ thread, depth }: Step, answer: TreeAnswer): unknown {
  const { id, stem, facts, session, cacheKey, branches } = thread;
  const idsBy = (by: "agent" | "fork") => branches.filter((branch) => branch.by === by).map((branch) => branch.id);
  return {
    id,
    depth,
    root_id: thread.rootId,
    hangs_on: stem === undefined ? null : { id: stem.id, by: stem.by },
    title: answer.titles.get(id) ?? null,
    kind: facts?.kind ?? null,
    flags: flagsOf(thread, answer),
    agents: idsBy("agent"),
    forks: idsBy("fork"),
    session_id: session.id ?? null,
    session_rule: session.rule,
    prompt_cache_key: cacheKey.key ?? null,
    prompt_cache_rule: cacheKey.rule,
    ...jsonFacts(facts),
    created: createdOf(thread.files) ?? null,
    files: thread.files.map(jsonFile),
  };
}

function jsonFacts(facts: FileFacts | undefined): Readonly<Record<string, unknown>> {
  return {
    parent_thread_id: facts?.parentId ?? null,
    forked_from_id: facts?.forkedFromId ?? null,
    attached: facts?.isAttached ?? false,
    archived: facts?.archived ?? false,
    source: facts?.source ?? null,
    thread_source: facts?.threadSource ?? null,
    originator: facts?.originator ?? null,
    cli_version: facts?.cliVersion ?? null,
    history_mode: facts?.historyMode ?? null,
    multi_agent_version: facts?.multiAgentVersion ?? null,
    agent_nickname: facts?.agentNickname ?? null,
    agent_role: facts?.agentRole ?? null,
    agent_path: facts?.agentPath ?? null,
  };
}

/** A file that a revert began says when that was. */
function createdOf(files: readonly FileFacts[]): string | undefined {
  return files.flatMap(({ createdAt }) => createdAt ?? []).toSorted()[0];
}

function jsonFile(file: FileFacts): unknown {
  const { baseRolloutId: rolloutId, baseEndOrdinal, baseEndOffset } = file;
  const base = { rollout_id: rolloutId, end_ordinal_exclusive: baseEndOrdinal, end_byte_offset: baseEndOffset };
  return {
    path: file.path,
    rollout_id: file.rolloutId ?? null,
    archived: file.archived,
    compressed: file.isCompressed,
    continues: rolloutId === undefined ? null : base,
  };
}
