/**
 * The terminal's side of io: writing to stdout and stderr, and making any text safe and fit to be shown there.
 *
 * Text of a rollout is untrusted. Everything that reaches a terminal passes `escapeText`, so that no recorded text can move
 * the cursor, set the title, or reorder a line.
 */
import { writeSync } from "node:fs";
import { errnoOf, RolloutError } from "../errors.ts";

export interface Writer {
  write(text: string): void;
  /** Hands everything written so far to the operating system. */
  flush(): void;
}

/** The reader of stdout has gone away (`| head`). The program then ends quietly. */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}

const BUFFER_LENGTH = 64 * 1024;
const RETRY_MS = 2;

/** The part of `fs.writeSync` that a writer needs. Returns the bytes written, which may be fewer than given. */
export type WriteBytes = (fd: number, bytes: Uint8Array) => number;

export interface FdWriterOptions {
  /** Collect 64 KiB before asking the operating system to write. */
  readonly buffered: boolean;
  /** Go on when nobody reads any more: for messages, which must not stop the work they speak of. */
  readonly ignoreBrokenPipe?: boolean;
  readonly writeBytes?: WriteBytes;
}

/**
 * Writes to a file descriptor synchronously, so that output and end of the program never race, whatever the size.
 * Errors: `BrokenPipe`; RolloutError `disk-full` or `unwritable`.
 */
export function fdWriter(fd: number, options: FdWriterOptions): Writer {
  const writeBytes = options.writeBytes ?? writeSync;
  let pending: string[] = [];
  let pendingLength = 0;
  const flush = (): void => {
    if (pending.length === 0) return;
    const bytes = Buffer.from(pending.join(""), "utf8");
    pending = [];
    pendingLength = 0;
    try {
      writeAll(fd, bytes, writeBytes);
    } catch (error) {
      if (!(error instanceof BrokenPipe && options.ignoreBrokenPipe === true)) throw error;
    }
  };
  const write = (text: string): void => {
    if (text === "") return;
    pending.push(text);
    pendingLength += text.length;
    if (!options.buffered || pendingLength >= BUFFER_LENGTH) flush();
  };
  return { write, flush };
}

function writeAll(fd: number, bytes: Uint8Array, writeBytes: WriteBytes): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeBytes(fd, bytes.subarray(done));
    } catch (error) {
      const errno = errnoOf(error);
      // A pipe that another process made non-blocking is full: wait until its reader has caught up.
      if (errno === "EAGAIN") sleep(RETRY_MS);
      else if (errno === "EPIPE") throw new BrokenPipe("the reader of the output has gone away");
      else throw writeError(errno, error);
    }
  }
}

function writeError(errno: string | undefined, cause: unknown): RolloutError {
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new RolloutError("disk-full", "no space left to write the output", { cause });
  }
  return new RolloutError("unwritable", `cannot write the output (${errno ?? "unknown error"})`, { cause });
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Swallows everything: stderr under `--quiet`. */
export const silentWriter: Writer = { write: () => undefined, flush: () => undefined };

/**
 * Characters that a terminal obeys or that hide what is really there: C0, DEL, C1, line and paragraph separators,
 * bidirectional controls, zero-width characters, the byte order mark, tags, interlinear marks, and lone surrogates.
 */
const UNSAFE =
  /[\p{Cc}\p{Cs}\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Makes text safe to print: `ESC[2J` becomes the visible `\x1b[2J`. With `newlines` kept, line ends stay line ends. */
export function escapeText(text: string, options: { newlines?: "keep" | "escape" } = {}): string {
  return text.replace(UNSAFE, (char) => {
    if (char === "\n" && options.newlines === "keep") return char;
    return SHORT_ESCAPES[char] ?? escapeCodePoint(char.codePointAt(0) ?? 0);
  });
}

function escapeCodePoint(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\u{${code.toString(16)}}`;
}

const COLORS = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Paint = { readonly [Name in keyof typeof COLORS]: (text: string) => string };

/** Colour functions; each gives its text back unchanged when `enabled` is false. */
export function createPaint(enabled: boolean): Paint {
  const brush = (name: keyof typeof COLORS) => {
    const [on, off] = COLORS[name];
    return (text: string): string => (enabled && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text);
  };
  return {
    bold: brush("bold"),
    dim: brush("dim"),
    red: brush("red"),
    green: brush("green"),
    yellow: brush("yellow"),
    cyan: brush("cyan"),
  };
}

/** Whether to colour: `--no-color`, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal that can. */
export function wantsColor(options: {
  readonly isTTY: boolean;
  readonly noColor: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = options.env;
  if (options.noColor || (NO_COLOR ?? "") !== "") return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return options.isTTY && TERM !== "dumb";
}
