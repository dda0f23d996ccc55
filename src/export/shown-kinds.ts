/**
 * Which lines the view of a thread depends on, by their kinds (`format/peek.ts`), and whether those that are passed over could matter
 * after all. For `thread-view.ts`.
 */
import type { LineageEntry } from "../readers/lineage.ts";
import type { Turn } from "../thread/items.ts";

const BOTH = ["session_meta", "turn_context", "compacted"] as const;

const PAGINATED: ReadonlySet<string> = new Set([
  ...BOTH,
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "event_msg/item_completed",
  "event_msg/thread_settings_applied",
  "event_msg/thread_rolled_back",
]);

export function isShownPaginated(kind: string): boolean {
  return PAGINATED.has(kind);
}

/** Messages may hold what a hook said. */
const LEGACY: ReadonlySet<string> = new Set([...BOTH, "response_item/message"]);
/** Of these a legacy view shows nothing (rollout-format §4). */
const SILENT: ReadonlySet<string> = new Set(["event_msg/token_count", "event_msg/exec_command_end"]);

export function isShownLegacy(kind: string): boolean {
  return LEGACY.has(kind) || (kind.startsWith("event_msg/") && !SILENT.has(kind));
}

/**
 * Whether a turn or one of its items is named by the number of a record, of all that there are: turns that nothing opened, and prompts of
 * hooks without an id (rollout-format §8.2). Where some lines were passed over, such a name is another one.
 */
export function isNumbered({ id, items }: Turn): boolean {
  return (
    id.startsWith("rollout-") || items.some((item) => item.type === "hookPrompt" && item.id.startsWith("hook-prompt-"))
  );
}

/**
 * An event whose ordinal is not greater than any before it is not shown (rollout-format §8.3). In a sound file every line has the next
 * ordinal, so that ordinals and line numbers go up together: then no line that was passed over can be in the way.
 */
export class RegularOrdinals {
  readonly #ahead: number[] = [];
  isRegular = true;

  add({ record, position, segment }: Extract<LineageEntry, { readonly ok: true }>): void {
    const { segment: file = 0 } = position as { readonly segment?: number };
    if (record.ordinal === undefined || segment.from.line < 1) return this.#miss();
    const ahead = record.ordinal - position.line;
    this.#ahead[file] ??= ahead;
    if (this.#ahead[file] !== ahead) this.#miss();
  }

  #miss(): void {
    this.isRegular = false;
  }
}
