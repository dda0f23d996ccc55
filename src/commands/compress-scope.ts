/** What `compress` and `decompress` work on: paths, or a part of a home. */
import { resolve } from "node:path";
import type { Scope } from "../compressor/discover.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";
import { usageError } from "./options.ts";

export interface ScopeOptions extends GlobalOptions {
  readonly archived: boolean;
  readonly active: boolean;
  readonly all: boolean;
  readonly paths: readonly string[];
}

export type What = { readonly codexHome: string; readonly scope: Scope } | { readonly paths: readonly string[] };

/** Nothing is taken for granted: a home is worked on only when it is said which part of it. Errors: `usage`, `not-found`. */
export function whatOf(options: ScopeOptions, context: CommandContext): What {
  const scope = options.all ? "all" : options.archived ? "archived" : options.active ? "active" : undefined;
  if (options.paths.length > 0) {
    if (scope !== undefined) throw usageError(`paths and --${scope} exclude each other`);
    return { paths: options.paths.map((path) => resolve(context.cwd, path)) };
  }
  if (scope === undefined) {
    throw usageError("which rollouts?", "name files or folders, or say --archived, --active or --all");
  }
  const { codexHome } = openHome({ codexHome: options.codexHome });
  return { codexHome, scope };
}

/** The same surroundings, with paths told relative to what is worked on. */
export function seenFrom(what: What, context: CommandContext): CommandContext {
  return "codexHome" in what ? { ...context, cwd: what.codexHome } : context;
}
