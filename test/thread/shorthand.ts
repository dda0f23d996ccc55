/**
 * Rollouts in the shorthand of the reference (rollout-format, "Shorthand used in sequences"): one record a line, so that
 * a case can be read beside the table it comes from. `linesOf` makes real JSON lines of it, `shown` makes shorthand of
 * items again.
 *
 * A line is a symbol, its words and at last a JSON object of members that the payload has besides:
 *
 *     META paginated {"cwd":"/"}         complete t1 (= TS UE TX U A TC of that turn, with u1, m1, a1)
 *     TS t1 · TC t1 · TA t1 · TA -       TX t1 m1 · TX - m1          UE text · AE text · RB 2 · SCORE
 *     U text · A text · D text · S text  ENV (an environment context) · IMG (a user message of one image)
 *     R · FC c1 · FO c1 text · CC · CO · LS c1 · LS - · TSC · TSO    GHOST · OTHER name · TRIGGER
 *     AM author text · IAC author text · IAJ text (an assistant's message that is the JSON of a communication)
 *     CP+ with its items on the lines below, two blanks deeper · CP- message
 *     WS+ {…} · WS~ {…} · LINE anything (as it is) · RECORD {…} · # remark
 *
 * Text that begins with a quote is a JSON string; ` | ` parts content parts.
 */
import type { HistoryItem } from "../../src/thread/history.ts";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import type { ResponseItem } from "../../src/format/record.ts";
import { type ContentItem, isOtherItem } from "../../src/format/response-item.ts";

type Json = Readonly<Record<string, unknown>>;

export interface ShorthandOptions {
  readonly threadId?: string;
  readonly cwd?: string;
}

const TIME = "2026-11-21T00:29:49.836Z";
export const THREAD_ID = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6";

/** The JSON lines that a text in shorthand stands for, without line ends. */
export function linesOf(text: string, options: ShorthandOptions = {}): string[] {
  const rows = text.split("\n").filter((row) => row.trim() !== "" && !row.startsWith("#"));
  const records: (Json | string)[] = [];
  for (const row of rows) {
    const last = records.at(-1);
    if (row.startsWith("  ")) (replacementOf(last) as unknown[]).push(itemOf(row.trim()));
    else records.push(...recordsOf(row, options));
  }
  const paginated = records.some((record) => typeof record !== "string" && modeOf(record) === "paginated");
  return records.map((record, ordinal) => {
    if (typeof record === "string") return record;
    const { type, payload, metadata } = record;
    return JSON.stringify({ timestamp: TIME, ...(paginated ? { ordinal } : {}), type, payload, metadata });
  });
}

function modeOf(record: Json): unknown {
  return record["type"] === "session_meta" ? (record["payload"] as Json)["history_mode"] : undefined;
}

function replacementOf(record: Json | string | undefined): unknown {
  if (typeof record !== "object" || record["type"] !== "compacted") throw new Error("an item without its CP+");
  return (record["payload"] as Json)["replacement_history"];
}

interface Row {
  readonly symbol: string;
  /** What follows the symbol, the object at the end left out. */
  readonly rest: string;
  readonly members: Json;
}

function parseRow(row: string): Row {
  const [, symbol = "", tail = ""] = /^(\S+) ?(.*)$/.exec(row) ?? [];
  const quoted = /^"(?:[^"\\]|\\.)*"(?: \| "(?:[^"\\]|\\.)*")*/.exec(tail)?.[0] ?? "";
  const at = tail.startsWith("{") ? 0 : tail.indexOf(" {", quoted.length);
  if (at === -1 || symbol === "LINE" || !tail.endsWith("}")) return { symbol, rest: tail, members: {} };
  return { symbol, rest: tail.slice(0, at).trim(), members: JSON.parse(tail.slice(at)) as Json };
}

function recordsOf(row: string, options: ShorthandOptions): (Json | string)[] {
  const { symbol, rest, members } = parseRow(row);
  if (symbol === "complete") return completeTurn(rest, options);
  if (symbol === "LINE") return [rest];
  if (symbol === "RECORD") return [members];
  const make = RECORDS[symbol];
  if (make === undefined) return [{ type: "response_item", payload: itemOf(row), metadata: undefined }];
  const [type, payload] = make(rest, options);
  return [{ type, payload: symbol.startsWith("WS") ? { ...payload, state: members } : { ...payload, ...members } }];
}

function completeTurn(id: string, options: ShorthandOptions): (Json | string)[] {
  const n = id.replace(/^\D+/, "");
  const rows = [`TS ${id}`, `UE u${n}`, `TX ${id} m${n}`, `U u${n}`, `A a${n}`, `TC ${id}`];
  return rows.flatMap((row) => recordsOf(row, options));
}

type Maker = (rest: string, options: ShorthandOptions) => [type: string, payload: Json];

const RECORDS: { readonly [symbol: string]: Maker } = {
  META: (rest, { threadId = THREAD_ID, cwd = "/home/user/project" }) => [
    "session_meta",
    {
      id: threadId,
      timestamp: TIME,
      cwd,
      originator: "codex_cli_rs",
      cli_version: "0.169.0",
      source: "cli",
      ...(rest === "paginated" ? { history_mode: "paginated" } : {}),
    },
  ],
  TS: (turn_id) => ["event_msg", { type: "task_started", turn_id, model_context_window: null }],
  TC: (turn_id) => ["event_msg", { type: "task_complete", turn_id, last_agent_message: null }],
  TA: (id) => ["event_msg", { type: "turn_aborted", ...(id === "-" ? {} : { turn_id: id }), reason: "interrupted" }],
  UE: (rest) => ["event_msg", { type: "user_message", message: textOf(rest), images: [] }],
  AE: (rest) => ["event_msg", { type: "agent_message", message: textOf(rest) }],
  RB: (rest) => ["event_msg", { type: "thread_rolled_back", num_turns: Number(rest) }],
  TX: (rest, { cwd = "/home/user/project" }) => {
    const [id = "-", model = "m"] = rest.split(" ");
    const settings = { cwd, approval_policy: "never", sandbox_policy: { type: "read-only" }, model, summary: "auto" };
    return ["turn_context", { ...(id === "-" ? {} : { turn_id: id }), ...settings }];
  },
  IAC: (rest) => {
    const [author, text] = splitOnce(rest);
    return ["inter_agent_communication", communication(author, text)];
  },
  "CP+": (rest) => ["compacted", { message: textOf(rest), replacement_history: [] }],
  "CP-": (rest) => ["compacted", { message: textOf(rest) }],
  "WS+": () => ["world_state", { full: true }],
  "WS~": () => ["world_state", { full: false }],
  SCORE: () => ["security_risk_score", { scores: { risk: 0.5 } }],
};

const ITEMS: { readonly [symbol: string]: (rest: string) => Json } = {
  U: (rest) => message("user", rest),
  D: (rest) => message("developer", rest),
  S: (rest) => message("system", rest),
  A: (rest) => message("assistant", rest),
  SUM: (rest) => message("user", rest === "" ? "SUM" : rest),
  ENV: () => message("user", ENVIRONMENT),
  IMG: () => ({
    type: "message",
    role: "user",
    content: [{ type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" }],
  }),
  R: () => ({ type: "reasoning", summary: [], encrypted_content: null }),
  FC: (call_id) => ({ type: "function_call", name: "shell", arguments: "{}", call_id }),
  FO: (rest) => output("function_call_output", rest),
  CC: (call_id) => ({ type: "custom_tool_call", name: "apply_patch", input: "", call_id }),
  CO: (rest) => output("custom_tool_call_output", rest),
  LS: (id) => ({
    type: "local_shell_call",
    call_id: id === "-" ? null : id,
    status: "completed",
    action: { type: "exec", command: ["true"] },
  }),
  TSC: (call_id) => ({ type: "tool_search_call", call_id, execution: "client", arguments: {} }),
  TSO: (call_id) => ({ type: "tool_search_output", call_id, status: "completed", execution: "client", tools: [] }),
  GHOST: () => ({ type: "ghost_snapshot", ghost_commit: { id: "0123456" } }),
  OTHER: (type) => ({ type }),
  TRIGGER: () => ({ type: "compaction_trigger" }),
  AM: (rest) => {
    const [author, text] = splitOnce(rest);
    return { type: "agent_message", author, recipient: "/root", content: [{ type: "input_text", text: textOf(text) }] };
  },
  IAJ: (rest) => message("assistant", JSON.stringify(JSON.stringify(communication("/root/a", rest)))),
};

export const ENVIRONMENT = "<environment_context>\n  <cwd>/home/user/project</cwd>\n</environment_context>";

function itemOf(row: string): Json {
  const { symbol, rest, members } = parseRow(row);
  const make = ITEMS[symbol];
  if (make === undefined) throw new Error(`unknown symbol ${symbol}`);
  return { ...make(rest), ...members };
}

function message(role: string, rest: string): Json {
  const type = role === "assistant" ? "output_text" : "input_text";
  return { type: "message", role, content: partsOf(rest).map((text) => ({ type, text: textOf(text) })) };
}

/** Parts between ` | `; one in quotes may hold that too. */
function partsOf(rest: string): string[] {
  const parts = rest.match(/(?<=^| \| )(?:"(?:[^"\\]|\\.)*"(?=$| \| )|(?:(?! \| )[^])+)/g);
  return parts ?? [""];
}

function output(type: string, rest: string): Json {
  const [call_id, text] = splitOnce(rest);
  return { type, call_id, output: textOf(text) };
}

function communication(author: string, content: string): Json {
  return { author, recipient: "/root", other_recipients: [], content: textOf(content), trigger_turn: false };
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(" ");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function textOf(rest: string): string {
  return rest.startsWith('"') ? (JSON.parse(rest) as string) : rest;
}

const ROLES: { readonly [role: string]: string } = { user: "U", assistant: "A", developer: "D", system: "S" };

/** An item in shorthand. */
export function shown(item: ResponseItem): string {
  if (isOtherItem(item)) return item.type;
  switch (item.type) {
    case "message":
      return `${ROLES[item.role] ?? item.role} ${item.content.map(part).join(" | ")}`;
    case "agent_message":
      return `AM ${item.author} ${item.content.map((found) => (found.type === "input_text" ? found.text : `(${found.encrypted_content})`)).join(" | ")}`;
    case "function_call":
      return `FC ${item.call_id}`;
    case "function_call_output":
      return `FO ${item.call_id ?? "-"} ${JSON.stringify(item.output)}`;
    case "custom_tool_call":
      return `CC ${item.call_id}`;
    case "custom_tool_call_output":
      return `CO ${item.call_id} ${JSON.stringify(item.output)}`;
    case "tool_search_call":
      return `TSC ${item.call_id ?? "-"}`;
    case "tool_search_output":
      return `TSO ${item.call_id ?? "-"} ${item.tools.length}`;
    case "local_shell_call":
      return `LS ${item.call_id ?? "-"}`;
    default:
      return item.type;
  }
}

function part(content: ContentItem): string {
  return "text" in content ? content.text : `(${content.type})`;
}

export function shownHistory(history: readonly HistoryItem[]): string[] {
  return history.map(({ item }) => shown(item));
}

/** Lines as the reader would decode them, offsets included. The last one is torn when it does not decode. */
export function entriesOf(text: string | readonly string[]): Entry[] {
  const lines = typeof text === "string" ? linesOf(text) : text;
  let offset = 0;
  return lines.map((line, index) => {
    const bytes = Buffer.from(line);
    const position = { line: index + 1, offset, length: bytes.length };
    offset += bytes.length + 1;
    return decodeLine(bytes, position, { terminated: index < lines.length - 1 });
  });
}
