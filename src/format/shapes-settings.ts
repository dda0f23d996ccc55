/**
 * Shapes of settings that several records carry: approval, sandbox and permission policies, modes, dynamic tools
 * (rollout-format §3.1, §3.2; state-and-compression §2.8). Parts of the tables that `decode.ts` runs.
 */
import { isJsonObject, type JsonArray, type JsonObject, ownValue } from "./json.ts";
import type {
  ApprovalPolicy,
  ApprovalsReviewer,
  CollaborationMode,
  CyberAccessProgram,
  Duration,
  MultiAgentVersion,
  PermissionProfile,
  SandboxPolicy,
  TurnAttribution,
} from "./parts.ts";
import type { SessionSource, ThreadSpawn } from "./record.ts";
import { absolutePath, agentPath, effort, flag, i32, text, u32, u64, uuid } from "./scalars.ts";
import {
  anyList,
  anything,
  byDefault,
  type Check,
  complain,
  either,
  lenient,
  listOf,
  may,
  need,
  newer,
  object,
  oneOf,
  tagged,
  unlike142,
  unread,
} from "./shape.ts";

export const duration: Check<Duration> = object<Duration>({ secs: need(u64), nanos: need(u32) });

export const multiAgentVersion: Check<MultiAgentVersion> = oneOf("disabled", "v1", "v2");
export const reasoningSummary = oneOf("auto", "concise", "detailed", "none");
export const approvalsReviewer: Check<ApprovalsReviewer> = oneOf("user", "auto_review", "guardian_subagent");
export const cyberAccessProgram: Check<CyberAccessProgram> = oneOf("standard", "daybreak_blue", "daybreak_red");
export const modeKind = oneOf("plan", "code", "custom", "default", "execute", "pair_programming");
export const imageDetail = oneOf("auto", "low", "high", "original");
export const phase = unlike142(
  oneOf("commentary", "partial_answer", "final_answer"),
  oneOf("commentary", "final_answer"),
);

const granular = object<JsonObject>({
  sandbox_approval: need(flag),
  rules: need(flag),
  skill_approval: byDefault(flag),
  request_permissions: byDefault(flag),
  mcp_elicitations: need(flag),
});

/** The older `reject` form is refused by every release (state-and-compression §2.5). */
export const approvalPolicy: Check<ApprovalPolicy> = either(
  oneOf("untrusted", "on-failure", "on-request", "never"),
  object<{ granular: JsonObject }>({ granular: need(granular) }),
);

const sandboxByType: Check<SandboxPolicy> = tagged("type", {
  "danger-full-access": object({}),
  "read-only": object({ network_access: byDefault(flag) }),
  "external-sandbox": object({ network_access: byDefault(oneOf("restricted", "enabled")) }),
  "workspace-write": object({
    writable_roots: byDefault(listOf(absolutePath)),
    network_access: byDefault(flag),
    exclude_tmpdir_env_var: byDefault(flag),
    exclude_slash_tmp: byDefault(flag),
  }),
}) as Check<SandboxPolicy>;

const sandboxByMode: Check<SandboxPolicy> = object({
  mode: need(oneOf("danger-full-access", "read-only", "workspace-write")),
}) as Check<SandboxPolicy>;

/** Up to about 0.6x the tag was `mode`; no later release takes that. */
export const sandboxPolicy: Check<SandboxPolicy> = lenient(either(sandboxByType, sandboxByMode), sandboxByType);

const specialPath = tagged("kind", {
  root: object({}),
  minimal: object({}),
  current_working_directory: object({}),
  project_roots: object({ subpath: may(text) }),
  tmpdir: object({}),
  slash_tmp: object({}),
  unknown: object({ path: need(text), subpath: may(text) }),
});

function sandboxEntry(path: Check<string>): Check<object> {
  return object({
    path: need(
      tagged("type", {
        path: object({ path: need(path) }),
        glob_pattern: object({ pattern: need(text) }),
        special: object({ value: need(specialPath) }),
      }),
    ),
    access: need(oneOf("read", "write", "deny", "none")),
    missing_path_behavior: newer(may(oneOf("skip"))),
  });
}

/** An integer of at least 1. */
const searchDepth: Check<number> = (value, judge) =>
  u64(value, judge) ?? (value === 0 ? complain("is zero") : undefined);

const networkRule = oneOf("restricted", "enabled");
const permissionByType = tagged("type", {
  disabled: object({}),
  external: object({ network: need(networkRule) }),
  managed: object({
    file_system: need(
      tagged("type", {
        unrestricted: object({}),
        restricted: object({
          entries: need(listOf(sandboxEntry(absolutePath))),
          glob_scan_max_depth: may(searchDepth),
        }),
      }),
    ),
    network: need(networkRule),
  }),
});

/** The form before the tag: any of two parts, nothing else. */
const permissionByParts = object<JsonObject>(
  {
    network: may(object({ enabled: may(flag) })),
    file_system: may(
      either(
        object({ entries: need(listOf(sandboxEntry(absolutePath))), glob_scan_max_depth: may(searchDepth) }),
        object({ read: may(listOf(absolutePath)), write: may(listOf(absolutePath)) }),
      ),
    ),
  } as never,
  (profile) =>
    Object.keys(profile).every((key) => key === "network" || key === "file_system") ? undefined : "has an unknown key",
);

export const permissionProfile = either(permissionByType, permissionByParts) as Check<PermissionProfile>;

export const activePermissionProfile = object<JsonObject>({ id: need(text), extends: may(text) });

export const fileSystemPolicy = object<JsonObject>({
  kind: need(oneOf("restricted", "unrestricted", "external-sandbox")),
  glob_scan_max_depth: may(u64),
  entries: byDefault(listOf(sandboxEntry(unlike142(text, absolutePath)))),
} as never);

const modeSettings = object<NonNullable<CollaborationMode["settings"]>>({
  model: need(text),
  reasoning_effort: may(effort),
  developer_instructions: may(text),
});

const nestedMode = object<CollaborationMode>({ mode: need(modeKind), settings: need(modeSettings) });

/** 0.89 wrote the settings beside `mode`; no later release takes that. */
export const collaborationMode: Check<CollaborationMode> = lenient(
  either(
    nestedMode,
    object({ mode: need(text), model: need(text), settings: unread }) as unknown as Check<CollaborationMode>,
  ),
  nestedMode,
);

export const turnAttribution: Check<TurnAttribution> = object<TurnAttribution>({
  turn_id: need(text),
  turn_trigger: may(text),
  parent_turn_id: may(text),
  initiating_agent_path: may(agentPath),
  root_turn_id: may(text),
});

export const threadSpawn: Check<ThreadSpawn> = object<ThreadSpawn>(
  {
    parent_thread_id: need(uuid),
    depth: need(i32),
    agent_path: may(agentPath),
    agent_nickname: may(text),
    agent_role: may(text),
    agent_type: may(text),
  },
  onlyOneRole,
);

/** A field and its alias together count as the same field twice (rollout-format §2.2). */
export function onlyOneRole(owner: JsonObject): string | undefined {
  return Object.hasOwn(owner, "agent_role") && Object.hasOwn(owner, "agent_type") ? "has agent_role twice" : undefined;
}

const subagentKinds = oneOf("review", "compact", "memory_consolidation");
const subagent: Check<unknown> = (value, judge) => {
  if (typeof value === "string") return subagentKinds(value, judge);
  return variant(value, judge, { thread_spawn: threadSpawn, other: text }, subagentKinds);
};
const internalKind = unlike142(oneOf("memory_consolidation", "guardian"), oneOf("memory_consolidation"));

/** A word, or an object of exactly one key (rollout-format §3.1). Any word passes; those not known count as unknown. */
export const sessionSource: Check<SessionSource> = (value, judge) => {
  if (typeof value === "string") return undefined;
  return variant(value, judge, { custom: text, internal: internalKind, subagent }, text);
};

/** An enum written as `{name: content}`, or as `{name: null}` for a name without content that `bare` takes. */
function variant(
  value: unknown,
  judge: Parameters<Check<unknown>>[1],
  table: { readonly [name: string]: Check<unknown> },
  bare: Check<unknown>,
) {
  if (!isJsonObject(value)) return complain("is not an object");
  const [name, ...others] = Object.keys(value);
  if (name === undefined || others.length > 0) return complain("does not have exactly one key");
  if (Object.hasOwn(table, name)) return table[name]?.(value[name], judge);
  return value[name] === null ? bare(name, judge) : complain("is not a known variant");
}

const toolFunction = {
  name: need(text),
  description: need(text),
  inputSchema: { ...need(anything), nullIsFine: true },
  deferLoading: byDefault(flag),
};
const canonicalFunction = object(toolFunction);

/** A dynamic tool as 0.142.3 and later store it. */
export const dynamicTool = tagged("type", {
  function: canonicalFunction,
  namespace: object({
    name: need(text),
    description: need(text),
    tools: need(listOf(tagged("type", { function: canonicalFunction }))),
  }),
});

const legacyTool = object({
  ...toolFunction,
  deferLoading: may(flag),
  exposeToContext: may(flag),
  namespace: may(text),
});
const LEGACY_KEYS = ["exposeToContext", "namespace"];

function isLegacyTool(tool: unknown): boolean {
  return isJsonObject(tool) && ownValue(tool, "type") === undefined;
}

function mixesForms(tool: unknown): boolean {
  if (!isJsonObject(tool) || isLegacyTool(tool)) return false;
  const members = ownValue(tool, "tools");
  return LEGACY_KEYS.some((key) => Object.hasOwn(tool, key)) || (Array.isArray(members) && members.some(isLegacyTool));
}

/** All in the canonical form or all in the legacy one, never mixed (rollout-format §3.1). */
export const dynamicTools: Check<JsonArray> = (value, judge) => {
  const complaint = anyList(value, judge);
  if (complaint !== undefined) return complaint;
  const tools = value as JsonArray;
  const legacy = tools.filter(isLegacyTool).length;
  if (legacy > 0 && legacy < tools.length) return complain("mixes canonical and legacy tools");
  if (tools.some(mixesForms)) return complain("mixes canonical and legacy tools");
  return listOf<unknown>(legacy > 0 ? legacyTool : dynamicTool)(tools, judge);
};
