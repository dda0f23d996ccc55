/**
 * Why a record, or an item of it, is not in a thread's history: the answer of `history --explain`. One rule is one row
 * of a table, with the section that states it.
 */
import type { DefectKind, Position } from "../format/entry.ts";

export interface OmissionRuleText {
  /** Section of the reference. */
  readonly section: string;
  /** One clause, without a full stop. */
  readonly meaning: string;
}

/** Stable codes; scripts may rely on them. */
export const OMISSION_RULES = {
  "before-checkpoint": {
    section: "rollout-format §5.2 step 3",
    meaning: "a later compaction replaced all history before it",
  },
  "unused-checkpoint": {
    section: "rollout-format §5.2 step 2",
    meaning: "the turn of this compaction was rolled back, so its replacement history is not used",
  },
  "rolled-back": { section: "rollout-format §5.5", meaning: "a rollback removed the user turn that this belongs to" },
  "trimmed-context": {
    section: "rollout-format §5.5 step 4",
    meaning: "context directly above a turn that was rolled back goes with it",
  },
  "not-kept": {
    section: "rollout-format §5.6 step 1",
    meaning: "a legacy compaction keeps the user's own messages only",
  },
  "earlier-summary": {
    section: "rollout-format §5.6 step 1",
    meaning: "a legacy compaction drops the summaries of earlier ones",
  },
  "over-budget": {
    section: "rollout-format §5.6 step 2",
    meaning: "a legacy compaction had room for newer user messages only",
  },
  "system-message": { section: "rollout-format §5.2 step 3", meaning: "messages of the system role are not replayed" },
  "compaction-trigger": {
    section: "rollout-format §5.2 step 3",
    meaning: "a request for a compaction is not replayed",
  },
  "other-item": { section: "rollout-format §5.2 step 3", meaning: "an item of a kind that Codex does not know" },
  "ghost-snapshot": { section: "rollout-format §3.3.1", meaning: "ghost snapshots are skipped at read" },
  "orphan-output": { section: "rollout-format §5.8", meaning: "an output whose call is not in the history" },
  "configuration-update": {
    section: "rollout-format §3.3.1",
    meaning: "a change of the model's settings; Codex 0.169.0 was seen not to send it as an item",
  },
  refused: { section: "rollout-format §10", meaning: "Codex 0.169.0 rejects a record of this shape" },
  defect: { section: "rollout-format §10", meaning: "the line does not decode" },
} as const satisfies Readonly<Record<string, OmissionRuleText>>;

export type OmissionRule = keyof typeof OMISSION_RULES;

/** Lines that do not decode and carry nothing: whoever passes over them has left nothing out. */
export const EMPTY_LINES: ReadonlySet<DefectKind> = new Set(["blank", "state-marker"]);

/** Something that is in the rollout and not in the history. */
export interface Omission {
  readonly place: Position;
  /** Position in the `replacement_history` of the record; undefined for the record itself. */
  readonly index: number | undefined;
  /** Record type, or the type of the item; a defect's kind. Safe to print. */
  readonly what: string;
  readonly rule: OmissionRule;
}
