/**
 * Checks of what lies around rollouts, as data: archives, pairs, leftovers, locks, names (state-and-compression §4, §5.4,
 * §8.3).
 */
import { type Check, NOTHING_TO_DO, REPAIR } from "./check.ts";

export const ARCHIVE_CHECKS = {
  "archive-broken": {
    severity: "error",
    meaning: "a compressed rollout does not decode to its end",
    effect: "Codex reads nothing of the thread; history and turns of this tool read what precedes the damage",
    mend: "no command; what `decompress` tells of it is what can be saved",
  },
  "archive-window": {
    severity: "error",
    meaning: "a compressed rollout asks for a window of more than 128 MiB",
    effect: "Codex refuses to read it",
    mend: "no command; decode it with zstd --long=31, then run compress",
  },
  "archive-trailing": {
    severity: "error",
    meaning: "bytes that are no archive follow the end of a compressed rollout",
    effect: "Codex reads nothing of the thread, although all of it is there",
    mend: REPAIR,
  },
  "archive-no-checksum": {
    severity: "note",
    meaning: "a compressed rollout has no checksum, as Codex writes them",
    effect: "damage that still decodes goes unnoticed",
    mend: "decompress and compress write it anew, with one",
  },
} as const satisfies Readonly<Record<string, Check>>;

export const PAIR_CHECKS = {
  "pair-equal": {
    severity: "note",
    meaning: "a rollout is there plain and compressed, with the same content",
    effect: "it takes up room twice, and Codex never compresses it again",
    mend: REPAIR,
  },
  "pair-plain-longer": {
    severity: "note",
    meaning: "beside a rollout lies an archive of an earlier state",
    effect: "it takes up room, and Codex never compresses the rollout again",
    mend: REPAIR,
  },
  "pair-archive-longer": {
    severity: "error",
    meaning: "a plain rollout is only the beginning of what the archive beside it holds",
    effect: "Codex reads the plain one, so that the end of the thread is hidden",
    mend: REPAIR,
  },
  "pair-different": {
    severity: "error",
    meaning: "a plain rollout and the archive beside it differ",
    effect: "Codex reads the plain one, so that what only the archive holds is hidden",
    mend: "no command; look at both, and move one out of the home",
  },
  "pair-archive-damaged": {
    severity: "warning",
    meaning: "the archive beside a plain rollout is damaged",
    effect: "none while the plain one is there",
    mend: REPAIR,
  },
} as const satisfies Readonly<Record<string, Check>>;

export const LEFTOVER_CHECKS = {
  "leftover-codex": {
    severity: "note",
    meaning: "a temporary file of Codex, left by a run that was cut off",
    effect: "it takes up room; Codex removes most of them after six hours",
    mend: NOTHING_TO_DO,
  },
  "leftover-run": {
    severity: "warning",
    meaning: "a passing file of this tool, left by a run that was cut off",
    effect: "it takes up room; one named aside is a plain rollout that may hold lines its archive has not",
    mend: REPAIR,
  },
  "leftover-change": {
    severity: "warning",
    meaning: "a run of this tool that changes the home was cut off in the middle of a change",
    effect: "a thread may have a file and no row, or the other way round, until the change is finished or undone",
    mend: "the next run of verify --repair, migrate, archive, unarchive, delete or move",
  },
  "leftover-migration": {
    severity: "warning",
    meaning: "Codex's migrate-rollouts was cut off, and left its journal",
    effect: "the thread it names may be in between two formats until Codex goes on",
    mend: "run codex migrate-rollouts --apply again",
  },
} as const satisfies Readonly<Record<string, Check>>;

export const LOCK_CHECKS = {
  "lock-left": {
    severity: "note",
    meaning: "a writer's lock file that nobody holds, as after a crash",
    effect: "none: only a lock that is held counts",
    mend: NOTHING_TO_DO,
  },
  "lock-folder": {
    severity: "warning",
    meaning: "a folder of locks is a link or a file",
    effect: "compress, decompress and fork refuse to write to the home",
    mend: "no command; move it away",
  },
  "lock-run-cut": {
    severity: "note",
    meaning: "a compression run of this tool was cut off, and left its marker",
    effect: "none for this tool; Codex compresses nothing for up to six hours",
    mend: "the next run of compress removes it",
  },
  "lock-run-future": {
    severity: "warning",
    meaning: "the marker of the last compression run is of the future",
    effect: "nothing is compressed until that time has come, and six hours more",
    mend: REPAIR,
  },
} as const satisfies Readonly<Record<string, Check>>;

export const NAME_CHECKS = {
  "name-malformed": {
    severity: "warning",
    meaning: "a line of session_index.jsonl is no entry",
    effect: "Codex passes over it; the name that it gave is lost",
    mend: REPAIR,
  },
  "name-without-thread": {
    severity: "note",
    meaning: "session_index.jsonl names a thread that has no rollout",
    effect: "none: Codex passes over it",
    mend: NOTHING_TO_DO,
  },
} as const satisfies Readonly<Record<string, Check>>;
