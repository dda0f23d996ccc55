/**
 * What one rollout file says about its thread: a fold over records, pure, in file order.
 * Between reading (`extract.ts`) and the stored row (`row.ts`). Rules: state-and-compression §2.3–2.7.
 */
import { parseTimestamp, type RolloutName, stampToMs, uuidTimeMs } from "../format/names.ts";
import { acceptedBy } from "../format/decode.ts";
import {
  historyModeOf,
  type JsonValue,
  type RecordOf,
  type RolloutRecord,
  type SessionMeta,
} from "../format/record.ts";
import { isGuardian, sourceText, spawnParentOf } from "../format/session-source.ts";
import { trimmed, userMessageText } from "../format/user-message.ts";
import { tidyPath } from "../io/paths.ts";
import type { PolicySource } from "./sandbox-policy.ts";
import type { Rules } from "./rules.ts";

export interface GitFacts {
  readonly sha: string | undefined;
  readonly branch: string | undefined;
  readonly url: string | undefined;
}

export interface HistoryBase {
  /** Rollout id of the parent file, not a thread id (rollout-format §7.3). */
  readonly rolloutId: string;
  readonly endByteOffset: number;
}

/** Settings of the newest turn context or settings record. */
export interface TurnFacts {
  readonly model: string;
  readonly effort: string | undefined;
  readonly approval: JsonValue;
  readonly policy: Omit<PolicySource, "cwd">;
  readonly cwd: string;
}

export interface FileFacts {
  readonly id: string;
  readonly createdAtMs: number;
  /** Time in the id of the first context window, which Codex makes together with the thread. */
  readonly firstWindowMs: number | undefined;
  readonly historyMode: "legacy" | "paginated";
  readonly source: string;
  readonly guardian: boolean;
  readonly spawnParentId: string | undefined;
  readonly threadSource: string | undefined;
  readonly originator: string | undefined;
  readonly provider: string | undefined;
  readonly cwd: string;
  readonly cliVersion: string;
  readonly agentNickname: string | undefined;
  readonly agentRole: string | undefined;
  readonly agentPath: string | undefined;
  readonly git: GitFacts | undefined;
  readonly creatorUserId: string | undefined;
  readonly creatorAccountId: string | undefined;
  readonly attachedParentId: string | undefined;
  readonly memoryMode: string | undefined;
  readonly turn: TurnFacts | undefined;
  readonly tokensUsed: number;
  readonly firstUserMessage: string;
  readonly title: string;
  readonly preview: string;
  /** Byte offset of the record that gave the preview; tells whether a fork's cut lies behind it. */
  readonly previewOffset: number | undefined;
  readonly historyBase: HistoryBase | undefined;
  /** Line time of the newest `task_started`. */
  readonly lastTurnStartMs: number | undefined;
}

export type FactsResult =
  | { readonly ok: true; readonly facts: FileFacts }
  | { readonly ok: false; readonly reason: string };

/** Feed it every record of a file in order, then ask for the outcome. Records it has no use for cost one table look-up. */
export class FactsFold {
  readonly #rules: Rules;
  readonly #name: RolloutName | undefined;
  #builder: SessionMeta | undefined;
  /** Of the builder; undefined when its time cannot be read, and then it starts no row. */
  #createdAtMs: number | undefined;
  #id: string | undefined;
  /** Metadata records of this thread; those of other threads were copied along by a fork and say nothing about it. */
  readonly #own: SessionMeta[] = [];
  #cwd: string | undefined;
  /** Codex's rebuild takes the last one of the file, even from metadata that a fork copied along; ours does not. */
  #memoryMode: string | undefined;
  #unknownMode = false;
  #firstTurnCwd: string | undefined;
  #provider: string | undefined;
  #turn: TurnFacts | undefined;
  #tokensUsed = 0;
  #firstUserMessage = "";
  #title = "";
  #preview = "";
  #previewOffset: number | undefined;
  #lastTurnStartMs: number | undefined;
  #sawRecord = false;

  constructor(rules: Rules, name: RolloutName | undefined) {
    this.#rules = rules;
    // 0.142.3 does not know the names of files that a revert makes.
    const isKnown = rules.release !== "0.142.3" || name?.rolloutId === name?.threadId;
    this.#name = isKnown ? name : undefined;
  }

  /** True once no later user message or goal can change the row: title, first message and preview are all set. */
  get messagesSettled(): boolean {
    return this.#preview !== "" && this.#title !== "" && this.#firstUserMessage !== "";
  }

  /** True when no metadata and no settings named a folder: then the first turn context does, not the last. */
  get needsFirstTurn(): boolean {
    return this.#cwd === undefined && this.#firstTurnCwd !== undefined;
  }

  /** True once the release that the rules imitate has found a record; a file without any gives no row. */
  get sawRecord(): boolean {
    return this.#sawRecord;
  }

  add(record: RolloutRecord, offset: number): void {
    if (!acceptedBy(record, this.#rules.release)) {
      this.#noteRefused(record);
      return;
    }
    this.#sawRecord = true;
    switch (record.type) {
      case "session_meta":
        this.#addMeta(record.payload);
        break;
      case "turn_context":
        this.#addTurnContext(record);
        break;
      case "event_msg":
        this.#addEvent(record, offset);
        break;
      default:
    }
  }

  /** Only the first metadata of a file decides on its mode; releases that do not know the mode skip later ones. */
  #noteRefused(record: RolloutRecord): void {
    if (record.type !== "session_meta" || this.#builder !== undefined || !this.#rules.rejectsUnknownMode) return;
    if (historyModeOf(record.payload) === undefined) this.#unknownMode = true;
  }

  #addMeta(meta: SessionMeta): void {
    if (!this.#rules.best) this.#memoryMode = meta.memory_mode ?? this.#memoryMode;
    if (this.#builder === undefined) {
      this.#builder = meta;
      this.#createdAtMs = createdAt(meta);
      this.#id = this.#createdAtMs === undefined ? this.#name?.threadId : meta.id.toLowerCase();
    }
    if (meta.id.toLowerCase() !== this.#id) return;
    if (this.#own.length === 0 && this.#rules.guardianTexts && isGuardian(meta.source)) this.#forgetMessages();
    this.#own.push(meta);
    this.#memoryMode = meta.memory_mode ?? this.#memoryMode;
    this.#cwd = nonEmpty(meta.cwd) ?? this.#cwd;
    // An empty one counts too: it stands for the configured provider.
    this.#provider = meta.model_provider ?? this.#provider;
  }

  #addTurnContext({ payload }: RecordOf<"turn_context">): void {
    const cwd = tidyPath(payload.cwd);
    this.#firstTurnCwd ??= cwd;
    this.#turn = {
      model: payload.model,
      effort: payload.effort ?? undefined,
      approval: payload.approval_policy as JsonValue,
      policy: {
        permissionProfile: payload.permission_profile,
        sandboxPolicy: payload.sandbox_policy as JsonValue | undefined,
        fileSystemPolicy: payload.file_system_sandbox_policy,
      },
      cwd,
    };
  }

  #addEvent(record: RecordOf<"event_msg">, offset: number): void {
    const { payload } = record;
    switch (payload.type) {
      case "token_count": {
        const total = payload.info?.total_token_usage.total_tokens;
        if (total !== undefined) this.#tokensUsed = Math.max(0, total);
        break;
      }
      case "task_started":
        this.#lastTurnStartMs = parseTimestamp(record.timestamp) ?? this.#lastTurnStartMs;
        break;
      case "user_message":
        this.#addMessage(userMessageText(payload, this.#rules.release), offset);
        break;
      case "item_completed":
        if (this.#rules.itemMessages && payload.item.type === "UserMessage") {
          this.#addMessage(userMessageText(payload.item, this.#rules.release), offset);
        }
        break;
      case "thread_goal_updated":
        this.#setPreview(trimmed(payload.goal.objective), offset);
        break;
      case "thread_settings_applied":
        if (this.#rules.settings) this.#addSettings(payload.thread_settings);
        break;
      default:
    }
  }

  #addSettings(settings: ThreadSettings): void {
    this.#cwd = tidyPath(settings.cwd);
    this.#provider = settings.model_provider_id;
    this.#turn = {
      model: settings.model,
      effort: settings.reasoning_effort ?? undefined,
      approval: settings.approval_policy as JsonValue,
      policy: { permissionProfile: settings.permission_profile },
      cwd: this.#cwd,
    };
  }

  #addMessage(message: ReturnType<typeof userMessageText>, offset: number): void {
    if (message === undefined || this.#isReview()) return;
    const shown = "text" in message ? message.text : message.placeholder;
    if (this.#firstUserMessage === "") this.#firstUserMessage = shown;
    if (this.#title === "" && "text" in message) this.#title = message.text;
    this.#setPreview(shown, offset);
  }

  #setPreview(text: string, offset: number): void {
    if (this.#preview !== "" || text === "" || this.#isReview()) return;
    this.#preview = text;
    this.#previewOffset = offset;
  }

  /** Codex knows the source of a thread before it looks at messages, wherever the metadata stands. */
  #forgetMessages(): void {
    this.#firstUserMessage = "";
    this.#title = "";
    this.#preview = "";
    this.#previewOffset = undefined;
  }

  /** What a reviewer is asked names nothing (state-and-compression §2.5). */
  #isReview(): boolean {
    return this.#rules.guardianTexts && isGuardian(this.#own.at(-1)?.source);
  }

  /** The outcome, or why the file gives no row (state-and-compression §2.3, §2.12). */
  finish(): FactsResult {
    if (this.#unknownMode) {
      return { ok: false, reason: "its history mode is unknown; a newer release may have written it" };
    }
    if (!this.#sawRecord) return { ok: false, reason: "it holds no record of a format that Codex still reads" };
    const identity = this.#identity();
    if (identity === undefined) return { ok: false, reason: "no session metadata, and no thread id in the name" };
    return { ok: true, facts: this.#facts(identity) };
  }

  #identity(): { readonly id: string; readonly createdAtMs: number } | undefined {
    const createdAtMs = this.#createdAtMs;
    if (this.#id !== undefined && createdAtMs !== undefined) return { id: this.#id, createdAtMs };
    if (this.#name === undefined) return undefined;
    return { id: this.#name.threadId, createdAtMs: stampToMs(this.#name.stamp) ?? 0 };
  }

  #facts(identity: { readonly id: string; readonly createdAtMs: number }): FileFacts {
    const own = this.#own;
    const applied = own.at(-1);
    // Metadata whose time cannot be read starts no row; it is only applied to the one that the file name started.
    const builder = this.#createdAtMs === undefined ? undefined : this.#builder;
    // Not spread: V8 is two hundred times slower with a literal that goes on after a spread.
    return {
      id: identity.id,
      createdAtMs: identity.createdAtMs,
      firstWindowMs: uuidTimeMs(builder?.context_window?.window_id ?? ""),
      historyMode: (builder === undefined ? undefined : historyModeOf(builder)) ?? "legacy",
      source: sourceText(applied?.source),
      guardian: this.#rules.guardianTexts && isGuardian(builder?.source),
      spawnParentId: spawnParentOf(applied?.source),
      threadSource: applied?.thread_source ?? undefined,
      originator: own.map((meta) => nonEmpty(meta.originator)).find((text) => text !== undefined),
      provider: nonEmpty(this.#provider),
      cwd: this.#cwd ?? this.#firstTurnCwd ?? "",
      cliVersion: own.map((meta) => nonEmpty(meta.cli_version)).findLast((text) => text !== undefined) ?? "",
      agentNickname: applied?.agent_nickname ?? undefined,
      agentRole: applied?.agent_role ?? applied?.agent_type ?? undefined,
      agentPath: applied?.agent_path ?? undefined,
      git: gitOf(own.findLast((meta) => meta.git !== undefined && meta.git !== null)),
      creatorUserId: own.find((meta) => meta.creator_user_id != null)?.creator_user_id ?? undefined,
      creatorAccountId: own.find((meta) => meta.creator_account_id != null)?.creator_account_id ?? undefined,
      attachedParentId: applied?.attached_thread === true ? (applied.forked_from_id ?? undefined) : undefined,
      memoryMode: this.#memoryMode,
      turn: this.#turn,
      tokensUsed: this.#tokensUsed,
      firstUserMessage: this.#firstUserMessage,
      title: this.#title,
      preview: this.#preview === "" ? this.#firstUserMessage : this.#preview,
      previewOffset: this.#previewOffset,
      historyBase: baseOf(builder),
      lastTurnStartMs: this.#lastTurnStartMs,
    };
  }
}

type ThreadSettings = Extract<
  RecordOf<"event_msg">["payload"],
  { readonly type: "thread_settings_applied" }
>["thread_settings"];

/** RFC 3339, or the form of file names (state-and-compression §2.3). */
function createdAt(meta: SessionMeta): number | undefined {
  return parseTimestamp(meta.timestamp) ?? stampToMs(meta.timestamp);
}

function gitOf(meta: SessionMeta | undefined): GitFacts | undefined {
  const git = meta?.git;
  if (git === undefined || git === null) return undefined;
  return {
    sha: git.commit_hash ?? undefined,
    branch: git.branch ?? undefined,
    url: git.repository_url ?? undefined,
  };
}

function baseOf(meta: SessionMeta | undefined): HistoryBase | undefined {
  const base = meta?.history_base;
  if (base === undefined || base === null) return undefined;
  return { rolloutId: base.thread_id.toLowerCase(), endByteOffset: base.end_byte_offset };
}

function nonEmpty(text: string | null | undefined): string | undefined {
  return text === null || text === "" ? undefined : text;
}
