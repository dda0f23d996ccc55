/**
 * How long turns, first tokens and tools took over a home, by who asked for it: the samples of `latency-file.ts`, gathered. The
 * figures that sum them up are made where they are shown.
 */
import type { RolloutFile } from "../readers/home.ts";
import { attempt, pathsByThread, readHeads, type UnreadableFile } from "./inherited.ts";
import { type Latency, LATENCY_SOURCES, MEASURES, scanLatency } from "./latency-file.ts";

export interface LatencySeries extends Omit<Latency, "ms" | "tool"> {
  /** How many there were. */
  readonly count: number;
  /** In milliseconds; all of them, or a fair choice where there are more than `MAX_SAMPLES`. */
  readonly samples: readonly number[];
}

export interface ToolSeries extends Omit<LatencySeries, "measure" | "source"> {
  readonly tool: string;
  /** In milliseconds. */
  readonly totalMs: number;
}

export interface LatencyReport {
  /** By measure, source and origin, in the order of `MEASURES`; what there is none of is left out. */
  readonly series: readonly LatencySeries[];
  /** By name and origin, those that took most time in total first. */
  readonly tools: readonly ToolSeries[];
  readonly files: number;
  readonly unreadable: readonly UnreadableFile[];
}

export interface LatencyOptions {
  /** All rollouts of the home, where `files` are only some of them. */
  readonly others?: readonly RolloutFile[] | undefined;
  /** Told of each file that is done. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

/** Kept of one series. */
export const MAX_SAMPLES = 100_000;
/** Tools that are told apart by their names, which a hostile file can make up. */
const MAX_TOOLS = 500;
const OTHER_TOOLS = "(other)";

/** Gathers the latencies of these rollouts. Never throws for what is wrong with one of them. */
export function gatherLatencies(files: readonly RolloutFile[], options: LatencyOptions = {}): LatencyReport {
  const { heads, unreadable } = readHeads(files);
  const paths = pathsByThread(options.others === undefined ? heads : readHeads(options.others).heads);
  const gathered = new Gathered();
  const problems = [...unreadable];
  for (const head of heads) {
    const { logicalPath: path } = head.file;
    const emit = (latency: Latency): void => gathered.add(latency);
    const told = attempt(path, () => scanLatency(head, (id) => paths.get(id), emit));
    if ("message" in told) problems.push(told);
    else if (told.broken !== undefined) problems.push({ path, message: told.broken });
    options.advance?.(head.file.sizeBytes);
  }
  return { ...gathered.finish(), files: heads.length, unreadable: problems };
}

class Gathered {
  readonly #series = new Map<string, { readonly of: Omit<Latency, "ms" | "tool">; readonly samples: Samples }>();
  readonly #tools = new Map<string, { readonly tool: string; readonly origin: Latency["origin"]; samples: Samples }>();

  add({ measure, source, origin, ms, tool }: Latency): void {
    const key = `${measure}/${source}/${origin}`;
    let series = this.#series.get(key);
    if (series === undefined)
      this.#series.set(key, (series = { of: { measure, source, origin }, samples: new Samples() }));
    series.samples.add(ms);
    if (tool !== undefined) this.#addTool(tool, origin, ms);
  }

  #addTool(name: string, origin: Latency["origin"], ms: number): void {
    const isKnown = this.#tools.has(`${origin} ${name}`) || this.#tools.size < MAX_TOOLS;
    const tool = isKnown ? name : OTHER_TOOLS;
    const key = `${origin} ${tool}`;
    let series = this.#tools.get(key);
    if (series === undefined) this.#tools.set(key, (series = { tool, origin, samples: new Samples(MAX_SAMPLES / 10) }));
    series.samples.add(ms);
  }

  finish(): Pick<LatencyReport, "series" | "tools"> {
    const series = [...this.#series.values()].map(({ of, samples }) => ({ ...of, ...samples.finish() }));
    const rank = ({ measure, source, origin }: LatencySeries): number =>
      MEASURES.indexOf(measure) * 100 + LATENCY_SOURCES.indexOf(source) * 10 + (origin === "written" ? 0 : 1);
    const tools = [...this.#tools.values()].map(({ tool, origin, samples }) => {
      return { tool, origin, totalMs: samples.total, ...samples.finish() };
    });
    return {
      series: series.toSorted((a, b) => rank(a) - rank(b)),
      tools: tools.toSorted((a, b) => b.totalMs - a.totalMs || (a.tool < b.tool ? -1 : 1)),
    };
  }
}

/** Keeps every sample, or of many a choice in which each is as likely as any other (Vitter's algorithm R). */
class Samples {
  count = 0;
  total = 0;
  readonly #kept: number[] = [];
  readonly #most: number;
  #random = 0x9e3779b9;

  constructor(most = MAX_SAMPLES) {
    this.#most = most;
  }

  add(ms: number): void {
    this.count += 1;
    this.total += ms;
    if (this.#kept.length < this.#most) this.#kept.push(ms);
    else {
      const place = Math.floor(this.#next() * this.count);
      if (place < this.#most) this.#kept[place] = ms;
    }
  }

  /** 0 … 1, the same in every run (xorshift). */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random / 2 ** 32;
  }

  finish(): { readonly count: number; readonly samples: readonly number[] } {
    return { count: this.count, samples: this.#kept };
  }
}
