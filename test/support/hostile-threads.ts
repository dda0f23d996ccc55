/**
 * Rollouts that somebody made to slow the engine down or to break it, of any size: each grows along the one thing that it is
 * about, so that twice the size should cost twice the time.
 */
import { paginatedMeta, threadId } from "./lines.ts";

const TIME = "2025-11-01T10:00:00.000Z";

type Json = Readonly<Record<string, unknown>>;

/** A way for a thread to be hostile: the lines of one with `size` of something. */
export interface HostileShape {
  readonly name: string;
  readonly lines: (size: number) => Iterable<string>;
}

export function lineOf(type: string, payload: Json, ordinal?: number): string {
  return JSON.stringify({ timestamp: TIME, ...(ordinal === undefined ? {} : { ordinal }), type, payload });
}

export function eventLine(type: string, members: Json = {}): string {
  return lineOf("event_msg", { type, ...members });
}

export function messageLine(text: string, role = "user"): string {
  const type = role === "user" ? "input_text" : "output_text";
  return lineOf("response_item", { type: "message", role, content: [{ type, text }] });
}

export const LEGACY_META = lineOf("session_meta", {
  id: threadId(1),
  timestamp: TIME,
  cwd: "/",
  originator: "codex_cli_rs",
  cli_version: "0.142.3",
  source: "cli",
  model_provider: "openai",
});

export function worldLine(full: boolean, state: unknown): string {
  return `{"timestamp":"${TIME}","type":"world_state","payload":{"full":${full},"state":${typeof state === "string" ? state : JSON.stringify(state)}}}`;
}

export function compactionLine(members: Json): string {
  return lineOf("compacted", { message: "", replacement_history: [], ...members });
}

function contextLine(turnId: string): string {
  return lineOf("turn_context", {
    turn_id: turnId,
    cwd: "/",
    approval_policy: "never",
    sandbox_policy: { type: "read-only" },
    model: "m",
    summary: "auto",
  });
}

function* turn(id: string, ...inside: readonly string[]): Generator<string> {
  yield eventLine("task_started", { turn_id: id, model_context_window: 1 });
  yield messageLine("u");
  yield* inside;
  yield eventLine("task_complete", { turn_id: id, last_agent_message: null });
}

function repeated(lines: (index: number) => Iterable<string>, end: readonly string[] = []) {
  return function* (size: number): Generator<string> {
    yield LEGACY_META;
    for (let index = 0; index < size; index += 1) yield* lines(index);
    yield* end;
  };
}

/** `{"a":{"a":…{}}}`: too deep for a recursion to write it. */
export function nested(depth: number, key = "a", core = "{}"): string {
  return `{"${key}":`.repeat(depth) + core + "}".repeat(depth);
}

const REPEATED_WINDOW = "019a3ed0-0000-7000-8000-00000000000a";

export const HOSTILE_SHAPES: readonly HostileShape[] = [
  { name: "tiny turns", lines: repeated((index) => turn(`t${index}`)) },
  {
    name: "tiny turns, the half of them rolled back at once",
    lines: function* (size) {
      yield* repeated((index) => turn(`t${index}`))(size);
      yield eventLine("thread_rolled_back", { num_turns: Math.floor(size / 2) });
    },
  },
  {
    name: "rollbacks of 2^32 turns, one behind every turn",
    lines: repeated((index) => [...turn(`t${index}`), eventLine("thread_rolled_back", { num_turns: 2 ** 32 - 1 })]),
  },
  {
    name: "rollbacks and nothing else",
    lines: repeated(() => [eventLine("thread_rolled_back", { num_turns: 1 })], [messageLine("u")]),
  },
  {
    name: "windows of one number and one id",
    lines: repeated(() => [
      compactionLine({ window_number: 7, window_id: REPEATED_WINDOW, first_window_id: REPEATED_WINDOW }),
    ]),
  },
  {
    name: "windows of rolled back turns",
    lines: repeated((index) => [
      ...turn(`t${index}`, compactionLine({ window_number: index })),
      eventLine("thread_rolled_back", { num_turns: 1 }),
    ]),
  },
  {
    name: "legacy compactions",
    lines: repeated((index) => [messageLine(`u${index}`), compactionLine({ message: "S", replacement_history: null })]),
  },
  {
    name: "one message and legacy compactions",
    lines: repeated(
      (index) => [compactionLine({ message: `S${index}`, replacement_history: null })],
      [messageLine("u")],
    ),
  },
  {
    name: "one turn that is begun again and again",
    lines: repeated(() => [eventLine("task_started", { turn_id: "t", model_context_window: 1 }), contextLine("t")]),
  },
  {
    name: "ends of turns that were never begun",
    lines: repeated((index) => [eventLine("turn_aborted", { turn_id: `t${index}`, reason: "interrupted" })]),
  },
  {
    name: "snapshots of the world, one after the other",
    lines: repeated((index) => [worldLine(true, { a: index, text: "x".repeat(200) })], [messageLine("u")]),
  },
  {
    name: "patches of the world with the keys of every object",
    lines: repeated(
      (index) => [
        worldLine(index === 0, `{"__proto__":{"polluted":${index}},"constructor":{"prototype":{"polluted":${index}}}}`),
      ],
      [messageLine("u"), contextLine("t")],
    ),
  },
  {
    name: "patches of the world, each of another key",
    lines: repeated((index) => [worldLine(index === 0, `{"k${index}":{"a":1}}`)], [messageLine("u"), contextLine("t")]),
  },
  {
    name: "patches of the world on a large one",
    lines: function* (size) {
      yield LEGACY_META;
      yield worldLine(true, Object.fromEntries(Array.from({ length: size }, (_unused, n) => [`k${n}`, n])));
      for (let index = 0; index < size; index += 1) yield worldLine(false, `{"k${index}":null}`);
      yield messageLine("u");
      yield contextLine("t");
    },
  },
  {
    name: "a deep snapshot of the world and two deep patches",
    lines: function* (size) {
      yield LEGACY_META;
      yield worldLine(true, nested(size));
      yield worldLine(false, nested(size, "a", '{"b":1}'));
      yield worldLine(false, nested(size, "a", '{"b":null}'));
      yield messageLine("u");
      yield contextLine("t");
    },
  },
  {
    name: "calls without outputs and outputs without calls",
    lines: repeated((index) => [
      lineOf("response_item", { type: "function_call", name: "f", arguments: "{}", call_id: `c${index}` }),
      lineOf("response_item", { type: "function_call_output", call_id: `d${index}`, output: "o" }),
    ]),
  },
  { name: "lines that are no records", lines: repeated(() => ["{", "[]", "nothing", '{"type":"other"}']) },
  {
    name: "paginated turns with ordinals that go back and jump",
    lines: function* (size) {
      const { type, payload } = paginatedMeta(1);
      yield lineOf(type, payload, 0);
      for (let index = 1; index <= size; index += 1) {
        const ordinal = index % 3 === 0 ? index - 3 : index * 7;
        const started = { type: "task_started", turn_id: `t${index % 1000}`, model_context_window: 1 };
        yield lineOf("event_msg", started, ordinal);
      }
    },
  },
];
