/**
 * `delete`, `move`, `archive` and `unarchive` killed at any moment: after the next run each family is whole or gone, never anything
 * between, and the same command finishes. `ROLLOUT_TOOL_KILLS` sets the number of kills, and `ROLLOUT_TOOL_BIN` names another build
 * than that of this folder.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { PRELOAD, PROGRAM, runFor } from "../support/kills.ts";
import { query, readTable, runReindex, temporaryFolder, writeHome, type HomeSpec } from "../support/homes.ts";
import {
  archivedPath,
  base,
  CWD,
  META_MS,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const KILLS = Number(process.env["ROLLOUT_TOOL_KILLS"] ?? 6);

const folder = temporaryFolder();
/** On another disk, where there is one at hand. */
const shm = "/dev/shm";
const otherDisk =
  existsSync(shm) && statSync(shm).dev !== statSync(tmpdir()).dev ? mkdtempSync(`${shm}/rollout-tool-`) : undefined;
afterAll(() => {
  if (otherDisk !== undefined) rmSync(otherDisk, { recursive: true, force: true });
});

let home = "";
let other = "";
beforeEach(() => {
  home = join(folder.path, "home");
  other = join(folder.path, "other");
});

function agentMeta(n: number, parent: number) {
  return meta(n, { source: { subagent: { thread_spawn: { parent_thread_id: threadId(parent), depth: 1 } } } });
}

const TIMES = (n: number) => new Date(META_MS + n * 1000).toISOString();
const long = (n: number) =>
  Array.from({ length: 400 * n }, (_unused, at) => responseItem(`item ${at} of ${n}, ${"x".repeat(80)}`));
const BASE = rolloutText([paginatedMeta(1), turnContext(), userItem("first"), ...long(2)], { paginated: true });

/** The family: 1, continued by 2, whose agents are 3 and 4; 3 is compressed. 8 and 9 are others. */
const FAMILY: Readonly<Record<number, string>> = {
  1: BASE,
  2: rolloutText(
    [
      paginatedMeta(2, { history_base: base(threadId(1), Buffer.byteLength(BASE), 803), forked_from_id: threadId(1) }),
      userItem("second"),
    ],
    {
      paginated: true,
      firstOrdinal: 803,
    },
  ),
  3: rolloutText([agentMeta(3, 2), turnContext(), userMessage("three"), ...long(1)]),
  4: rolloutText([agentMeta(4, 2), turnContext(), userMessage("four"), tokenCount(4)]),
};
const OTHERS: Readonly<Record<number, string>> = {
  8: rolloutText([meta(8), turnContext(), userMessage("eight"), ...long(1)]),
  9: rolloutText([meta(9), turnContext(), userMessage("nine")]),
};
const NAMES = [2, 8].map(
  (n) => `${JSON.stringify({ id: threadId(n), thread_name: `name ${n}`, updated_at: TIMES(n) })}\n`,
);

function pathOf(n: number, archived = false): string {
  const path = archived ? archivedPath(n) : sessionPath(n);
  return n === 3 ? `${path}.zst` : path;
}

function renew(archived: boolean): void {
  for (const path of [home, other, ...(otherDisk === undefined ? [] : [join(otherDisk, "home")])])
    rmSync(path, { recursive: true, force: true });
  const spec: Record<string, HomeSpec[string]> = { "session_index.jsonl": NAMES.join("") };
  for (const [n, text] of Object.entries(FAMILY)) spec[pathOf(Number(n), archived)] = text;
  for (const [n, text] of Object.entries(OTHERS)) spec[sessionPath(Number(n))] = text;
  writeHome(home, spec);
  runReindex(home);
  writeHome(other, { [sessionPath(7)]: rolloutText([meta(7), turnContext(), userMessage("seven")]) });
  runReindex(other);
}

/** Threads of a home: those with a file, those with a row, those with a name; by number. */
interface Holding {
  readonly files: readonly number[];
  readonly rows: readonly number[];
  readonly names: readonly number[];
}

function holding(at: string): Holding {
  const files = readdirSync(at, { recursive: true, encoding: "utf8" }).filter((path) =>
    /^(?:archived_)?sessions\/.*rollout-/u.test(path),
  );
  const numbers = [...Object.keys(FAMILY), ...Object.keys(OTHERS), "7"].map(Number);
  const has = (texts: readonly string[]) =>
    numbers.filter((n) => texts.some((text) => text.includes(threadId(n)))).toSorted((a, b) => a - b);
  const index = existsSync(join(at, "session_index.jsonl"))
    ? readFileSync(join(at, "session_index.jsonl"), "utf8")
    : "";
  return { files: has(files), rows: has(readTable(at).map(({ id }) => String(id))), names: has([index]) };
}

const MEMBERS = Object.keys(FAMILY).map(Number);

function codes(at: string): readonly string[] {
  const run = spawnSync(
    process.execPath,
    [PROGRAM, "verify", "--codex-home", at, "--json", "--read-data", "all", "--only", "error,warning"],
    {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    },
  );
  const { codes: found } = JSON.parse(run.stdout) as { codes: Record<string, number> };
  return Object.keys(found).toSorted();
}

interface Scenario {
  readonly title: string;
  readonly argv: () => readonly string[];
  readonly archived?: boolean;
  /** What holds when the command is done. */
  readonly done: () => void;
}

const OUT = { files: [8, 9], rows: [8, 9], names: [8] };
const ALL = { files: [1, 2, 3, 4, 8, 9], rows: [1, 2, 3, 4, 8, 9], names: [2, 8] };

/** Every byte of these threads is there, at that place. */
function expectBytes(at: string, ns: readonly number[], archived = false): void {
  for (const n of ns) {
    const path = join(at, pathOf(n, archived && n < 8));
    const text = FAMILY[n] ?? OTHERS[n] ?? "";
    if (path.endsWith(".zst")) expect(statSync(path).size).toBeGreaterThan(100);
    else expect(readFileSync(path, "utf8") === text, path).toBe(true);
  }
}

function expectPaths(at: string): void {
  for (const { path } of query(at, "select rollout_path as path from threads")) {
    expect([path, existsSync(String(path)) || existsSync(`${String(path)}.zst`)]).toEqual([path, true]);
    expect(String(path).startsWith(`${at}/`)).toBe(true);
  }
}

const SCENARIOS: readonly Scenario[] = [
  {
    title: "delete",
    argv: () => ["delete", threadId(2), threadId(1), "--yes", "--codex-home", home],
    done: () => {
      expect(holding(home)).toEqual(OUT);
      expectBytes(home, [8, 9]);
      expect(readdirSync(join(home, "rollout-tool", "changes"))).toEqual([]);
    },
  },
  {
    title: "delete --keep",
    argv: () => ["delete", threadId(2), threadId(1), "--yes", "--keep", "--codex-home", home],
    done: () => {
      expect(holding(home)).toEqual(OUT);
      expectBytes(home, [8, 9]);
    },
  },
  {
    title: "move to another home",
    argv: () => ["move", threadId(1), "--to-home", other, "--codex-home", home],
    done: () => {
      expect(holding(home)).toEqual(OUT);
      expect(holding(other)).toEqual({ files: [1, 2, 3, 4, 7], rows: [1, 2, 3, 4, 7], names: [2] });
      expectBytes(home, [8, 9]);
      expectBytes(other, MEMBERS);
      expectPaths(other);
    },
  },
  {
    title: "move the home, with other working folders",
    argv: () => [
      "move",
      "--home",
      join(folder.path, "other", "place"),
      "--map-cwd",
      `${CWD}=/srv/elsewhere`,
      "--codex-home",
      home,
    ],
    done: () => {
      const place = join(folder.path, "other", "place");
      expect(existsSync(home)).toBe(false);
      expect(holding(place)).toEqual(ALL);
      expectPaths(place);
      expect(query(place, "select distinct cwd from threads")).toEqual([{ cwd: "/srv/elsewhere" }]);
      for (const n of [1, 2, 4, 9])
        expect(readFileSync(join(place, pathOf(n)), "utf8")).not.toContain(`"cwd":"${CWD}"`);
      expect(existsSync(join(place, "rollout-tool", "moved-from.json"))).toBe(false);
    },
  },
  {
    title: "unarchive",
    archived: true,
    argv: () => ["unarchive", threadId(2), threadId(1), "--codex-home", home],
    done: () => {
      expect(holding(home)).toEqual(ALL);
      expectBytes(home, [...MEMBERS, 8, 9]);
      expect(query(home, "select distinct archived from threads")).toEqual([{ archived: 0 }]);
      expectPaths(home);
    },
  },
  ...(otherDisk === undefined
    ? []
    : [
        {
          title: "move the home to another disk",
          argv: () => ["move", "--home", join(otherDisk, "home"), "--codex-home", home],
          done: () => {
            expect(existsSync(home)).toBe(false);
            expect(holding(join(otherDisk, "home"))).toEqual(ALL);
            expectBytes(join(otherDisk, "home"), [...MEMBERS, 8, 9]);
            expectPaths(join(otherDisk, "home"));
            expect(readdirSync(otherDisk)).toEqual(["home"]);
          },
        },
      ]),
];

/** Any other run settles what was cut off: then the family is in a home as a whole, or not at all, and nowhere is nothing of it. */
function expectSettled(when: string, isDelete: boolean): void {
  const homes = [home, other].filter((at) => existsSync(join(at, "sessions")));
  for (const at of homes) {
    const run = spawnSync(
      process.execPath,
      [PROGRAM, "archive", at === home ? threadId(9) : threadId(7), "--codex-home", at, "--json"],
      { encoding: "utf8" },
    );
    expect([run.status, run.stderr], when).toEqual([0, ""]);
  }
  const found = homes.map((at) => {
    const { files, rows, names } = holding(at);
    const own = MEMBERS.filter((n) => files.includes(n));
    expect([when, own, names.includes(2)]).toEqual([when, MEMBERS.filter((n) => rows.includes(n)), own.includes(2)]);
    return own;
  });
  const whole = found.filter((own) => own.length === MEMBERS.length).length;
  // Of two threads that are deleted one after the other, the first may have gone.
  if (!isDelete) expect([when, whole > 0]).toEqual([when, true]);
  else expect([when, [[], [1], MEMBERS].some((own) => own.join() === found[0]?.join())]).toEqual([when, true]);
}

function expectMembers(at: string, members: readonly number[], when: string): void {
  const { files, rows, names } = holding(at);
  const own = (ns: readonly number[]) => ns.filter((n) => MEMBERS.includes(n));
  expect([when, own(files), own(rows), own(names)]).toEqual([when, members, members, members.filter((n) => n === 2)]);
}

describe.each(SCENARIOS)("$title", ({ title, argv, archived = false, done }) => {
  test("killed at moments spread over a run, and run again", async () => {
    const kills = Math.max(2, Math.ceil(KILLS / SCENARIOS.length));
    renew(archived);
    const counted = spawnSync(process.execPath, [...PRELOAD, PROGRAM, ...argv()], { encoding: "utf8" });
    expect([counted.status, counted.stderr]).toEqual([0, expect.stringMatching(/^CHANGES \d+\n$/u)]);
    done();
    const at = title.startsWith("move") && !existsSync(home) ? undefined : home;
    const clean = at === undefined ? undefined : codes(at);
    const changes = Number(/CHANGES (\d+)/u.exec(counted.stderr)?.[1]);
    renew(archived);
    const startMs = (await runFor([PROGRAM, ...argv(), "--dry-run"])) ?? 0;
    const lengthMs = (await runFor([PROGRAM, ...argv()])) ?? 0;
    for (let kill = 0; kill < kills; kill += 1) {
      renew(archived);
      const share = (kill + 0.5) / kills;
      let when: string;
      if (kill % 2 === 0) {
        const change = 1 + Math.floor(share * changes);
        when = `${title} killed before change ${change} of ${changes}`;
        const env = { PATH: process.env["PATH"], KILL_AT: String(change) };
        const killed = spawnSync(process.execPath, [...PRELOAD, PROGRAM, ...argv()], { env, encoding: "utf8" });
        expect(killed.signal, `${when}\n${killed.stderr}`).toBe("SIGKILL");
      } else {
        const afterMs = startMs * 0.8 + Math.max(0, lengthMs - startMs * 0.8) * share;
        when = `${title} killed after ${afterMs.toFixed(1)} of ${lengthMs.toFixed(1)} ms`;
        await runFor([PROGRAM, ...argv()], afterMs);
      }
      const isSettled = kill % 4 < 2 && !title.startsWith("move the home");
      if (isSettled) expectSettled(when, title.startsWith("delete"));
      const again = spawnSync(process.execPath, [PROGRAM, ...argv()], { encoding: "utf8" });
      // What is deleted already is not found any more.
      expect(title.startsWith("delete") ? [0, 1] : [0], `${when}\n${again.stderr}${again.stdout}`).toContain(
        again.status,
      );
      if (isSettled)
        expectMembers(title.startsWith("move") ? other : home, title.startsWith("delete") ? [] : MEMBERS, when);
      else done();
      if (clean !== undefined && existsSync(home)) expect([when, codes(home)]).toEqual([when, clean]);
    }
  }, 3_600_000);
});
