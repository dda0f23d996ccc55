/**
 * The helper threads of a search. They may be started before it is known what they are to do, while the thread that starts them
 * is still loading what it needs itself, which takes a good part of a search. Imports little for that reason.
 */
import { letHelpersOptimizeFrom, optimizingDueMs } from "../io/optimizing.ts";
import { type Helper, helperCount, startHelper } from "../io/workers.ts";

/** What a helper is given at its start. */
export interface Berth {
  /** State, length of the assignment in bytes, then the assignment as JSON. */
  readonly mailbox: SharedArrayBuffer;
  /** Of `io/workers.ts`. */
  readonly tickets: SharedArrayBuffer;
  /** For `optimizeFrom`. */
  readonly optimizeFromMs: number | undefined;
}

const HEADER_BYTES = 8;
/** Never touched beyond what is written, so it costs nothing; a hundred thousand files have room. */
const MAILBOX_BYTES = 32 * 1024 * 1024;

const WAITING = 0;
const ASSIGNED = 1;

export class Crew {
  readonly tickets = new SharedArrayBuffer(4);
  readonly #mailbox = new SharedArrayBuffer(MAILBOX_BYTES);
  readonly #helpers: readonly Helper[];

  /** `jobs` as for `helperCount`. */
  constructor(jobs: number | undefined) {
    const berth: Berth = { mailbox: this.#mailbox, tickets: this.tickets, optimizeFromMs: optimizingDueMs() };
    const module = new URL("search-worker.js", import.meta.url);
    this.#helpers = Array.from({ length: helperCount(jobs) }, () => startHelper(module, berth));
  }

  /**
   * Tells the helpers what to do; to be asked once. Gives those that now work, none where the assignment is too long for them.
   * Who is never told waits until the program ends, and does not keep it from ending.
   */
  assign(assignment: unknown): readonly Helper[] {
    if (this.#helpers.length === 0) return [];
    const bytes = Buffer.from(JSON.stringify(assignment));
    if (bytes.length > MAILBOX_BYTES - HEADER_BYTES) return [];
    const header = new Int32Array(this.#mailbox, 0, 2);
    new Uint8Array(this.#mailbox).set(bytes, HEADER_BYTES);
    header[1] = bytes.length;
    Atomics.store(header, 0, ASSIGNED);
    Atomics.notify(header, 0);
    return this.#helpers;
  }
}

/** Most searches are over by then. */
const OPTIMIZE_AFTER_MS = 1000;

let prepared: Crew | undefined;

/** Starts helpers, as many as the machine allows, for a program that is going to search and has not loaded what it needs for it. */
export function prepareCrew(): void {
  letHelpersOptimizeFrom(Date.now() + OPTIMIZE_AFTER_MS);
  prepared = new Crew(undefined);
}

/** The prepared helpers where there are any and no other number is asked for; `jobs` as for `helperCount`. */
export function takeCrew(jobs: number | undefined): Crew {
  const crew = jobs === undefined && prepared !== undefined ? prepared : new Crew(jobs);
  prepared = undefined;
  return crew;
}

/** The other side: waits for the assignment. */
export function takeAssignment({ mailbox }: Berth): unknown {
  const header = new Int32Array(mailbox, 0, 2);
  Atomics.wait(header, 0, WAITING);
  return JSON.parse(Buffer.from(mailbox, HEADER_BYTES, header[1]).toString());
}
