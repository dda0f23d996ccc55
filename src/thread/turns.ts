/**
 * From the entries of a thread to what a client shows of it: turns and their items. Here the rules are chosen, by the
 * history mode of the thread; what they are is in `turns-legacy.ts` and `turns-canonical.ts` (rollout-format §8).
 */
import { RolloutError } from "../errors.ts";
import type { Entry } from "../format/entry.ts";
import { type HistoryMode, historyModeOf } from "../format/record.ts";
import type { Turns } from "./items.ts";
import { type CanonicalOptions, CanonicalTurns, emptyProjection } from "./turns-canonical.ts";
import { LegacyTurns } from "./turns-legacy.ts";

export interface TurnsOptions extends CanonicalOptions {
  /** Default: as the first metadata says; legacy where there is none. */
  readonly historyMode?: HistoryMode | undefined;
  /** Some process has the thread loaded, so that a last turn without an end may go on. Default: false, it was interrupted. */
  readonly isRunning?: boolean | undefined;
}

/**
 * The turns of one thread, as 0.169.0 shows them, from all of its entries: those of one file, or of the whole lineage of a
 * copy-on-write fork. Never fails on what a rollout may hold, but for its history mode.
 *
 * @throws RolloutError `unsupported` for a history mode that 0.169.0 does not know, which it refuses to show, too (§8.4).
 */
export function turnsOf(entries: Iterable<Entry>, options: TurnsOptions = {}): Turns {
  const { isRunning = false } = options;
  let fold = options.historyMode === undefined ? undefined : foldFor(options.historyMode, options);
  const early: Entry[] = [];
  for (const entry of entries) {
    if (fold === undefined) {
      early.push(entry);
      if (!entry.ok) continue;
      fold = foldFor(modeOf(entry), options);
      for (const held of early) fold.add(held);
    } else fold.add(entry);
  }
  if (fold === undefined) {
    fold = new LegacyTurns();
    for (const held of early) fold.add(held);
  }
  return fold instanceof LegacyTurns ? fold.finish({ isRunning }) : fold.turns({ isRunning });
}

function foldFor(mode: HistoryMode, options: TurnsOptions): LegacyTurns | CanonicalTurns {
  return mode === "legacy" ? new LegacyTurns() : new CanonicalTurns(emptyProjection(options));
}

/** @throws RolloutError */
function modeOf({ record, position }: Extract<Entry, { readonly ok: true }>): HistoryMode {
  if (record.type !== "session_meta") return "legacy";
  const mode = historyModeOf(record.payload);
  if (mode !== undefined) return mode;
  const { line, offset } = position;
  throw new RolloutError("unsupported", "the metadata names a history mode that is not known", {
    line,
    offset,
    hint: "Codex 0.169.0 does not show such a thread either; a newer release may.",
  });
}
