/**
 * Rollouts made by chance, for properties: what Codex writes, what a crash leaves of it, and what nobody should write.
 * The first sort comes most often, so that most files still have a row whose columns all matter.
 */
import fc from "fast-check";
import {
  agentItem,
  CWD,
  event,
  goal,
  type LineRecord,
  lineText,
  META_MS,
  meta,
  responseItem,
  settings,
  taskStarted,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "./lines.ts";

/** Text of one file. `paginated` is what its first metadata says, if it has any. */
export interface GeneratedRollout {
  readonly text: string;
  readonly paginated: boolean;
}

export interface GenerateOptions {
  /** Number of the thread, for ids. */
  readonly thread?: number;
  /** Time of the first line. */
  readonly startMs?: number;
  /** Leave out what Codex itself never writes and no crash leaves behind. */
  readonly plausible?: boolean;
  /** Now and then so much between the first and the last records that a reader may pass over it. */
  readonly largeMiddle?: boolean;
}

/** Mostly `common`, sometimes `rare`. */
function mostly<T, U = T>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<U>, weight = 5): fc.Arbitrary<T | U> {
  return fc.oneof({ weight, arbitrary: common }, { weight: 1, arbitrary: rare });
}

/** A record of optional members, each absent in half of the cases. */
function some(members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(members, { requiredKeys: [] }) as fc.Arbitrary<Record<string, unknown>>;
}

const folders = fc.constantFrom(CWD, "/home/user/other", "/nonexistent/dir", "/", "/tmp/../nonexistent");
const words = fc.constantFrom(
  "one",
  "two words",
  "zwölf Boxkämpfer",
  "日本語",
  "tab\there",
  "line\nbreak",
  '"quoted"',
  "😀",
);
const roots = fc.constantFrom<readonly string[]>([], ["/nonexistent/a"], ["/nonexistent/a", "/nonexistent/b/"]);

const policies = fc.oneof(
  fc.constant({ type: "read-only" }),
  fc.constant({ type: "read-only", network_access: true }),
  fc.constant({ type: "danger-full-access" }),
  fc.constant({ type: "external-sandbox" }),
  fc.constant({ type: "external-sandbox", network_access: "enabled" }),
  some({
    writable_roots: roots,
    network_access: fc.boolean(),
    exclude_slash_tmp: fc.boolean(),
    exclude_tmpdir_env_var: fc.boolean(),
  }).map((members) => ({ type: "workspace-write", ...members })),
);

const entries = fc.array(
  fc.constantFrom(
    { access: "write", path: { path: "/nonexistent/w/", type: "path" } },
    { path: { type: "special", value: { kind: "root" } }, access: "read", note: "unknown" },
    {
      path: { type: "special", value: { kind: "project_roots", subpath: ".git" } },
      access: "read",
      missing_path_behavior: "skip",
    },
    {
      path: { type: "special", value: { subpath: null, kind: "project_roots" } },
      access: "write",
      missing_path_behavior: null,
    },
    { path: { type: "glob_pattern", pattern: "**/*.pem" }, access: "none" },
    { path: { type: "glob_pattern", pattern: "**/.env" }, access: "deny" },
  ),
  { maxLength: 3 },
);
const restricted = fc.record(
  { entries, type: fc.constant("restricted"), glob_scan_max_depth: fc.constantFrom(3, null) },
  { requiredKeys: ["entries", "type"] },
);
const profiles = fc.oneof(
  fc.constant({ type: "disabled" }),
  fc.constantFrom("restricted", "enabled").map((network) => ({ network, type: "external" })),
  restricted.map((file_system) => ({ network: "restricted", type: "managed", file_system })),
  fc.constant({ type: "managed", file_system: { type: "unrestricted" }, network: "enabled", note: "unknown" }),
);
const fileSystems = fc.record(
  {
    entries,
    kind: fc.constantFrom("restricted", "restricted", "unrestricted", "external-sandbox"),
    glob_scan_max_depth: fc.constantFrom(3, null),
  },
  { requiredKeys: ["kind"] },
);

const approvals = fc.constantFrom<unknown>(
  "untrusted",
  "on-request",
  "never",
  "on-failure",
  { granular: { sandbox_approval: true, rules: false, mcp_elicitations: true } },
  { granular: { mcp_elicitations: false, rules: true, sandbox_approval: false, skill_approval: true } },
);
const efforts = fc.constantFrom<unknown>("low", "medium", "xhigh", "of the future", null);

const contexts = mostly(
  some({ cwd: folders, approval_policy: approvals, sandbox_policy: policies, effort: efforts, model: words }),
  fc.oneof(
    profiles.map((permission_profile) => ({ permission_profile })),
    fc
      .tuple(profiles, policies)
      .map(([permission_profile, sandbox_policy]) => ({ permission_profile, sandbox_policy })),
    fc.tuple(policies, fileSystems).map(([sandbox_policy, file_system_sandbox_policy]) => ({
      sandbox_policy,
      file_system_sandbox_policy,
    })),
    fc.constant({ sandbox_policy: { mode: "read-only" } }),
  ),
).map((changes) => turnContext(changes));

const messages = fc.oneof(
  words.map((text) => userMessage(text)),
  words.map((text) => userItem(text)),
  fc
    .constantFrom("", " \n\t", "## My request for Codex:", "# Context\n## My request for Codex:\n  go  \n")
    .map((text) => userMessage(text)),
  fc
    .constantFrom("\u0085next line\u0085", "\ufeffmark\ufeff", "\u00a0space\u3000", "\u200bzero\u200b")
    .map((text) => userMessage(text)),
  fc.constant(userMessage("", { images: ["data:image/png;base64,iVBORw0KGgo="] })),
  fc.constant(userMessage(" ", { local_images: ["/nonexistent/a.png"] })),
);

const counts = fc.oneof(
  fc.integer({ min: 0, max: 1_000_000 }).map((total) => tokenCount(total)),
  fc.constant(tokenCount(undefined)),
  fc.constant(tokenCount(-5)),
  fc.constant(event("token_count", { rate_limits: null })),
);

const noise = fc.oneof(
  words.map((text) => responseItem(text)),
  words.map((text) => agentItem(text)),
  fc.constant(event("agent_message", { message: "done" })),
  fc.constant(event("thread_name_updated", { thread_id: threadId(1), thread_name: "a name" })),
  fc.constant<LineRecord>({ type: "compacted", payload: { message: "" } }),
  fc.constant<LineRecord>({ type: "from_the_future", payload: { a: 1 } }),
  fc.constant(event("from_the_future", { a: 1 })),
);

const settingsRecords = some({
  model: words,
  cwd: folders,
  approval_policy: approvals,
  permission_profile: profiles,
  reasoning_effort: efforts,
  model_provider_id: fc.constantFrom("openai", "other"),
}).map((changes) => settings(changes));

/** Known events and records whose payload breaks a rule: to be passed over as a whole. */
const broken = fc.constantFrom<LineRecord>(
  turnContext({ cwd: "relative" }),
  turnContext({ approval_policy: { reject: { sandbox_approval: true } } }),
  turnContext({ sandbox_policy: null }),
  turnContext({ model: 5 }),
  settings({ cwd: null }),
  settings({ permission_profile: null }),
  event("token_count", { info: { total_token_usage: { total_tokens: 7 } } }),
  event("user_message", { message: null }),
  event("thread_goal_updated", { goal: null }),
);

const GIT = fc.oneof(
  fc.constant(null),
  fc.constant({}),
  some({
    commit_hash: fc.constant("0123456789abcdef0123456789abcdef01234567"),
    branch: words,
    repository_url: fc.constantFrom(
      "https://user:token@example.com/r.git",
      "git@example.com:r.git",
      "https://example.com/r.git",
    ),
  }),
);

const PLAUSIBLE_SOURCES: readonly unknown[] = [
  "exec",
  "vscode",
  "mcp",
  "appServer",
  { custom: "x" },
  { subagent: "review" },
  { subagent: { thread_spawn: { depth: 1, parent_thread_id: threadId(1), agent_type: "explorer" } } },
  { internal: "memory_consolidation" },
];
/** Whether a reviewer's messages name its thread depends on what stands where; nobody names such threads either. */
const GUARDIAN = { subagent: { other: "guardian" } };

function metas(thread: number, plausible: boolean): fc.Arbitrary<LineRecord> {
  return some({
    cwd: mostly(folders, fc.constantFrom("", "relative/path")),
    originator: fc.constantFrom("", "codex_exec"),
    cli_version: fc.constantFrom("", "0.142.3"),
    source: fc.constantFrom<unknown>(...PLAUSIBLE_SOURCES, ...(plausible ? [] : [GUARDIAN])),
    thread_source: fc.constantFrom("user", "subagent", "whatever"),
    model_provider: plausible ? fc.constant("other") : fc.constantFrom<unknown>("", null, "other"),
    memory_mode: fc.constantFrom("disabled", "enabled", "polluted", "anything"),
    git: GIT,
    agent_nickname: words,
    agent_role: words,
    agent_path: fc.constantFrom("/root", "/root/a"),
    creator_user_id: words,
    creator_account_id: words,
    forked_from_id: fc.constant(threadId(900)),
    attached_thread: fc.boolean(),
  }).map((changes) => meta(thread, changes));
}

/** Metadata that starts no row, or none for a release. */
function oddMetas(thread: number): fc.Arbitrary<LineRecord> {
  const changes = fc.constantFrom<Readonly<Record<string, unknown>>>(
    { timestamp: "not-a-time" },
    { timestamp: "2025-11-01T11-22-33" },
    { timestamp: "2025-11-01 10:00:00.5+02:00" },
    { id: threadId(thread).toUpperCase() },
    { id: `../../${threadId(thread)}` },
    { dynamic_tools: 5 },
    { attached_thread: "yes" },
    { history_mode: "future_mode" },
    { history_mode: null },
    { memory_mode: "" },
    { source: null },
  );
  return changes.map((change) => meta(thread, change));
}

/** A line as bytes may lie on the disk: other key orders, blanks, line ends, or no record at all. */
function rendered(record: LineRecord, time: string, ordinal: number | undefined, how: string): string {
  const text = lineText(record, time, ordinal);
  switch (how) {
    case "reordered":
      return JSON.stringify({ payload: record.payload, type: record.type, timestamp: time });
    case "inner order": {
      const { type, ...members } = record.payload;
      return lineText({ ...record, payload: type === undefined ? members : { ...members, type } }, time, ordinal);
    }
    case "spaced":
      return JSON.stringify(JSON.parse(text), undefined, 1).replaceAll("\n", " ");
    case "crlf":
      return `${text}\r`;
    case "indented":
      return ` \t${text} `;
    case "cut":
      return text.slice(0, Math.floor(text.length / 2));
    case "two":
      return `${text}${text}`;
    default:
      return text;
  }
}

const ODD_FORMS = ["reordered", "inner order", "spaced", "crlf", "indented", "cut", "two"] as const;
const JUNK = [
  "",
  " ",
  "this is not JSON",
  "[]",
  "null",
  "\u0000\u0000",
  '{"timestamp":5,"type":"session_meta","payload":{}}',
] as const;

/** More than the stretch that the quick reader thinks worth passing over. */
const MIDDLE_LINES = 400;

function middle(ordinal: number, paginated: boolean, startMs: number): string {
  const filler = "x".repeat(500);
  const lines = Array.from({ length: MIDDLE_LINES }, (_, index) => {
    const time = new Date(startMs + (ordinal + index) * 1000).toISOString();
    return lineText(responseItem(filler, "assistant"), time, paginated ? ordinal + index : undefined);
  });
  return `${lines.join("\n")}\n`;
}

/**
 * A turn runs under the settings in force, so its folder is the one that the last of them named. The provider of a thread
 * is taken for one that stays: where it changes in the middle, the quick reading does not see it.
 */
function inForce(lines: Draft["lines"], first: LineRecord): Draft["lines"] {
  let cwd: unknown;
  const provider = first.payload["model_provider"];
  const own = first.payload["cwd"];
  if (typeof own === "string" && own.startsWith("/")) cwd = own;
  return lines.map(({ record, how }) => {
    if (typeof record === "string") return { record, how };
    const applied = record.payload["thread_settings"];
    if (typeof applied === "object" && applied !== null && "cwd" in applied) {
      cwd = applied.cwd;
      return {
        record: {
          ...record,
          payload: { ...record.payload, thread_settings: { ...applied, model_provider_id: provider } },
        },
        how,
      };
    }
    if (record.type !== "turn_context" || cwd === undefined) return { record, how };
    return { record: { ...record, payload: { ...record.payload, cwd } }, how };
  });
}

interface Draft {
  readonly paginated: boolean;
  readonly first: LineRecord;
  readonly firstPlace: number;
  readonly lines: readonly { readonly record: LineRecord | string; readonly how: string }[];
  readonly middleAt: number | undefined;
  readonly end: "newline" | "none" | "torn";
}

function written({ paginated, first, firstPlace, lines, middleAt, end }: Draft, startMs: number): string {
  const all = lines.toSpliced(Math.min(firstPlace, lines.length), 0, { record: first, how: "plain" });
  let text = "";
  let ordinal = 0;
  for (const [index, { record, how }] of all.entries()) {
    const time = new Date(startMs + ordinal * 1000).toISOString();
    text += `${typeof record === "string" ? record : rendered(record, time, paginated ? ordinal : undefined, how)}\n`;
    ordinal += 1;
    if (index === middleAt) {
      text += middle(ordinal, paginated, startMs);
      ordinal += MIDDLE_LINES;
    }
  }
  if (end === "newline") return text;
  return end === "none" ? text.slice(0, -1) : text.slice(0, -Math.min(text.length, 20));
}

export function rollouts(options: GenerateOptions = {}): fc.Arbitrary<GeneratedRollout> {
  const { thread = 1, startMs = META_MS, plausible = false, largeMiddle = false } = options;
  const foreign = some({ memory_mode: fc.constant("disabled"), cwd: folders }).map((changes) => meta(999, changes));
  const later = metas(thread, plausible);
  return fc.boolean().chain((paginated) => {
    // Later metadata of a paginated thread is in SQLite only: no release writes such lines (state-and-compression §5.5).
    const kinds = [
      contexts,
      settingsRecords,
      messages,
      counts,
      noise,
      fc.constant(taskStarted()),
      words.map((text) => goal(text)),
    ];
    const usual = fc.oneof(...kinds, ...(paginated ? [] : [later, foreign]));
    const record = plausible ? usual : mostly(usual, broken, 8);
    const how = plausible ? fc.constant("plain") : mostly(fc.constant("plain"), fc.constantFrom(...ODD_FORMS), 8);
    const line = fc.record({ record, how });
    const any = plausible ? line : mostly(line, fc.record({ record: fc.constantFrom(...JUNK), how }), 12);
    const first = plausible
      ? metas(thread, true)
      : mostly(metas(thread, false), fc.oneof(oddMetas(thread), contexts), 8);
    return fc
      .record({
        paginated: fc.constant(paginated),
        first: paginated ? first.map((found) => withMode(found)) : first,
        firstPlace: plausible ? fc.constant(0) : mostly(fc.constant(0), fc.nat(3), 8),
        lines: fc.array(any, { maxLength: 14 }),
        middleAt: largeMiddle ? fc.option(fc.nat(8), { nil: undefined }) : fc.constant(undefined),
        end: fc.constantFrom("newline", "none", "torn"),
      })
      .map((made) => {
        const draft = made as Draft;
        const lines = plausible ? inForce(draft.lines, draft.first) : draft.lines;
        return { text: written({ ...draft, lines }, startMs), paginated };
      });
  });
}

function withMode(record: LineRecord): LineRecord {
  if (record.type !== "session_meta") return record;
  return { ...record, payload: { ...record.payload, history_mode: record.payload["history_mode"] ?? "paginated" } };
}
