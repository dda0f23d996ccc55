/** What `verify --repair` makes of a rollout: what goes aside, what stays in its place, and what is left alone. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { compressZstd, decodeZstd } from "../../src/io/zstd.ts";
import { cli } from "../support/cli.ts";
import { NOW_MS, query, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  base,
  lineText,
  meta,
  META_TIME,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

const A = sessionPath(1);
const ASIDE = A.replace(/jsonl$/, "aside");

const call = (...argv: string[]) => cli(home, argv, {}, { now: () => NOW_MS, cwd: home });

interface Answer {
  readonly manifest?: string;
  readonly repairs: readonly {
    readonly codes: readonly string[];
    readonly outcome: string;
    readonly message?: string;
  }[];
  readonly refusals: readonly { readonly codes: readonly string[]; readonly reason: string }[];
  readonly after: { readonly codes: Readonly<Record<string, number>> };
}

async function repair(...argv: string[]): Promise<Answer> {
  return JSON.parse((await call("verify", "--repair", "--json", ...argv)).out) as Answer;
}

const textAt = (path: string): string => readFileSync(join(home, path), "utf8");
const asideLines = (path = ASIDE): unknown[] =>
  textAt(path)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

function thread(n: number, ...more: Parameters<typeof rolloutText>[0]): string {
  return rolloutText([meta(n), userMessage("hello"), ...more]);
}

function numbered(n: number, ordinals: readonly (number | undefined)[], changes = {}): string {
  const records = [paginatedMeta(n, changes), ...ordinals.slice(1).map((_one, index) => userItem(`say ${index}`))];
  return records.map((record, index) => `${lineText(record, META_TIME, ordinals[index])}\n`).join("");
}

describe("the side file", () => {
  it("has each line as it was, with its place, and a second run adds to it", async () => {
    writeHome(home, { [A]: `${thread(1, "half {", "\0\0")}{"torn` });
    await repair();
    const head = { from: A.slice(A.lastIndexOf("/") + 1), moved: "2025-12-01T00:00:00.000Z" };
    const { length } = thread(1);
    const first = [
      { ...head, line: 3, offset: length, why: "line-not-json", text: "half {" },
      { ...head, line: 4, offset: length + 7, why: "line-nul", base64: "AAA=" },
      { ...head, line: 5, offset: length + 10, why: "line-torn", text: '{"torn' },
    ];
    expect(asideLines()).toEqual(first);
    expect(textAt(A)).toBe(thread(1));
    appendFileSync(join(home, A), "again\n");
    await repair();
    expect(asideLines()).toEqual([...first, { ...head, line: 3, offset: length, why: "line-not-json", text: "again" }]);
    const found = JSON.parse((await call("verify", "--json")).out) as Answer["after"];
    expect(found.codes).toEqual({ "database-absent": 1 });
  });

  it("holds a line of megabytes", async () => {
    const long = "x".repeat(5_000_000);
    writeHome(home, { [A]: thread(1, long) });
    await repair();
    const [line] = asideLines() as { readonly base64: string }[];
    expect(Buffer.from(line?.base64 ?? "", "base64").toString() === long).toBe(true);
  });
});

describe("what others continue", () => {
  const text = rolloutText([paginatedMeta(1), "\0\0\0\0", userItem("two"), "\0\0\0"], { paginated: true });
  const cut = text.lastIndexOf("\0\0\0");
  const fork = rolloutText([paginatedMeta(2, { history_base: base(threadId(1), cut, 3) }), userItem("three")], {
    paginated: true,
    firstOrdinal: 3,
  });

  it("keeps its bytes in their places: lines leave blanks behind", async () => {
    writeHome(home, { [A]: text, [sessionPath(2)]: fork });
    const { after } = await repair();
    expect(textAt(A)).toBe(text.replace("\0\0\0\0\n", "    \n").replace("\0\0\0\n", ""));
    expect(Object.keys(after.codes)).toEqual(["ordinal-gap", "database-absent"]);
    expect(asideLines().length).toBe(2);
  });

  it("gets no ordinals before that, and some behind it", async () => {
    const source = numbered(1, [0, undefined, 2, undefined]);
    const end = Buffer.byteLength(source);
    const forked = (bytes: number) => numbered(2, [4], { history_base: base(threadId(1), bytes, 4) });
    writeHome(home, { [A]: source, [sessionPath(2)]: forked(end) });
    const kept = await repair();
    expect(kept.refusals).toMatchObject([
      { reason: "other rollouts continue it behind these records, and count its bytes" },
    ]);
    expect(textAt(A)).toBe(source);
    const early = numbered(1, [0, 1, undefined, 3]);
    writeHome(home, { [A]: early, [sessionPath(2)]: forked(Buffer.byteLength(numbered(1, [0, 1]))) });
    await repair();
    expect(textAt(A)).toBe(numbered(1, [0, 1, 2, 3]));
  });
});

describe("what Codex has projected", () => {
  function project(byte: number): void {
    const db = SqliteDatabase.create(join(home, "thread_history_1.sqlite"));
    for (const table of ["thread_turns", "thread_items"]) db.exec(`create table ${table} (thread_id TEXT)`);
    db.exec(`create table thread_history_projection_state (
      thread_id TEXT primary key, next_rollout_byte_offset INTEGER not null, next_rollout_ordinal INTEGER not null);
      insert into thread_history_projection_state values ('${threadId(1)}', ${byte}, 3), ('${threadId(2)}', 1, 1);`);
    db.close();
  }
  const states = () =>
    query(
      home,
      "select thread_id as id from thread_history_projection_state order by 1",
      "thread_history_1.sqlite",
    ).map(({ id }) => id);

  it("stays true where only lines go", async () => {
    const text = rolloutText([paginatedMeta(1), "\0\0\0\0", userItem("two")], { paginated: true });
    writeHome(home, { [A]: text });
    project(text.length);
    await repair();
    expect(textAt(A)).toBe(text.replace("\0\0\0\0\n", "    \n"));
    expect(states()).toEqual([threadId(2), threadId(1)]);
  });

  it("is forgotten where ordinals are written", async () => {
    writeHome(home, { [A]: numbered(1, [0, undefined, 2]) });
    project(20);
    await repair();
    expect(textAt(A)).toBe(numbered(1, [0, 1, 2]));
    expect(states()).toEqual([threadId(2)]);
  });
});

describe("left alone", () => {
  it("is a thread that somebody has open", async () => {
    writeHome(home, { [A]: thread(1, "no record"), [sessionPath(2)]: thread(2, "no record") });
    const lock = join(home, "thread-writer-locks", `${threadId(1)}.lock`);
    mkdirSync(dirname(lock));
    await hold("flock", lock);
    const { repairs, after } = await repair();
    expect(repairs.map(({ outcome }) => outcome)).toEqual(["done", "busy"]);
    expect(after.codes).toMatchObject({ "line-not-json": 1 });
  });

  it("is the list of names while somebody writes to it", async () => {
    const names = "not a name\n";
    writeHome(home, { [A]: thread(1), "session_index.jsonl": names });
    await hold("flock", join(home, "session_index.jsonl.lock"));
    const { repairs } = await repair();
    expect(repairs.map(({ outcome }) => outcome)).toEqual(["busy"]);
    expect(textAt("session_index.jsonl")).toBe(names);
    expect(Object.keys(snapshot(home))).not.toContain("session_index.aside");
  });

  it("is a database that Codex has open, whatever is forced", async () => {
    writeHome(home, { [A]: thread(1, "no record") });
    runReindex(home);
    const path = join(home, "state_5.sqlite");
    const db = SqliteDatabase.open(path);
    db.exec("update threads set archived = 1");
    db.close();
    await hold("sqlite", path);
    const refused = await call("verify", "--repair");
    expect(refused.err).toContain("another process is using this home");
    const { repairs, after } = await repair("--force");
    expect(repairs.map(({ outcome }) => outcome)).toEqual(["done", "busy"]);
    expect(after.codes).toEqual({ "row-archived-wrong": 1 });
  });

  it("is what was not asked for", async () => {
    writeHome(home, { [A]: `${thread(1, "no record", "\0")}{"torn` });
    await repair("--only", "line-nul");
    expect(textAt(A)).toBe(`${thread(1, "no record")}{"torn`);
  });

  it("is a file without its metadata, with all its lines", async () => {
    const text = rolloutText(["half a session_meta", userMessage("hello")]);
    writeHome(home, { [A]: text });
    const { refusals } = await repair();
    expect(refusals).toMatchObject([{ reason: "no line of it is a session_meta that can be read" }]);
    expect(textAt(A)).toBe(text);
  });

  it("is a rollout outside of the home", async () => {
    writeHome(home, {});
    const path = join(folder.path, sessionPath(1).slice(sessionPath(1).lastIndexOf("/") + 1));
    writeFileSync(path, thread(1, "no record"));
    const { code, err } = await call("verify", "--repair", path);
    expect([code, err]).toEqual([2, expect.stringContaining("in no Codex home")]);
  });

  it("is a row that only says otherwise than its rollout", async () => {
    writeHome(home, { [A]: thread(1) });
    runReindex(home);
    const db = SqliteDatabase.open(join(home, "state_5.sqlite"));
    db.exec("update threads set archived = 1, model = 'mine'");
    db.close();
    await repair();
    expect(query(home, "select archived, model from threads")).toEqual([{ archived: 0, model: "mine" }]);
  });
});

describe("archives", () => {
  it("stay archives, with a checksum", async () => {
    const packed = compressZstd(Buffer.from(thread(1, "no record")), {});
    writeHome(home, { [`${A}.zst`]: packed });
    const { after } = await repair("--read-data", "all");
    expect(after.codes).toEqual({ "database-absent": 1 });
    const plain = Array.from(decodeZstd([readFileSync(join(home, `${A}.zst`))]), (chunk) => Buffer.from(chunk));
    expect(Buffer.concat(plain).toString()).toBe(thread(1));
  });
});
