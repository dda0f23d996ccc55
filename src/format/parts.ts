/**
 * Small shapes that several records share: usage counts, settings, policies. The leaves of `record.ts`.
 *
 * Everything is the JSON as it stands on disk. A field typed `T | null` and optional is one that Codex writes as null,
 * or leaves out, when it has nothing to say; both mean the same.
 */
import type { JsonObject, JsonValue } from "./json.ts";

/** Token counts of one response, one turn or one thread (rollout-format §3.7). */
export interface TokenUsage {
  readonly input_tokens: number;
  /** Part of `input_tokens`. */
  readonly cached_input_tokens: number;
  /** From 0.142→0.147; absent means 0. */
  readonly cache_write_input_tokens?: number;
  readonly output_tokens: number;
  /** Part of `output_tokens`. */
  readonly reasoning_output_tokens: number;
  readonly total_tokens: number;
}

/** A length of time as Codex serialises it. */
export interface Duration {
  readonly secs: number;
  readonly nanos: number;
}

export type ApprovalPolicy = "untrusted" | "on-failure" | "on-request" | "never" | { readonly granular: JsonObject };

export type ApprovalsReviewer = "user" | "auto_review" | "guardian_subagent";

/** Tagged by `type`; releases to about 0.6x tagged it by `mode` instead, which 0.169.0 refuses (rollout-format §3.2). */
export interface SandboxPolicy {
  readonly type?: "danger-full-access" | "read-only" | "external-sandbox" | "workspace-write";
  readonly mode?: "danger-full-access" | "read-only" | "workspace-write";
  readonly writable_roots?: readonly string[];
  /** A flag for `workspace-write` and `read-only`; `restricted` or `enabled` for `external-sandbox`. */
  readonly network_access?: boolean | "restricted" | "enabled";
  readonly exclude_tmpdir_env_var?: boolean;
  readonly exclude_slash_tmp?: boolean;
}

/** `disabled`, `managed {file_system, network}`, `external {network}`; the inside is not modelled here. */
export interface PermissionProfile {
  readonly type: string;
  readonly [key: string]: JsonValue;
}

export interface CollaborationMode {
  readonly mode: string;
  /** Absent in the flat form of 0.89, which 0.169.0 refuses. */
  readonly settings?: {
    readonly model: string;
    readonly reasoning_effort?: string | null;
    readonly developer_instructions?: string | null;
  };
}

export type MultiAgentVersion = "disabled" | "v1" | "v2";
export type CyberAccessProgram = "standard" | "daybreak_blue" | "daybreak_red";

/** Free metadata beside an item (rollout-format §3.3.3); unknown keys are carried along. */
export interface PassthroughMetadata {
  readonly turn_id?: string | null;
  /** Unix seconds with a fraction. */
  readonly create_time?: number | null;
  readonly content_item_kinds?: JsonValue;
  readonly content_item_metadata?: JsonValue;
}

/** One edited file of a patch, by path (rollout-format §3.9.1, `patch_apply_end`). */
export type FileChange =
  | { readonly type: "add"; readonly content: string }
  | { readonly type: "delete"; readonly content: string }
  | { readonly type: "update"; readonly unified_diff: string; readonly move_path?: string | null };

/** What `turn_attribution` says about who began a turn. */
export interface TurnAttribution {
  readonly turn_id: string;
  readonly turn_trigger?: string | null;
  readonly parent_turn_id?: string | null;
  readonly initiating_agent_path?: string | null;
  readonly root_turn_id?: string | null;
}
