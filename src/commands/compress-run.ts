/** What `rollout-tool compress` does once its options are known; loaded only then. */
import { parseProfile } from "../compressor/profile.ts";
import type { CompressReport } from "../compressor/report.ts";
import { compressRun } from "../compressor/run.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { type ScopeOptions, seenFrom, whatOf } from "./compress-scope.ts";
import { renderCompress } from "./compress-text.ts";
import { parseDuration } from "./duration.ts";
import { usageError } from "./options.ts";
import { printAnswer } from "./render.ts";

export interface CompressCall extends ScopeOptions {
  readonly olderThan: string;
  readonly frames: string;
  readonly level: number;
  readonly keep: boolean;
  readonly dryRun: boolean;
  readonly estimate: boolean;
  readonly force: boolean;
}

/** Higher ones take gigabytes, and gain nothing here (docs/compression.md). */
const MAX_LEVEL = 19;

export function runCompress(options: CompressCall, context: CommandContext): ExitCode {
  if (options.level > MAX_LEVEL) throw usageError(`--level takes a whole number from 1 to ${MAX_LEVEL}`);
  const what = whatOf(options, context);
  const report = compressRun({
    what,
    mode: options.estimate ? "estimate" : options.dryRun ? "dry-run" : "write",
    profile: parseProfile(options.frames),
    level: options.level,
    keep: options.keep,
    olderThanMs: parseDuration("--older-than", options.olderThan),
    force: options.force,
    jobs: options.jobs,
    now: context.now,
    progress: (label, totalBytes) => context.progress(label, totalBytes, "bytes"),
  });
  printAnswer(context.stdout, options.json, report, () =>
    options.quiet ? "" : renderCompress(report, seenFrom(what, context)),
  );
  return somethingFailed(report) ? 1 : 0;
}

/** Skipping is no failure: Codex's rules say so. */
function somethingFailed({ files, problems, recovered }: CompressReport): boolean {
  const failed = files.some(({ outcome }) => outcome === "failed");
  return failed || problems.length > 0 || recovered.some(({ action }) => action === "kept");
}
