import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { copyTree, removeCopied } from "../../src/lifecycle/copy-tree.ts";
import { moveHome, type MoveHomeOptions, type MoveHomeReport } from "../../src/lifecycle/move-home.ts";
import { movedConfig } from "../../src/lifecycle/sqlite-home.ts";
import { openHome } from "../../src/readers/home.ts";
import { cli } from "../support/cli.ts";
import {
  change,
  type HomeSpec,
  query,
  readTable,
  runReindex,
  snapshot,
  temporaryFolder,
  writeHome,
} from "../support/homes.ts";
import {
  archivedPath,
  base,
  CWD,
  FILE_MS,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  settings,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { openDatabase } from "../interop/database.ts";

const folder = temporaryFolder();
const NOW_MS = Date.parse("2025-12-01T00:00:00.000Z");

const HOME: HomeSpec = {
  [sessionPath(1)]: rolloutText([meta(1), userMessage("one")]),
  [`${sessionPath(2)}.zst`]: rolloutText([meta(2), userMessage("two")]),
  [archivedPath(3)]: rolloutText([meta(3), userMessage("three")]),
  "auth.json": "{}",
  "skills/a/SKILL.md": "a skill",
};

function homeOf(spec: HomeSpec = HOME): string {
  const home = writeHome(join(folder.path, "old", "home"), spec);
  runReindex(home);
  return home;
}

const target = (): string => join(folder.path, "new", "place");

function move(home: string, options: Partial<MoveHomeOptions> = {}): MoveHomeReport {
  return moveHome({ codexHome: home }, { target: target(), folders: [], now: () => NOW_MS, ...options });
}

function paths(home: string): readonly unknown[] {
  return readTable(home).map(({ rollout_path: path }) => path);
}

const MOVED = (home: string): readonly string[] => [
  join(home, archivedPath(3)),
  // The plain path, in either form.
  join(home, sessionPath(2)),
  join(home, sessionPath(1)),
];

/** Without what the runs themselves leave. */
function files(home: string): unknown {
  return Object.fromEntries(
    Object.entries(snapshot(home)).filter(([path]) => !/sqlite|^rollout-tool|^\.tmp|^thread-writer-locks/.test(path)),
  );
}

describe.each([["renamed", false] as const, ["copied", true] as const])("a home that is %s", (how, byCopy) => {
  it("is whole at its new place, and its rows name it", () => {
    const home = homeOf();
    symlinkSync("auth.json", join(home, "link"));
    const before = files(home);
    const report = move(home, { byCopy });
    expect([report.how, report.rows, report.notes]).toEqual([how, { threads: 3 }, []]);
    expect(existsSync(home)).toBe(false);
    expect(files(target())).toEqual(before);
    expect(paths(target())).toEqual(MOVED(target()));
    expect(Math.floor(statSync(join(target(), sessionPath(1))).mtimeMs)).toBe(FILE_MS);
    expect(readdirSync(join(folder.path, "new"))).toEqual(["place"]);
    expect(existsSync(join(target(), "rollout-tool", "moved-from.json"))).toBe(false);
  });

  it("goes nowhere where something is, nor into itself", () => {
    const home = homeOf();
    const before = snapshot(home);
    mkdirSync(target(), { recursive: true });
    writeFileSync(join(target(), "file"), "");
    expect(() => move(home, { byCopy })).toThrow("there is something at the new place already");
    expect(() => move(home, { byCopy, target: join(home, "below") })).toThrow("lies within");
    expect(snapshot(home)).toEqual(before);
    rmSync(join(target(), "file"));
    expect(move(home, { byCopy }).how).toBe(how);
  });
});

describe("a home that was cut off while it moved", () => {
  it("gets its rows by the same call, after a rename", () => {
    const home = homeOf();
    mkdirSync(join(folder.path, "new"));
    renameSync(home, target());
    expect(paths(target())).toEqual(MOVED(home));
    const report = move(home);
    expect([report.how, report.rows]).toEqual(["rows", { threads: 3 }]);
    expect(paths(target())).toEqual(MOVED(target()));
    expect(move(home)).toMatchObject({ how: "nothing", rows: {} });
  });

  it("gets its rows by the same call, also when they had them and nothing was written down of it", () => {
    const home = homeOf();
    const { manifest = "" } = move(home);
    const lines = readFileSync(manifest, "utf8").split("\n");
    writeFileSync(manifest, lines.filter((line) => !line.startsWith('{"kind":"done"')).join("\n"));
    const report = move(home);
    expect(report.recovered.map(({ outcome }) => outcome)).toEqual(["undone"]);
    expect([report.how, report.rows]).toEqual(["rows", { threads: 3 }]);
    expect(paths(target())).toEqual(MOVED(target()));
  });

  it("is copied anew when the copy was not done", () => {
    const home = homeOf();
    mkdirSync(join(folder.path, "new"));
    const staging = join(folder.path, "new", ".place.rollout-tool-moving");
    cpSync(join(home, "sessions"), join(staging, "sessions"), { recursive: true });
    const before = files(home);
    expect(move(home, { byCopy: true }).how).toBe("copied");
    expect(files(target())).toEqual(before);
    expect(existsSync(staging)).toBe(false);
  });

  it("is gone on with when the copy was done and the old one is still there", () => {
    const home = homeOf();
    const before = files(home);
    mkdirSync(join(folder.path, "new"));
    copyTree(home, target());
    rmSync(join(home, sessionPath(1)));
    const report = move(home, { byCopy: true });
    expect([report.how, report.rows]).toEqual(["copied", { threads: 3 }]);
    expect(files(target())).toEqual(before);
    expect(existsSync(home)).toBe(false);
  });

  it("keeps at the old place what has changed there since", () => {
    const home = homeOf();
    mkdirSync(join(folder.path, "new"));
    copyTree(home, target());
    writeFileSync(join(home, sessionPath(1)), "somebody went on here");
    writeFileSync(join(home, "new-file"), "and made this");
    expect(removeCopied(target())).toEqual([sessionPath(1), "new-file"]);
    expect(readFileSync(join(home, sessionPath(1)), "utf8")).toBe("somebody went on here");
  });
});

describe("a home that was moved by other means", () => {
  it("is brought up to date where it is", () => {
    const home = homeOf();
    mkdirSync(join(folder.path, "new"));
    renameSync(home, target());
    // Where nobody says from where, files count that lie here at the same place.
    const planned = moveHome(
      { codexHome: target() },
      { target: target(), folders: [], now: () => NOW_MS, dryRun: true },
    );
    expect([planned.how, planned.rows]).toEqual(["planned", { threads: 3 }]);
    const report = moveHome({ codexHome: target() }, { target: target(), folders: [], now: () => NOW_MS });
    expect([report.how, report.rows]).toEqual(["rows", { threads: 3 }]);
    expect(paths(target())).toEqual(MOVED(target()));
  });

  it("was copied, and no longer names the files of the other one", () => {
    const home = homeOf();
    cpSync(home, target(), { recursive: true });
    rmSync(join(target(), archivedPath(3)));
    const report = move(join(folder.path, "anything"), { from: home });
    expect([report.how, report.rows, paths(target()), paths(home)]).toEqual([
      "rows",
      { threads: 3 },
      MOVED(target()),
      MOVED(home),
    ]);
  });

  it("came from another system", () => {
    const home = homeOf();
    change(
      home,
      `update threads set rollout_path = '\\\\?\\C:\\Users\\me\\.codex\\sessions\\2025\\11\\01\\' || replace(substr(rollout_path, -200), rtrim(rollout_path, replace(rollout_path, '/', '')), '')
       where id = '${threadId(1)}'`,
    );
    expect(String(paths(home)[2])).toMatch(/^\\\\\?\\C:\\Users\\me\\\.codex\\sessions\\2025\\11\\01\\rollout-/);
    moveHome({ codexHome: home }, { target: home, from: "C:\\Users\\me\\.codex", folders: [], now: () => NOW_MS });
    expect(paths(home)).toEqual(MOVED(home));
  });

  it("keeps rows of other folders, and says how many there are", () => {
    const home = homeOf();
    change(home, `update threads set rollout_path = '/elsewhere/x.jsonl' where id = '${threadId(1)}'`);
    const report = moveHome({ codexHome: home }, { target: home, from: "/somewhere", folders: [], now: () => NOW_MS });
    expect([report.how, report.notes]).toEqual([
      "nothing",
      ["1 rows name files of another folder than /somewhere, and were left"],
    ]);
  });
});

describe("databases", () => {
  it("that lie elsewhere stay there, and get the new paths", () => {
    const home = writeHome(join(folder.path, "old", "home"), {
      ...HOME,
      "config.toml": `sqlite_home = "${join(folder.path, "db")}"\n`,
    });
    mkdirSync(join(folder.path, "db"));
    runReindex(home);
    const report = move(home);
    expect(report.notes).toEqual([`its databases lie at ${join(folder.path, "db")} and stay there`]);
    expect(paths(join(folder.path, "db"))).toEqual(MOVED(target()));
  });

  it("that lie in the home by an absolute path are found at the new one", () => {
    const home = writeHome(join(folder.path, "old", "home"), {
      ...HOME,
      "config.toml": `model = "m"\nsqlite_home = '${join(folder.path, "old", "home", "db")}' # here\n\n[tui]\nsqlite_home = "x"\n`,
    });
    mkdirSync(join(home, "db"));
    runReindex(home);
    move(home);
    expect(readFileSync(join(target(), "config.toml"), "utf8")).toBe(
      `model = "m"\nsqlite_home = "${join(target(), "db")}" # here\n\n[tui]\nsqlite_home = "x"\n`,
    );
    expect(openHome({ codexHome: target() }).sqliteHome).toBe(join(target(), "db"));
    expect(paths(join(target(), "db"))).toEqual(MOVED(target()));
  });

  it("a configuration of another shape is left alone", () => {
    const pair = { source: "/old", target: "/new" };
    expect(movedConfig('sqlite_home = "db"', pair)).toBeUndefined();
    expect(movedConfig('[x]\nsqlite_home = "/old/db"', pair)).toBeUndefined();
    expect(movedConfig('sqlite_home="/older/db"', pair)).toBeUndefined();
    expect(movedConfig('sqlite_home="/old/db"', pair)).toBe('sqlite_home="/new/db"');
  });

  it("that are damaged keep the home where it is", () => {
    const home = homeOf();
    writeFileSync(join(home, "state_5.sqlite"), "SQLite format 3\0 and nothing more".repeat(300));
    expect(() => move(home)).toThrow("the index cannot be used");
    expect(existsSync(home)).toBe(true);
  });
});

/** A thread, a fork of it, a fork of that, a reverted one: all continue bytes that come behind a folder. */
function mappedHome(): string {
  const here = "/home/user/project";
  const root = rolloutText(
    [
      paginatedMeta(1),
      userItem("first"),
      turnContext(),
      responseItem(`<environment_context>\n<cwd>${here}</cwd>\n</environment_context>`),
      responseItem("answer", "assistant"),
    ],
    { paginated: true },
  );
  const bytes = Buffer.byteLength(root);
  const fork = rolloutText(
    [
      paginatedMeta(2, { history_base: base(threadId(1), bytes, 5), forked_from_id: threadId(1) }),
      settings({ cwd: `${here}/deep` }),
      userItem("second"),
      responseItem("more"),
    ],
    { paginated: true, firstOrdinal: 5 },
  );
  const second = rolloutText(
    [
      paginatedMeta(3, {
        cwd: "/other",
        history_base: base(threadId(2), Buffer.byteLength(fork), 9),
        forked_from_id: threadId(2),
      }),
      userItem("third"),
    ],
    {
      paginated: true,
      firstOrdinal: 9,
    },
  );
  return homeOf({
    [sessionPath(1)]: `${root}${rolloutText([responseItem("behind the cut")], { paginated: true, firstOrdinal: 5 })}`,
    [`${sessionPath(2)}.zst`]: fork,
    [archivedPath(3)]: second,
    [sessionPath(4)]: rolloutText([
      meta(4, { cwd: "/other/project" }),
      turnContext({ cwd: "/other/project" }),
      userMessage("four"),
    ]),
  });
}

function histories(home: string): unknown {
  const opened = openHome({ codexHome: home });
  return [1, 2, 3, 4].map((n) =>
    openThread(opened, threadId(n))
      .history({ fullReplay: true })
      .state.history.map(({ item }) => item),
  );
}

describe("--map-cwd", () => {
  it("replaces folders in rows and rollouts, keeps what others continue, and changes nothing that the model was shown", () => {
    const home = mappedHome();
    const before = histories(home);
    const texts = [1, 4].map((n) => readFileSync(join(home, sessionPath(n)), "utf8"));
    const db = openDatabase(join(home, "thread_history_1.sqlite"), { create: true });
    const sizes = [Buffer.byteLength(texts[0] ?? ""), 0, 0, Buffer.byteLength(texts[1] ?? "")];
    db.script(`create table thread_history_projection_state (thread_id text primary key, next_rollout_byte_offset integer);
      create table thread_turns (thread_id text, turn_id text, rollout_byte_offset integer, rollout_end_byte_offset integer, primary key (thread_id, turn_id));
      insert into thread_turns values ('${threadId(1)}', 't', 10, 700);
      insert into thread_history_projection_state values ${[1, 4].map((n) => `('${threadId(n)}', ${sizes[n - 1] ?? 0})`).join(",")}`);
    db.close();
    const folders = [{ source: CWD, target: "/srv/a much longer place" }];
    const report = move(home, { folders });
    expect([report.how, report.rollouts]).toEqual(["renamed", 3]);
    expect(histories(target())).toEqual(before);
    expect(readFileSync(join(target(), sessionPath(1)), "utf8")).toBe(
      texts[0]?.replaceAll(`"cwd":"${CWD}"`, '"cwd":"/srv/a much longer place"'),
    );
    expect(texts[0]).toContain(`<cwd>${CWD}</cwd>`);
    expect(readFileSync(join(target(), sessionPath(4)), "utf8")).toBe(texts[1]);
    expect(Math.floor(statSync(join(target(), sessionPath(1))).mtimeMs)).toBe(FILE_MS);
    expect(query(target(), "select cwd from threads order by id").map(({ cwd }) => cwd)).toEqual([
      "/other/project",
      "/other",
      "/srv/a much longer place/deep",
      "/srv/a much longer place",
    ]);
    // What clients are shown is still found, at places that have moved with the bytes.
    const history = (sql: string) => query(target(), sql, "thread_history_1.sqlite");
    expect(
      history("select next_rollout_byte_offset as bytes from thread_history_projection_state order by thread_id"),
    ).toEqual([4, 1].map((n) => ({ bytes: statSync(join(target(), sessionPath(n))).size })));
    expect(history("select rollout_byte_offset as first, rollout_end_byte_offset as last from thread_turns")).toEqual([
      // Behind the first of the two folders.
      { first: 10, last: 700 + "/srv/a much longer place".length - CWD.length },
    ]);
    // The same call again has nothing to do.
    expect(moveHome({ codexHome: target() }, { target: target(), folders, now: () => NOW_MS })).toMatchObject({
      how: "nothing",
      rollouts: 0,
    });
    runReindex(target());
    expect(query(target(), "select cwd from threads order by id").map(({ cwd }) => cwd)).toEqual([
      "/other/project",
      "/other",
      "/srv/a much longer place/deep",
      "/srv/a much longer place",
    ]);
  });
});

describe("the command", () => {
  it("says what it wants", async () => {
    const home = homeOf();
    const refused = [
      ["move"],
      ["move", "--home", "x", threadId(1)],
      ["move", "--to-home", "x"],
      ["move", "--from", "x"],
      ["move", "--home", target(), "--map-cwd", "a=b"],
    ];
    for (const argv of refused) expect([argv, (await cli(home, argv)).code]).toEqual([argv, 2]);
    const planned = await cli(home, ["move", "--home", target(), "--dry-run"]);
    expect([planned.code, planned.out]).toEqual([
      0,
      `Would move the home; nothing was written\nfrom  ${home}\nto    ${target()}\nrows  threads 3\n`,
    ]);
    const done = await cli(home, ["move", "--home", target()]);
    expect([done.code, done.out]).toEqual([0, `Moved the home\nfrom  ${home}\nto    ${target()}\nrows  threads 3\n`]);
    const again = await cli(target(), ["move", "--home", target(), "--json"]);
    expect(JSON.parse(again.out)).toMatchObject({ action: "move-home", how: "nothing" });
  });
});
