/**
 * A thread's state from the end of its rollout, without the rest (rollout-format §6). Reads the files of a chain newest
 * first, back to the newest compaction, and plays what follows it: so it costs what was written since, however long the
 * thread is.
 *
 * What is answered is what a full replay answers: history, settings, reference, baseline, windows. That holds because the
 * newest compaction, if it is a hard base (§5.2 step 1), puts everything before it out of reach. Otherwise nothing is
 * answered but the rule because of which everything has to be read. Codex 0.169.0 reads on for a settled turn, and reads all
 * after a rollback (§6.2, §6.3); neither changes its answer, so neither is done here. `codexReading` tells what it would do.
 */
import type { Entry } from "../format/entry.ts";
import { type HistoryMode, historyModeOf, type SessionMeta } from "../format/record.ts";
import { type ChainPosition, type LineageChain, readLineageBackward } from "../readers/lineage.ts";
import type { Line } from "../readers/lines.ts";
import { entryOfLine } from "../readers/part.ts";
import { type FullReplayRule, isResumeKind, replaySuffix, ResumeScan } from "../thread/resume.ts";
import type { ReplayOptions, ThreadState } from "../thread/state.ts";
import { readTail, type SegmentTail, tailLines } from "./resume-tail.ts";
import { type DefectsMet, requireChecked, type StartProgress, WalkProgress, WalkTally } from "./thread-walk.ts";

export interface FastResume {
  /** All but its `counts` as after a full replay; undefined when everything has to be read. */
  readonly state: ThreadState | undefined;
  /** Why that is. */
  readonly rule: FullReplayRule | undefined;
  /** Taken from the disk, the heads of the files not counted. */
  readonly bytesRead: number;
  /** That were parsed for the answer. */
  readonly linesDecoded: number;
  /** Lines among those that do not decode. What lies before the newest checkpoint is not looked at. */
  readonly defects: DefectsMet;
}

export interface FastResumeOptions extends Pick<ReplayOptions, "truncation" | "release"> {
  /** So many bytes of lines are held until they are played; what goes beyond is read twice. Default 32 MiB. */
  readonly heldBytes?: number | undefined;
  readonly progress?: StartProgress | undefined;
  /** As of `BytesOptions`. Without it an archive that breaks is an `UncheckedStream`. Default true. */
  readonly checked?: boolean | undefined;
}

const HELD_BYTES = 32 * 2 ** 20;

/**
 * Reads a chain from its end.
 * @throws RolloutError when a file cannot be read; LineageError when one is shorter than what continues it says;
 * UncheckedStream.
 */
export function resumeFast(chain: LineageChain, options: FastResumeOptions = {}): FastResume {
  const meta = chain.meta?.record.payload;
  const historyMode = meta === undefined ? undefined : historyModeOf(meta);
  if (meta === undefined || historyMode === undefined) return refused("legacy-thread", 0);
  if (options.release === "0.142.3") return refused("older-release", 0);
  const progress = new WalkProgress(options.progress);
  try {
    return resumeFrom(chain, meta, historyMode, options, progress);
  } finally {
    progress.end();
  }
}

function resumeFrom(
  chain: LineageChain,
  meta: SessionMeta,
  historyMode: HistoryMode,
  { heldBytes = HELD_BYTES, truncation, release, checked = true }: FastResumeOptions,
  progress: WalkProgress,
): FastResume {
  const advance = (bytes: number): void => progress.advance(bytes);
  const tails: SegmentTail[] = [];
  let bytesRead = 0;
  let leftBytes = heldBytes;
  for (const segment of chain.segments.toReversed()) {
    const tail = readTail(segment, historyMode, leftBytes, { advance, checked });
    if (tail.broken !== undefined) requireChecked(tail.broken, checked);
    tails.push(tail);
    leftBytes -= tail.heldBytes;
    bytesRead += tail.bytesRead;
    if (tail.verdict.kind === "must-replay") return refused(tail.verdict.rule, bytesRead);
    if (tail.verdict.kind === "complete") {
      const suffix = new Suffix(chain, tails.toReversed(), progress, checked);
      const state = replaySuffix(meta, () => suffix.entries(), { truncation, release });
      const { linesDecoded, defects } = suffix.tally;
      return { state, rule: undefined, bytesRead: bytesRead + suffix.bytesRead, linesDecoded, defects };
    }
  }
  return refused(historyMode === "legacy" ? "legacy-thread" : "no-checkpoint", bytesRead);
}

/** What Codex 0.169.0 reads of a thread when it resumes it: the rule that makes it read everything, if one does. */
export function codexReading(chain: LineageChain): FullReplayRule | undefined {
  const meta = chain.meta?.record.payload;
  const scan = new ResumeScan({ historyMode: (meta && historyModeOf(meta)) ?? "legacy" });
  let verdict = scan.verdict;
  if (verdict.kind === "continue") {
    for (const entry of readLineageBackward(undefined, chain, { kinds: isResumeKind })) {
      verdict = scan.see(entry);
      if (verdict.kind !== "continue") break;
    }
  }
  if (verdict.kind === "continue") verdict = scan.end();
  return verdict.kind === "must-replay" ? verdict.rule : undefined;
}

function refused(rule: FullReplayRule, bytesRead: number): FastResume {
  return { state: undefined, rule, bytesRead, linesDecoded: 0, defects: { count: 0, first: undefined } };
}

/** What was read of the newest files, as entries, as often as a replay asks. */
class Suffix {
  readonly #chain: LineageChain;
  readonly #tails: readonly SegmentTail[];
  readonly #progress: WalkProgress;
  readonly #checked: boolean;
  readonly tally = new WalkTally();
  bytesRead = 0;

  constructor(chain: LineageChain, tails: readonly SegmentTail[], progress: WalkProgress, checked: boolean) {
    this.#checked = checked;
    this.#chain = chain;
    this.#tails = tails;
    this.#progress = progress;
  }

  *entries(): Generator<Entry> {
    const { segments } = this.#chain;
    const first = segments.length - this.#tails.length;
    this.tally.begin();
    for (const [at, tail] of this.#tails.entries()) {
      for (const found of this.#entriesOf(first + at, tail)) {
        const position: ChainPosition = { ...found.position, segment: first + at };
        const entry = segments.length === 1 ? found : { ...found, position };
        this.tally.see(entry);
        yield entry;
      }
    }
  }

  *#entriesOf(number: number, tail: SegmentTail): Generator<Entry> {
    for (const line of this.#linesOf(number, tail)) {
      this.#progress.advance(line.bytes.length);
      yield entryOfLine(line);
    }
    if (tail.broken !== undefined) yield tail.broken;
  }

  #linesOf(number: number, { lines, from }: SegmentTail): Iterable<Line> {
    const segment = this.#chain.segments[number];
    if (lines !== undefined || segment === undefined) return lines ?? [];
    const onRead = (bytes: number): void => void (this.bytesRead += bytes);
    return tailLines(segment, from, { onRead, checked: this.#checked });
  }
}
