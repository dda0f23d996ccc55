/**
 * Checks of rollout files, as data: of the file as such, its lines, its ordinals, what it continues, its calls, its turns.
 * What they look for stands in rollout-format §1, §2, §7 to §10, and state-and-compression §2.12 and §8.3.
 */
import { type Check, NOTHING_TO_DO, REPAIR } from "./check.ts";

export const FILE_CHECKS = {
  "file-unreadable": {
    severity: "error",
    meaning: "a file or folder cannot be read",
    effect: "what it holds is hidden from Codex and from this tool",
    mend: "look at its permissions, and at the disk",
  },
  "file-empty": {
    severity: "error",
    meaning: "the file is empty",
    effect: "Codex cannot list, read or resume the thread",
    mend: "no command; the file holds nothing and can be removed",
  },
  "file-no-metadata": {
    severity: "error",
    meaning: "no line is a session_meta that can be read",
    effect: "Codex cannot list, read or resume the thread",
    mend: "no command; a backup may have the line",
  },
  "file-metadata-late": {
    severity: "error",
    meaning: "the first line is not the session_meta",
    effect: "Codex 0.169.0 refuses to resume the thread, and to read it where a response_item comes first",
    mend: REPAIR,
  },
  "file-metadata-again": {
    severity: "warning",
    meaning: "a paginated rollout has a second session_meta behind other records",
    effect: "Codex 0.169.0 leaves what stands before it out of what it sends to the model, unless a compaction follows",
    mend: "no command; history of this tool reads all of it",
  },
  "file-bom": {
    severity: "error",
    meaning: "the file begins with a byte order mark",
    effect: "its first line, the session_meta, does not parse, so that Codex cannot open the thread",
    mend: REPAIR,
  },
  "file-unknown-mode": {
    severity: "error",
    meaning: "the session_meta names a history mode that is not known",
    effect: "Codex refuses to read or resume the thread",
    mend: "none if a newer Codex wrote it: use that one",
  },
  "file-odd-name": {
    severity: "warning",
    meaning: "the name is not rollout-<time>-<id>.jsonl",
    effect: "Codex does not find the thread by its id; a paginated one it does not open at all",
    mend: "no command; rename it after the id in its session_meta, then run reindex",
  },
  "file-odd-folder": {
    severity: "warning",
    meaning: "the file lies in no folder that Codex lists",
    effect: "the thread is missing from lists that are made from files",
    mend: REPAIR,
  },
  "file-other-id": {
    severity: "note",
    meaning: "the name has another id than the session_meta",
    effect: "the id in the session_meta counts; looked up by the one in the name the thread is not found",
    mend: NOTHING_TO_DO,
  },
  "file-special": {
    severity: "warning",
    meaning: "a link, folder or pipe has the name of a rollout",
    effect: "Codex and this tool pass over it",
    mend: "no command; put the file itself there",
  },
  "file-copy": {
    severity: "warning",
    meaning: "two files hold the same rollout of the same thread",
    effect: "Codex reads one of them, and what is only in the other is hidden",
    mend: "no command; compare them, and move one out of the home",
  },
  "file-form": {
    severity: "error",
    meaning: "the name says compressed and the content is not, or the other way round",
    effect: "Codex reads nothing of the thread; this tool goes by the content",
    mend: REPAIR,
  },
  "file-old-format": {
    severity: "note",
    meaning: "a rollout of 2025, from before today's format",
    effect: "today's Codex does not list it; show and history read it",
    mend: "migrate --to envelope --apply",
  },
  "agent-prefix-incomplete": {
    severity: "error",
    meaning: "an agent's file has fewer inherited records than it announces",
    effect: "Codex refuses to resume the agent",
    mend: "no command; a backup may have the records",
  },
} as const satisfies Readonly<Record<string, Check>>;

export const LINE_CHECKS = {
  "line-torn": {
    severity: "warning",
    meaning: "the last line is incomplete",
    effect: "that record is lost; Codex 0.142.3 writes the next one onto the same line, and loses it as well",
    mend: REPAIR,
  },
  "line-unterminated": {
    severity: "warning",
    meaning: "the last line is whole, but has no line end",
    effect: "Codex 0.142.3 writes the next record onto the same line, and loses both; 0.169.0 does not",
    mend: REPAIR,
  },
  "line-nul": {
    severity: "warning",
    meaning: "a line has NUL bytes, as after a power failure",
    effect: "Codex passes over the line; what was to be there is lost",
    mend: REPAIR,
  },
  "line-not-utf8": {
    severity: "error",
    meaning: "a line is not valid UTF-8",
    effect: "of a legacy thread Codex loads nothing at all; of a paginated one it passes over the line",
    mend: REPAIR,
  },
  "line-not-json": {
    severity: "warning",
    meaning: "a line is not valid JSON",
    effect: "Codex passes over the line",
    mend: REPAIR,
  },
  "line-wrong-shape": {
    severity: "warning",
    meaning: "a line is a record whose fields are missing or of the wrong type",
    effect: "Codex passes over the line",
    mend: "no command; nothing has to be done unless something is missed",
  },
  "line-refused": {
    severity: "note",
    meaning: "a record in a layout of an older release, which 0.169.0 no longer reads",
    effect: "Codex 0.169.0 passes over the line; views of this tool may show more than Codex does",
    mend: NOTHING_TO_DO,
  },
  "line-retired": {
    severity: "note",
    meaning: "a record of a kind that releases of today no longer know",
    effect: "Codex passes over the line",
    mend: NOTHING_TO_DO,
  },
  "line-unknown-kind": {
    severity: "note",
    meaning: "a record of a kind that is not known, perhaps of a newer release",
    effect: "a release that does not know it passes over the line",
    mend: NOTHING_TO_DO,
  },
  "line-huge": {
    severity: "note",
    meaning: "a line of 16 MiB or more",
    effect: "Codex's own migrate-rollouts drops such lines",
    mend: "keep the thread from migrate-rollouts, or keep a copy of the file",
  },
  "line-too-long": {
    severity: "warning",
    meaning: "a line is longer than this tool can decode",
    effect: "this tool cannot judge it; Codex may run out of memory over it",
    mend: "no command; it may be split off by hand",
  },
} as const satisfies Readonly<Record<string, Check>>;

export const ORDINAL_CHECKS = {
  "ordinal-missing": {
    severity: "warning",
    meaning: "a record of a paginated thread has no ordinal",
    effect: "a client does not see it",
    mend: REPAIR,
  },
  "ordinal-missing-last": {
    severity: "error",
    meaning: "the last record of a paginated thread has no ordinal",
    effect: "Codex refuses to resume the thread",
    mend: REPAIR,
  },
  "ordinal-not-rising": {
    severity: "error",
    meaning: "an ordinal is not greater than the one before",
    effect: "a client does not see the records up to the next greater one; the model does",
    mend: REPAIR,
  },
  "ordinal-gap": {
    severity: "warning",
    meaning: "ordinals are missing, and no damaged line accounts for them",
    effect: "records are lost; Codex goes on behind the gap",
    mend: "no command; a backup may have the records",
  },
  "ordinal-first": {
    severity: "note",
    meaning: "the first ordinal is not the one that the file should begin with",
    effect: "none that was seen; Codex takes it as it is",
    mend: NOTHING_TO_DO,
  },
} as const satisfies Readonly<Record<string, Check>>;

const BACKUP = "no command; a backup may have the rollouts as they were";
const REFUSED = "Codex refuses to read and to resume the thread";

export const LINEAGE_CHECKS = {
  "lineage-missing-source": {
    severity: "error",
    meaning: "the rollout that this one continues is not in the home",
    effect: REFUSED,
    mend: "no command; put the file back, or take it from a backup",
  },
  "lineage-cycle": {
    severity: "error",
    meaning: "rollouts continue each other in a circle",
    effect: REFUSED,
    mend: BACKUP,
  },
  "lineage-not-paginated": {
    severity: "error",
    meaning: "the rollout that this one continues is not paginated",
    effect: REFUSED,
    mend: BACKUP,
  },
  "lineage-cuts-metadata": {
    severity: "error",
    meaning: "the rollout is continued from before its session_meta",
    effect: REFUSED,
    mend: BACKUP,
  },
  "lineage-past-end": {
    severity: "error",
    meaning: "the rollout that this one continues is shorter than it was",
    effect: "Codex refuses to resume the thread; a client may still show it from what it projected before",
    mend: "no command; the end of the source is lost unless a backup has it",
  },
  "lineage-identity": {
    severity: "warning",
    meaning: "a paginated rollout holds another thread than its name says",
    effect: "Codex opens it by the id in its session_meta; looked up by the one in its name it fails halfway",
    mend: "no command; rename it after the id in its session_meta, then run reindex",
  },
  "lineage-no-metadata": {
    severity: "error",
    meaning: "the rollout that this one continues has no session_meta",
    effect: REFUSED,
    mend: BACKUP,
  },
  "lineage-unknown-mode": {
    severity: "error",
    meaning: "the rollout that this one continues has a history mode that is not known",
    effect: REFUSED,
    mend: "none if a newer Codex wrote it: use that one",
  },
  "lineage-cut-in-line": {
    severity: "warning",
    meaning: "the rollout is continued from the middle of a line",
    effect: "Codex loses that line, or reads a shorter one",
    mend: BACKUP,
  },
} as const satisfies Readonly<Record<string, Check>>;

const AS_IT_WAS = "no command; what the model is shown is as it was";

export const TURN_CHECKS = {
  "call-output-orphan": {
    severity: "warning",
    meaning: "the output of a tool call that is nowhere before it",
    effect: "Codex leaves it out of what it sends to the model",
    mend: NOTHING_TO_DO,
  },
  "call-no-output": {
    severity: "note",
    meaning: "a tool call without an output, as after an interruption",
    effect: "Codex tells the model that the call was aborted",
    mend: NOTHING_TO_DO,
  },
  "turn-open-last": {
    severity: "note",
    meaning: "the last turn has no end: it was interrupted, or still runs",
    effect: "a client shows it as interrupted",
    mend: NOTHING_TO_DO,
  },
  "turn-not-ended": {
    severity: "note",
    meaning: "a turn has no end although another one follows, as after a crash",
    effect: "a client shows it as interrupted",
    mend: NOTHING_TO_DO,
  },
  "turn-other-id": {
    severity: "note",
    meaning: "a turn ends under another id than it began under, as Codex writes reviews",
    effect: "none in a legacy thread; of a paginated one a client shows two turns",
    mend: NOTHING_TO_DO,
  },
  "turn-not-begun": {
    severity: "warning",
    meaning: "a turn ends that has not begun, and no other one is open",
    effect:
      "a legacy thread gives the end to an earlier turn, or to none; a paginated one shows a turn without a beginning",
    mend: AS_IT_WAS,
  },
  "turn-ended-twice": {
    severity: "warning",
    meaning: "a turn ends a second time",
    effect: "which end counts differs between legacy and paginated threads",
    mend: AS_IT_WAS,
  },
  "turn-begun-twice": {
    severity: "warning",
    meaning: "a turn begins a second time under the same id",
    effect: "clients show two turns as one, or the same id twice",
    mend: AS_IT_WAS,
  },
} as const satisfies Readonly<Record<string, Check>>;
