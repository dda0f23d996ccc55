/** What an old row adds to a derived one: only what rollouts cannot give (state-and-compression §2.13). */
import { describe, expect, test } from "vitest";
import { overlayRow } from "../../src/indexer/overlay.ts";
import type { ThreadRow } from "../../src/indexer/row.ts";
import type { SqlRow } from "../../src/io/sqlite.ts";
import { FILE_MS, META_MS } from "../support/lines.ts";
import { sampleRow } from "../support/rows.ts";

/** Columns that come out otherwise than derived. */
function overlaid(derived: Partial<ThreadRow>, old: SqlRow): SqlRow {
  const row = sampleRow(1, derived);
  const { row: result, recovered } = overlayRow(row, old);
  const changed = Object.entries(result).filter(([column, value]) => value !== row[column as keyof ThreadRow]);
  const names = changed
    .map(([column]) => column)
    .filter((column) => !["created_at", "updated_at", "recency_at"].includes(column));
  expect(names.toSorted()).toEqual([...recovered].toSorted());
  return Object.fromEntries(changed) as SqlRow;
}

test("an old row that says the same, or nothing, changes nothing", () => {
  expect(overlaid({}, { ...sampleRow(1) })).toEqual({});
  expect(overlaid({}, {})).toEqual({});
});

test("what only the database knows comes back", () => {
  const user = {
    name: "Mine",
    thread_section_id: "s",
    section_position: 3,
    section_entered_at_ms: 5,
    is_pinned: 1,
    project_id: "p",
    daybreak_enabled: 1,
    has_user_event: 1,
    creator_user_id: "u",
    creator_account_id: "a",
  };
  expect(overlaid({}, user)).toEqual(user);
});

test("what the rollout says wins: a database may be stale", () => {
  const stale = {
    model: "old",
    cwd: "/old",
    tokens_used: 1,
    rollout_path: "/old",
    archived: 1,
    source: "exec",
    cli_version: "0",
    sandbox_policy: "{}",
  };
  expect(overlaid({}, stale)).toEqual({});
  expect(overlaid({ creator_user_id: "me" }, { creator_user_id: "you" })).toEqual({});
});

describe("texts", () => {
  test.each<[string, Partial<ThreadRow>, SqlRow, SqlRow]>([
    ["a title given by the user is kept", {}, { title: "Mine", first_user_message: "hello" }, { title: "Mine" }],
    ["one taken from a message is not", {}, { title: "old", first_user_message: "old" }, {}],
    [
      "one that the session index gave is newer",
      { title: "Newer" },
      { title: "Mine", first_user_message: "hello" },
      {},
    ],
    [
      "a paginated thread's title is never given",
      { history_mode: "paginated" },
      { title: "Mine", first_user_message: "hello" },
      {},
    ],
    ["a preview is kept where the rollout gives none", { preview: "" }, { preview: "old" }, { preview: "old" }],
    ["and only there", {}, { preview: "old" }, {}],
  ])("%s", (_, derived, old, expected) => {
    expect(overlaid(derived, old)).toEqual(expected);
  });
});

describe("times", () => {
  const time = (column: "created_at" | "updated_at" | "recency_at", timeMs: number) => ({
    [column]: Math.floor(timeMs / 1000),
    [`${column}_ms`]: timeMs,
  });

  test.each<[string, SqlRow, SqlRow]>([
    ["creation, exact to the millisecond", time("created_at", META_MS - 99_000), time("created_at", META_MS - 99_000)],
    ["creation half a day off is another one", time("created_at", META_MS - 13 * 3_600_000), {}],
    [
      "change, if the rollout says nearly the same",
      time("updated_at", FILE_MS - 1500),
      time("updated_at", FILE_MS - 1500),
    ],
    ["change that is stale", time("updated_at", FILE_MS - 2001), {}],
    [
      "recency that was touched later",
      time("recency_at", FILE_MS + 9_999_000),
      time("recency_at", FILE_MS + 9_999_000),
    ],
    [
      "recency just before the turn's first line",
      time("recency_at", FILE_MS - 1999),
      time("recency_at", FILE_MS - 1999),
    ],
    ["recency from before a turn that nobody entered", time("recency_at", FILE_MS - 60_000), {}],
    [
      "seconds where nothing finer is stored",
      { created_at: 1761991199, created_at_ms: null },
      time("created_at", 1761991199000),
    ],
  ])("%s", (_, old, expected) => {
    expect(overlaid({}, old)).toEqual(expected);
  });

  test("of archiving, if it is archived still", () => {
    expect(overlaid({ archived: 1, archived_at: 9 }, { archived: 1, archived_at: 5 })).toEqual({ archived_at: 5 });
    expect(overlaid({ archived: 1, archived_at: 9 }, { archived: 0, archived_at: 5 })).toEqual({});
    expect(overlaid({}, { archived: 1, archived_at: 5 })).toEqual({});
  });
});

describe("git and memory", () => {
  const git = { git_sha: "abc", git_branch: "main", git_origin_url: null };
  const old = { git_sha: "def", git_branch: null, git_origin_url: "u" };

  test("a legacy thread's git changes are in its rollout, a paginated one's in the database, always as one", () => {
    expect(overlaid(git, old)).toEqual({});
    expect(overlaid({ ...git, history_mode: "paginated" }, old)).toEqual(old);
    expect(overlaid({}, old)).toEqual({ git_sha: "def", git_origin_url: "u" });
    expect(
      overlaid({ ...git, history_mode: "paginated" }, { git_sha: null, git_branch: "", git_origin_url: null }),
    ).toEqual({});
  });

  test("a legacy rollout's statement about memory wins, silence does not", () => {
    expect(overlaid({ memory_mode: "disabled" }, { memory_mode: "polluted" })).toEqual({});
    expect(overlaid({}, { memory_mode: "polluted" })).toEqual({ memory_mode: "polluted" });
    expect(overlaid({ memory_mode: "disabled", history_mode: "paginated" }, { memory_mode: "enabled" })).toEqual({
      memory_mode: "enabled",
    });
  });
});

test("values of other types than Codex writes are not taken over", () => {
  const odd = {
    name: 5,
    section_position: "x",
    is_pinned: null,
    memory_mode: "",
    thread_section_id: new Uint8Array(1),
  };
  expect(overlaid({}, odd)).toEqual({});
});
