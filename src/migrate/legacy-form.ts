/** What stands for an item of a paginated rollout in a legacy one. For the tables of `legacy-items.ts`. */
import type { EventMsg } from "../format/event.ts";

export interface LegacyForm {
  /** In their order; none where other records say the same, or where there is no such event. */
  readonly events: readonly EventMsg[];
  /** What of the item no event can say, in a few words. */
  readonly lost?: string;
}

/** The members that are there and not null. */
export function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined | null> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value != null)) as never;
}
