/** One thread for the page: who it is, its family, windows and turns, and the counts over its own files. */
import { countBytes } from "../analysis/bytes.ts";
import { attempt } from "../analysis/inherited.ts";
import type { OpenedThread } from "../analysis/open-thread.ts";
import type { FamilyDrawing, ThreadReport, TurnsView, WindowsView } from "../export/report/model.ts";
import { openHome } from "../readers/home.ts";
import { noteText } from "../readers/lookup.ts";
import type { FamilyThread } from "../thread/family.ts";
import { verifyFiles } from "../verify/verify.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";
import { openFor } from "./history-open.ts";
import { allUnreadable, findingsView, latencyView, newest, tokensView } from "./report-figures.ts";
import { counterOf, WHOLE_TREE } from "./report-home.ts";
import { placeWindows, threadFamily } from "./report-lineage.ts";
import { turnsView } from "./report-turns.ts";
import { type StatsTarget, targetOf } from "./stats-target.ts";
import { CACHE_RULES } from "./thread-lineage.ts";
import { agentText, flagsOf, type TreeAnswer } from "./tree-answer.ts";
import { answerFor } from "./tree-run.ts";

const WINDOWS = 1000;
const REPEATED = 1;
const TITLE = 400;

export interface ThreadCall extends GlobalOptions {
  readonly thread: string;
}

/** @throws RolloutError when there is not exactly one such thread, or it cannot be read. */
export function gatherThread(call: ThreadCall, context: CommandContext): ThreadReport {
  const thread = openFor(call, context);
  const target = targetOf({ ...call, threads: [call.thread] }, context);
  const { files, others, documents } = target;
  const problems: string[] = thread.found.notes.map((note) => `passed over: ${noteText(note)}`);
  const attempted = <Value extends object>(what: string, look: () => Value): Value | undefined => {
    const found = attempt(thread.path, look);
    if (!("message" in found)) return found;
    problems.push(`${what} cannot be shown: ${found.message}`);
    return undefined;
  };
  const count = counterOf(target, context);
  const nowMs = context.now();
  const bytes = count("counting bytes", (advance) =>
    countBytes(files, { top: REPEATED, nowMs, others, documents, advance }),
  );
  const tokens = count("counting tokens", (advance) => tokensView(target, advance));
  const latency = count("counting time", (advance) => latencyView(target, advance));
  const windows = attempted("windows", () => windowsView(thread, files.length === 1 ? bytes.totals.inheritedBytes : 0));
  const turns = attempted("turns", () => turnsView(thread));
  const tree = attempted("its family", () => familyOf(call, context, target));
  return {
    kind: "thread",
    toolVersion: context.version,
    madeAtMs: nowMs,
    id: thread.id,
    title: (tree?.answer.titles.get(thread.id ?? "") ?? firstQuestion(turns))?.slice(0, TITLE),
    path: thread.path,
    identity: identityOf(
      thread,
      tree?.answer,
      tokens.view.models.items.map(({ key }) => key),
    ),
    family: tree?.drawing,
    windows,
    turns,
    bytes,
    problems,
    tokens: tokens.view,
    latency: latency.view,
    findings: findingsView(verified(call, target, context)),
    unreadable: allUnreadable(target.problems, bytes.unreadable, tokens.unreadable, latency.unreadable),
  };
}

function firstQuestion(turns: TurnsView | undefined): string | undefined {
  return turns?.items.find(({ question }) => question.text.trim() !== "")?.question.text;
}

/** What was copied is known of the thread's files together, so only a single file tells where it lies. */
function windowsView(thread: OpenedThread, copiedBytes: number): WindowsView {
  const { windows, length, inheritedBytes } = placeWindows(thread.windows(), thread.segments, thread.id);
  return { ...newest(windows, WINDOWS), length, inheritedBytes: inheritedBytes + copiedBytes };
}

interface ThreadTree {
  readonly answer: TreeAnswer;
  readonly drawing: FamilyDrawing | undefined;
}

/** A file outside any home has no family that could be known. */
function familyOf(call: ThreadCall, context: CommandContext, { codexHome, files, others }: StatsTarget): ThreadTree {
  const home = openHome({
    codexHome: codexHome ?? call.codexHome,
    sqliteHome: call.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const answer = answerFor(home, { ...call, ...WHOLE_TREE, thread: call.thread }, context);
  const around = others ?? files;
  const sizes = around.map(({ sizeBytes, logicalPath }) => [logicalPath, sizeBytes] as const);
  return {
    answer,
    drawing: threadFamily({ home, answer, files: around, bytes: bytesByThread(answer, new Map(sizes)) }),
  };
}

/** Only the thread itself is counted; of the others the size of their files must do. */
function bytesByThread({ family }: TreeAnswer, sizes: ReadonlyMap<string, number>) {
  const sums = [...family.threads.values()].map(({ id, files }) => {
    const plainBytes = files.reduce((sum, { path }) => sum + (sizes.get(path) ?? 0), 0);
    return [id, { plainBytes, inheritedBytes: undefined }] as const;
  });
  return new Map(sums);
}

function verified(
  call: ThreadCall,
  { codexHome, files, documents, others = [] }: StatsTarget,
  context: CommandContext,
) {
  const target = { codexHome, files, documents, problems: [], others };
  return verifyFiles(target, { readData: 1, jobs: call.jobs, now: context.now });
}

function identityOf(
  thread: OpenedThread,
  answer: TreeAnswer | undefined,
  models: readonly string[],
): ThreadReport["identity"] {
  const { meta, id, segments, historyMode, path } = thread;
  const member = answer?.family.threads.get(id ?? "");
  const fields: readonly (readonly [string, string | null | undefined])[] = [
    ["thread", id],
    [
      "kind",
      member === undefined || answer === undefined
        ? undefined
        : [member.facts?.kind ?? "", ...flagsOf(member, answer)].join(", "),
    ],
    ["agent", agentText(member?.facts)],
    ["created", meta?.timestamp],
    ["models", models.slice(0, 10).join(", ")],
    ["provider", meta?.model_provider],
    ["folder", meta?.cwd],
    ["written by", meta === undefined ? undefined : `${meta.originator} ${meta.cli_version}`],
    ["source", member?.facts?.source],
    ["history mode", historyMode],
    ["branch", meta?.git?.branch],
    ["commit", meta?.git?.commit_hash],
    ["repository", withoutPassword(meta?.git?.repository_url)],
    ["forked from", meta?.forked_from_id],
    ["parent", meta?.parent_thread_id],
    ["session", member?.session.id],
    ["cache key", cacheText(member)],
    ["file", path],
    [
      "continues",
      segments
        .slice(0, -1)
        .map(({ logicalPath }) => logicalPath)
        .join(", "),
    ],
  ];
  return fields.flatMap(([label, value]) => (value == null || value === "" ? [] : [[label, value] as const]));
}

function cacheText(member: FamilyThread | undefined): string {
  return member === undefined ? "" : `${member.cacheKey.key ?? "unknown"} (${CACHE_RULES[member.cacheKey.rule]})`;
}

/** A page is shown to others sooner than a rollout. */
function withoutPassword(url: string | null | undefined): string | undefined {
  return url?.replace(/\/\/[^/@\s]*@/, "//");
}
