/** What `rollout-tool verify` does once its options are known; loaded only then. */
import { resolve } from "node:path";
import { discoverPaths, homeOf } from "../compressor/discover.ts";
import { RolloutError } from "../errors.ts";
import { discoverRollouts, type Home, openHome, type RolloutFile } from "../readers/home.ts";
import { findThread, looksLikePath } from "../readers/lookup.ts";
import { describeRollout } from "../verify/describe.ts";
import { FINDING_CODES, type FindingCode, checkOf } from "../verify/checks.ts";
import { verifyFiles, verifyHome, type VerifyOptions, type VerifyReport, type VerifyTarget } from "../verify/verify.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { didYouMean, quote, usageError } from "./options.ts";
import { printAnswer } from "./render.ts";
import { renderVerify } from "./verify-text.ts";

export interface VerifyCall extends GlobalOptions {
  readonly only: readonly string[];
  readonly readData: string | undefined;
  readonly allPlaces: boolean;
  readonly repair: boolean;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly preMigrate: boolean;
  readonly threads: readonly string[];
}

/** 1 when there is an error among the findings. */
export function runVerify(options: VerifyCall, context: CommandContext): ExitCode {
  const report = checked(options, context);
  printAnswer(context.stdout, options.json, report, () => renderVerify(report, { ...context, quiet: options.quiet }));
  return report.counts.error > 0 ? 1 : 0;
}

/** The home, or what was named of it. */
export function checked(options: VerifyCall, context: CommandContext): VerifyReport {
  const wanted = optionsOf(options, context);
  return options.threads.length === 0 ? checkHome(options, context, wanted) : checkSome(options, context, wanted);
}

function optionsOf(options: VerifyCall, context: CommandContext): VerifyOptions {
  // Who names a thread wants to know all of it; a home may have a thousand archives.
  const byDefault = options.threads.length === 0 ? "none" : "all";
  return {
    only: codesOf(options.only),
    readData: shareOf(options.readData ?? byDefault),
    keep: options.allPlaces ? Infinity : undefined,
    jobs: options.jobs,
    now: context.now,
    holdsHome: options.repair && !options.dryRun,
    progress: (label, totalBytes) => context.progress(label, totalBytes, "bytes"),
  };
}

const SEVERITIES: ReadonlySet<string> = new Set(["error", "warning", "note"]);

function codesOf(words: readonly string[]): ReadonlySet<FindingCode> | undefined {
  if (words.length === 0) return undefined;
  const codes = new Set<FindingCode>();
  for (const word of words.flatMap((list) => list.split(","))) {
    const named = FINDING_CODES.filter((code) => code === word || checkOf(code).severity === word);
    if (named.length === 0) {
      throw usageError(`--only knows no finding ${quote(word)}`, didYouMean(word, [...FINDING_CODES, ...SEVERITIES]));
    }
    for (const code of named) codes.add(code);
  }
  return codes;
}

function shareOf(text: string): number {
  if (text === "all") return 1;
  if (text === "none") return 0;
  const [, digits] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = digits === undefined ? Number.NaN : Number(digits) / 100;
  if (share >= 0 && share <= 1) return share;
  throw usageError(`--read-data takes all, none or a share such as 10%, not ${quote(text)}`);
}

export function homeFor(options: VerifyCall, context: CommandContext): Home {
  return openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
}

function checkHome(options: VerifyCall, context: CommandContext, wanted: VerifyOptions): VerifyReport {
  const home = homeFor(options, context);
  return verifyHome(home, discoverRollouts(home.codexHome), wanted);
}

function checkSome(options: VerifyCall, context: CommandContext, wanted: VerifyOptions): VerifyReport {
  return verifyFiles(targetOf(options, context), wanted);
}

/** Paths need no home; words that are none are looked up in it. */
export function targetOf(options: VerifyCall, context: CommandContext): VerifyTarget {
  const paths: string[] = [];
  const documents: string[] = [];
  for (const text of options.threads) {
    const found = pathOf(text, options, context);
    (found.endsWith(".json") ? documents : paths).push(found);
  }
  const { candidates, problems } = discoverPaths(paths);
  const files = candidates.flatMap(({ plainPath }) => describeRollout(plainPath) ?? []);
  const homes = new Set(files.map(({ path }) => homeOf(path)));
  const [codexHome] = homes;
  if (homes.size > 1) throw usageError("the rollouts are of several homes", "verify one home at a time");
  const others = codexHome === undefined ? [] : discoverRollouts(codexHome).files;
  return {
    codexHome,
    files: files.toSorted(byPath),
    documents,
    problems: problems.map((problem) => ({ ...problem, hidesThreads: false })),
    others,
  };
}

const byPath = (a: RolloutFile, b: RolloutFile): number => (a.relativePath < b.relativePath ? -1 : 1);

function pathOf(text: string, options: VerifyCall, context: CommandContext): string {
  const path = resolve(context.cwd, text);
  if (looksLikePath(text)) return path;
  try {
    return findThread(homeFor(options, context), text, { cwd: context.cwd }).path;
  } catch (error) {
    if (error instanceof RolloutError && error.code === "not-a-file") return path;
    throw error;
  }
}
