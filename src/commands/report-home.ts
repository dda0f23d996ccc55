/** A whole home for the page: every count over all its rollouts, its families, and what is wrong with it. */
import { type BytesReport, countBytes } from "../analysis/bytes.ts";
import { parseTimestamp, uuidTimeMs } from "../format/names.ts";
import type { HomeReport, ThreadLine } from "../export/report/model.ts";
import { discoverRollouts, openHome } from "../readers/home.ts";
import { verifyHome } from "../verify/verify.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";
import { shortPath } from "./compress-text.ts";
import { allUnreadable, findingsView, latencyView, tokensBy, tokensView } from "./report-figures.ts";
import { homeFamilies } from "./report-lineage.ts";
import { type StatsTarget, wholeHome } from "./stats-target.ts";
import { flagsOf, type TreeAnswer } from "./tree-answer.ts";
import { answerFor } from "./tree-run.ts";

const THREADS = 2000;
const REPEATED = 15;

/** Reads every rollout several times: once for each count. */
export function gatherHome(options: GlobalOptions, context: CommandContext): HomeReport {
  const home = openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const target = wholeHome(home.codexHome);
  const { files, documents } = target;
  const answer = answerFor(home, { ...options, ...WHOLE_TREE }, context);
  const count = counterOf(target, context);
  const nowMs = context.now();
  const bytes = count("counting bytes", (advance) => countBytes(files, { top: THREADS, nowMs, documents, advance }));
  const tokens = count("counting tokens", (advance) => tokensView(target, advance));
  const byThread = count("counting tokens", (advance) => tokensBy(target, "thread", advance));
  const latency = count("counting time", (advance) => latencyView(target, advance));
  const verified = verifyHome(home, discoverRollouts(home.codexHome), {
    readData: 0,
    jobs: options.jobs,
    now: context.now,
    progress: (label, totalBytes) => context.progress(label, totalBytes, "bytes"),
  });
  const sums = new Map(bytes.threads.map((thread) => [thread.threadId, thread]));
  const tokensOf = new Map(byThread.rows.map((row) => [row.key, row]));
  const threads = bytes.threads.map(({ threadId: id, layout, ...rest }): ThreadLine => {
    return { ...identityOf(id, answer), layout, bytes: rest, tokens: tokensOf.get(id) };
  });
  return {
    kind: "home",
    toolVersion: context.version,
    madeAtMs: nowMs,
    codexHome: home.codexHome,
    bytes: { ...bytes, repeated: { ...bytes.repeated, top: repeatedOf(bytes, home.codexHome) } },
    threadCount: bytes.threadCount,
    familyCount: bytes.familyCount,
    families: homeFamilies({ home, answer, files, bytes: sums }),
    threads: { items: threads, left: bytes.threadCount - threads.length },
    tokens: tokens.view,
    latency: latency.view,
    findings: findingsView(verified),
    unreadable: allUnreadable(target.problems, bytes.unreadable, tokens.unreadable, latency.unreadable),
  };
}

function repeatedOf({ repeated }: BytesReport, cwd: string): BytesReport["repeated"]["top"] {
  return repeated.top.slice(0, REPEATED).map((blob) => ({ ...blob, path: shortPath(blob.path, { cwd }) }));
}

/** What `tree` is asked for, when all of a home is wanted. */
export const WHOLE_TREE = { thread: undefined, format: undefined, linked: false, limit: 0, ascii: false } as const;

function identityOf(
  id: string,
  answer: TreeAnswer,
): Pick<ThreadLine, "id" | "title" | "createdAtMs" | "flags" | "cliVersion"> {
  const thread = answer.family.threads.get(id);
  const created = thread?.files.flatMap(({ createdAt }) => createdAt ?? []).toSorted()[0];
  return {
    id,
    title: answer.titles.get(id),
    createdAtMs: parseTimestamp(created ?? "") ?? uuidTimeMs(id),
    flags: thread === undefined ? [] : flagsOf(thread, answer),
    cliVersion: thread?.facts?.cliVersion,
  };
}

/** A bar for each of the counts. */
export function counterOf({ files }: StatsTarget, context: CommandContext) {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return <Value>(label: string, work: (advance: (bytes: number) => void) => Value): Value => {
    const progress = context.progress(label, total, "bytes");
    const value = work((read) => progress.advance(read));
    progress.end();
    return value;
  };
}
