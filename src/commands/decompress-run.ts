/** What `rollout-tool decompress` does once its options are known; loaded only then. */
import { decompressRun, type DecompressReport, type DecompressRun } from "../compressor/decompress.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { type ScopeOptions, seenFrom, whatOf } from "./compress-scope.ts";
import { renderDecompress } from "./decompress-text.ts";
import { printAnswer } from "./render.ts";

export interface DecompressCall extends ScopeOptions {
  readonly verifyOnly: boolean;
  readonly resolvePairs: boolean;
  readonly dryRun: boolean;
}

export function runDecompress(options: DecompressCall, context: CommandContext): ExitCode {
  const what = whatOf(options, context);
  const report = decompressRun({
    what,
    mode: modeOf(options),
    now: context.now,
    progress: (label, totalBytes) => context.progress(label, totalBytes, "bytes"),
  });
  printAnswer(context.stdout, options.json, report, () =>
    options.quiet ? "" : renderDecompress(report, seenFrom(what, context)),
  );
  return somethingFound(report) ? 1 : 0;
}

function modeOf({ verifyOnly, resolvePairs, dryRun }: DecompressCall): DecompressRun["mode"] {
  if (verifyOnly) return "verify";
  if (resolvePairs) return dryRun ? "pairs-dry-run" : "pairs";
  return dryRun ? "dry-run" : "write";
}

/** Damage, a pair that stays, or something that failed. */
const FOUND: ReadonlySet<string> = new Set(["failed", "damaged", "missing", "kept_both", "pair"]);

function somethingFound({ files, problems, recovered }: DecompressReport): boolean {
  const found = files.some(({ outcome }) => FOUND.has(outcome));
  return found || problems.length > 0 || recovered.some(({ action }) => action === "kept");
}
