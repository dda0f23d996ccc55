/** What `rollout-tool show` does: find the file, read it once, ask the index about it, print. */
import { resolve } from "node:path";
import { inspectRollout, type Inspection } from "../analysis/inspect.ts";
import { RolloutError } from "../errors.ts";
import { parseUuid, plainPath } from "../format/names.ts";
import { baseName } from "../indexer/assemble.ts";
import { storedDifferences } from "../indexer/expected-row.ts";
import { textOf } from "../indexer/thread-query.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { discoverRollouts, type Home, openHome } from "../readers/home.ts";
import { findByPath, findThread, type FoundThread, looksLikePath } from "../readers/lookup.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { readThreadIndex, type ThreadIndex } from "../readers/thread-index.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { printAnswer } from "./render.ts";
import { type IndexView, showReport } from "./show-report.ts";
import { renderShow } from "./show-text.ts";
import { followHistory } from "./thread-lineage.ts";

export interface ShowOptions extends GlobalOptions {
  readonly thread: string;
}

export function runShow(options: ShowOptions, context: CommandContext): ExitCode {
  const home = homeFor(options, context);
  let index: ThreadIndex | undefined;
  const readIndex = (): ThreadIndex | undefined => (index ??= home && readThreadIndex(home.sqliteHome));
  const found = locate(home, options.thread, context, readIndex);
  const progress = context.progress("reading", undefined, "bytes");
  const inspection = inspectRollout(found.path, { advance: (bytes) => progress.advance(bytes) });
  progress.end();
  const view = home === undefined ? undefined : indexView(home, found, inspection, readIndex());
  const threadId = found.by === "path" ? undefined : found.id;
  const history = inspection.meta?.history_base == null ? undefined : followHistory(home, found.path, { threadId });
  const report = showReport(found, inspection, history, view);
  printAnswer(context.stdout, options.json, report, () => renderShow(report, context));
  return 0;
}

/** A file given by its path needs no home. */
function homeFor(options: ShowOptions, context: CommandContext): Home | undefined {
  try {
    return openHome({
      codexHome: options.codexHome,
      sqliteHome: options.sqliteHome,
      sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
    });
  } catch (error) {
    if (error instanceof RolloutError && error.code === "not-found" && looksLikePath(options.thread)) return undefined;
    throw error;
  }
}

function locate(
  home: Home | undefined,
  text: string,
  { cwd }: CommandContext,
  readIndex: () => ThreadIndex | undefined,
): FoundThread {
  if (home !== undefined) {
    return findThread(home, text, { cwd, index: () => readIndex() ?? readThreadIndex(home.sqliteHome) });
  }
  const path = resolve(cwd, text);
  const found = findByPath(path);
  if (found === undefined)
    throw new RolloutError("not-found", "there is no such rollout", { path, hint: "check the path" });
  return found;
}

function indexView(
  home: Home,
  found: FoundThread,
  inspection: Inspection,
  index: ThreadIndex | undefined,
): IndexView | undefined {
  if (index === undefined) return undefined;
  const { id } = found;
  const row = id === undefined ? undefined : index.threads.find((each) => idOf(each) === id);
  const names = namesOf(home);
  const children = index.edges.filter(({ parentId }) => parentId === id);
  const differences = row === undefined ? undefined : differencesFor(home, found, inspection, row, index, names);
  const name = id === undefined ? undefined : names.get(id);
  return { path: index.path, state: index.state, problem: index.problem, row, name, children, differences };
}

function idOf({ id }: SqlRow): string | undefined {
  return typeof id === "string" ? parseUuid(id) : undefined;
}

/** A name is not worth failing for. */
function namesOf(home: Home): ReadonlyMap<string, string> {
  try {
    return readSessionNames(home.codexHome).byId;
  } catch (error) {
    if (error instanceof RolloutError) return new Map();
    throw error;
  }
}

/** Undefined where the two cannot be compared: the file is not one of the home, gives no row, or is not the row's. */
function differencesFor(
  home: Home,
  found: FoundThread,
  { facts, lastLineMs }: Inspection,
  stored: SqlRow,
  { level }: ThreadIndex,
  names: ReadonlyMap<string, string>,
): IndexView["differences"] {
  const { files } = discoverRollouts(home.codexHome);
  const file = files.find(({ logicalPath }) => logicalPath === found.logicalPath);
  if (
    file === undefined ||
    !facts.ok ||
    baseName(plainPath(textOf(stored.rollout_path))) !== baseName(file.logicalPath)
  ) {
    return undefined;
  }
  return storedDifferences({ home, files, file, facts: facts.facts, lastLineMs, stored, level, names });
}
