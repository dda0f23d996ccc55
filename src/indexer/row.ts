/**
 * Facts of one file to one row of `threads`: every column of the newest level, by name (state-and-compression §1.8, §2.5).
 * To add a column: add it to `ThreadRow`, give it a value in `threadRow`, and a rule in `mergeRows`; the database level decides
 * whether it is written.
 */
import type { JsonValue } from "../format/record.ts";
import type { RolloutFile } from "../readers/home.ts";
import type { FileFacts } from "./facts.ts";
import { type PathExists, sandboxPolicyText } from "./sandbox-policy.ts";
import type { Rules } from "./rules.ts";

/** Times in seconds, or in milliseconds where the name ends in `_ms`. Types and meaning as in SQLite. */
export type ThreadRow = {
  readonly id: string;
  readonly rollout_path: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly source: string;
  readonly model_provider: string;
  readonly cwd: string;
  readonly title: string;
  readonly sandbox_policy: string;
  readonly approval_mode: string;
  readonly tokens_used: number;
  readonly has_user_event: number;
  readonly archived: number;
  readonly archived_at: number | null;
  readonly git_sha: string | null;
  readonly git_branch: string | null;
  readonly git_origin_url: string | null;
  readonly cli_version: string;
  readonly first_user_message: string;
  readonly agent_nickname: string | null;
  readonly agent_role: string | null;
  readonly memory_mode: string;
  readonly model: string | null;
  readonly reasoning_effort: string | null;
  readonly agent_path: string | null;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly thread_source: string | null;
  readonly preview: string;
  readonly recency_at: number;
  readonly recency_at_ms: number;
  readonly history_mode: string;
  readonly name: string | null;
  readonly is_pinned: number;
  readonly thread_section_id: string | null;
  readonly section_position: number | null;
  readonly section_entered_at_ms: number | null;
  readonly project_id: string | null;
  readonly originator: string | null;
  readonly daybreak_enabled: number | null;
  readonly creator_user_id: string | null;
  readonly creator_account_id: string | null;
  readonly attached_thread_parent_id: string | null;
};

export type ThreadColumn = keyof ThreadRow;

/** What a row takes from the machine that it is built on. */
export interface RowContext {
  readonly defaultProvider: string;
  /** An existing folder's resolved path; undefined when it does not exist. */
  readonly resolveFolder: (path: string) => string | undefined;
  readonly exists: PathExists;
}

export interface RowTimes {
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly recencyAtMs: number;
}

export function threadRow(
  file: Pick<RolloutFile, "path" | "logicalPath" | "archived" | "mtimeMs">,
  facts: FileFacts,
  times: RowTimes,
  rules: Rules,
  context: RowContext,
): ThreadRow {
  const texts = textColumns(facts);
  const settings = settingColumns(facts, rules, context);
  const git = gitColumns(facts, rules);
  // One flat literal in the order of the table: spreads in front of other members are slow enough to be felt here.
  return {
    id: facts.id,
    rollout_path: rules.physicalPath ? file.path : file.logicalPath,
    created_at: seconds(times.createdAtMs),
    updated_at: seconds(times.updatedAtMs),
    source: facts.source,
    model_provider: settings.model_provider,
    cwd: settings.cwd,
    title: texts.title,
    sandbox_policy: settings.sandbox_policy,
    approval_mode: settings.approval_mode,
    tokens_used: facts.tokensUsed,
    has_user_event: 0,
    archived: file.archived ? 1 : 0,
    archived_at: file.archived ? seconds(file.mtimeMs) : null,
    git_sha: git.git_sha,
    git_branch: git.git_branch,
    git_origin_url: git.git_origin_url,
    cli_version: facts.cliVersion,
    first_user_message: texts.first_user_message,
    agent_nickname: facts.agentNickname ?? null,
    agent_role: facts.agentRole ?? null,
    memory_mode: facts.memoryMode ?? "enabled",
    model: settings.model,
    reasoning_effort: settings.reasoning_effort,
    agent_path: facts.agentPath ?? null,
    created_at_ms: times.createdAtMs,
    updated_at_ms: times.updatedAtMs,
    thread_source: facts.threadSource ?? null,
    preview: texts.preview,
    recency_at: seconds(times.recencyAtMs),
    recency_at_ms: times.recencyAtMs,
    history_mode: facts.historyMode,
    // Users and clients set these in the live database only (state-and-compression §2.13), but for this one name.
    name: facts.guardian && facts.historyMode === "paginated" ? GUARDIAN.title : null,
    is_pinned: 0,
    thread_section_id: null,
    section_position: null,
    section_entered_at_ms: null,
    project_id: null,
    originator: facts.originator ?? null,
    daybreak_enabled: null,
    creator_user_id: facts.creatorUserId ?? null,
    creator_account_id: facts.creatorAccountId ?? null,
    attached_thread_parent_id: facts.attachedParentId ?? null,
  };
}

export function timeColumns(times: RowTimes) {
  return {
    created_at: seconds(times.createdAtMs),
    created_at_ms: times.createdAtMs,
    updated_at: seconds(times.updatedAtMs),
    updated_at_ms: times.updatedAtMs,
    recency_at: seconds(times.recencyAtMs),
    recency_at_ms: times.recencyAtMs,
  };
}

/** What the reviewer's threads are called whatever stands in them; a paginated one has this title as its name too. */
const GUARDIAN = { title: "Guardian review", preview: "Approval review" } as const;

function textColumns(facts: FileFacts) {
  if (facts.guardian) return { ...GUARDIAN, first_user_message: facts.firstUserMessage };
  return { title: facts.title, preview: facts.preview, first_user_message: facts.firstUserMessage };
}

function settingColumns(facts: FileFacts, rules: Rules, context: RowContext) {
  const cwd = context.resolveFolder(facts.cwd) ?? facts.cwd;
  const { turn } = facts;
  const policy = turn === undefined ? undefined : { ...turn.policy, cwd: turn.cwd };
  return {
    cwd,
    model_provider: facts.provider ?? context.defaultProvider,
    model: turn?.model ?? null,
    reasoning_effort: turn?.effort ?? null,
    sandbox_policy: sandboxPolicyText(policy, rules.policy, context.exists),
    approval_mode: turn === undefined ? "on-request" : approvalText(turn.approval, rules),
  };
}

const GRANULAR = ["sandbox_approval", "rules", "skill_approval", "request_permissions", "mcp_elicitations"] as const;

function approvalText(approval: JsonValue, rules: Rules): string {
  if (typeof approval === "string") {
    return approval === "on-failure" && rules.onFailureIsOnRequest ? "on-request" : approval;
  }
  const flags = isObject(approval) && isObject(approval.granular) ? approval.granular : {};
  return JSON.stringify({ granular: Object.fromEntries(GRANULAR.map((flag) => [flag, flags[flag] === true])) });
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function gitColumns({ git }: FileFacts, rules: Rules) {
  const url = git?.url;
  return {
    git_sha: git?.sha ?? null,
    git_branch: git?.branch ?? null,
    git_origin_url: url === undefined ? null : rules.stripsCredentials ? withoutCredentials(url) : url,
  };
}

/** `https://user:token@host/path` without the part before the `@`; other forms as they are. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1");
}

export function seconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}

/**
 * A second file of the same thread meets the row of the first, as Codex's upsert has it (state-and-compression §2.10):
 * most columns are overwritten, some are kept, and a title that somebody gave is not replaced by an extracted one.
 */
export function mergeRows(old: ThreadRow, next: ThreadRow, replacesMemoryMode: boolean): ThreadRow {
  const isGiven = ({ title, first_user_message: first }: ThreadRow) => title !== "" && title !== first;
  const keepsTitle = isGiven(old) && (next.first_user_message === "" || !isGiven(next));
  const paginated = old.history_mode === "paginated";
  return {
    ...next,
    title: keepsTitle ? old.title : next.title,
    preview: next.preview === "" ? old.preview : next.preview,
    git_sha: old.git_sha ?? next.git_sha,
    git_branch: old.git_branch ?? next.git_branch,
    git_origin_url: old.git_origin_url ?? next.git_origin_url,
    originator: old.originator ?? next.originator,
    creator_user_id: old.creator_user_id ?? next.creator_user_id,
    creator_account_id: old.creator_account_id ?? next.creator_account_id,
    attached_thread_parent_id: next.attached_thread_parent_id ?? old.attached_thread_parent_id,
    history_mode: paginated ? old.history_mode : next.history_mode,
    memory_mode: replacesMemoryMode ? next.memory_mode : old.memory_mode,
    recency_at: old.recency_at,
    recency_at_ms: old.recency_at_ms,
    has_user_event: old.has_user_event,
    name: old.name,
    is_pinned: old.is_pinned,
    thread_section_id: old.thread_section_id,
    section_position: old.section_position,
    section_entered_at_ms: old.section_entered_at_ms,
    project_id: old.project_id,
    daybreak_enabled: old.daybreak_enabled,
  };
}
