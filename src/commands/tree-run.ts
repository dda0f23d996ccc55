/** What `rollout-tool tree` does: read the heads of all files, put the graph together, print the part that was asked for. */
import { basename } from "node:path";
import { parseUuid, plainPath } from "../format/names.ts";
import { fileFacts, surveyFamilies } from "../indexer/family-facts.ts";
import { discoverRollouts, type Discovery, type Home, openHome } from "../readers/home.ts";
import { findThread, type FoundThread } from "../readers/lookup.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { readThreadIndex, shownName, type ThreadIndex } from "../readers/thread-index.ts";
import { buildFamily, type Family } from "../thread/family.ts";
import type { FileFacts } from "../thread/family-facts.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { quote, usageError } from "./options.ts";
import { toJson } from "./render.ts";
import { followHistory } from "./thread-lineage.ts";
import { jsonAnswer, type TreeAnswer } from "./tree-answer.ts";
import { renderDot, renderMermaid } from "./tree-graph.ts";
import { renderTree, treeMessages, wantsAscii } from "./tree-text.ts";

type TreeFormat = "text" | "json" | "mermaid" | "dot";

export interface TreeOptions extends GlobalOptions {
  readonly thread: string | undefined;
  readonly format: TreeFormat | undefined;
  readonly linked: boolean;
  readonly limit: number | undefined;
  readonly ascii: boolean;
}

/** 1 when files or folders could not be read, so that threads may be missing. */
export function runTree(options: TreeOptions, context: CommandContext): ExitCode {
  const format = formatOf(options);
  const home = openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const answer = answerFor(home, options, context);
  context.stdout.write(RENDERERS[format](answer, options, context));
  // Messages belong below the tree, also where both go to one terminal.
  context.stdout.flush();
  for (const message of treeMessages(answer)) context.stderr.write(message);
  return answer.problems.some(({ isLoss }) => isLoss) ? 1 : 0;
}

function formatOf({ json, format }: TreeOptions): TreeFormat {
  if (!json) return format ?? "text";
  if (format === undefined || format === "json") return "json";
  throw usageError(`--json and --format ${format} exclude each other`);
}

type Renderer = (answer: TreeAnswer, options: TreeOptions, context: CommandContext) => string;

const RENDERERS: Readonly<Record<TreeFormat, Renderer>> = {
  text: (answer, { ascii }, { paint, columns, env }) =>
    renderTree(answer, { paint, columns, ascii: ascii || wantsAscii(env) }),
  json: (answer) => `${toJson(jsonAnswer(answer), 2)}\n`,
  mermaid: renderMermaid,
  dot: renderDot,
};

/** The threads of a home, and which of their families are asked for. */
export function answerFor(home: Home, options: TreeOptions, context: CommandContext): TreeAnswer {
  const index = readThreadIndex(home.sqliteHome);
  const { cwd } = context;
  const found =
    options.thread === undefined ? undefined : findThread(home, options.thread, { cwd, index: () => index });
  if (found !== undefined && found.id === undefined)
    throw usageError(`${quote(found.path)} does not say which thread it holds`);
  const discovery = discoverRollouts(home.codexHome);
  const { facts, problems } = survey(discovery, context);
  const family = buildFamily(withFound(facts, found), { selected: selectedPaths(facts, index) });
  const roots = rootsOf(family, found?.id, options);
  const limit = options.limit ?? 0;
  const shown = limit === 0 ? roots : roots.slice(0, limit);
  return {
    home: home.codexHome,
    family,
    asked: found?.id,
    history: found && followHistory(home, found.path, { threadId: found.id, files: discovery.files }),
    roots: shown,
    leftOut: found === undefined ? family.roots.length - shown.length : 0,
    titles: titlesOf(index, readSessionNames(home.codexHome).byId),
    closed: new Set(index.edges.filter(({ status }) => status === "closed").map(({ childId }) => childId)),
    indexProblem: index.problem,
    problems,
  };
}

function survey(discovery: Discovery, context: CommandContext): ReturnType<typeof surveyFamilies> {
  const progress = context.progress("reading", discovery.files.length);
  const found = surveyFamilies(discovery, { advance: (files) => progress.advance(files) });
  progress.end();
  return found;
}

/** A thread given by its path may lie outside the home, or be a document that is no rollout of Codex's own. */
function withFound(facts: readonly FileFacts[], found: FoundThread | undefined): readonly FileFacts[] {
  if (found === undefined || facts.some(({ path }) => path === found.logicalPath)) return facts;
  const own = fileFacts(found.path, found.archived, found.meta);
  return own === undefined ? facts : [...facts, own];
}

/** The files that the index has selected, by thread. The home may have moved, so the name decides, not the folder. */
function selectedPaths(facts: readonly FileFacts[], { threads }: ThreadIndex): ReadonlyMap<string, string> {
  const names = new Map(
    threads.flatMap(({ id, rollout_path: path }) =>
      typeof id === "string" && typeof path === "string" ? [[idOf(id), lastPart(path)] as const] : [],
    ),
  );
  const selected = facts.filter(({ threadId, path }) => names.get(threadId) === basename(path));
  return new Map(selected.map(({ threadId, path }) => [threadId, path]));
}

/** The index may have been written on another system. */
function lastPart(path: string): string {
  return plainPath(path).split(/[/\\]/).at(-1) ?? "";
}

function idOf(text: string): string {
  return parseUuid(text) ?? text;
}

function rootsOf(family: Family, asked: string | undefined, { linked }: TreeOptions): readonly string[] {
  if (asked !== undefined) return [family.threads.get(asked)?.rootId ?? asked];
  return linked ? family.roots.filter((id) => family.threads.get(id)?.branches.length !== 0) : family.roots;
}

function titlesOf(index: ThreadIndex, names: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const titles = new Map(names);
  for (const row of index.threads) {
    if (typeof row.id !== "string") continue;
    const id = idOf(row.id);
    const title = [shownName(row, names.get(id)), row.title, row.preview].find(isTold);
    if (title !== undefined) titles.set(id, title);
  }
  return titles;
}

function isTold(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}
