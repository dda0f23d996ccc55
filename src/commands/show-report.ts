/** The answer of `show` as plain data: its JSON form is this, its text form is made from it (`show-text.ts`). */
import type { Inspection } from "../analysis/inspect.ts";
import { plainPath } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import { spawnParentOf } from "../format/session-source.ts";
import type { Difference } from "../indexer/compare.ts";
import { textOf } from "../indexer/thread-query.ts";
import type { SqlRow, SqlValue } from "../io/sqlite.ts";
import { fileFacts } from "../indexer/family-facts.ts";
import { type FoundThread, noteText } from "../readers/lookup.ts";
import { shownName, type SpawnLink, type ThreadIndex } from "../readers/thread-index.ts";
import { cacheKeyOf } from "../thread/family.ts";
import type { FollowedHistory } from "./thread-lineage.ts";

/** What the home's index and session index have on the thread. */
export interface IndexView {
  readonly path: string;
  readonly state: ThreadIndex["state"];
  readonly problem: string | undefined;
  readonly row: SqlRow | undefined;
  /** From the session index. */
  readonly name: string | undefined;
  readonly children: readonly SpawnLink[];
  /** Undefined where file and row cannot be compared. */
  readonly differences: readonly Difference[] | undefined;
}

export type ShowReport = ReturnType<typeof showReport>;

/** `history` is undefined for a file that continues no other. */
export function showReport(
  found: FoundThread,
  inspection: Inspection,
  history: FollowedHistory | undefined,
  index: IndexView | undefined,
) {
  const { meta } = inspection;
  const facts = inspection.facts.ok ? inspection.facts.facts : undefined;
  return {
    id: found.id ?? null,
    rollout_id: found.rolloutId ?? null,
    session_id: meta?.session_id ?? null,
    shown_name: nameOf(index) ?? null,
    title: facts?.title ?? null,
    preview: facts?.preview ?? null,
    found: { by: found.by, via: found.via, notes: found.notes.map((note) => ({ ...note, text: noteText(note) })) },
    file: fileOf(found, inspection),
    times: timesOf(inspection),
    client: {
      source: facts?.source ?? null,
      originator: meta?.originator ?? null,
      cli_version: meta?.cli_version ?? null,
      thread_source: meta?.thread_source ?? null,
    },
    settings: settingsOf(inspection),
    git: {
      commit: facts?.git?.sha ?? null,
      branch: facts?.git?.branch ?? null,
      repository_url: facts?.git?.url ?? null,
    },
    lineage: {
      ...lineageOf(meta),
      history: history === undefined ? null : historyOf(history),
      children: (index?.children ?? []).map(({ childId, status }) => ({ id: childId, status })),
    },
    prompt_cache: promptCacheOf(found, inspection),
    history_mode: meta === undefined ? null : textOfMode(meta),
    lines: inspection.lines,
    records: inspection.kinds,
    content: inspection.generation === "envelope" ? contentOf(inspection) : null,
    defects: {
      total: inspection.defects.total,
      by_kind: inspection.defects.byKind,
      first: inspection.defects.first,
    },
    not_indexable: inspection.facts.ok ? null : inspection.facts.reason,
    index: index === undefined ? null : indexOf(index, found),
  };
}

/** Events tell these, and the generations before the envelope have none. */
function contentOf(inspection: Inspection) {
  const { turns, userMessages, compactions, rollbacks, facts, newestWindow: window } = inspection;
  return {
    turns,
    user_messages: userMessages,
    compactions,
    rollbacks,
    /** As far as this file tells: of a file that continues another, null before its first compaction. */
    newest_window: window === undefined ? null : { number: window.number, id: window.id ?? null },
    tokens_used: facts.ok ? facts.facts.tokensUsed : null,
    usage: usageOf(inspection),
  };
}

/** Of the whole thread, as the newest record sums it up; a copied fork counts from its source's sum on. */
function usageOf({ usage }: Inspection) {
  return usage === undefined
    ? null
    : { total: usage.total, last: usage.last, model_context_window: usage.modelContextWindow ?? null };
}

/** Of the next request after a resume by 0.169.0, as far as the file alone can tell. */
function promptCacheOf(found: FoundThread, { path, meta, usage }: Inspection) {
  const { key, rule } = cacheKeyOf(fileFacts(path, found.archived, meta));
  return { key: key ?? null, rule, cached_share: usage?.cachedShare ?? null };
}

function historyOf(history: FollowedHistory) {
  if (!history.ok) return { files: [], fault: history.fault ?? "unreadable", message: history.message };
  const files = history.chain.segments.map(({ logicalPath, from, endOffset }) => ({
    path: logicalPath,
    from_byte: from.offset,
    end_byte_exclusive: endOffset ?? null,
  }));
  return { files, fault: null, message: null };
}

function nameOf(index: IndexView | undefined): string | undefined {
  return index?.row === undefined ? index?.name : shownName(index.row, index.name);
}

function fileOf(found: FoundThread, { path, form, generation, diskBytes, plainBytes }: Inspection) {
  return {
    path: plainPath(path),
    physical_path: path,
    form,
    generation,
    archived: found.archived,
    disk_bytes: diskBytes,
    plain_bytes: plainBytes,
    /** Plain to compressed; null for a plain file. */
    ratio: form === "zstd" && diskBytes > 0 ? Math.round((plainBytes / diskBytes) * 100) / 100 : null,
    other_files: found.others,
  };
}

function timesOf({ meta, mtimeMs, firstLineMs, lastLineMs, facts }: Inspection) {
  return {
    created: meta?.timestamp ?? null,
    created_ms: facts.ok ? facts.facts.createdAtMs : null,
    first_line_ms: firstLineMs ?? null,
    last_line_ms: lastLineMs ?? null,
    newest_turn_ms: (facts.ok ? facts.facts.lastTurnStartMs : undefined) ?? null,
    file_modified_ms: Math.floor(mtimeMs),
  };
}

/** In force at the end of the file: the newest turn's, or a later settings record's. */
function settingsOf({ facts, meta }: Inspection) {
  const { turn, cwd, provider, memoryMode } = facts.ok ? facts.facts : NO_FACTS;
  return {
    cwd: cwd ?? meta?.cwd ?? null,
    model: turn?.model ?? null,
    effort: turn?.effort ?? null,
    provider: provider ?? null,
    approval: turn?.approval ?? null,
    sandbox: turn === undefined ? null : sandboxSummary(turn.policy.permissionProfile ?? turn.policy.sandboxPolicy),
    memory_mode: memoryMode ?? null,
  };
}

const NO_FACTS = { turn: undefined, cwd: undefined, provider: undefined, memoryMode: undefined };

/** `no sandbox`, `read-only`, `workspace-write`, `external`; and what is said of the network (state-and-compression §2.8). */
export function sandboxSummary(policy: unknown): string | null {
  const { type, mode, file_system: fileSystem, network, network_access: access } = objectOr(policy);
  const kind = typeof type === "string" ? type : mode;
  if (typeof kind !== "string") return null;
  if (kind === "disabled" || kind === "danger-full-access") return "no sandbox";
  const online = network === "enabled" || access === "enabled" || access === true;
  return `${kind === "managed" ? fileSystemSummary(fileSystem) : kind}, network ${online ? "on" : "off"}`;
}

function fileSystemSummary(fileSystem: unknown): string {
  const { type, entries } = objectOr(fileSystem);
  if (type === "unrestricted") return "all files";
  const writes = Array.isArray(entries) && entries.some((entry) => objectOr(entry)["access"] === "write");
  return writes ? "workspace-write" : "read-only";
}

function objectOr(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function lineageOf(meta: SessionMeta | undefined) {
  return {
    parent_thread_id: spawnParentOf(meta?.source) ?? meta?.parent_thread_id ?? null,
    forked_from_id: meta?.forked_from_id ?? null,
    forked_from_ordinal_exclusive: meta?.forked_from_ordinal_exclusive ?? null,
    attached: meta?.attached_thread === true,
    /** `thread_id` is the rollout id of the file that this one continues. */
    history_base: meta?.history_base ?? null,
    agent_nickname: meta?.agent_nickname ?? null,
    agent_role: meta?.agent_role ?? meta?.agent_type ?? null,
    agent_path: meta?.agent_path ?? null,
    multi_agent_version: meta?.multi_agent_version ?? null,
    subagent_history_start_ordinal: meta?.subagent_history_start_ordinal ?? null,
  };
}

function textOfMode({ history_mode: mode }: SessionMeta): string {
  if (mode === undefined) return "legacy";
  return typeof mode === "string" ? mode : JSON.stringify(mode);
}

function indexOf({ path, state, problem, row, differences }: IndexView, found: FoundThread) {
  const named = row === undefined ? undefined : plainPath(textOf(row.rollout_path));
  return {
    database: path,
    state,
    problem: problem ?? null,
    has_row: row !== undefined,
    /** The row names this file; null without a row. */
    names_this_file: named === undefined ? null : named === found.logicalPath,
    rollout_path: row === undefined ? null : jsonValue(row.rollout_path),
    /** What `reindex --check` would report; null where the two cannot be compared. */
    differences:
      differences?.map(({ column, found: stored, expected }) => ({
        column,
        stored: jsonValue(stored),
        expected: jsonValue(expected),
      })) ?? null,
  };
}

function jsonValue(value: SqlValue | undefined): string | number | null {
  return typeof value === "string" || typeof value === "number" ? value : value === null ? null : textOf(value);
}
