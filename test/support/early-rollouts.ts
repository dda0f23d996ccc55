/**
 * Rollouts of early 2025, in both formats before the envelope and all their variants (rollout-format §12), sound and damaged; with each, what
 * has to come out of it: the texts that a client shows, and what is said to the user.
 */

export interface EarlyRollout {
  readonly title: string;
  /** Relative to the home. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Of the new file, relative to the home; undefined when there is nothing to convert. */
  readonly target: string | undefined;
  readonly threadId: string;
  /** Items of the new file, as `U`, `A`, `D`, `S` and their words, or by their kind. */
  readonly items: readonly string[];
  /** A client's turns: `>` the user's words, the rest the agent's, `~` its reasoning. */
  readonly turns: readonly (readonly string[])[];
  readonly cwd: string;
  /** How many lines or items go to the side file. */
  readonly aside: number;
}

/** The folder of the user whose home the cases are converted with. */
export const USER_HOME = "/home/someone";
const PROJECT = "/home/someone/project";
const BARE_TIME = "2025-08-20T09-15-30";
const DOCUMENT_TIME = "2025-04-28T16:05:09.250Z";

type Json = Readonly<Record<string, unknown>>;

function uuid(n: number): string {
  return `0b0d8d3e-6a2f-4f5e-9a3a-${String(n).padStart(12, "0")}`;
}

const text = (type: string, words: string): Json => ({ type, text: words });
const user = (words: string, more: Json = {}): Json => ({
  type: "message",
  id: null,
  role: "user",
  content: [text("input_text", words)],
  ...more,
});
const agent = (words: string, more: Json = {}): Json => ({
  type: "message",
  id: null,
  role: "assistant",
  content: [text("output_text", words)],
  ...more,
});
const thought = (words: string, more: Json = {}): Json => ({
  type: "reasoning",
  id: "rs_1",
  summary: [text("summary_text", words)],
  content: null,
  encrypted_content: "gAAAA",
  ...more,
});
const call = (call_id: string, more: Json = {}): Json => ({
  type: "function_call",
  id: null,
  name: "shell",
  arguments: '{"command":["ls"]}',
  call_id,
  ...more,
});
const output = (call_id: string, more: Json = {}): Json => ({
  type: "function_call_output",
  call_id,
  output: '{"output":"README.md\\n","metadata":{"exit_code":0,"duration_seconds":0.1}}',
  ...more,
});
const environment = (cwd: string): Json =>
  user(
    `<environment_context>\n  <cwd>${cwd}</cwd>\n  <approval_policy>on-request</approval_policy>\n</environment_context>`,
  );
const STATE = { record_type: "state" };
const HALF_PAIR =
  '{"type":"message","id":null,"role":"user","content":[{"type":"input_text","text":"half \\ud83d of it"}]}';

const TURN = [
  user("list the files"),
  thought("Listing"),
  STATE,
  call("c1"),
  output("c1"),
  agent("There is README.md."),
];
const TURN_ITEMS = ["U list the files", "reasoning", "function_call", "function_call_output", "A There is README.md."];
const TURN_SHOWN = [">list the files", "~Listing", "There is README.md."];

interface Variant {
  readonly title: string;
  readonly items: readonly string[];
  readonly turns: readonly (readonly string[])[];
  readonly cwd?: string;
  readonly aside?: number;
}

/** Lines: objects, or text as it is. */
interface BareVariant extends Variant {
  readonly lines: readonly (Json | string | Buffer)[];
  /** Members of the first line; null: there is none. */
  readonly meta?: Json | null;
  readonly end?: string;
  readonly archived?: boolean;
}

interface DocumentVariant extends Variant {
  readonly document: unknown;
  readonly edit?: (text: string) => string | Buffer;
  readonly refused?: boolean;
  /** Of the new file's name. */
  readonly stamp?: string;
}

const ENV_ITEM = `U <environment_context>`;

const BARE: readonly BareVariant[] = [
  {
    title: "one turn",
    lines: [environment(PROJECT), ...TURN, STATE],
    items: [ENV_ITEM, ...TURN_ITEMS],
    turns: [TURN_SHOWN],
    aside: 2,
  },
  {
    title: "three turns",
    lines: [environment(PROJECT), ...TURN, user("thanks"), agent("At your service."), user("bye"), agent("Bye.")],
    items: [ENV_ITEM, ...TURN_ITEMS, "U thanks", "A At your service.", "U bye", "A Bye."],
    turns: [TURN_SHOWN, [">thanks", "At your service."], [">bye", "Bye."]],
    aside: 1,
  },
  {
    title: "instructions that an item repeats",
    meta: { instructions: "be kind" },
    lines: [
      user("<user_instructions>\n\nbe kind\n\n</user_instructions>"),
      environment(PROJECT),
      user("a"),
      agent("b"),
    ],
    items: ["U <user_instructions>", ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
  },
  {
    title: "instructions that no item has, and git",
    meta: { instructions: "be kind", git: { commit_hash: "0123abc", branch: "main", repository_url: "git@x:y.git" } },
    lines: [environment(PROJECT), user("a"), agent("b")],
    items: ["U # AGENTS.md instructions", ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
  },
  {
    title: "an environment in words",
    lines: [
      user(
        `<environment_context>\nCurrent working directory: ${PROJECT}\nApproval policy: never\n</environment_context>`,
      ),
      user("a"),
      agent("b"),
    ],
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
  },
  {
    title: "no environment",
    lines: [user("a"), agent("b")],
    items: ["U a", "A b"],
    turns: [[">a", "b"]],
    cwd: USER_HOME,
  },
  {
    title: "a torn end",
    lines: [environment(PROJECT), user("a"), agent("b")],
    end: '\n{"type":"message","id":null,"role":"assi',
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
    aside: 1,
  },
  {
    title: "no line feed at the end",
    lines: [environment(PROJECT), user("a"), agent("b")],
    end: "",
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
  },
  {
    title: "a half line that the next one is glued to, blanks, and garbage",
    lines: [
      environment(PROJECT),
      user("a"),
      `{"type":"mess${JSON.stringify(agent("lost"))}`,
      "",
      "  ",
      "garbage",
      agent("b"),
    ],
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
    aside: 2,
  },
  {
    title: "a first line that is torn",
    meta: null,
    lines: ['{"id":"0b0d8d3e-6a2f-4f5e-9a', environment(PROJECT), user("a"), agent("b")],
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
    aside: 1,
  },
  {
    title: "metadata whose id and time are none",
    meta: { id: "17", timestamp: "yesterday", instructions: 5 },
    lines: [environment(PROJECT), user("a"), agent("b")],
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
    aside: 1,
  },
  {
    title: "items that lack what today's format needs",
    lines: [
      environment(PROJECT),
      user("a"),
      { type: "reasoning", id: "rs_1", encrypted_content: "gAAAA" },
      { type: "reasoning", id: "rs_2", summary: null, content: [text("text", "deep")] },
      {
        type: "local_shell_call",
        id: "lsh_1",
        call_id: null,
        status: "in_progress",
        action: { type: "exec", command: ["ls"] },
      },
      {
        type: "local_shell_call",
        id: "lsh_2",
        call_id: "c2",
        status: "searching",
        action: { type: "exec", command: "ls" },
      },
      { type: "local_shell_call_output", id: "c2", output: "README.md" },
      { type: "message", role: "assistant", content: "b" },
    ],
    items: [
      ENV_ITEM,
      "U a",
      "reasoning",
      "reasoning",
      "local_shell_call",
      "local_shell_call",
      "function_call_output",
      "A b",
    ],
    turns: [[">a", "b"]],
  },
  {
    title: "outputs and arguments in other forms",
    lines: [
      environment(PROJECT),
      user("a"),
      call("c1", { arguments: { command: ["ls"] } }),
      output("c1", { output: { content: "README.md", success: true } }),
      { type: "custom_tool_call", id: "c2", name: "apply_patch", input: { patch: 1 } },
      { type: "custom_tool_call_output", call_id: "c2", output: { content: "Done" } },
      { type: "web_search_call", id: "ws_1", status: "completed", action: "search" },
      agent("b"),
    ],
    items: [
      ENV_ITEM,
      "U a",
      "function_call",
      "function_call_output",
      "custom_tool_call",
      "custom_tool_call_output",
      "web_search_call",
      "A b",
    ],
    turns: [[">a", "b"]],
    aside: 2,
  },
  {
    title: "images",
    lines: [
      environment(PROJECT),
      user("what is it?", {
        content: [
          text("input_text", "what is it?"),
          {
            type: "input_image",
            image_url:
              "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
          },
        ],
      }),
      agent("a dot"),
    ],
    items: [ENV_ITEM, "U what is it?", "A a dot"],
    turns: [[">what is it?", "a dot"]],
  },
  {
    title: "kinds that nobody knows",
    lines: [
      environment(PROJECT),
      user("a"),
      { type: "other" },
      { type: "file_search_call", id: "fs_1", queries: [] },
      agent("b"),
    ],
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
    aside: 2,
  },
  {
    title: "bytes that are not UTF-8, and half a surrogate pair",
    lines: [environment(PROJECT), Buffer.from(JSON.stringify(user("caf\xe9")), "latin1"), HALF_PAIR, agent("b")],
    items: [ENV_ITEM, "U caf�", "U half � of it", "A b"],
    turns: [[">caf�"], [">half � of it", "b"]],
    aside: 1,
  },
  {
    title: "metadata alone",
    lines: [],
    items: [],
    turns: [],
    cwd: USER_HOME,
  },
  {
    title: "archived",
    archived: true,
    lines: [
      environment(PROJECT),
      user("a"),
      agent("b"),
      { id: uuid(1), timestamp: "2025-08-20T10:00:00Z", instructions: null },
    ],
    items: [ENV_ITEM, "U a", "A b"],
    turns: [[">a", "b"]],
    aside: 1,
  },
];

const SESSION = { timestamp: DOCUMENT_TIME, instructions: "be kind" };
const tsUser = (words: string): Json => ({ type: "message", role: "user", content: [text("input_text", words)] });
const tsAgent = (words: string): Json => ({
  id: "msg_1",
  type: "message",
  status: "completed",
  role: "assistant",
  content: [{ type: "output_text", text: words, annotations: [], logprobs: [] }],
});
const TS_ITEMS = [
  tsUser("list the files"),
  { id: "rs_1", type: "reasoning", summary: [text("summary_text", "Listing")], duration_ms: 1500 },
  { ...call("c1"), id: "fc_1", status: "completed" },
  output("c1"),
  tsAgent("There is README.md."),
];
const INSTRUCTIONS = "U # AGENTS.md instructions";

const DOCUMENTS: readonly DocumentVariant[] = [
  {
    title: "one turn",
    document: { session: SESSION, items: TS_ITEMS },
    items: [INSTRUCTIONS, ...TURN_ITEMS],
    turns: [TURN_SHOWN],
  },
  {
    title: "no instructions, two turns, all on one line",
    document: { session: { ...SESSION, instructions: "" }, items: [...TS_ITEMS, tsUser("bye"), tsAgent("Bye.")] },
    edit: (json) => JSON.stringify(JSON.parse(json)),
    items: [...TURN_ITEMS, "U bye", "A Bye."],
    turns: [TURN_SHOWN, [">bye", "Bye."]],
  },
  {
    title: "items before the session",
    document: { items: TS_ITEMS, session: SESSION },
    items: [INSTRUCTIONS, ...TURN_ITEMS],
    turns: [TURN_SHOWN],
  },
  {
    title: "cut within an item",
    document: { session: SESSION, items: [...TS_ITEMS, tsAgent("lost")] },
    edit: (json) => json.slice(0, json.indexOf("lost") + 2),
    items: [INSTRUCTIONS, ...TURN_ITEMS],
    turns: [TURN_SHOWN],
    aside: 1,
  },
  {
    title: "cut between two items",
    document: { session: SESSION, items: [...TS_ITEMS, tsAgent("lost")] },
    edit: (json) => json.slice(0, json.lastIndexOf("},") + 2),
    items: [INSTRUCTIONS, ...TURN_ITEMS],
    turns: [TURN_SHOWN],
  },
  {
    title: "cut within the session",
    document: { session: SESSION, items: TS_ITEMS },
    edit: (json) => json.slice(0, 40),
    refused: true,
    items: [],
    turns: [],
  },
  { title: "empty", document: {}, edit: () => "", refused: true, items: [], turns: [] },
  { title: "without items", document: { session: { ...SESSION, instructions: "" }, items: [] }, items: [], turns: [] },
  {
    title: "calls in the words of the older API, content that is text, a message without a type",
    document: {
      session: { ...SESSION, instructions: "" },
      items: [
        { role: "user", content: "list the files" },
        { type: "function_call", id: "call_1", function: { name: "shell", arguments: '{"command":["ls"]}' } },
        { ...output("call_1"), output: [text("output_text", "README.md")] },
        { type: "message", role: "assistant", content: "There is README.md." },
      ],
    },
    items: ["U list the files", "function_call", "function_call_output", "A There is README.md."],
    turns: [[">list the files", "There is README.md."]],
  },
  {
    title: "shell calls, a refusal, a file, and words of the program",
    document: {
      session: { ...SESSION, instructions: "" },
      items: [
        {
          ...tsUser("look"),
          content: [text("input_text", "look"), { type: "input_file", filename: "a.pdf", file_id: "file_1" }],
        },
        { id: "sys-1", type: "message", role: "system", content: [text("input_text", "Rate limit reached.")] },
        {
          id: "lsh_1",
          type: "local_shell_call",
          call_id: "c1",
          status: "completed",
          action: { type: "exec", command: ["ls"], env: {} },
        },
        output("c1"),
        { id: "cu_1", type: "computer_call", call_id: "c9", action: { type: "screenshot" } },
        { ...tsAgent(""), content: [{ type: "refusal", refusal: "I would rather not." }] },
        { id: "fc_2", type: "function_call_output", output: null },
      ],
    },
    items: [
      "U look",
      "S Rate limit reached.",
      "local_shell_call",
      "function_call_output",
      "A I would rather not.",
      "function_call_output",
    ],
    turns: [[">look", "I would rather not."]],
    aside: 2,
  },
  {
    title: "garbage in the middle",
    document: {
      session: { ...SESSION, instructions: "" },
      items: [...TS_ITEMS, tsAgent("x".repeat(40_000)), "HERE", tsAgent("lost")],
    },
    edit: (json) => json.replace('"HERE"', "@@@@"),
    items: [...TURN_ITEMS, `A ${"x".repeat(40_000)}`],
    turns: [[...TURN_SHOWN, "x".repeat(40_000)]],
    aside: 1,
  },
  {
    title: "an unreadable time, and an id of another kind",
    document: { session: { timestamp: "28 April", id: "none", instructions: null }, items: TS_ITEMS },
    stamp: "2025-04-28T00-00-00",
    items: TURN_ITEMS,
    turns: [TURN_SHOWN],
    aside: 1,
  },
  {
    title: "no session",
    document: { items: TS_ITEMS },
    stamp: "2025-04-28T00-00-00",
    items: TURN_ITEMS,
    turns: [TURN_SHOWN],
  },
];

function bareRollout(variant: BareVariant, n: number): EarlyRollout {
  const { title, lines, items, turns, end = "\n", archived = false } = variant;
  const id = uuid(n);
  const first = { id, timestamp: "2025-08-20T07:15:30.123Z", instructions: null, ...variant.meta };
  const all: (Json | string | Buffer)[] = variant.meta === null ? [...lines] : [first, ...lines];
  const bytes = all.map((line) =>
    Buffer.isBuffer(line) ? line : Buffer.from(typeof line === "string" ? line : JSON.stringify(line)),
  );
  const name = `rollout-${BARE_TIME}-${id}.jsonl`;
  const path = archived ? `archived_sessions/${name}` : `sessions/2025/08/20/${name}`;
  const joined = bytes.flatMap((line, at) => (at === 0 ? [line] : [Buffer.from("\n"), line]));
  return {
    title: `bare: ${title}`,
    path,
    bytes: Buffer.concat([...joined, Buffer.from(end)]),
    target: path,
    threadId: id,
    items,
    turns,
    cwd: variant.cwd ?? PROJECT,
    aside: variant.aside ?? 0,
  };
}

function documentRollout(variant: DocumentVariant, n: number): EarlyRollout {
  const { title, items, turns, edit = (json: string) => json, stamp = "2025-04-28T16-05-09" } = variant;
  const id = uuid(100 + n);
  const { session, ...rest } = variant.document as { readonly session?: Json };
  // The session keeps its place among the members.
  const document = Object.fromEntries(
    Object.entries(variant.document as Json).map(([key, value]) =>
      key === "session" ? [key, { id, ...(session as Json) }] : [key, rest[key as keyof typeof rest] ?? value],
    ),
  );
  return {
    title: `document: ${title}`,
    path: `sessions/rollout-2025-04-28-${id}.json`,
    bytes: Buffer.from(edit(JSON.stringify(document, null, 2)) as string),
    target: variant.refused === true ? undefined : `sessions/2025/04/28/rollout-${stamp}-${id}.jsonl`,
    threadId: id,
    items,
    turns,
    cwd: USER_HOME,
    aside: variant.aside ?? 0,
  };
}

export const EARLY_ROLLOUTS: readonly EarlyRollout[] = [...BARE.map(bareRollout), ...DOCUMENTS.map(documentRollout)];
