/**
 * The progress bar: on stderr of a terminal only, and only for work that lasts over half a second. The only file that
 * knows cli-progress, which is loaded when the first bar really appears.
 *
 * Whoever works reports what is done and need not care whether anyone is watching. The bar redraws from within those
 * reports, since the work that it shows is synchronous and lets no timer run.
 */
import { createRequire } from "node:module";
import type * as CliProgress from "cli-progress";
import { escapeText } from "./console.ts";
import { fitText, formatBytes, formatCount, formatSeconds } from "./text.ts";

export type ProgressUnit = "bytes" | "count";

export interface Progress {
  /** That much more is done. Costs a look at the clock: call it by the chunk or by the file, not by the byte. */
  advance(amount: number): void;
  /** The bar disappears. Harmless when called twice. */
  end(): void;
}

/** The line of the terminal in which bars appear, one at a time. */
export interface ProgressLine {
  /** `total` is undefined where the size of the whole is not known; what is done is then shown without a bar. */
  start(label: string, total: number | undefined, unit: ProgressUnit): Progress;
  /** Clears the line, so that something else can be printed; the bar comes back with the next `advance`. */
  hide(): void;
  /** Ends whatever still runs. */
  end(): void;
}

/** Where bars are drawn. A `tty.WriteStream` is one. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** Work shorter than this shows nothing. */
const QUIET_MS = 500;
const REDRAW_MS = 100;
const BAR_CELLS = 30;

const silentProgress: Progress = { advance: () => undefined, end: () => undefined };

/** For a stderr that is no terminal, and for `--quiet`. */
export const silentProgressLine: ProgressLine = {
  start: () => silentProgress,
  hide: () => undefined,
  end: () => undefined,
};

/** Bars on `stream`, which has to be a terminal. `now` gives milliseconds. */
export function createProgressLine(stream: ProgressStream, now: () => number): ProgressLine {
  let visible: Bar | undefined;
  const hide = (): void => {
    visible?.erase();
    visible = undefined;
  };
  const start = (label: string, total: number | undefined, unit: ProgressUnit): Progress => {
    const bar = createBar(stream, { label, total, unit });
    let done = 0;
    let nextLook_ms = now() + QUIET_MS;
    let ended = false;
    const advance = (amount: number): void => {
      done += amount;
      const at_ms = now();
      if (ended || at_ms < nextLook_ms) return;
      nextLook_ms = at_ms + REDRAW_MS;
      if (visible !== undefined && visible !== bar) return;
      visible = bar;
      bar.draw(done);
    };
    const end = (): void => {
      ended = true;
      if (visible === bar) hide();
    };
    return { advance, end };
  };
  return { start, hide, end: hide };
}

interface Bar {
  draw(done: number): void;
  erase(): void;
}

interface BarOptions {
  readonly label: string;
  readonly total: number | undefined;
  readonly unit: ProgressUnit;
}

function createBar(stream: ProgressStream, options: BarOptions): Bar {
  let bar: CliProgress.SingleBar | undefined;
  const draw = (done: number): void => {
    if (bar === undefined) {
      bar = loadBar(stream, options);
      bar.start(options.total ?? 0, done);
      return;
    }
    bar.update(done);
  };
  const erase = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return { draw, erase };
}

function loadBar(stream: ProgressStream, options: BarOptions): CliProgress.SingleBar {
  const { SingleBar } = createRequire(import.meta.url)("cli-progress") as typeof CliProgress;
  return new SingleBar({
    stream,
    fps: 1000 / REDRAW_MS,
    clearOnComplete: true,
    // Nothing is switched off in the terminal that a killed program could leave switched off.
    hideCursor: false,
    linewrap: true,
    format: (_barOptions, params) => formatBar(options, { ...params, columns: stream.columns ?? 80 }),
  });
}

/** The text of a bar, at most as wide as the terminal less one cell. Pure; `eta` in seconds. */
export function formatBar(
  options: BarOptions,
  state: { readonly value: number; readonly progress: number; readonly eta: number | string; readonly columns: number },
): string {
  const amount = options.unit === "bytes" ? formatBytes : formatCount;
  const label = escapeText(options.label);
  const parts = [label];
  if (options.total === undefined) {
    parts.push(amount(state.value));
  } else {
    const share = Math.min(Math.max(state.progress, 0), 1);
    const filled = Math.round(share * BAR_CELLS);
    parts.push(`[${"=".repeat(filled)}${"-".repeat(BAR_CELLS - filled)}] ${Math.floor(share * 100)}%`);
    parts.push(`${amount(state.value)} of ${amount(options.total)}`);
    if (typeof state.eta === "number" && Number.isFinite(state.eta)) parts.push(`${formatSeconds(state.eta)} left`);
  }
  return fitText(parts.join("  "), state.columns - 1);
}
