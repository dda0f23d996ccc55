/** What `rollout-tool list` does: read, filter, look where the files lie, print. */
import { resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { parseUuid } from "../format/names.ts";
import { type Listing, listThreads } from "../indexer/listing.ts";
import { normalFolder, queryThreads, SOURCE_WORDS, type SortKey, type ThreadQuery } from "../indexer/thread-query.ts";
import { resolveFolder } from "../io/paths.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { type Home, openHome } from "../readers/home.ts";
import { findThread } from "../readers/lookup.ts";
import { createPlacer } from "../readers/place.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { breaksCodex, flagsOf, type ListAnswer, type ShownThread } from "./list-answer.ts";
import { listMessages, renderList } from "./list-text.ts";
import { didYouMean, quote, usageError } from "./options.ts";
import { printAnswer } from "./render.ts";

export interface ListOptions extends GlobalOptions {
  readonly archived: boolean;
  readonly all: boolean;
  readonly hidden: boolean;
  readonly parent: string | undefined;
  readonly ancestor: string | undefined;
  readonly section: string | undefined;
  readonly provider: readonly string[];
  readonly cwd: readonly string[];
  readonly source: readonly string[];
  readonly search: string | undefined;
  readonly sort: SortKey;
  readonly reverse: boolean;
  readonly limit: number | undefined;
  readonly fromFiles: boolean;
}

/** So many lines of text unless told otherwise. */
const TEXT_LIMIT = 50;

export function runList(options: ListOptions, context: CommandContext): ExitCode {
  const home = openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const listing = listThreads(home, {
    fromFiles: options.fromFiles,
    jobs: options.jobs,
    now: context.now,
    progress: (label, totalBytes) => context.progress(label, totalBytes, "bytes"),
  });
  const found = queryThreads(listing.threads, listing.edges, queryFrom(options, home, listing, context));
  const limit = options.limit ?? (options.json ? 0 : TEXT_LIMIT);
  const placer = createPlacer(home);
  const shown = (limit === 0 ? found.threads : found.threads.slice(0, limit)).map((thread) => {
    const place = placer(thread.rolloutPath);
    return { thread, place, flags: flagsOf(thread, place, listing.sections) };
  });
  const answer: ListAnswer = {
    listing,
    shown,
    matched: found.threads.length,
    hidden: found.hiddenCount,
    breaking: listing.threads.filter((thread) => breaksCodex(thread, listing.sections)).length,
    sort: options.sort,
  };
  printAnswer(context.stdout, options.json, options.json ? jsonAnswer(answer) : undefined, () =>
    renderList(answer, context),
  );
  // Messages belong below the table, also where both go to one terminal.
  context.stdout.flush();
  for (const message of listMessages(answer)) context.stderr.write(message);
  return 0;
}

function queryFrom(options: ListOptions, home: Home, listing: Listing, context: CommandContext): ThreadQuery {
  return {
    archived: options.all ? "all" : options.archived ? "only" : "no",
    parent: options.parent === undefined ? undefined : threadId(home, options.parent, context),
    ancestor: options.ancestor === undefined ? undefined : threadId(home, options.ancestor, context),
    section: options.section === undefined ? undefined : sectionId(options.section, listing),
    providers: options.provider,
    cwds: options.cwd.flatMap((folder) => spellingsOf(resolve(context.cwd, folder))),
    sources: options.source.map(checkedSource),
    search: options.search,
    hidden: options.hidden,
    sort: options.sort,
    ascending: options.reverse,
  };
}

/** A whole id needs no rollout: the parent of an agent may be gone. */
function threadId(home: Home, text: string, { cwd }: CommandContext): string {
  const id = parseUuid(text) ?? findThread(home, text, { cwd }).id;
  if (id === undefined) throw usageError(`${quote(text)} does not say which thread it holds`);
  return id;
}

function sectionId(text: string, { sections }: Listing): string {
  const section = sections.find(({ id, name }) => id === text || name === text);
  if (section !== undefined) return section.id;
  const known = sections.map(({ name }) => name);
  const hint = known.length === 0 ? "this home has no sections" : `it has ${known.map(quote).join(", ")}`;
  throw new RolloutError("not-found", `there is no section ${quote(text)}`, { hint: didYouMean(text, known) ?? hint });
}

/** The folder as given and, where it exists, with links resolved, as Codex stores it (state-and-compression §2.5). */
function spellingsOf(folder: string): readonly string[] {
  return [folder, resolveFolder(folder) ?? folder].map(normalFolder);
}

function checkedSource(text: string): string {
  const [word = ""] = text.split(":");
  if (text.startsWith("{") || (SOURCE_WORDS as readonly string[]).includes(word)) return text;
  throw usageError(
    `--source does not know ${quote(text)}`,
    didYouMean(word, SOURCE_WORDS) ??
      `it takes ${SOURCE_WORDS.join(", ")}, or one with a detail, such as subagent:review`,
  );
}

function jsonAnswer({ listing, shown, matched, hidden }: ListAnswer): unknown {
  return {
    source: listing.source,
    database: listing.database,
    database_state: listing.databaseState,
    database_problem: listing.databaseProblem,
    total: listing.threads.length,
    matched,
    hidden,
    threads: shown.map(jsonThread),
    rejected: listing.rejected,
  };
}

/** The columns as stored, those that an old database lacks and that the list was made by, and what is no column. */
function jsonThread({ thread, place, flags }: ShownThread): unknown {
  const { recencyAtMs } = thread;
  return {
    ...withoutBlobs(thread.row),
    created_at_ms: thread.createdAtMs,
    updated_at_ms: thread.updatedAtMs,
    recency_at: Math.floor(recencyAtMs / 1000),
    recency_at_ms: recencyAtMs,
    preview: thread.preview,
    history_mode: thread.historyMode,
    name: jsonValue(thread.row.name ?? null),
    shown_name: thread.name ?? null,
    parent_thread_id: thread.parentId ?? null,
    file: place.path ?? null,
    flags,
  };
}

function withoutBlobs(row: SqlRow): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = { ...row };
  for (const column in values) if (values[column] instanceof Uint8Array) values[column] = jsonValue(values[column]);
  return values;
}

function jsonValue(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
