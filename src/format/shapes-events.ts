/**
 * Shapes of events (rollout-format §3.9, §3.9.1): the table over `EventPayloads` that `decode.ts` runs on `event_msg`
 * records.
 */
import { type EventMsg, type EventPayloads, LIVE_EVENTS, type TaskError, type TokenUsageInfo, type ThreadGoal, type ThreadSettings } from "./event.ts";
import type { JsonArray, JsonObject } from "./json.ts";
import { absolutePath, agentPath, anyList, anyObject, effort, fileUri, flag, float, i32, i64, text, u16, u32, unread, uuid } from "./scalars.ts";
import { byDefault, type Check, either, lenient, listOf, may, need, newer, object, objects, oneOf, refuse, tagged, unlike142 } from "./shape.ts";
import { webSearchAction } from "./shapes-items.ts";
import {
  activePermissionProfile,
  approvalPolicy,
  approvalsReviewer,
  collaborationMode,
  duration,
  imageDetail,
  modeKind,
  permissionProfile,
  phase,
  reasoningSummary,
  turnAttribution,
  usage,
} from "./shapes-settings.ts";
import {
  activityKind,
  commandSource,
  fileChanges,
  memoryCitation,
  parsedCommands,
  patchStatus,
  reviewOutput,
  reviewTarget,
  textElements,
  toolResult,
  turnItem,
} from "./shapes-turn-items.ts";
