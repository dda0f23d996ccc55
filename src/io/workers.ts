/**
 * Helper threads for synchronous code: they take work from a shared counter and answer with texts as they go. The caller works
 * along, collects now and then, and waits at the end, without an event loop. Knows nothing of what the work is.
 */
import { availableParallelism } from "node:os";
import { type HeapHabits, heapHabits, takeUpHabits } from "./heap.ts";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker, workerData } from "node:worker_threads";

/** Numbers taken by whoever asks first, each once. */
export class Tickets {
  readonly memory: SharedArrayBuffer;
  readonly #next: Int32Array;
  readonly #count: number;
  readonly #batch: number;

  constructor(count: number, memory: SharedArrayBuffer = new SharedArrayBuffer(4), batch = 16) {
    this.memory = memory;
    this.#next = new Int32Array(memory);
    this.#count = count;
    this.#batch = batch;
  }

  /** Numbers from 0 to `count - 1`, as far as nobody else has taken them. */
  *take(): Generator<number> {
    for (;;) {
      const first = Atomics.add(this.#next, 0, this.#batch);
      if (first >= this.#count) return;
      const end = Math.min(first + this.#batch, this.#count);
      for (let number = first; number < end; number++) yield number;
    }
  }
}

export interface Helper {
  /** Texts that have arrived since the last call. */
  collect(): readonly string[];
  /** Blocks until the helper has ended, well or badly, and gives the last texts. Nothing may be called after it. */
  finish(): readonly string[];
}

interface Assignment {
  readonly input: unknown;
  readonly port: MessagePort;
  readonly done: SharedArrayBuffer;
  readonly habits: HeapHabits;
}

/** False where the program runs from its sources, which a thread cannot be started from. */
const isCompiled = import.meta.url.endsWith(".js");

/** How many helpers are worth starting beside this thread. `jobs` is what the user asked for, this thread included. */
export function helperCount(jobs: number | undefined): number {
  return isCompiled ? Math.max(0, Math.min(jobs ?? 4, availableParallelism()) - 1) : 0;
}

/** A helper that does not even start within this time, in milliseconds, is given up; a working one answers at last. */
const PATIENCE_MS = 60_000;

/** Most helpers hold little; a large young generation would only be filled with what nobody needs any more. */
const YOUNG_MIB = 2;

/** Starts a helper from a compiled module, which calls `serveAssignment`. `youngMib`: how large its young generation may become. */
export function startHelper(module: URL, input: unknown, { youngMib = YOUNG_MIB } = {}): Helper {
  const { port1, port2 } = new MessageChannel();
  const done = new SharedArrayBuffer(4);
  const resourceLimits = { maxYoungGenerationSizeMb: youngMib };
  const assignment: Assignment = { input, port: port2, done, habits: heapHabits() };
  const worker = new Worker(module, { workerData: assignment, transferList: [port2], resourceLimits });
  worker.on("error", () => undefined);
  worker.unref();
  const collect = (): string[] => {
    const texts: string[] = [];
    for (let next = receiveMessageOnPort(port1); next !== undefined; next = receiveMessageOnPort(port1)) {
      texts.push(String(next.message));
    }
    return texts;
  };
  return {
    collect,
    finish() {
      waitForEnd(new Int32Array(done));
      const texts = collect();
      port1.close();
      void worker.terminate();
      return texts;
    },
  };
}

function waitForEnd(state: Int32Array): void {
  while (Atomics.load(state, 0) === WAITING) {
    if (Atomics.wait(state, 0, WAITING, PATIENCE_MS) === "timed-out") return;
  }
  while (Atomics.load(state, 0) === WORKING) Atomics.wait(state, 0, WORKING);
}

const WAITING = 0;
const WORKING = 1;
const DONE = 2;

/** The other side: runs the work of the module that was started as a helper. What it does not post is not done. */
export function serveAssignment(work: (input: unknown, post: (text: string) => void) => void | Promise<void>): void {
  const { input, port, done, habits } = workerData as Assignment;
  takeUpHabits(habits);
  const state = new Int32Array(done);
  const say = (value: number): void => {
    Atomics.store(state, 0, value);
    Atomics.notify(state, 0);
  };
  say(WORKING);
  let pending: unknown;
  try {
    pending = work(input, (text) => port.postMessage(text));
  } finally {
    if (!(pending instanceof Promise)) say(DONE);
  }
  // The thread ends by itself once this has settled, badly too.
  if (pending instanceof Promise) void pending.finally(() => say(DONE));
}
