/** `tree` from its arguments to its output, on the homes of `fixtures/lineage` and on some with hostile names. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../../src/cli.ts";
import { wantsAscii } from "../../src/commands/tree-text.ts";
import { runReindex, temporaryFolder, writeHome } from "../support/homes.ts";
import { type MemoryHost, memoryHost } from "../support/host.ts";
import { lineageCase } from "../support/lineage-cases.ts";
import {
  base,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();

interface Run extends MemoryHost {
  readonly code: number;
  /** Lines of stdout. */
  readonly lines: readonly string[];
}

async function tree(
  home: string,
  words: readonly string[] = [],
  changes: Parameters<typeof memoryHost>[0] = {},
): Promise<Run> {
  const host = memoryHost(changes);
  const code = await runCli(["tree", ...words, "--codex-home", home], host);
  return { ...host, code, lines: host.out().trimEnd().split("\n") };
}

function homeOf(name: string): string {
  return lineageCase(name).home;
}

function id(n: number): string {
  return `019a3edc-0d64-7000-8000-${String(n).padStart(12, "0")}`;
}

/** Names of threads, which rollouts of today do not tell. */
function namesFile(names: Readonly<Record<string, string>>): string {
  const line = ([thread, name]: readonly [string, string]): string =>
    `${JSON.stringify({ id: thread, thread_name: name, updated_at: "2025-11-01T10:00:00Z" })}\n`;
  return Object.entries(names).map(line).join("");
}

describe("the whole home", () => {
  it.each([
    [
      "agents-v1",
      ["01a1fb9c-2eb", "├─ ↳ 01a1fb9c-2f1  Bacon", "│  └─ ↳ 01a1fb9c-2f9  Jason", "└─ ↳ 01a1fb9c-2f3  Goodall"],
    ],
    [
      "agents-v2",
      ["01a1fb9c-3b5", "├─ ↳ 01a1fb9c-3ba  Dalton /root/outer", "└─ ↳ 01a1fb9c-3bf  Helmholtz /root/second"],
    ],
    [
      "agents-0.128",
      [
        "01a1fb9d-66",
        "├─ ↳ 01a1fb9d-68  Jason /root/outer",
        "│  └─ ↳ 01a1fb9d-6c  Dewey /root/outer/outer",
        "└─ ↳ 01a1fb9d-69  Maxwell /root/second",
      ],
    ],
    ["fork-of-fork", ["01a1fb9b-ea5", "└─ ⑂ 01a1fb9c-257", "   └─ ⑂ 01a1fb9c-25d"]],
    ["copy-of-copy-0.142", ["01a1fb9a-49f", "└─ ⑂ 01a1fb9a-802", "   └─ ⑂ 01a1fb9a-80f"]],
    ["fork-of-revert", ["01a1fb9c-0  reverted", "└─ ⑂ 01a1fb9c-2"]],
    ["revert", ["01a1fb9c  reverted"]],
    ["fork-attached", ["01a1fb9b", "└─ ⑂ 01a1fb9c  attached"]],
    ["fork-archived", ["01a1fb9c-4  archived", "└─ ⑂ 01a1fb9c-5"]],
    ["cycle", [`${id(2)}  cycle`, `└─ ⑂ ${id(3)}`]],
    ["missing-source", [`${id(1)}  no-file`, `└─ ⑂ ${id(2)}  base-missing`]],
  ])("%s", async (name, lines) => {
    const run = await tree(homeOf(name));
    expect(run.lines).toEqual(lines);
    expect([run.code, run.err()]).toEqual([0, "no usable index (there is none); threads have no titles\n"]);
  });

  it("is drawn newest first, or only what hangs together, or only so much of it", async () => {
    const threads = [1, 2, 3].map((n) => [sessionPath(n), rolloutText([meta(n), userMessage(`message ${n}`)])]);
    const fork = rolloutText([meta(0, { forked_from_id: threadId(3) }), userMessage("fork")]);
    const home = writeHome(join(folder.path, "home"), { ...Object.fromEntries(threads), [sessionPath(0)]: fork });
    runReindex(home);
    const lead = (line: string) => line.replace(/019a\S+/, "#");
    // A smaller number is a younger thread.
    expect((await tree(home)).lines.map(lead)).toEqual([
      "#  message 1",
      "#  message 2",
      "#  message 3",
      "└─ ⑂ #  fork",
    ]);
    const linked = await tree(home, ["--linked"]);
    expect([linked.lines.map(lead), linked.err()]).toEqual([
      ["#  message 3", "└─ ⑂ #  fork"],
      "2 families not drawn\n",
    ]);
    const limited = await tree(home, ["-n", "1"]);
    expect([limited.lines.map(lead), limited.err()]).toEqual([["#  message 1"], "2 families not drawn\n"]);
    expect((await tree(home, ["-q", "-n", "1"])).err()).toBe("");
  });

  it("may be empty", async () => {
    const run = await tree(writeHome(join(folder.path, "home"), { "config.toml": "" }));
    expect([run.code, run.out()]).toEqual([0, ""]);
    expect(run.err()).toContain("no threads\n");
    expect(JSON.parse((await tree(join(folder.path, "home"), ["--json"])).out())).toMatchObject({
      roots: [],
      threads: [],
    });
  });

  it("says what it could not use", async () => {
    const home = writeHome(join(folder.path, "home"), {
      [sessionPath(1)]: rolloutText([meta(1)]),
      "sessions/rollout-x.jsonl": "{}\n",
    });
    const run = await tree(home);
    expect([run.code, run.lines]).toEqual([0, [threadId(1).slice(0, 8)]]);
    expect(run.err()).toContain(
      `not in the tree: ${join(home, "sessions/rollout-x.jsonl")}: neither its name nor a record says whose it is\n`,
    );
  });
});

describe("one thread", () => {
  it("is shown in its family, with what else is known of it", async () => {
    const run = await tree(homeOf("agents-v1"), ["01a1fb9c-2f9c"]);
    const file = `sessions/2026/11/21/rollout-2026-11-21T00-57-59-01a1fb9c-2f9c-7be3-84f9-06988fa035e9.jsonl`;
    expect(run.lines.slice(4)).toEqual([
      "",
      "thread     01a1fb9c-2f9c-7be3-84f9-06988fa035e9",
      "root       01a1fb9c-2eb4-7ba0-bc6a-25b2d33bc59d",
      "session    01a1fb9c-2eb4-7ba0-bc6a-25b2d33bc59d",
      "cache key  01a1fb9c-2eb4-7ba0-bc6a-25b2d33bc59d (the session it shares with its root)",
      "history    in this file alone",
      `file       ${join(homeOf("agents-v1"), file)}`,
    ]);
  });

  it("tells agents, forks, older files, and a session that is only carried down", async () => {
    const fields = async (name: string, thread: string) => (await tree(homeOf(name), [thread])).out().split("\n\n")[1];
    expect(await fields("agents-v1", "01a1fb9c-2eb4")).toContain("agents     3 at any depth\n");
    expect(await fields("fork", "01a1fb9b-ea50")).toContain("forks      1\n");
    expect(await fields("revert", "01a1fb9c-01cc")).toMatch(
      /history +in 2 files, of which the older are shared\n.*\nolder files +\/.*6508\.jsonl\n/s,
    );
    expect(await fields("agents-0.128", "01a1fb9d-6c01")).toContain(
      "session    01a1fb9d-669d-76e1-bd08-3e467277096a (from the agent above)\n" +
        "cache key  unknown (an agent without a session gets a new one at every resume)\n",
    );
  });

  it("whose history is broken is drawn all the same", async () => {
    const run = await tree(homeOf("missing-source"), [id(2)]);
    expect([run.code, run.lines[0]]).toEqual([0, `${id(1)}  no-file`]);
    expect(run.out()).toContain(
      `history    cannot be followed: the rollout ${id(1)}, which is continued here, is not in this home\n`,
    );
    const json = JSON.parse((await tree(homeOf("cycle"), [id(2), "--json"])).out()) as { history: unknown };
    expect(json.history).toEqual({
      rollouts: [],
      fault: "cycle",
      message: `the history goes round in a circle: it comes to ${id(2)} twice`,
    });
  });

  it("may be named by a path, also of a file that lies elsewhere", async () => {
    const outside = join(folder.path, "copy.jsonl");
    writeFileSync(outside, rolloutText([paginatedMeta(7, { forked_from_id: id(2) }), responseItem("x")]));
    const run = await tree(homeOf("fork"), [outside]);
    expect(run.lines.slice(0, 2)).toEqual([`${id(2).slice(0, 8)}  no-file`, `└─ ⑂ ${threadId(7).slice(0, 8)}`]);
    expect((await tree(homeOf("fork"), ["fork.jsonl"])).code).toBe(2);
  });

  it("that is not there is an error", async () => {
    const run = await tree(homeOf("fork"), ["ffff"]);
    expect([run.code, run.out()]).toEqual([2, ""]);
    expect(run.err()).toContain('there is no thread "ffff" in this home');
  });
});

describe("forms", () => {
  const names = { [id(1)]: 'a "name" \x1b[31m<b>#1;\n%% `x` [y] | {z}\\n \u202edcba', [id(2)]: "x".repeat(5000) };
  const hostile = () =>
    writeHome(join(folder.path, "home"), {
      [`sessions/rollout-2025-11-01T12-00-00-${id(1)}.jsonl`]: rolloutText([
        meta(1, { id: id(1), agent_nickname: "\x07\u200bnick" }),
      ]),
      [`sessions/rollout-2025-11-01T12-00-00-${id(2)}.jsonl`]: rolloutText([
        meta(2, { id: id(2), forked_from_id: id(1) }),
      ]),
      "session_index.jsonl": namesFile(names),
    });

  it("of text are escaped and cut to the terminal", async () => {
    const run = await tree(hostile(), [], { columns: 100 });
    expect(run.lines).toEqual([
      `${id(1)}  \\x07\\u200bnick  a "name" \\x1b[31m<b>#1; %% \`x\` [y] | {z}\\n \\u…`,
      `└─ ⑂ ${id(2)}  ${"x".repeat(56)}…`,
    ]);
    const narrow = await tree(hostile(), [], { columns: 12 });
    expect(narrow.lines).toEqual(["019a3edc-0d…", "└─ ⑂ 019a3e…"]);
    expect((await tree(hostile(), ["--ascii"], { columns: 12 })).lines[1]).toBe("`- Y 019a3e…");
    expect((await tree(hostile(), [], { env: { LC_ALL: "C" }, columns: 12 })).lines[1]).toBe("`- Y 019a3e…");
  });

  it("of text have colours where they are wanted", async () => {
    const run = await tree(homeOf("fork-attached"), ["01a1fb9c"], { env: { FORCE_COLOR: "1" } });
    expect(run.lines.slice(0, 2)).toEqual([
      "\x1b[36m01a1fb9b\x1b[39m",
      "\x1b[2m└─ ⑂ \x1b[22m\x1b[1m01a1fb9c\x1b[22m  \x1b[33mattached\x1b[39m",
    ]);
  });

  it("of Mermaid leave nothing of a label that it would take for its own", async () => {
    const run = await tree(hostile(), ["--format", "mermaid"]);
    expect(run.lines).toEqual([
      "flowchart LR",
      `  t0["${id(1)}<br/>#92;x07#92;u200bnick<br/>a #34;name#34; #92;x1b#91;31m#60;b#62;#35;1#59; #37;#37; #96;x#96; #91;y#93; #124; #123;z#125;#92;n #92;u20…"]`,
      `  t1["${id(2)}<br/>${"x".repeat(47)}…"]`,
      "  t0 -.->|fork| t1",
      "  classDef asked stroke-width:3px",
      "  classDef archived opacity:0.6",
      "  classDef gone stroke-dasharray:4",
    ]);
    const asked = await tree(homeOf("fork-attached"), ["01a1fb9c", "--format", "mermaid"]);
    expect(asked.out()).toContain(":::asked\n  t0 -.->|attached| t1\n");
    expect((await tree(homeOf("agents-v1"), ["--format", "mermaid"])).out()).toContain(
      "  t0 --> t1\n".replace(" --> ", " -->|agent| "),
    );
  });

  it("of Graphviz quote their labels", async () => {
    const run = await tree(hostile(), ["--format", "dot"]);
    expect(run.lines).toEqual([
      "digraph threads {",
      "  rankdir=LR;",
      '  node [shape=box, fontname="monospace"];',
      `  t0 [label="${id(1)}\\n\\\\x07\\\\u200bnick\\na \\"name\\" \\\\x1b[31m<b>#1; %% \`x\` [y] | {z}\\\\n \\\\u20…"];`,
      `  t1 [label="${id(2)}\\n${"x".repeat(47)}…"];`,
      '  t0 -> t1 [label="fork", style=dashed];',
      "}",
    ]);
    const gone = await tree(homeOf("missing-source"), ["--format", "dot"]);
    expect(gone.out()).toContain(`t0 [label="${id(1)}\\nno-file", style=dashed];`);
  });

  it("of JSON are flat, and the same by both options", async () => {
    const run = await tree(homeOf("fork-of-revert"), ["01a1fb9c-2b2b", "--json"]);
    const same = await tree(homeOf("fork-of-revert"), ["01a1fb9c-2b2b", "--format", "json"]);
    expect(same.out()).toBe(run.out());
    const found = JSON.parse(run.out()) as {
      history: { rollouts: { path: string }[] };
      threads: Record<string, unknown>[];
    };
    expect(found).toMatchObject({
      thread: "01a1fb9c-2b2b-7f70-b71f-925ded8a50d1",
      roots: ["01a1fb9c-01cc-7591-9293-f66b731b6508"],
      left_out: 0,
    });
    expect(found.history.rollouts).toMatchObject([
      { from_byte: 436, end_byte_exclusive: 3754 },
      { from_byte: 580, end_byte_exclusive: 3225 },
      { from_byte: 0, end_byte_exclusive: null },
    ]);
    expect(found.threads).toMatchObject([
      {
        depth: 0,
        hangs_on: null,
        flags: ["reverted"],
        forks: ["01a1fb9c-2b2b-7f70-b71f-925ded8a50d1"],
        created: "2026-11-21T00:57:47.738Z",
        files: [
          { rollout_id: "01a1fb9c-041f-75c0-9692-100f8b83e46d", continues: { end_byte_offset: 3754 } },
          { continues: null },
        ],
      },
      {
        depth: 1,
        hangs_on: { id: "01a1fb9c-01cc-7591-9293-f66b731b6508", by: "fork" },
        prompt_cache_key: "01a1fb9c-2b2b-7f70-b71f-925ded8a50d1",
        prompt_cache_rule: "own-session",
        session_rule: "recorded",
        kind: "main",
        history_mode: "paginated",
      },
    ]);
  });

  it("cannot be two at once", async () => {
    const run = await tree(homeOf("fork"), ["--json", "--format", "dot"]);
    expect([run.code, run.out()]).toEqual([2, ""]);
    expect(run.err()).toContain("--json and --format dot exclude each other");
  });
});

describe("deep and wide families", () => {
  it("are drawn with their depth as a number, line for line", async () => {
    const files: Record<string, string> = {};
    for (let n = 0; n < 60; n += 1) {
      const link = n === 0 ? {} : { forked_from_id: id(n) };
      files[`sessions/rollout-2025-11-01T12-00-00-${id(n + 1)}.jsonl`] = rolloutText([
        meta(1, { id: id(n + 1), ...link }),
      ]);
    }
    const run = await tree(writeHome(join(folder.path, "home"), files));
    expect(run.lines).toHaveLength(60);
    expect(run.lines[24]).toBe(`${"   ".repeat(23)}└─ ⑂ ${id(25)}`);
    expect(run.lines[25]).toBe(`(25) └─ ⑂ ${id(26)}`);
  });
});

describe("wantsAscii", () => {
  it("asks the locale that is set, and takes none for Unicode", () => {
    expect(wantsAscii({})).toBe(false);
    expect(wantsAscii({ LANG: "en_US.UTF-8" })).toBe(false);
    expect(wantsAscii({ LANG: "C.utf8" })).toBe(false);
    expect(wantsAscii({ LC_ALL: "", LANG: "en_US.ISO-8859-1" })).toBe(true);
    expect(wantsAscii({ LC_ALL: "POSIX", LANG: "en_US.UTF-8" })).toBe(true);
  });
});

it("keeps the base of a copy-on-write fork apart from the thread it names", async () => {
  const home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: rolloutText([paginatedMeta(1)], { paginated: true }),
    [sessionPath(2)]: rolloutText(
      [paginatedMeta(2, { forked_from_id: threadId(1), history_base: base(threadId(9), 10) })],
      { paginated: true },
    ),
  });
  const run = await tree(home);
  expect(run.lines[1]).toMatch(/^└─ ⑂ 019a\S+ {2}base-missing$/);
});
