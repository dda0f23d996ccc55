/**
 * What `replay.ts` measures, each in a process of its own so that none inherits another's heap: a full replay, and what
 * there is to compare it with. Everything takes a path and gives what it keeps.
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { getHeapStatistics } from "node:v8";

import { openThread } from "../analysis/open-thread.ts";
import { openHome } from "../readers/home.ts";
import { readRollout } from "../readers/rollout.ts";
import { isReplayKind, replay } from "../thread/replay.ts";

export const CONTENDERS = {
  /** The floor for whoever looks at all of it: no line is held longer than it takes to parse it. */
  "JSON.parse, streaming": (path: string) => {
    for (const line of plainLines(path)) JSON.parse(line);
  },
  "JSON.parse, streaming, kept": (path: string) => Array.from(plainLines(path), (line): unknown => JSON.parse(line)),
  "JSON.parse, whole file": (path: string) => {
    for (const line of readFileSync(path, "utf8").split("\n")) if (line !== "") JSON.parse(line);
  },
  /** The engine alone, on entries of a file. */
  replay: (path: string) => replay(() => readRollout(path, { kinds: isReplayKind })),
  /** The thread as a user of the library opens it. */
  history: (path: string) =>
    openThread(openHome({ codexHome: homeOf(path) }), path).history({ fullReplay: true }).state,
} as const satisfies Readonly<Record<string, (path: string) => unknown>>;

export type ContenderName = keyof typeof CONTENDERS;

export interface ContenderReport {
  /** From before the file is opened until the result is there; the start of Node and of the modules is not counted. */
  readonly wallMs: number;
  /** What only the result holds alive. */
  readonly retainedBytes: number;
}

/** Measures one of them once and writes the report to stdout; for a process started with `--expose-gc`. */
export function runContender(name: ContenderName, path: string): void {
  const started = performance.now();
  const kept: { result: unknown } = { result: CONTENDERS[name](path) };
  const wallMs = performance.now() - started;
  const before = heapBytes();
  kept.result = undefined;
  const report: ContenderReport = { wallMs, retainedBytes: before - heapBytes() };
  writeSync(1, JSON.stringify(report));
}

/** Of what is alive. */
function heapBytes(): number {
  const { gc } = globalThis as { readonly gc?: () => void };
  gc?.();
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}

/** `…/sessions/2026/10/31/rollout-….jsonl` */
function homeOf(path: string): string {
  let folder = dirname(path);
  while (basename(folder) !== "sessions") folder = dirname(folder);
  return join(folder, "..");
}

const CHUNK_BYTES = 1024 * 1024;

/** The straight way: chunks of 1 MiB, lines cut at their ends, no line looked at. */
export function* plainLines(path: string): Generator<string> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(path, "r");
  try {
    let open: Buffer[] = [];
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      const chunk = buffer.subarray(0, length);
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        if (open.length === 0) yield chunk.toString("utf8", start, end);
        else yield Buffer.concat([...open, chunk.subarray(start, end)]).toString("utf8");
        open = [];
        start = end + 1;
      }
      if (start < length) open.push(Buffer.from(chunk.subarray(start)));
    }
    if (open.length > 0) yield Buffer.concat(open).toString("utf8");
  } finally {
    closeSync(fd);
  }
}
