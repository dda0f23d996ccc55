import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sandboxSummary } from "../../src/commands/show-report.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { change, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userMessage,
} from "../support/lines.ts";
import { FAMILY, IDS, indexedFamily, runTool, SEGMENT, unpackFamily } from "../support/list-home.ts";

const folder = temporaryFolder();

async function show(home: string, text: string) {
  const { code, out } = await runTool(home, ["show", text, "--json"]);
  expect(code).toBe(0);
  return JSON.parse(out) as Readonly<Record<string, unknown>> & {
    readonly file: Readonly<Record<string, unknown>>;
    readonly index: Readonly<Record<string, unknown>> | null;
    readonly lineage: Readonly<Record<string, unknown>>;
    readonly content: unknown;
    readonly prompt_cache: unknown;
    readonly records: readonly { kind: string; records: number; bytes: number }[];
    readonly defects: { total: number; by_kind: unknown; first: readonly unknown[] };
  };
}

const named = `sessions/2025/11/01/rollout-2025-11-01T17-00-00-${IDS.named}.jsonl`;

describe("show as text", () => {
  it.each([
    ["named", IDS.named],
    ["reverted", IDS.reverted],
    ["hostile", IDS.hostile],
  ])("of a thread (%s) is as it was recorded, and nothing is written", async (label, id) => {
    const home = indexedFamily(folder.path);
    const before = snapshot(home);
    const { code, out, err } = await runTool(home, ["show", id], { columns: 100 });
    const text = out.replaceAll(home, "$HOME");
    const golden = join(FAMILY, `show-${label}.txt`);
    if (process.env["ROLLOUT_TOOL_RECORD"] === "1") writeFileSync(golden, text);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(text).toBe(readFileSync(golden, "utf8"));
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
    expect(snapshot(home)).toEqual(before);
  });
});

describe("show as JSON", () => {
  it("has identity, place, settings, counts and defects in one document", async () => {
    const home = indexedFamily(folder.path);
    const report = await show(home, "Parser fix");
    const size = readFileSync(join(home, named)).length;
    expect(report).toMatchObject({
      id: IDS.named,
      rollout_id: IDS.named,
      shown_name: "Parser fix",
      preview: "Fix the parser: it drops the last token of every line, and nobody knows why",
      found: { by: "name", via: "file-name", notes: [] },
      file: {
        path: join(home, named),
        physical_path: join(home, named),
        form: "plain",
        generation: "envelope",
        archived: false,
        disk_bytes: size,
        plain_bytes: size,
        ratio: null,
        other_files: [],
      },
      times: { created: "2025-11-01T17:00:00.000Z", first_line_ms: 1762016400000, last_line_ms: 1762016407000 },
      client: { source: "cli", originator: "codex_cli_rs", cli_version: "0.169.0" },
      settings: {
        cwd: "/home/user/project",
        model: "gpt-5.1-codex",
        effort: "medium",
        provider: "openai",
        approval: "on-request",
        sandbox: "workspace-write, network off",
      },
      git: { branch: "main", repository_url: "https://example.com/r.git" },
      history_mode: "legacy",
      lines: 11,
      content: {
        turns: { started: 1, completed: 1, aborted: 0 },
        user_messages: 1,
        compactions: 0,
        rollbacks: 0,
        newest_window: { number: 0, id: null },
        tokens_used: 1234,
        usage: {
          total: { input_tokens: 1234, output_tokens: 0, total_tokens: 1234 },
          last: { total_tokens: 1234 },
          model_context_window: 258400,
        },
      },
      prompt_cache: { key: IDS.named, rule: "thread", cached_share: 0 },
      not_indexable: null,
      index: { state: "sound", has_row: true, names_this_file: true, differences: [] },
    });
    expect(report.records.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(size);
    expect(report.records.reduce((sum, { records }) => sum + records, 0)).toBe(11);
    expect(report.records).toContainEqual({ kind: "(blank)", records: 1, bytes: 1 });
    expect(report.defects).toMatchObject({ total: 2, by_kind: { "wrong-shape": 1, "not-json": 1 } });
    expect(report.defects.first[1]).toMatchObject({
      kind: "not-json",
      line: 11,
      offset: size - "not json at all\n".length,
    });
  });

  it("tells a compressed file by its plain path, with both sizes", async () => {
    const home = indexedFamily(folder.path);
    const { file } = await show(home, IDS.compressed);
    expect(file["physical_path"]).toBe(`${String(file["path"])}.zst`);
    expect(file).toMatchObject({ form: "zstd", disk_bytes: 455, plain_bytes: 974, ratio: 2.14 });
  });

  it("tells where a thread comes from, and its agents", async () => {
    const home = indexedFamily(folder.path);
    expect(await show(home, IDS.child)).toMatchObject({
      lineage: {
        parent_thread_id: IDS.parent,
        agent_nickname: "Ada",
        agent_role: "worker",
        children: [{ id: IDS.grandchild, status: "closed" }],
      },
    });
    expect(await show(home, IDS.attached)).toMatchObject({
      lineage: { forked_from_id: IDS.paginated, attached: true, history_base: { thread_id: IDS.paginated } },
      history_mode: "paginated",
      content: { newest_window: null },
    });
    const tip = await show(home, IDS.reverted);
    expect(tip).toMatchObject({ rollout_id: SEGMENT, lineage: { history_base: { thread_id: IDS.reverted } } });
    expect(tip.index).toMatchObject({ names_this_file: true, differences: [] });
    const [old = ""] = tip.file["other_files"] as readonly string[];
    expect((await show(home, old)).index).toMatchObject({ names_this_file: false, differences: null });
  });

  it("agrees with the index of every thread", async () => {
    const home = indexedFamily(folder.path);
    for (const id of Object.values(IDS)) expect((await show(home, id)).index).toMatchObject({ differences: [] });
  });

  it("tells every column in which the index is stale", async () => {
    const home = indexedFamily(folder.path);
    change(
      home,
      `update threads set rollout_path = '/old/${named}', model = 'x', archived = 1 where id = '${IDS.named}'`,
    );
    const { index } = await show(home, IDS.named);
    expect(index).toMatchObject({ names_this_file: false, rollout_path: `/old/${named}` });
    expect(index?.["differences"]).toEqual(
      [
        { column: "rollout_path", stored: `/old/${named}`, expected: join(home, named) },
        { column: "archived", stored: 1, expected: 0 },
        { column: "archived_at", stored: null, expected: null },
        { column: "model", stored: "x", expected: "gpt-5.1-codex" },
      ].filter(({ stored, expected }) => stored !== expected),
    );
  });

  it("works without an index, or with a broken one", async () => {
    const home = unpackFamily(folder.path);
    expect((await show(home, IDS.named)).index).toMatchObject({ state: "absent", has_row: false, differences: null });
    writeFileSync(join(home, "state_5.sqlite"), "garbage ".repeat(999));
    const report = await show(home, "Parser fix");
    expect(report).toMatchObject({ id: IDS.named, shown_name: "Parser fix", index: { state: "damaged" } });
  });
});

describe("show of a thread's state", () => {
  const windowId = (n: number): string => `019a3ed0-0000-7000-8000-${String(n).padStart(12, "0")}`;
  const compacted = (members: Readonly<Record<string, unknown>>) => ({
    type: "compacted",
    payload: { message: "", replacement_history: [], ...members },
  });

  it("has the newest window, by its number or by counting", async () => {
    const lines = [
      meta(1, { context_window: { window_id: windowId(0) } }),
      compacted({ window_number: 4, window_id: windowId(4) }),
    ];
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText(lines),
      [sessionPath(2)]: rolloutText([meta(2), compacted({}), compacted({})]),
      [sessionPath(3)]: rolloutText([meta(3, { context_window: { window_id: windowId(0) } })]),
    });
    const newest = async (n: number) =>
      ((await show(home, threadId(n))).content as { newest_window: unknown }).newest_window;
    expect(await newest(1)).toEqual({ number: 4, id: windowId(4) });
    expect(await newest(2)).toEqual({ number: 2, id: null });
    expect(await newest(3)).toEqual({ number: 0, id: windowId(0) });
    const { out } = await runTool(home, ["show", threadId(1)]);
    expect(out).toContain(`\nwindow         4, ${windowId(4)}\n`);
  });

  it("has tokens, the cached share, and how full the context was", async () => {
    const usage = (input: number, cached: number, output: number) => ({
      input_tokens: input,
      cached_input_tokens: cached,
      output_tokens: output,
      reasoning_output_tokens: 50,
      total_tokens: input + output,
    });
    const info = {
      total_token_usage: usage(9_000, 3_000, 400),
      last_token_usage: usage(900, 0, 100),
      model_context_window: 4_000,
    };
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText([
        meta(1, { session_id: threadId(2) }),
        { type: "event_msg", payload: { type: "token_count", info, rate_limits: null } },
        { type: "event_msg", payload: { type: "token_count", info: null, rate_limits: null } },
      ]),
    });
    const { out } = await runTool(home, ["show", threadId(1)]);
    expect(out).toContain("\ntokens used    9,400: 9,000 input (33.3 % cached), 400 output (50 of it reasoning)\n");
    expect(out).toContain("\nlast context   1,000 tokens of 4,000 (25.0 %)\n");
    expect(out).toContain(`\ncache key      ${threadId(2)} (the session it shares with its root)\n`);
    expect(await show(home, threadId(1))).toMatchObject({
      prompt_cache: { key: threadId(2), rule: "shared-session", cached_share: 1 / 3 },
    });
  });

  it("cannot foretell the cache key of an agent without a session", async () => {
    const source = { subagent: { thread_spawn: { parent_thread_id: threadId(9), depth: 1 } } };
    const home = writeHome(folder.path, { [sessionPath(1)]: rolloutText([meta(1, { source })]) });
    expect((await show(home, threadId(1))).prompt_cache).toEqual({ key: null, rule: "fresh", cached_share: null });
    const { out } = await runTool(home, ["show", threadId(1)]);
    expect(out).toContain(
      "\ncache key      not foretold (an agent without a session gets a new one at every resume)\n",
    );
  });

  it("has the chain of files that it continues, and where it breaks", async () => {
    const first = rolloutText([paginatedMeta(1)], { paginated: true });
    const second = rolloutText([paginatedMeta(2, { history_base: base(threadId(1), first.length, 1) })], {
      paginated: true,
      firstOrdinal: 1,
    });
    const third = rolloutText([paginatedMeta(3, { history_base: base(threadId(2), second.length, 2) })], {
      paginated: true,
      firstOrdinal: 2,
    });
    const home = writeHome(folder.path, { [sessionPath(1)]: first, [sessionPath(2)]: second, [sessionPath(3)]: third });
    const path = (n: number): string => join(home, sessionPath(n));
    expect((await show(home, threadId(1))).lineage).toMatchObject({ history: null });
    expect((await show(home, threadId(3))).lineage.history).toEqual({
      files: [
        { path: path(1), from_byte: first.length, end_byte_exclusive: first.length },
        { path: path(2), from_byte: second.length, end_byte_exclusive: second.length },
        { path: path(3), from_byte: 0, end_byte_exclusive: null },
      ],
      fault: null,
      message: null,
    });
    expect((await runTool(home, ["show", threadId(3)])).out).toContain(
      `\nhistory        3 files: ${path(1)}, ${path(2)} and this one\n`,
    );
    rmSync(path(1));
    expect((await show(home, threadId(3))).lineage.history).toMatchObject({ files: [], fault: "missing-source" });
    const { code, out } = await runTool(home, ["show", threadId(3)]);
    expect(code).toBe(0);
    expect(out).toMatch(/\nhistory {8}cannot be followed: /);
  });
});

describe("show of a file", () => {
  it("needs no home", async () => {
    const path = join(folder.path, "copy.jsonl");
    writeFileSync(path, rolloutText([meta(1), userMessage("hello")]));
    const absent = join(folder.path, "nowhere");
    const { code, out } = await runTool(absent, ["show", "copy.jsonl", "--json"], { cwd: folder.path });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ id: threadId(1), preview: "hello", index: null });
    expect((await runTool(absent, ["show", threadId(1)])).err).toMatch(/^rollout-tool: the Codex home does not exist/);
    expect((await runTool(absent, ["show", "x.jsonl"], { cwd: folder.path })).err).toMatch(
      /^rollout-tool: there is no such rollout/,
    );
  });

  it("of the bare format, and of the TypeScript CLI, is as good as any", async () => {
    const id = "5f0a9d4e-1c7b-4e7a-9a57-0123456789ab";
    const head = { id, timestamp: "2025-04-20T10:00:00.000Z", instructions: null };
    const item = { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] };
    const home = writeHome(folder.path, {
      [sessionPath(1)]: [{ ...head, id: threadId(1) }, item, { record_type: "state" }]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
      [`sessions/rollout-2025-04-20-${id}.json`]: JSON.stringify({ session: head, items: [item, item] }, null, 2),
    });
    expect(await show(home, threadId(1))).toMatchObject({
      file: { generation: "bare" },
      lines: 3,
      content: null,
      defects: { total: 0 },
      records: [
        { kind: "session_meta", records: 1 },
        { kind: "response_item/message", records: 1 },
        { kind: "(state marker)", records: 1 },
      ],
    });
    expect(await show(home, id)).toMatchObject({
      id,
      file: { generation: "typescript" },
      records: [
        { kind: "response_item/message", records: 2 },
        { kind: "session_meta", records: 1 },
      ],
    });
  });

  it("that is damaged tells the damage, with exit code 0", async () => {
    const text = rolloutText([meta(1), userMessage("a"), "{", "", '{"timestamp":"t","type":"new","payload":{}}']);
    const home = writeHome(folder.path, { [sessionPath(1)]: `${text}{"torn` });
    expect((await show(home, threadId(1))).defects).toEqual({
      total: 3,
      by_kind: { "not-json": 1, "unknown-kind": 1, torn: 1 },
      first: [
        { kind: "not-json", message: "not valid JSON", line: 3, offset: text.indexOf("{\n") },
        { kind: "unknown-kind", message: "unknown record type", line: 5, offset: text.indexOf('{"timestamp":"t"') },
        { kind: "torn", message: "incomplete line at the end of the file", line: 6, offset: text.length },
      ],
    });
  });

  it("keeps the first 20 of many defects", async () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: rolloutText([meta(1), ...Array<string>(50).fill("x")]) });
    const { defects } = await show(home, threadId(1));
    expect([defects.total, defects.first.length]).toEqual([50, 20]);
    const { out } = await runTool(home, ["show", threadId(1)]);
    expect(out).toContain("Defects (50 not-json)\n");
    expect(out).toContain("\n… and 30 more\n");
  });

  it("that is cut in its compressed form tells how far it could be read", async () => {
    const plain = rolloutText([
      meta(1),
      ...Array.from({ length: 500 }, (_unused, n) => userMessage(`${n} ${Math.sin(n)}`)),
    ]);
    const whole = compressZstd(Buffer.from(plain));
    const home = writeHome(folder.path, {
      [`${sessionPath(1)}.zst`]: whole.subarray(0, Math.floor(whole.length * 0.9)),
    });
    const { defects, file } = await show(home, threadId(1));
    expect(defects.by_kind).toHaveProperty("broken-stream", 1);
    expect(file["plain_bytes"]).toBeLessThan(plain.length);
  });

  it("that nobody can read is an error", async () => {
    const home = writeHome(folder.path, { [archivedPath(1)]: rolloutText([meta(2)]) });
    mkdirSync(join(home, sessionPath(3)), { recursive: true });
    const refused = async (text: string) => {
      const { code, out, err } = await runTool(home, ["show", text]);
      expect([code, out]).toEqual([2, ""]);
      return err;
    };
    expect(await refused(join(home, sessionPath(3)))).toMatch(/it is a folder/);
    expect(await refused(threadId(1))).toMatch(/holds another thread/);
    expect(await refused("019")).toMatch(/hint: the beginning of an id needs 4 characters/);
    expect(await refused("nobody")).toMatch(/^rollout-tool: there is no thread "nobody" in this home/);
    expect((await runTool(home, ["show"])).err).toBe("rollout-tool: missing <thread>\n");
  });

  it("counts made-up kinds only up to a limit", async () => {
    const lines = Array.from(
      { length: 700 },
      (_unused, n) => `{"timestamp":"t","type":"event_msg","payload":{"type":"made_up_${n}"}}`,
    );
    const home = writeHome(folder.path, { [sessionPath(1)]: rolloutText([meta(1), ...lines]) });
    const { records, defects } = await show(home, threadId(1));
    expect(defects.total).toBe(700);
    expect(records.length).toBeLessThanOrEqual(301);
    expect(records.reduce((sum, { records: count }) => sum + count, 0)).toBe(701);
    expect(records.map(({ kind }) => kind)).toContain("(other)");
  });

  it("finds a thread whose file was removed nowhere, and says what the index named", async () => {
    const home = indexedFamily(folder.path);
    const folderOf = join(home, "sessions", "imported", "from-laptop");
    for (const name of readdirSync(folderOf)) rmSync(join(folderOf, name));
    const { code, err } = await runTool(home, ["show", IDS.imported]);
    expect(code).toBe(2);
    expect(err).toContain("which is not there");
    expect(err).toContain("hint: rollout-tool reindex --prune forgets it");
  });
});

describe("a sandbox in short", () => {
  it.each([
    [{ type: "disabled" }, "no sandbox"],
    [{ type: "danger-full-access" }, "no sandbox"],
    [{ mode: "danger-full-access" }, "no sandbox"],
    [{ type: "read-only" }, "read-only, network off"],
    [{ type: "workspace-write", network_access: true }, "workspace-write, network on"],
    [{ type: "external", network: "restricted" }, "external, network off"],
    [{ type: "external-sandbox", network_access: "enabled" }, "external-sandbox, network on"],
    [
      { type: "managed", file_system: { type: "restricted", entries: [{ access: "read" }] }, network: "restricted" },
      "read-only, network off",
    ],
    [
      { type: "managed", file_system: { type: "restricted", entries: [{ access: "write" }] }, network: "enabled" },
      "workspace-write, network on",
    ],
    [{ type: "managed", file_system: { type: "unrestricted" }, network: "restricted" }, "all files, network off"],
    [{}, null],
    ["text", null],
    [undefined, null],
  ])("%j is %j", (policy, text) => {
    expect(sandboxSummary(policy)).toBe(text);
  });
});
