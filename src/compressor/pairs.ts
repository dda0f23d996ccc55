/**
 * A rollout in both forms, as a crash leaves it (state-and-compression §4.10). Codex reads the plain one whatever it holds. By
 * content it is told which form may go: one that holds nothing but what the other holds too. All else is left alone.
 */
import { compressedPath } from "../format/names.ts";
import { removeIfThere } from "../io/files.ts";
import type { HeldLock } from "../io/locks.ts";
import { COLD_MS } from "./eligibility.ts";
import type { Candidate } from "./discover.ts";
import { isUnchanged, type OpenSource, withSources } from "./files.ts";
import { setAside, settle } from "./retire.ts";
import { lockThread } from "./thread-lock.ts";
import { threadOf } from "./unpack.ts";
import { checkArchive, compareArchive, fileChunks } from "./verify.ts";

export type PairState =
  | "equal"
  /** The archive is an earlier state of the plain file. */
  | "plain_longer"
  /** The plain file is only the beginning of what the archive holds, and hides the rest. */
  | "archive_longer"
  | "different"
  | "archive_damaged";

export interface Pair {
  readonly state: PairState;
  readonly plainBytes: number;
  /** Where they part, or the archive breaks. */
  readonly offset?: number;
  readonly message?: string;
}

export type PairOutcome = "kept_plain" | "kept_archive" | "kept_both" | "skipped_busy" | "skipped_changed";

/** Compares both forms byte by byte. @throws RolloutError when one cannot be read. */
export function lookAtPair(candidate: Candidate): Pair {
  return withPair(candidate, compare);
}

/** Takes away the form that is not needed, if there is one. @throws RolloutError; nothing is changed then. */
export function resolvePair(
  candidate: Candidate,
  nowMs: number,
): { readonly pair: Pair; readonly outcome: PairOutcome } {
  return withPair(candidate, (archive, plain) => {
    const pair = compare(archive, plain);
    const goes = goingForm(pair, plain, nowMs);
    if (goes === undefined) return { pair, outcome: "kept_both" };
    const threadId = candidate.codexHome === undefined ? undefined : threadOf(plain.path, plain.path);
    let lock: HeldLock | undefined;
    if (candidate.codexHome !== undefined && threadId !== undefined) {
      lock = lockThread(candidate.codexHome, threadId);
      if (lock === undefined) return { pair, outcome: "skipped_busy" };
    }
    try {
      if (!isUnchanged(plain) || !isUnchanged(archive)) return { pair, outcome: "skipped_changed" };
      if (goes === "archive") {
        removeIfThere(archive.path);
        return { pair, outcome: "kept_plain" };
      }
      const [answer] = settle([setAside(plain, archive.path, false)]);
      return { pair, outcome: answer?.kind === "gone" ? "kept_archive" : "skipped_changed" };
    } finally {
      lock?.release();
    }
  });
}

/** Of equal ones the plain form goes when it is cold, as it would have if nothing had come between. */
function goingForm({ state }: Pair, plain: OpenSource, nowMs: number): "plain" | "archive" | undefined {
  const isCold = nowMs - Number(plain.look.mtimeNs) / 1e6 >= COLD_MS;
  if (state === "equal") return isCold ? "plain" : "archive";
  if (state === "plain_longer") return "archive";
  return state === "archive_longer" ? "plain" : undefined;
}

function withPair<T>(candidate: Candidate, work: (archive: OpenSource, plain: OpenSource) => T): T {
  return withSources(compressedPath(candidate.plainPath), candidate.plainPath, work);
}

function compare(archive: OpenSource, plain: OpenSource): Pair {
  const plainBytes = plain.look.sizeBytes;
  const found = compareArchive(archive, plain);
  if (found.kind === "equal") return { state: "equal", plainBytes };
  if (found.kind === "plain-longer") return { state: "plain_longer", plainBytes };
  if (found.kind === "different") return { state: "different", plainBytes, offset: found.offset };
  if (found.kind === "damaged") {
    return { state: "archive_damaged", plainBytes, offset: found.offset, message: found.message };
  }
  // The rest of the archive has to be whole as well.
  const { plainBytes: offset, message } = checkArchive(fileChunks(archive));
  if (message !== undefined) return { state: "archive_damaged", plainBytes, offset, message };
  return { state: "archive_longer", plainBytes };
}
