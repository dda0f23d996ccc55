/** Which rollouts `stats` is about: those of a home, or threads, files and folders that were named. */
import { resolve } from "node:path";
import type { UnreadableFile } from "../analysis/inherited.ts";
import { discoverPaths, homeOf } from "../compressor/discover.ts";
import { RolloutError } from "../errors.ts";
import { discoverRollouts, openHome, type RolloutFile } from "../readers/home.ts";
import { findThread, looksLikePath } from "../readers/lookup.ts";
import { describeRollout } from "../verify/describe.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";

export interface StatsTarget {
  readonly scope: "home" | "files";
  /** Undefined for files that lie in no home, or in several. */
  readonly codexHome: string | undefined;
  readonly files: readonly RolloutFile[];
  /** JSON documents of early 2025. */
  readonly documents: readonly string[];
  /** All rollouts around, where `files` are only some of them. */
  readonly others: readonly RolloutFile[] | undefined;
  readonly problems: readonly UnreadableFile[];
}

export interface TargetCall extends GlobalOptions {
  readonly threads: readonly string[];
}

/** @throws RolloutError as `openHome`, `findThread` and `discoverPaths` do. */
export function targetOf(call: TargetCall, context: CommandContext): StatsTarget {
  return call.threads.length === 0 ? wholeHome(call.codexHome) : namedFiles(call, context);
}

/** @throws RolloutError when the folder is no home. */
export function wholeHome(path: string): StatsTarget {
  const { codexHome } = openHome({ codexHome: path });
  const { files, documents, problems } = discoverRollouts(codexHome);
  return { scope: "home", codexHome, files, documents, others: undefined, problems: problems.map(pathAndMessage) };
}

function pathAndMessage({ path, message }: UnreadableFile): UnreadableFile {
  return { path, message };
}

function namedFiles(call: TargetCall, context: CommandContext): StatsTarget {
  const named = call.threads.flatMap((text) => pathsOf(text, call, context));
  const documents = named.filter((path) => path.endsWith(".json"));
  const { candidates, problems } = discoverPaths(named.filter((path) => !path.endsWith(".json")));
  const files = candidates.flatMap(({ plainPath }) => describeRollout(plainPath) ?? []);
  const homes = new Set(files.flatMap(({ path }) => homeOf(path) ?? []));
  const [codexHome] = homes;
  return {
    scope: "files",
    codexHome: homes.size === 1 ? codexHome : undefined,
    files: files.toSorted((a, b) => (a.relativePath < b.relativePath ? -1 : 1)),
    documents,
    others: [...homes].flatMap((home) => discoverRollouts(home).files),
    problems: problems.map(pathAndMessage),
  };
}

/** A thread may have several files, older ones from before a revert. */
function pathsOf(text: string, call: TargetCall, context: CommandContext): readonly string[] {
  const path = resolve(context.cwd, text);
  if (looksLikePath(text)) return [path];
  try {
    const found = findThread(openHome({ codexHome: call.codexHome, sqliteHome: call.sqliteHome }), text, {
      cwd: context.cwd,
    });
    return [found.logicalPath, ...found.others];
  } catch (error) {
    if (error instanceof RolloutError && error.code === "not-a-file") return [path];
    throw error;
  }
}
