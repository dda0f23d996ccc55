import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Listing, listThreads } from "../../src/indexer/listing.ts";
import {
  isHidden,
  type ListedThread,
  normalFolder,
  queryThreads,
  sourceWords,
  type ThreadQuery,
} from "../../src/indexer/thread-query.ts";
import { openHome } from "../../src/readers/home.ts";
import { change, NOW_MS, query, runReindex, snapshot, temporaryFolder } from "../support/homes.ts";
import { IDS, indexedFamily, unpackFamily } from "../support/list-home.ts";

const folder = temporaryFolder();

function list(home: string, fromFiles = false): Listing {
  return listThreads(openHome({ codexHome: home }), { fromFiles, now: () => NOW_MS });
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

const ALL: ThreadQuery = {
  archived: "all",
  providers: [],
  cwds: [],
  sources: [],
  hidden: true,
  sort: "created",
  ascending: true,
};

/** What the threads of the family are, in the order of the answer. */
function labels(listing: Listing, changes: Partial<ThreadQuery> = {}): readonly string[] {
  const byId = new Map<string, string>(Object.entries(IDS).map(([label, id]) => [id, label]));
  const { threads } = queryThreads(listing.threads, listing.edges, { ...ALL, ...changes });
  return threads.map(({ id }) => byId.get(id) ?? id);
}

/** What a list shows of each thread, whatever it was read from. */
function shown({ threads }: Listing): unknown {
  const facts = threads.map(({ row: _row, parentId, sectionId: _section, ...thread }) => ({ ...thread, parentId }));
  return Object.fromEntries(facts.map((thread) => [thread.id, thread]));
}

describe("a listing", () => {
  it("of a sound index comes from it, log included, and leaves no trace", () => {
    const home = indexedFamily(folder.path);
    const before = snapshot(home);
    const listing = list(home);
    expect(listing).toMatchObject({
      source: "database",
      databaseState: "sound",
      databaseProblem: undefined,
      rejected: [],
    });
    expect(listing.threads).toHaveLength(12);
    expect(listing.edges.map(({ childId, status }) => [childId, status])).toEqual([
      [IDS.child, "open"],
      [IDS.grandchild, "closed"],
    ]);
    expect(snapshot(home)).toEqual(before);
  });

  it("of the rollouts alone says the same of every thread", () => {
    const home = indexedFamily(folder.path);
    const before = snapshot(home);
    const files = list(home, true);
    expect(files).toMatchObject({ source: "files", databaseState: "not-read", databaseProblem: undefined });
    expect(shown(files)).toEqual(shown(list(home)));
    expect(snapshot(home)).toEqual(before);
  });

  it.each([
    ["absent", "there is none", (path: string) => rmSync(path)],
    ["empty", "it is empty", (path: string) => writeFileSync(path, "")],
    ["damaged", "SQLite cannot read it", (path: string) => writeFileSync(path, "not a database ".repeat(1000))],
  ])("of an index that is %s comes from the rollouts", (databaseState, databaseProblem, harm) => {
    const home = indexedFamily(folder.path);
    const sound = shown(list(home));
    harm(join(home, "state_5.sqlite"));
    const before = snapshot(home);
    const listing = list(home);
    expect(listing).toMatchObject({ source: "files", databaseState, databaseProblem });
    expect(shown(listing)).toEqual(sound);
    expect(snapshot(home)).toEqual(before);
  });

  it("of a damaged index takes from it what still reads", () => {
    const home = indexedFamily(folder.path);
    change(home, `update threads set recency_at_ms = 1762500000000, recency_at = 1762500000 where id = '${IDS.named}'`);
    const [root] = query(home, "select rootpage from sqlite_schema where name = 'idx_threads_archived'");
    overwrite(join(home, "state_5.sqlite"), (Number(root?.["rootpage"]) - 1) * 4096, Buffer.alloc(4096, 0xa5));
    const listing = list(home);
    expect(listing).toMatchObject({ source: "files", databaseState: "damaged" });
    expect(listing.threads.find(({ id }) => id === IDS.named)?.recencyAtMs).toBe(1_762_500_000_000);
    expect(listing.edges.map(({ status }) => status)).toEqual(["open", "closed"]);
    expect(listing.sections.map(({ name }) => name)).toEqual(["Pinned"]);
  });

  it("of an older level fills what it lacks as its migrations would", () => {
    const home = unpackFamily(folder.path);
    runReindex(home, { level: 29 });
    const named = list(home).threads.find(({ id }) => id === IDS.named);
    expect(named?.row).not.toHaveProperty("preview");
    expect(named).toMatchObject({
      name: "Parser fix",
      preview: "Fix the parser: it drops the last token of every line, and nobody knows why",
      historyMode: "legacy",
      archived: false,
    });
    expect(named?.recencyAtMs).toBe(named?.updatedAtMs);
  });

  it("survives rows of any content", () => {
    const home = indexedFamily(folder.path);
    change(
      home,
      `update threads set id = x'0102', title = x'ff', created_at_ms = 'soon', cwd = 7, archived = 'x' where id = '${IDS.named}';
       update threads set rollout_path = '', preview = 12345678901234567890, history_mode = 'odd' where id = '${IDS.parent}'`,
    );
    const { threads } = list(home);
    expect(threads).toHaveLength(12);
    expect(threads.find(({ id }) => id === "\x01\x02")).toMatchObject({ title: "\ufffd", cwd: "7" });
    expect(threads.find(({ id }) => id === IDS.parent)).toMatchObject({ historyMode: "odd", rolloutPath: "" });
  });

  it("tells of files that could not be used", () => {
    const home = unpackFamily(folder.path);
    writeFileSync(join(home, "sessions", "rollout-empty.jsonl"), "");
    expect(list(home).rejected).toEqual([
      { path: join(home, "sessions", "rollout-empty.jsonl"), reason: "it is empty", indexed: false },
    ]);
  });

  it("names threads as Codex does", () => {
    const home = indexedFamily(folder.path);
    const names = () => Object.fromEntries(list(home).threads.map(({ id, name }) => [id, name]));
    expect(names()).toMatchObject({
      [IDS.named]: "Parser fix",
      [IDS.paginated]: "Module tree",
      [IDS.parent]: undefined,
    });
    // The session index names legacy threads whose title is only their first message; a paginated one has its column or no name.
    change(home, `update threads set title = first_user_message where id = '${IDS.named}'`);
    change(home, `update threads set name = null where id = '${IDS.paginated}'`);
    change(home, `update threads set title = '  ' where id = '${IDS.parent}'`);
    expect(names()).toMatchObject({ [IDS.named]: "Parser fix", [IDS.paginated]: undefined, [IDS.parent]: undefined });
  });
});

describe("a query", () => {
  it("shows what Codex shows: active threads with a first message that hang on no other", () => {
    const listing = list(indexedFamily(folder.path));
    expect(labels(listing, { archived: "no", hidden: false })).toEqual([
      "named",
      "paginated",
      "compressed",
      "parent",
      "child",
      "hostile",
      "imported",
      "reverted",
    ]);
    const hidden = listing.threads.filter((thread) => isHidden(thread)).map(({ id }) => id);
    expect(hidden.toSorted()).toEqual([IDS.grandchild, IDS.attached, IDS.silent].toSorted());
    const { hiddenCount } = queryThreads(listing.threads, listing.edges, { ...ALL, hidden: false });
    expect(hiddenCount).toBe(3);
  });

  it("filters by archive, provider, folder, source and words", () => {
    const listing = list(indexedFamily(folder.path));
    expect(labels(listing, { archived: "only" })).toEqual(["archived"]);
    expect(labels(listing, { providers: ["azure", "none"] })).toEqual(["compressed"]);
    expect(labels(listing, { cwds: ["/home/user/other"] })).toEqual(["compressed"]);
    expect(labels(listing, { sources: ["subagent"] })).toEqual(["child", "grandchild"]);
    expect(labels(listing, { sources: ["exec", "vscode"] })).toEqual(["paginated", "compressed", "attached"]);
    expect(labels(listing, { search: "MODULE" })).toEqual(["paginated", "attached"]);
    expect(labels(listing, { search: "parser FIX" })).toEqual(["named"]);
    expect(labels(listing, { search: "no such words" })).toEqual([]);
  });

  it("shows families, silent members included", () => {
    const listing = list(indexedFamily(folder.path));
    const seen = { archived: "no", hidden: false } as const;
    expect(labels(listing, { ...seen, parent: IDS.parent })).toEqual(["child"]);
    expect(labels(listing, { ...seen, parent: IDS.child })).toEqual(["grandchild"]);
    expect(labels(listing, { ...seen, ancestor: IDS.parent })).toEqual(["child", "grandchild"]);
    expect(labels(listing, { ...seen, ancestor: IDS.parent, parent: IDS.child })).toEqual(["grandchild"]);
    expect(labels(listing, { ...seen, ancestor: IDS.silent })).toEqual([]);
    expect(labels(listing, { ...seen, section: "01984de2-8f74-7c91-a3b2-5c5e937cf318" })).toEqual(["parent"]);
  });

  it("does not go round in circles", () => {
    const listing = list(indexedFamily(folder.path));
    const link = (parentId: string, childId: string) => ({ parentId, childId, status: "open" });
    const edges = [link(IDS.named, IDS.parent), link(IDS.parent, IDS.named), link(IDS.parent, IDS.parent)];
    const { threads } = queryThreads(listing.threads, edges, { ...ALL, ancestor: IDS.named });
    expect(threads.map(({ id }) => id)).toEqual([IDS.parent]);
  });

  it("orders by time, then id, in one direction", () => {
    const at = (id: string, createdAtMs: number, updatedAtMs: number, recencyAtMs: number) =>
      ({ id, createdAtMs, updatedAtMs, recencyAtMs, preview: "x", source: "cli", archived: false }) as ListedThread;
    const threads = [at("b", 1, 9, 5), at("a", 1, 8, 6), at("c", 2, 7, 5)];
    const order = (changes: Partial<ThreadQuery>) =>
      queryThreads(threads, [], { ...ALL, ...changes })
        .threads.map(({ id }) => id)
        .join("");
    expect(order({ ascending: false })).toBe("cba");
    expect(order({ ascending: true })).toBe("abc");
    expect(order({ sort: "updated", ascending: false })).toBe("bac");
    expect(order({ sort: "recency", ascending: false })).toBe("acb");
    expect(order({ sort: "recency", ascending: true })).toBe("bca");
  });

  it("has one order, and its reverse, whatever order the rows came in", () => {
    const thread = fc.record({ id: fc.uuid(), createdAtMs: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.uniqueArray(thread, { selector: ({ id }) => id }), fc.nat(), (rows, turn) => {
        const threads = rows.map((row) => ({ ...row, preview: "x", archived: false }) as ListedThread);
        const cut = threads.length === 0 ? 0 : turn % threads.length;
        const turned = [...threads.slice(cut), ...threads.slice(0, cut)];
        const order = (list_: readonly ListedThread[], ascending: boolean) =>
          queryThreads(list_, [], { ...ALL, ascending }).threads.map(({ id }) => id);
        expect(order(turned, true)).toEqual(order(threads, true));
        expect(order(threads, false)).toEqual(order(threads, true).toReversed());
      }),
    );
  });
});

describe("words for sources", () => {
  it.each([
    ["cli", ["cli"]],
    ["unknown", ["unknown"]],
    ['{"subagent":"review"}', ["subagent", "subagent:review"]],
    ['{"subagent":{"other":"guardian"}}', ["subagent", "subagent:guardian"]],
    ['{"subagent":{"thread_spawn":{"parent_thread_id":"x"}}}', ["subagent", "subagent:thread_spawn"]],
    ['{"custom":"mine"}', ["custom", "custom:mine"]],
    ['{"internal":"memory_consolidation"}', ["internal", "internal:memory_consolidation"]],
  ])("%s", (source, words) => {
    expect(sourceWords(source).filter((word) => !word.startsWith("{"))).toEqual(words);
    expect(sourceWords(source)).toContain(source);
  });

  it.each(["{}", "{broken", '{"custom":null}', ""])("are none for %j but itself", (source) => {
    expect(sourceWords(source).at(-1)).toBe(source);
  });
});

describe("folders", () => {
  it.each([
    ["/a/b/", "/a/b"],
    ["/a/../b", "/b"],
    ["relative/", "relative"],
    ["\\\\?\\C:\\a\\", "C:\\a"],
    ["", ""],
  ])("%j is compared as %j", (path, normal) => {
    expect(normalFolder(path)).toBe(normal);
  });
});
