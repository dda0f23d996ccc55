/** `decodeLine` and `acceptedBy` against what the released 0.169.0 and 0.142.3 made of the same lines. */
import { describe, expect, test } from "vitest";
import { acceptedBy, type CodexRelease } from "../../src/format/decode.ts";
import type { JsonValue } from "../../src/format/json.ts";
import { changed, decode, lineOf, linesOf, pathsOf, recordedLines, recordOf, TIME } from "./lines.ts";

const CHANGES: { readonly [letter: string]: JsonValue | undefined } = {
  d: undefined,
  n: null,
  o: {},
  a: [],
  i: 5,
  m: -1,
  f: 1.5,
  s: "zz",
  b: true,
  E: "",
};

interface Mutations {
  readonly name: string;
  readonly line: JsonValue;
  readonly taken: { readonly [path: string]: string };
}

interface Probe {
  readonly of: string;
  readonly path: string;
  readonly value: JsonValue;
  readonly taken: readonly CodexRelease[];
}

const mutations = linesOf("mutations").map((line) => JSON.parse(line) as Mutations);
const probes = linesOf("probes").map((line) => JSON.parse(line) as Probe);

/**
 * Where the tool means to differ. Codex reads an array as the fields of an object in order, and a number as the place of
 * a word in a list; and it does not look at what it throws away.
 */
const DIFFERENT: readonly RegExp[] = [
  /^0\.1\d\d\.\d \w+ (payload\.internal_chat_message_metadata_passthrough|metadata|payload\.replacement_history_metadata\.\d) a$/,
  /^0\.1\d\d\.\d \w+ [\w.]*type i$/,
  /^0\.169\.0 (e_exec payload|i_ce payload\.item)\.(stdout|stderr|formatted_output) \w$/,
];

/** Asks the tool: does it read the line, and does it say that the release takes it? */
function takenBy(line: JsonValue, release: CodexRelease): boolean {
  const entry = decode(JSON.stringify({ timestamp: TIME, ...(line as object) }));
  return entry.ok && acceptedBy(entry.record, release);
}

function releasesFor(line: JsonValue): CodexRelease[] {
  return (["0.169.0", "0.142.3"] as const).filter((release) => takenBy(line, release));
}

function isRead(line: JsonValue): boolean {
  return decode(JSON.stringify({ timestamp: TIME, ...(line as object) })).ok;
}

describe("one value changed", () => {
  test.each(mutations)("$name", ({ name, line, taken }) => {
    const differences: string[] = [];
    for (const path of pathsOf(line)) {
      const key = path.join(".");
      const [new169, old142 = new169] = taken[key]?.split("|") ?? [];
      if (new169 === undefined || old142 === undefined) continue;
      for (const [letter, value] of Object.entries(CHANGES)) {
        const altered = changed(line, path, value);
        if (takenBy(altered, "0.169.0") !== new169.includes(letter))
          differences.push(`0.169.0 ${name} ${key} ${letter}`);
        // What only the newer release knows is read by its rules, so that the older one's ease with it does not show.
        const known = new169.includes(letter) || isRead(altered);
        if (known && takenBy(altered, "0.142.3") !== old142.includes(letter))
          differences.push(`0.142.3 ${name} ${key} ${letter}`);
      }
    }
    expect(differences.filter((text) => !DIFFERENT.some((pattern) => pattern.test(text)))).toEqual([]);
  });
});

/** Paths of another system than the binaries ran on, and words in the long spelling. */
const FOREIGN = [
  String.raw`tc payload.cwd "\\\\x\\y"`,
  'tc payload.cwd "C:/x"',
  'e_err payload.codex_error_info {"other":{}}',
  'e_tok payload.rate_limits.plan_type {"zz":5}',
];

test("single values", () => {
  const lines = new Map(mutations.map(({ name, line }) => [name, line]));
  const differences = probes.flatMap(({ of, path, value, taken }) => {
    const line = changed(lines.get(of) ?? null, path.split("."), value);
    const answer = releasesFor(line);
    const expected = isRead(line) || taken.includes("0.169.0") ? taken : [];
    return answer.join() === expected.join() ? [] : [`${of} ${path} ${JSON.stringify(value)}`];
  });
  expect(differences).toEqual(FOREIGN);
});

describe("lines as they were written", () => {
  test("0.169.0 refuses four kinds of them", () => {
    const refused = recordedLines().filter(({ line }) => !acceptedBy(recordOf(line), "0.169.0"));
    const kinds = new Set(refused.map(({ release, line }) => `${release} ${recordOf(line).type}`));
    expect([...kinds]).toEqual(["0.128.0 event_msg", "0.47.0 turn_context", "0.77.0 response_item"]);
  });

  test("0.142.3 refuses what it does not know", () => {
    const refused = recordedLines().filter(
      ({ release, line }) => release === "0.169.0" && !acceptedBy(recordOf(line), "0.142.3"),
    );
    expect([...new Set(refused.map(({ line }) => recordOf(line).type))].toSorted()).toEqual([
      "event_msg",
      "inter_agent_communication_metadata",
      "token_usage_record",
      "world_state",
    ]);
  });
});

describe("what other systems and other releases wrote", () => {
  const context = { approval_policy: "never", sandbox_policy: { type: "read-only" }, model: "m", summary: "auto" };
  const settled = { mode: "default", settings: { model: "m" } };

  test.each([
    ["a Windows folder", { ...context, cwd: String.raw`C:\work` }, "0.169.0,0.142.3"],
    ["a relative folder", { ...context, cwd: "work" }, "-"],
    ["no summary", { ...context, cwd: "/w", summary: null }, "0.169.0"],
    [
      "a profile alone",
      { ...context, cwd: "/w", sandbox_policy: null, permission_profile: { type: "disabled" } },
      "0.169.0",
    ],
    ["neither policy nor profile", { ...context, cwd: "/w", sandbox_policy: null }, "-"],
    ["a policy tagged by mode", { ...context, cwd: "/w", sandbox_policy: { mode: "read-only" } }, "read only"],
    ["a flat mode", { ...context, cwd: "/w", collaboration_mode: { mode: "custom", model: "m" } }, "read only"],
    ["a nested mode", { ...context, cwd: "/w", collaboration_mode: settled }, "0.169.0,0.142.3"],
    ["an empty effort", { ...context, cwd: "/w", effort: "" }, "-"],
  ])("turn context with %s", (_, payload, expected) => {
    const line = { type: "turn_context", payload };
    expect(releasesFor(line).join() || (isRead(line) ? "read only" : "-")).toBe(expected);
  });

  test.each([
    [
      "exec_command_end with a plain folder",
      {
        type: "exec_command_end",
        call_id: "c",
        command: ["ls"],
        cwd: "/w",
        exit_code: 0,
        duration: { secs: 0, nanos: 0 },
      },
    ],
    [
      "patch_apply_end without a status",
      { type: "patch_apply_end", call_id: "c", stdout: "", stderr: "", success: true },
    ],
    ["web_search_end without an action", { type: "web_search_end", call_id: "c", query: "q" }],
    ["entered_review_mode in its flat form", { type: "entered_review_mode", prompt: "p", user_facing_hint: "h" }],
    ["undo_completed", { type: "undo_completed", success: true }],
    ["background_event", { type: "background_event", message: "m" }],
    ["thread_name_updated", { type: "thread_name_updated", thread_name: "n" }],
  ] as [string, object][])("%s is read, though 0.169.0 refuses it", (_, payload) => {
    const record = recordOf(lineOf("event_msg", payload));
    expect(acceptedBy(record, "0.169.0")).toBe(false);
  });

  test("metadata of an unknown mode stays readable; 0.169.0 loses it, 0.142.3 does not look", () => {
    const payload = {
      id: "01a1fba2-47ac-70c3-9da6-3f270a221423",
      timestamp: TIME,
      cwd: "/w",
      originator: "o",
      cli_version: "1",
    };
    expect(releasesFor({ type: "session_meta", payload: { ...payload, history_mode: "future" } })).toEqual(["0.142.3"]);
  });
});
