/** Shapes of `session_meta` and `turn_context` (rollout-format §3.1, §3.2). Tables that `decode.ts` runs. */
import type { JsonObject } from "./json.ts";
import type { GitInfo, HistoryBase, SessionMeta, TurnContext } from "./record.ts";
import { absolutePath, effort, fileUri, flag, text, u64, uuid } from "./scalars.ts";
import {
  anything,
  byDefault,
  type Check,
  either,
  lenient,
  listOf,
  may,
  need,
  newer,
  object,
  onceNeeded,
  oneOf,
  onlyIn142,
  tagged,
  unlike142,
  unread,
} from "./shape.ts";
import {
  activePermissionProfile,
  approvalPolicy,
  approvalsReviewer,
  collaborationMode,
  cyberAccessProgram,
  dynamicTools,
  fileSystemPolicy,
  multiAgentVersion,
  onlyOneRole,
  permissionProfile,
  reasoningSummary,
  sandboxPolicy,
  sessionSource,
} from "./shapes-settings.ts";

const git = object<GitInfo>({ commit_hash: may(text), branch: may(text), repository_url: may(text) });

const baseInstructions = object<NonNullable<SessionMeta["base_instructions"]>>({
  text: need(text),
  provenance: newer(
    may(tagged("type", { custom: object({}), model: object({ model: need(text) }) }) as Check<JsonObject>),
  ),
});

const historyBase = object<HistoryBase>({
  thread_id: need(uuid),
  end_ordinal_exclusive: need(u64),
  end_byte_offset: need(u64),
});

const capabilityRoot = object<JsonObject>({
  id: need(text),
  location: need(
    tagged("type", {
      environment: object({ environmentId: need(text), path: need(either(absolutePath, fileUri)) }),
    }) as Check<JsonObject>,
  ),
});

/** Unknown modes are for the reader to see, not to refuse; 0.169.0 loses the line, 0.142.3 does not look. */
const historyMode = lenient(anything, unlike142(oneOf("legacy", "paginated"), anything));

export const sessionMeta: Check<SessionMeta> = object<SessionMeta>(
  {
    id: need(uuid),
    timestamp: need(text),
    cwd: need(text),
    originator: need(text),
    cli_version: need(text),
    session_id: byDefault(uuid),
    forked_from_id: may(uuid),
    forked_from_ordinal_exclusive: newer(may(u64)),
    parent_thread_id: may(uuid),
    attached_thread: newer(byDefault(flag)),
    source: byDefault(sessionSource),
    thread_source: may(text),
    agent_nickname: may(text),
    agent_role: may(text),
    agent_type: may(text),
    agent_path: may(text),
    model_provider: may(text),
    base_instructions: may(baseInstructions),
    dynamic_tools: may(dynamicTools),
    memory_mode: may(text),
    history_mode: byDefault(historyMode),
    history_base: newer(may(historyBase)),
    subagent_history_start_ordinal: newer(may(u64)),
    multi_agent_version: may(multiAgentVersion),
    selected_capability_roots: newer(byDefault(listOf(capabilityRoot))),
    context_window: newer(may(object<{ window_id: string }>({ window_id: need(text) }))),
    account_scoped: newer(byDefault(flag)),
    creator_user_id: newer(may(text)),
    creator_account_id: newer(may(text)),
    runtime_workspace_roots: newer(may(listOf(text))),
    git: may(git),
    instructions: unread,
  },
  onlyOneRole,
);

const textList = listOf(text);
const multiAgentMode = oneOf("none", "explicitRequestOnly", "proactive");

export const turnContext: Check<TurnContext> = object<TurnContext>(
  {
    turn_id: may(text),
    root_turn_id: newer(may(text)),
    cwd: need(absolutePath),
    approval_policy: need(approvalPolicy),
    approvals_reviewer: newer(may(approvalsReviewer)),
    sandbox_policy: onceNeeded(may(sandboxPolicy)),
    permission_profile: may(permissionProfile),
    active_permission_profile: newer(may(activePermissionProfile)),
    file_system_sandbox_policy: may(fileSystemPolicy),
    model: need(text),
    comp_hash: may(text),
    collaboration_mode: may(collaborationMode),
    multi_agent_version: may(multiAgentVersion),
    multi_agent_mode: onlyIn142(may(multiAgentMode)),
    realtime_active: may(flag),
    cyber_access_program: newer(may(cyberAccessProgram)),
    effort: may(effort),
    summary: onceNeeded(may(reasoningSummary)),
    disabled_plugin_ids: newer(may(textList)),
    workspace_roots: onlyIn142(may(listOf(absolutePath))),
    current_date: onlyIn142(may(text)),
    timezone: onlyIn142(may(text)),
    network: onlyIn142(may(object({ allowed_domains: need(textList), denied_domains: need(textList) }))),
    personality: onlyIn142(may(oneOf("none", "friendly", "pragmatic"))),
  },
  (context) =>
    context["sandbox_policy"] == null && context["permission_profile"] == null
      ? "has neither policy nor profile"
      : undefined,
);
