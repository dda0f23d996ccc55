/**
 * How an error ends the program: which exit code, and which words on stderr. Pure.
 */
import { type ErrorCode, errnoOf, RolloutError } from "../errors.ts";
import { escapeText } from "../io/console.ts";
import { toJson } from "./render.ts";

export interface Failure {
  /** 2: could not do it. 70: a bug. */
  readonly exitCode: 2 | 70;
  readonly error: RolloutError;
  /** The stack of what was thrown, for ROLLOUT_TOOL_DEBUG. */
  readonly stack: string | undefined;
}

/** What the operating system says, in the words of this tool. */
const SYSTEM_ERRORS: Readonly<Record<string, readonly [code: ErrorCode, message: string]>> = {
  ENOENT: ["not-found", "no such file or folder"],
  ENOTDIR: ["not-found", "a part of the path is not a folder"],
  EISDIR: ["not-a-file", "this is a folder, not a file"],
  ELOOP: ["unreadable", "too many symbolic links"],
  ENAMETOOLONG: ["unreadable", "the path is too long"],
  EACCES: ["unreadable", "permission denied"],
  EPERM: ["unwritable", "operation not permitted"],
  EROFS: ["unwritable", "the file system is read-only"],
  ENOSPC: ["disk-full", "no space left on the device"],
  EDQUOT: ["disk-full", "the disk quota is used up"],
  EBUSY: ["busy", "the file is in use"],
  EMFILE: ["unreadable", "too many open files"],
  ENFILE: ["unreadable", "too many open files in the system"],
  EIO: ["unreadable", "the device reports an error"],
};

const HINT_DISK_FULL = "free some space and run the command again; what was there before is unchanged";
const HINT_BUG = "please report this, with the output of the same command under ROLLOUT_TOOL_DEBUG=1";

/** Any thrown value as an end of the program. */
export function errorToFailure(error: unknown): Failure {
  const stack = error instanceof Error ? error.stack : undefined;
  if (error instanceof RolloutError) return { exitCode: error.code === "internal" ? 70 : 2, error, stack };
  const system = systemError(error);
  if (system !== undefined) return { exitCode: 2, error: system, stack };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { exitCode: 70, error: new RolloutError("internal", message, { cause: error }), stack };
}

function systemError(error: unknown): RolloutError | undefined {
  const known = SYSTEM_ERRORS[errnoOf(error) ?? ""];
  if (known === undefined || !(error instanceof Error)) return undefined;
  const [code, message] = known;
  const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
  return new RolloutError(code, message, {
    path,
    cause: error,
    hint: code === "disk-full" ? HINT_DISK_FULL : undefined,
  });
}

/** The text for stderr: one line and a hint, or one JSON object; with `debug` the stack as well. */
export function renderFailure(failure: Failure, options: { readonly json: boolean; readonly debug: boolean }): string {
  const { error, exitCode, stack } = failure;
  const hint = error.hint ?? (exitCode === 70 ? HINT_BUG : undefined);
  const trace = options.debug && stack !== undefined ? `${escapeText(stack, { newlines: "keep" })}\n` : "";
  if (options.json) {
    const { path, line, offset } = error.place;
    return `${toJson({ error: { code: error.code, message: error.message, path, line, offset, hint } })}\n${trace}`;
  }
  const bug = exitCode === 70 ? "this is a bug: " : "";
  const lines = [`rollout-tool: ${bug}${escapeText(error.message)}${placeText(error)}`];
  if (hint !== undefined) lines.push(`hint: ${escapeText(hint)}`);
  return `${lines.join("\n")}\n${trace}`;
}

function placeText(error: RolloutError): string {
  const { path, line, offset } = error.place;
  const file = path === undefined ? "" : escapeText(path) + (line === undefined ? "" : `:${line}`);
  const lineAlone = path === undefined && line !== undefined ? `line ${line}` : "";
  const bytes = offset === undefined ? "" : `byte ${offset}`;
  const parts = [file, lineAlone, bytes].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}
