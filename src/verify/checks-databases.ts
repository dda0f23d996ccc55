/** Checks of the SQLite files beside the rollouts, as data (state-and-compression §1.6, §1.7, §1.11, §2.16, §3, §8.3). */
import { type Check, NOTHING_TO_DO, REPAIR } from "./check.ts";

const REINDEX = "reindex";
const NO_START = "Codex refuses to start";

export const DATABASE_CHECKS = {
  "database-absent": {
    severity: "note",
    meaning: "the home has rollouts and no state database",
    effect: "Codex makes one at its next start; names and sections that only a database held are gone",
    mend: REINDEX,
  },
  "database-damaged": {
    severity: "error",
    meaning: "SQLite finds a database damaged",
    effect:
      "Codex moves the state database away with all that only it knew; a damaged thread history it never mends, and opens no thread",
    mend: `${REPAIR}; for those beside state and thread history reindex --all-databases`,
  },
  "database-unreadable": {
    severity: "error",
    meaning: "a database cannot be read, or is a link",
    effect: "nothing is known of it, and Codex may not start",
    mend: "look at its permissions",
  },
  "database-newer": {
    severity: "note",
    meaning: "there is a state database of a newer generation",
    effect: "this home belongs to a newer Codex; what is told of the older file may not matter",
    mend: "update rollout-tool",
  },
  "database-reference": {
    severity: "warning",
    meaning: "a row refers to one that is not there",
    effect: "what it belongs to is not shown",
    mend: REPAIR,
  },
  "schema-incomplete": {
    severity: "error",
    meaning: "the state database lacks tables or columns of its own level",
    effect: "Codex fails as soon as it needs one of them",
    mend: REPAIR,
  },
  "schema-unindexed": {
    severity: "warning",
    meaning: "the state database lacks indexes or triggers of its own level",
    effect: "Codex works, but lists are slow, and what a trigger keeps in step runs apart",
    mend: REPAIR,
  },
  "schema-extra": {
    severity: "note",
    meaning: "the state database has tables that no known release makes",
    effect: "none: Codex ignores them",
    mend: NOTHING_TO_DO,
  },
} as const satisfies Readonly<Record<string, Check>>;

export const MIGRATION_CHECKS = {
  "migration-checksum": {
    severity: "error",
    meaning: "a migration row has a checksum of no release",
    effect: NO_START,
    mend: REPAIR,
  },
  "migration-unfinished": {
    severity: "error",
    meaning: "a migration is recorded as not finished",
    effect: NO_START,
    mend: REPAIR,
  },
  "migration-missing": {
    severity: "error",
    meaning: "a migration has no row although it or a later one has run",
    effect: "Codex runs it again, fails, and does not start",
    mend: REPAIR,
  },
  "migration-mixed": {
    severity: "error",
    meaning: "some migration rows are those of Windows builds, others are not",
    effect: "no build of Codex starts on it",
    mend: REPAIR,
  },
  "migration-foreign": {
    severity: "warning",
    meaning: "the migration rows are those of builds for another system than this one",
    effect: "Codex refuses to start here, and works where the database was made",
    mend: "no command; where the home has moved for good, move the database away and run reindex",
  },
  "migration-unknown": {
    severity: "note",
    meaning: "a migration row has a number that this version does not know",
    effect: "none: Codex accepts what a newer release did",
    mend: NOTHING_TO_DO,
  },
  "migration-recency": {
    severity: "note",
    meaning: "migration 38 is the recency step that later became 39",
    effect: "none since 0.142: Codex renumbers it at its next start",
    mend: NOTHING_TO_DO,
  },
} as const satisfies Readonly<Record<string, Check>>;

export const BACKFILL_CHECKS = {
  "backfill-unknown": {
    severity: "error",
    meaning: "the state of the backfill is none that Codex knows",
    effect: NO_START,
    mend: REPAIR,
  },
  "backfill-running": {
    severity: "warning",
    meaning: "a backfill is marked as running",
    effect: "if it was cut off, Codex waits 30 seconds and does not start, for up to 15 minutes",
    mend: REPAIR,
  },
  "backfill-stale": {
    severity: "note",
    meaning: "a backfill was cut off more than 15 minutes ago",
    effect: "Codex takes it up at its next start; until then threads may be missing from lists",
    mend: REPAIR,
  },
} as const satisfies Readonly<Record<string, Check>>;

const HIDES_ALL = "every list that meets the row fails, so that no thread is shown";

export const ROW_CHECKS = {
  "row-bad-id": {
    severity: "error",
    meaning: "a row's id is no UUID",
    effect: HIDES_ALL,
    mend: REPAIR,
  },
  "row-unknown-mode": {
    severity: "error",
    meaning: "a row has a history mode that is not known",
    effect: HIDES_ALL,
    mend: REPAIR,
  },
  "row-dangling-section": {
    severity: "error",
    meaning: "a row is in a section that does not exist",
    effect: HIDES_ALL,
    mend: REPAIR,
  },
  "row-file-missing": {
    severity: "error",
    meaning: "the rollout that a row names is in neither form on disk, nor elsewhere in the home",
    effect: "Codex lists the thread and cannot open it",
    mend: "reindex --prune removes the row; a backup may have the file",
  },
  "row-path-wrong": {
    severity: "error",
    meaning: "a row names a file that is not there, and the thread lies elsewhere in the home",
    effect: "Codex since 0.150 lists the thread and cannot open it",
    mend: REPAIR,
  },
  "row-path-verbatim": {
    severity: "warning",
    meaning: "a path in a row begins with the verbatim prefix of Windows",
    effect: "some releases do not find the thread by its folder",
    mend: REPAIR,
  },
  "row-other-thread": {
    severity: "error",
    meaning: "a row names the file of another thread",
    effect: "Codex does not open the thread",
    mend: REPAIR,
  },
  "row-archived-wrong": {
    severity: "warning",
    meaning: "a row says archived and its file is not, or the other way round",
    effect: "the thread is in the wrong list until Codex meets its file",
    mend: REPAIR,
  },
  "row-missing": {
    severity: "warning",
    meaning: "a rollout has no row",
    effect: "the thread is missing from lists that are made from the database",
    mend: REPAIR,
  },
  "row-differs": {
    severity: "note",
    meaning: "a row says otherwise than its rollout",
    effect: "lists show what the row says; it may be older, or a setting that was changed since the last turn",
    mend: "reindex --check shows both values, reindex --thorough takes those of the rollouts",
  },
  "edge-dangling": {
    severity: "note",
    meaning: "a spawn edge names a thread that has neither row nor rollout",
    effect: "the tree of agents has a gap",
    mend: NOTHING_TO_DO,
  },
} as const satisfies Readonly<Record<string, Check>>;

export const PROJECTION_CHECKS = {
  "projection-past-end": {
    severity: "error",
    meaning: "the thread history has gone farther than its rollout reaches",
    effect: "a client shows turns that the rollout no longer has, and not what is written from now on",
    mend: REPAIR,
  },
  "projection-no-rollout": {
    severity: "note",
    meaning: "the thread history holds a rollout that is not in the home",
    effect: "it takes up room",
    mend: NOTHING_TO_DO,
  },
} as const satisfies Readonly<Record<string, Check>>;
