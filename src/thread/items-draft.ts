/**
 * A turn while it is being put together, and the list of its items, in which an item that comes again takes the place of
 * its elder (rollout-format §8.2, §8.3). Shared by `turns-legacy.ts` and `turns-canonical.ts`.
 */
import type { Position } from "../format/entry.ts";
import type { Draft } from "./items-parts.ts";
import type { ItemPlace, ThreadItem, Turn, TurnError, TurnPlace, Turns, TurnStatus, TurnsWarning } from "./items.ts";

/** Lists up to this length are searched through; longer ones get an index. */
const SHORT = 16;

export class ItemList {
  readonly items: ThreadItem[];
  readonly places: ItemPlace[];
  /** Id → first item of that id. */
  #index: Map<string, number> | undefined;

  constructor(items: readonly ThreadItem[] = [], places: readonly ItemPlace[] = []) {
    this.items = [...items];
    this.places = [...places];
  }

  push(item: ThreadItem, position: Position): void {
    if (this.#index?.has(item.id) === false) this.#index.set(item.id, this.items.length);
    this.items.push(item);
    this.places.push({ first: position, last: position });
  }

  /**
   * Puts an item in the place of the first one with its id, else at the end. Of both times the one that was known first
   * stays. Gives the number of items that this has added.
   */
  upsert(item: Draft<ThreadItem>, position: Position): 0 | 1 {
    const at = this.#find(item.id);
    const elder = this.items[at];
    const first = this.places[at]?.first;
    if (elder === undefined || first === undefined) {
      this.push(item, position);
      return 1;
    }
    item.startedAtMs = elder.startedAtMs ?? item.startedAtMs;
    item.completedAtMs = elder.completedAtMs ?? item.completedAtMs;
    this.items[at] = item;
    this.places[at] = { first, last: position };
    return 0;
  }

  /** Says that the last item was added to. */
  touchLast(position: Position): void {
    const first = this.places.at(-1)?.first;
    if (first !== undefined) this.places[this.places.length - 1] = { first, last: position };
  }

  #find(id: string): number {
    if (this.items.length <= SHORT) return this.items.findIndex((item) => item.id === id);
    this.#index ??= this.#indexed();
    return this.#index.get(id) ?? -1;
  }

  #indexed(): Map<string, number> {
    const index = new Map<string, number>();
    for (const [at, { id }] of this.items.entries()) if (!index.has(id)) index.set(id, at);
    return index;
  }
}

export class TurnDraft {
  readonly id: string;
  readonly opened: Position;
  readonly list: ItemList;
  status: TurnStatus;
  rootTurnId: string | null = null;
  error: TurnError | null = null;
  startedAt: number | null = null;
  completedAt: number | null = null;
  durationMs: number | null = null;
  ended: Position | undefined;

  constructor(id: string, status: TurnStatus, opened: Position, list: ItemList = new ItemList()) {
    this.id = id;
    this.status = status;
    this.opened = opened;
    this.list = list;
  }
}

/** A turn as it stands, unfinished ones as `inProgress`. Shares its items with the draft. */
export function turnOf(draft: TurnDraft, status: TurnStatus = draft.status): Turn {
  const { id, rootTurnId, list, error, startedAt, completedAt, durationMs } = draft;
  return { id, rootTurnId, items: list.items, itemsView: "full", status, error, startedAt, completedAt, durationMs };
}

export function placeOf({ opened, ended, list }: TurnDraft): TurnPlace {
  return { opened, ended, items: list.places };
}

/** The view of turns that are put together. Of unfinished turns only the newest can be one that goes on, if the thread does. */
export function viewOf(
  mode: Turns["mode"],
  drafts: readonly TurnDraft[],
  warnings: readonly TurnsWarning[],
  isRunning: boolean,
): Turns {
  const newest = drafts.length - 1;
  return {
    mode,
    turns: drafts.map((draft, at) => turnOf(draft, shownStatus(draft, isRunning && at === newest))),
    places: drafts.map(placeOf),
    warnings,
  };
}

function shownStatus({ status }: TurnDraft, goesOn: boolean): TurnStatus {
  return status === "inProgress" && !goesOn ? "interrupted" : status;
}
