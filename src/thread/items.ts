/**
 * What a client shows of a thread: turns and their items, in the words of the app server of 0.169.0 (rollout-format §8.1).
 * The shapes only. Who makes them: `items-events.ts` from the events of legacy rollouts, `items-completed.ts` from the items
 * of paginated ones; who puts them together: `turns-legacy.ts` and `turns-canonical.ts`.
 *
 * Every member is there unless it is marked with `?`, null where nothing is known. `*Ms` are milliseconds, `startedAt` and
 * `completedAt` of a turn unix seconds.
 */
import type { Position } from "../format/entry.ts";
import type { HistoryMode, JsonArray, JsonObject, JsonValue } from "../format/record.ts";

export type TurnStatus = "completed" | "interrupted" | "failed" | "inProgress";

export interface Turn {
  readonly id: string;
  readonly rootTurnId: string | null;
  readonly items: readonly ThreadItem[];
  /** Always `full` here: the server also knows turns whose items it has not loaded. */
  readonly itemsView: "full";
  readonly status: TurnStatus;
  readonly error: TurnError | null;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly durationMs: number | null;
}

export interface TurnError {
  readonly message: string;
  readonly codexErrorInfo: CodexErrorInfo | null;
  /** Never kept in a rollout. */
  readonly additionalDetails: null;
  /** Kept in rollouts, and never shown again by 0.169.0. */
  readonly misalignment: null;
}

/** A word, or a word with a detail: `{httpConnectionFailed: {httpStatusCode: 503}}`. */
export type CodexErrorInfo = string | { readonly [word: string]: JsonObject };

/** The client view of a thread. */
export interface Turns {
  /** By which rules it was made. */
  readonly mode: HistoryMode;
  readonly turns: readonly Turn[];
  /** One for each turn, in the same order. */
  readonly places: readonly TurnPlace[];
  readonly warnings: readonly TurnsWarning[];
}

/** Something in the rollout that the view had to pass over, or may lack. */
export interface TurnsWarning {
  /**
   * `malformed`: a line that is no record; `refused`: a record that 0.169.0 cannot read; `no-ordinal`, `old-ordinal`: a
   * record that is passed over because its ordinal is missing, or not greater than those before; `ordinal-gap`: ordinals
   * are left out before this record, which counts nevertheless. The last three only in paginated rollouts.
   */
  readonly kind: "malformed" | "refused" | "no-ordinal" | "old-ordinal" | "ordinal-gap";
  readonly position: Position;
  /** One clause, safe to print. */
  readonly message: string;
}

/** Where an item stands: the line that first brought it, and the one that its present content is from. */
export interface ItemPlace {
  readonly first: Position;
  readonly last: Position;
}

/** Where a turn of the same index in `turns` comes from. */
export interface TurnPlace {
  /** The line that made the turn. */
  readonly opened: Position;
  /** The line that says how it ended. */
  readonly ended: Position | undefined;
  /** One for each item. */
  readonly items: readonly ItemPlace[];
}

interface ItemBase {
  readonly id: string;
  readonly startedAtMs: number | null;
  readonly completedAtMs: number | null;
}

export type ImageSource = { readonly url: string } | { readonly fileId: string };

export interface TextElement {
  /** UTF-8 bytes of the text. */
  readonly byteRange: { readonly start: number; readonly end: number };
  readonly placeholder: string | null;
}

export type ClientUserInput =
  | { readonly type: "text"; readonly text: string; readonly text_elements: readonly TextElement[] }
  | ({ readonly type: "image"; readonly detail: string | null } & ImageSource)
  | { readonly type: "localImage"; readonly detail: string | null; readonly path: string }
  | ({ readonly type: "audio" } & ImageSource)
  | { readonly type: "localAudio"; readonly path: string }
  | { readonly type: "skill" | "mention"; readonly name: string; readonly path: string };

export interface UserMessageItem extends ItemBase {
  readonly type: "userMessage";
  readonly clientId: string | null;
  readonly content: readonly ClientUserInput[];
}

export interface HookPromptFragment {
  readonly text: string;
  readonly hookRunId: string;
}

export interface HookPromptItem extends ItemBase {
  readonly type: "hookPrompt";
  readonly fragments: readonly HookPromptFragment[];
}

export interface MemoryCitation {
  readonly entries: readonly {
    readonly path: string;
    readonly lineStart: number;
    readonly lineEnd: number;
    readonly note: string;
  }[];
  readonly threadIds: readonly string[];
}

export interface AgentMessageItem extends ItemBase {
  readonly type: "agentMessage";
  readonly moderation: { readonly moderated: boolean; readonly display: JsonObject | null } | null;
  readonly text: string;
  readonly phase: string | null;
  readonly memoryCitation: MemoryCitation | null;
  readonly delivery: string | null;
  readonly questions: readonly { readonly title: string; readonly options: JsonValue }[] | null;
}

export interface FunctionCallOutputItem extends ItemBase {
  readonly type: "functionCallOutput";
  readonly name: string;
  readonly namespace: string | null;
  readonly output: string | readonly JsonObject[];
}

export interface PlanItem extends ItemBase {
  readonly type: "plan";
  readonly text: string;
}

export interface ReasoningItem extends ItemBase {
  readonly type: "reasoning";
  readonly summary: readonly string[];
  readonly content: readonly string[];
}

export type CommandAction =
  | { readonly type: "read"; readonly command: string; readonly name: string; readonly path: string }
  | { readonly type: "listFiles"; readonly command: string; readonly path: string | null }
  | { readonly type: "search"; readonly command: string; readonly query: string | null; readonly path: string | null }
  | { readonly type: "unknown"; readonly command: string };

export interface CommandExecutionItem extends ItemBase {
  readonly type: "commandExecution";
  readonly pluginId: string | null;
  readonly scriptPath: string | null;
  /** Quoted for a shell. */
  readonly command: string;
  readonly cwd: string;
  readonly processId: string | null;
  readonly source: string;
  readonly status: string;
  readonly commandActions: readonly CommandAction[];
  readonly aggregatedOutput: string | null;
  readonly exitCode: number | null;
  readonly durationMs: number | null;
}

export interface FileUpdate {
  readonly path: string;
  readonly kind: { readonly type: "add" | "delete" } | { readonly type: "update"; readonly move_path: string | null };
  readonly diff: string;
}

export interface FileChangeItem extends ItemBase {
  readonly type: "fileChange";
  readonly changes: readonly FileUpdate[];
  readonly status: string;
}

export interface McpAppContext {
  readonly connectorId: string;
  readonly linkId: string | null;
  readonly resourceUri: string | null;
  readonly appName: string | null;
  readonly actionName: string | null;
}

export interface McpToolCallItem extends ItemBase {
  readonly type: "mcpToolCall";
  readonly server: string;
  readonly tool: string;
  readonly status: string;
  readonly arguments: JsonValue;
  readonly appContext: McpAppContext | null;
  readonly mcpAppResourceUri?: string;
  readonly mcpAppUi: JsonObject | null;
  readonly pluginId: string | null;
  readonly readOnlyHint: boolean | null;
  readonly result: {
    readonly content: JsonArray;
    readonly structuredContent: JsonValue;
    readonly _meta: JsonValue;
  } | null;
  readonly error: { readonly message: string } | null;
  readonly durationMs: number | null;
}

export interface DynamicToolCallItem extends ItemBase {
  readonly type: "dynamicToolCall";
  readonly namespace: string | null;
  readonly tool: string;
  readonly arguments: JsonValue;
  readonly status: string;
  readonly contentItems: JsonArray | null;
  readonly success: boolean | null;
  readonly durationMs: number | null;
}

export interface CollabAgentToolCallItem extends ItemBase {
  readonly type: "collabAgentToolCall";
  readonly tool: string;
  readonly status: string;
  readonly senderThreadId: string;
  readonly receiverThreadIds: readonly string[];
  readonly prompt: string | null;
  readonly model: string | null;
  readonly reasoningEffort: string | null;
  /** By thread id. */
  readonly agentsStates: { readonly [threadId: string]: { readonly status: string; readonly message: string | null } };
}

export interface SubAgentActivityItem extends ItemBase {
  readonly type: "subAgentActivity";
  readonly model: string | null;
  readonly reasoningEffort: string | null;
  readonly kind: string;
  readonly agentThreadId: string;
  readonly agentPath: string;
}

export type ClientWebSearchAction =
  | { readonly type: "search"; readonly query: string | null; readonly queries: readonly string[] | null }
  | { readonly type: "openPage"; readonly url: string | null }
  | { readonly type: "findInPage"; readonly url: string | null; readonly pattern: string | null }
  | { readonly type: "other" };

export interface WebSearchItem extends ItemBase {
  readonly type: "webSearch";
  readonly query: string;
  readonly action: ClientWebSearchAction | null;
  readonly results: JsonArray | null;
}

export interface ImageViewItem extends ItemBase {
  readonly type: "imageView";
  readonly path: string;
}

export interface SleepItem extends ItemBase {
  readonly type: "sleep";
  readonly durationMs: number;
}

/** Has either `result` or `fileId`. */
export interface ImageGenerationItem extends ItemBase {
  readonly type: "imageGeneration";
  readonly status: string;
  readonly revisedPrompt: string | null;
  readonly result?: string;
  readonly fileId?: string;
  readonly transparentBackground: boolean | null;
  readonly failure: JsonObject | null;
  readonly savedPath?: string;
  readonly inputImages?: JsonArray;
  readonly generationId: string | null;
}

export interface ReviewModeItem extends ItemBase {
  readonly type: "enteredReviewMode" | "exitedReviewMode";
  readonly review: string;
}

export interface ContextCompactionItem extends ItemBase {
  readonly type: "contextCompaction";
}

export type ThreadItem =
  | UserMessageItem
  | HookPromptItem
  | AgentMessageItem
  | FunctionCallOutputItem
  | PlanItem
  | ReasoningItem
  | CommandExecutionItem
  | FileChangeItem
  | McpToolCallItem
  | DynamicToolCallItem
  | CollabAgentToolCallItem
  | SubAgentActivityItem
  | WebSearchItem
  | ImageViewItem
  | SleepItem
  | ImageGenerationItem
  | ReviewModeItem
  | ContextCompactionItem;
