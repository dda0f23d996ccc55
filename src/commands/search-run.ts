/** What `rollout-tool search` does: read the options, search, print. */
import { resolve } from "node:path";
import { searchThrough } from "../analysis/search-home.ts";
import type { Crew } from "../analysis/search-crew.ts";
import { runLoading } from "../analysis/search-lazy.ts";
import type { Telling } from "../analysis/search-telling.ts";
import type {
  SearchHit,
  SearchOptions,
  SearchQuery,
  SearchReport,
  TextKind,
  ThreadHits,
} from "../analysis/search-types.ts";
import { parseTimestamp } from "../format/names.ts";
import { normalFolder } from "../indexer/thread-query.ts";
import { resolveFolder } from "../io/paths.ts";
import { type Home, openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { quote, usageError } from "./options.ts";
import { searchMessages } from "./search-messages.ts";

export interface SearchCall extends GlobalOptions {
  readonly text: string;
  readonly in: readonly ("messages" | "commands" | "outputs" | "reasoning" | "all")[];
  readonly regex: boolean;
  readonly caseSensitive: boolean;
  readonly archived: boolean;
  readonly active: boolean;
  readonly thread: readonly string[];
  readonly cwd: readonly string[];
  readonly since: string | undefined;
  readonly copies: boolean;
  readonly limit: number | undefined;
  readonly hits: number | undefined;
}

const TEXT_LIMIT = 20;
const TEXT_HITS = 5;

/** 0 when something was found, 1 when nothing was: as other programs that search do. */
export async function runSearch(options: SearchCall, context: CommandContext, crew?: Crew): Promise<ExitCode> {
  const home = openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const only = await onlyThese(options.thread, home, context);
  const work = searchThrough(home, queryFrom(options), { ...optionsFrom(options, context), only, crew });
  const report = await runLoading(work, loadTelling);
  const names = await namesOf(report, home);
  const shownHits = options.hits ?? (options.json ? 0 : TEXT_HITS);
  const { printAnswer } = await import("./render.ts");
  // What shows them to people is not loaded for programs.
  const text = options.json ? "" : (await import("./search-text.ts")).renderSearch(report, names, shownHits, context);
  const answer = options.json ? jsonAnswer(report, names, shownHits) : undefined;
  printAnswer(context.stdout, options.json, answer, () => text);
  // Messages belong below the results, also where both go to one terminal.
  context.stdout.flush();
  for (const message of searchMessages(report, options.copies)) context.stderr.write(message);
  return report.threads.length > 0 ? 0 : 1;
}

/** What tells hits, and at the same time what their threads are called, which is wanted right after it. */
async function loadTelling(): Promise<Telling> {
  const [{ telling }] = await Promise.all([
    import("../analysis/search-telling.ts"),
    import("../analysis/search-names.ts"),
  ]);
  return telling;
}

/** Ids and paths: a thread has files by its id, and one that need not have it in its name. */
async function onlyThese(
  threads: readonly string[],
  home: Home,
  { cwd }: CommandContext,
): Promise<ReadonlySet<string>> {
  if (threads.length === 0) return new Set();
  const { findThread } = await import("../readers/lookup.ts");
  return new Set(
    threads.flatMap((text) => {
      const { id, logicalPath } = findThread(home, text, { cwd });
      return id === undefined ? [logicalPath] : [id, logicalPath];
    }),
  );
}

type Names = ReadonlyMap<string | undefined, string>;

async function namesOf({ threads }: SearchReport, home: Home): Promise<Names> {
  if (threads.length === 0) return new Map();
  const { threadNames } = await import("../analysis/search-names.ts");
  return threadNames(
    home,
    threads.flatMap(({ id }) => id ?? []),
  );
}

const KINDS: Readonly<Record<SearchCall["in"][number], readonly TextKind[]>> = {
  messages: ["message"],
  commands: ["command"],
  outputs: ["output"],
  reasoning: ["reasoning"],
  all: ["message", "command", "output", "reasoning", "other"],
};

function queryFrom({ text, regex, caseSensitive, in: places }: SearchCall): SearchQuery {
  const wanted = places.length === 0 ? (["messages"] as const) : places;
  return { text, isRegex: regex, caseSensitive, kinds: [...new Set(wanted.flatMap((place) => KINDS[place]))] };
}

function optionsFrom(options: SearchCall, context: CommandContext): Omit<SearchOptions, "only"> {
  return {
    roots: options.archived ? "archived" : options.active ? "active" : "all",
    cwds: new Set(options.cwd.flatMap((folder) => spellingsOf(resolve(context.cwd, folder)))),
    sinceMs: options.since === undefined ? undefined : timeFrom(options.since, context.now()),
    copies: options.copies,
    limit: options.limit ?? (options.json ? 0 : TEXT_LIMIT),
    jobs: options.jobs,
    progress: (files) => context.progress("Searching", files),
  };
}

/** The folder as given and, where it exists, with links resolved, as Codex stores it (state-and-compression §2.5). */
function spellingsOf(folder: string): readonly string[] {
  return [folder, resolveFolder(folder) ?? folder].map(normalFolder);
}

/** `2026-11-21`, `2026-11-21T10:00:00Z`, or how long ago; dates are days of UTC. */
function timeFrom(text: string, nowMs: number): number {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const timeMs = parseTimestamp(day);
  if (timeMs !== undefined) return timeMs;
  if (/^\d{4}-/.test(text)) throw usageError(`--since does not understand ${quote(text)}`, "as in 2026-11-21 or 7d");
  return nowMs - parseDuration("--since", text);
}

function jsonAnswer(report: SearchReport, names: Names, shownHits: number): unknown {
  return {
    threads: report.threads.map((thread) => jsonThread(thread, names.get(thread.id), shownHits)),
    files: report.files,
    bytes: report.bytes,
    is_cut: report.isCut,
    hidden_threads: report.hiddenThreads,
    problems: report.problems.map(({ path, line, message }) => ({ path, line: line === 0 ? null : line, message })),
  };
}

function jsonThread(thread: ThreadHits, name: string | undefined, shownHits: number): unknown {
  const hits = shownHits === 0 ? thread.hits : thread.hits.slice(0, shownHits);
  return {
    id: thread.id ?? null,
    name: name ?? null,
    cwd: thread.cwd,
    created_at: thread.createdAt,
    archived: thread.archived,
    snippet: thread.snippet,
    hit_count: thread.hits.length,
    match_count: thread.matches,
    hidden_copies: thread.hiddenCopies,
    hits: hits.map(jsonHit),
  };
}

function jsonHit(hit: SearchHit): unknown {
  return {
    path: hit.path,
    line: hit.line === 0 ? null : hit.line,
    also_lines: hit.also,
    offset: hit.offset,
    timestamp: hit.timestamp,
    in: hit.kind,
    speaker: hit.speaker,
    conversation: hit.isConversation,
    turn_id: hit.turnId ?? null,
    match_count: hit.matches,
    snippet: hit.snippet.text,
    snippet_match: { start: hit.snippet.start, end: hit.snippet.end },
    copied: hit.isCopied,
    reverted: hit.isReverted,
  };
}
