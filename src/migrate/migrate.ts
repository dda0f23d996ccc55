/**
 * The run of `migrate`: which rollouts, in which order, what becomes of each. A file at a time is read, converted, proven and put into
 * place, each by itself: what one cannot do is no reason not to do the others, and a run that was cut off is gone on with by the next.
 */
import { basename, join } from "node:path";
import { hasSameContent, type Look, lookAtPath } from "../compressor/files.ts";
import { lockThread } from "../compressor/thread-lock.ts";
import { RolloutError } from "../errors.ts";
import { parseRolloutName, plainPath } from "../format/names.ts";
import type { Progress } from "../io/progress.ts";
import { Journal } from "../journal/journal.ts";
import type { Home } from "../readers/home.ts";
import { type Candidate, chooseCandidates, Continuations } from "./candidates.ts";
import type { Conversion, Source, Target } from "./conversion.ts";
import { envelopeConversion } from "./envelope.ts";
import { legacyConversion } from "./legacy.ts";
import { type Made, makeFile } from "./migrate-file.ts";
import { paginated } from "./paginated.ts";
import { writeProjections } from "./projection.ts";
import type { Converted, FileOutcome, MigrateReport, MigrateStatus } from "./report.ts";
import { HISTORY_DB, RowSteps } from "./row-steps.ts";
import { openSourceOf } from "./source.ts";
import { ScratchStager } from "./stager.ts";

export interface MigrateOptions {
  readonly target: Target;
  /** Ids, names or paths; none: the whole home. */
  readonly threads: readonly string[];
  /** False: everything is done but the last step, and nothing in the home is touched. */
  readonly apply: boolean;
  /** Go on although Codex has its databases open; threads that are open are left alone in any case. */
  readonly force?: boolean | undefined;
  /** Folder that relative paths are resolved against, and the user's own. */
  readonly cwd: string;
  readonly userHome: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly progress?: ((label: string, totalBytes: number) => Progress) | undefined;
}

/** @throws RolloutError `not-found`, `ambiguous` for a thread that is not there; with `apply` as `Journal.open` does. */
export function migrate(home: Home, options: MigrateOptions): MigrateReport {
  const startedMs = options.now();
  const { target, apply, now, force } = options;
  const journal = apply ? Journal.open(home, { command: "migrate", now, force }) : undefined;
  const stager = journal ?? new ScratchStager();
  try {
    // Only now: opening the journal may have brought back files that a killed run had migrated.
    const { chosen, files, problems } = chooseCandidates(home, options.threads, options.cwd);
    const continuations = new Continuations(files);
    const run: Run = {
      home,
      conversion: conversionTo(target, home, continuations, options),
      continuations,
      journal,
      stager,
      rows: new RowSteps(home),
      made: [],
      retired: new Set(),
    };
    const outcomes = withProgress(chosen, options, (done) => inRounds(run, chosen, done));
    const unshown = target === "paginated" ? project(run) : undefined;
    return {
      target,
      action: apply ? "migrated" : "would-migrate",
      codex_home: home.codexHome,
      files: outcomes,
      totals: totalsOf(outcomes),
      notes: [run.rows.problem, unshown].filter((note) => note !== undefined),
      problems: problems.map(({ path, message }) => ({ path, message })),
      recovered: journal?.recovered ?? [],
      manifest: journal?.manifest,
      duration_ms: now() - startedMs,
    };
  } finally {
    stager.close();
  }
}

function withProgress<T>(
  chosen: readonly Candidate[],
  { progress }: MigrateOptions,
  work: (done: (candidate: Candidate) => void) => T,
): T {
  const sizeOf = ({ file }: Candidate): number => file?.sizeBytes ?? 0;
  const bar = progress?.(
    "migrating",
    chosen.reduce((sum, candidate) => sum + sizeOf(candidate), 0),
  );
  try {
    return work((candidate) => bar?.advance(sizeOf(candidate)));
  } finally {
    bar?.end();
  }
}

interface Run {
  readonly home: Home;
  readonly conversion: Conversion;
  readonly continuations: Continuations;
  /** Undefined for a dry run. */
  readonly journal: Journal | undefined;
  readonly stager: Journal | ScratchStager;
  readonly rows: RowSteps;
  /** What is in its place. */
  readonly made: Placed[];
  /** Paths of files that went with others. */
  readonly retired: Set<string>;
}

interface Placed {
  readonly converted: Converted;
  /** As it was given its name. */
  readonly look: Look;
  /** As its lines say. */
  readonly threadId: string | undefined;
}

function conversionTo(
  target: Target,
  home: Home,
  continuations: Continuations,
  { userHome }: Pick<MigrateOptions, "userHome">,
): Conversion {
  if (target === "paginated") return paginated;
  if (target === "envelope") return envelopeConversion({ codexHome: home.codexHome, userHome });
  return legacyConversion(home, { continuersOf: (rolloutId) => continuations.of(rolloutId) });
}

/** What others continue goes behind them, and can go only then: as long as there is something done, what was refused is tried again. */
function inRounds(
  run: Run,
  chosen: readonly Candidate[],
  done: (candidate: Candidate) => void,
): readonly FileOutcome[] {
  const outcomes = new Map<Candidate, FileOutcome>();
  let pending = chosen;
  while (pending.length > 0) {
    const refused: Candidate[] = [];
    for (const candidate of pending) {
      if (run.retired.has(candidate.path)) continue;
      const outcome = migrateOne(run, candidate);
      if (outcome.status === "refused") refused.push(candidate);
      if (!outcomes.has(candidate)) done(candidate);
      outcomes.set(candidate, outcome);
    }
    const isStuck = refused.length === pending.length || run.conversion.target !== "legacy";
    pending = isStuck ? [] : refused;
  }
  return [...outcomes].flatMap(([{ path }, outcome]) => (run.retired.has(path) ? [] : [outcome]));
}

function migrateOne(run: Run, candidate: Candidate): FileOutcome {
  const { path, file } = candidate;
  const outcome = (status: MigrateStatus, reason?: string, source?: Source, made?: Made): FileOutcome => ({
    path,
    thread_id: source?.threadId ?? file?.name?.threadId,
    status,
    reason,
    result: made?.converted,
  });
  if (file?.sizeBytes === 0) return outcome("empty");
  if (file?.hasCompressedTwin === true) {
    return outcome(
      "refused",
      "it is there in both forms, plain and compressed: decompress --resolve-pairs compares them",
    );
  }
  let source: Source | undefined;
  try {
    const look = lookAtPath(path);
    if (look === undefined) return outcome("failed", "the file is not there any more");
    source = openSourceOf(path, file);
    const judgement = run.conversion.judge(source, { isContinued: isContinued(run, path) });
    if (judgement.kind === "refuse") return outcome("refused", judgement.reason, source);
    if (judgement.kind !== "convert") return outcome(judgement.kind, undefined, source);
    const made = makeFile({ home: run.home, conversion: run.conversion, source, look, stager: run.stager });
    if (run.journal === undefined) run.stager.discard(...made.staged);
    else commit(run, run.journal, source, made);
    run.continuations.forget(parseRolloutName(basename(path))?.rolloutId);
    for (const step of made.steps) if (step.kind === "remove" && step.path !== path) run.retired.add(step.path);
    if (run.journal === undefined) return outcome("would-migrate", undefined, source, made);
    run.made.push({ converted: made.converted, look: made.target.look, threadId: source.threadId });
    return outcome("migrated", undefined, source, made);
  } catch (error) {
    // What is nested deeper than the stack is high cannot be written down; Codex does not read it either.
    if (error instanceof RangeError) return outcome("failed", "a record is nested too deeply, or too long", source);
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return outcome(
      error.code === "busy" ? "busy" : error.code === "unsupported" ? "refused" : "failed",
      error.message,
      source,
    );
  }
}

/** At the end of the run, all at once: nothing depends on it but what clients show before the thread is resumed. */
function project({ home, made }: Run): string | undefined {
  const rollouts = made.flatMap((placed) => {
    const { path, lines, bytes_plain: plainBytes } = placed.converted;
    const name = parseRolloutName(basename(path));
    return name === undefined
      ? []
      : [{ ...placed, path, threadId: placed.threadId ?? name.threadId, rolloutId: name.rolloutId, lines, plainBytes }];
  });
  const problem = writeProjections(join(home.sqliteHome, HISTORY_DB), rollouts, (placed, write) =>
    whileUnchanged(home, placed, write),
  );
  return problem === undefined ? undefined : `clients show the turns of a thread once it is resumed: ${problem}`;
}

/** Who has gone on with a thread meanwhile has made its projection, too, and a newer one. */
function whileUnchanged(
  home: Home,
  { converted, look, threadId }: Placed & { threadId: string },
  work: () => void,
): void {
  const lock = lockThread(home.codexHome, threadId);
  if (lock === undefined) return;
  try {
    const now = lookAtPath(converted.path);
    if (now !== undefined && hasSameContent(now, look)) work();
  } finally {
    lock.release();
  }
}

function isContinued({ conversion, continuations }: Run, path: string): boolean {
  // A legacy rollout is continued by none; asking means to look into every file of the home.
  return conversion.target === "legacy" && continuations.of(parseRolloutName(basename(path))?.rolloutId).length > 0;
}

function commit(run: Run, journal: Journal, source: Source, made: Made): void {
  const { target } = run.conversion;
  const threadId = source.threadId ?? parseRolloutName(basename(made.converted.path))?.threadId;
  const removed = made.steps.flatMap((step) => (step.kind === "remove" || step.kind === "replace" ? [step.path] : []));
  const rolloutIds = new Set(removed.flatMap((path) => parseRolloutName(basename(path))?.rolloutId ?? []));
  const rows =
    threadId === undefined
      ? []
      : run.rows.of({
          target,
          threadId,
          rolloutIds: [...rolloutIds],
          path: { before: plainPath(source.path), after: plainPath(made.converted.path) },
          staged: made.target,
        });
  const { proof, differences, lines, lines_aside } = made.converted;
  journal.commit({
    title: `migrate ${threadId ?? source.path} to ${target}`,
    threadIds: threadId === undefined ? [] : [threadId],
    steps: [...made.steps, ...rows],
    notes: { target, lines, lines_aside, proof, differences },
  });
}

function totalsOf(outcomes: readonly FileOutcome[]): MigrateReport["totals"] {
  const totals: Partial<Record<MigrateStatus, number>> = {};
  for (const { status } of outcomes) totals[status] = (totals[status] ?? 0) + 1;
  return totals;
}
