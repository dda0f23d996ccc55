import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type OpenedThread, openThread } from "../../src/analysis/open-thread.ts";
import type { DefectsMet, StartProgress } from "../../src/analysis/thread-walk.ts";
import { RolloutError } from "../../src/errors.ts";
import { kindOf } from "../../src/format/peek.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { openHome } from "../../src/readers/home.ts";
import { LineageError } from "../../src/readers/lineage.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { lineageCases } from "../support/lineage-cases.ts";
import {
  base,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  tokenCount,
} from "../support/lines.ts";
import { linesOf, shownHistory } from "../thread/shorthand.ts";

const folder = temporaryFolder();

function open(files: Parameters<typeof writeHome>[1], text: string): OpenedThread {
  return openThread(openHome({ codexHome: writeHome(join(folder.path, "home"), files) }), text);
}

function textOf(rows: string, thread = 1): string {
  return `${linesOf(rows, { threadId: threadId(thread) }).join("\n")}\n`;
}

function errorOf(work: () => unknown): RolloutError {
  try {
    work();
  } catch (error) {
    if (error instanceof RolloutError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const TWO_TURNS = "META\ncomplete t1\ncomplete t2";

describe("openThread", () => {
  it.each([
    ["its id", threadId(1)],
    ["the beginning of its id", threadId(1).slice(0, 13)],
    ["its path", sessionPath(1)],
    ["the path of its other form", `${sessionPath(1)}.zst`],
    ["its name", "My thread"],
  ])("finds a thread by %s, plain or compressed, in a home that cannot be written", (_, text) => {
    for (const suffix of ["", ".zst"]) {
      const home = join(folder.path, `home${suffix}`);
      writeHome(home, {
        [`${sessionPath(1)}${suffix}`]: textOf(TWO_TURNS),
        "session_index.jsonl": `${JSON.stringify({ id: threadId(1), thread_name: "My thread", updated_at: "2026-01-01T00:00:00Z" })}\n`,
      });
      chmodSync(home, 0o555);
      const thread = openThread(openHome({ codexHome: home }), text);
      expect([thread.id, thread.path, thread.file]).toEqual([
        threadId(1),
        join(home, sessionPath(1)),
        join(home, `${sessionPath(1)}${suffix}`),
      ]);
      expect(shownHistory(thread.history().state.history)).toEqual(["U u1", "A a1", "U u2", "A a2"]);
      chmodSync(home, 0o755);
    }
  });

  it("opens the generations of early 2025", () => {
    const items = [{ type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] }];
    const session = { id: threadId(4), timestamp: "2025-04-20T10:00:00.000Z", instructions: "" };
    const bare = [{ ...session, id: threadId(3) }, ...items].map((line) => JSON.stringify(line)).join("\n");
    const files = {
      [sessionPath(3)]: `${bare}\n`,
      "sessions/rollout-2025-04-20-x.json": JSON.stringify({ session, items }),
    };
    for (const path of Object.keys(files)) {
      const thread = open(files, path);
      expect(shownHistory(thread.history().state.history)).toEqual(["U hello"]);
      expect([thread.historyMode, thread.windows().length, thread.usage()]).toEqual(["legacy", 1, undefined]);
      expect(thread.identity()).toMatchObject({ rule: "own-id", promptCacheKey: thread.id });
    }
  });

  it("never serves a file of another thread", () => {
    const foreign = { [sessionPath(1)]: rolloutText([paginatedMeta(7), responseItem("foreign")], { paginated: true }) };
    expect(errorOf(() => open(foreign, threadId(1))).code).toBe("not-found");
    const byPath = errorOf(() => open(foreign, sessionPath(1)));
    expect([byPath.code, byPath instanceof LineageError && byPath.fault]).toEqual(["mismatch", "identity"]);
    // A legacy thread goes by its metadata, whatever its file is called (rollout-format §1.2).
    const legacy = { [sessionPath(1)]: rolloutText([meta(7), responseItem("own")]) };
    expect(open(legacy, sessionPath(1)).id).toBe(threadId(7));
    expect(errorOf(() => open(legacy, threadId(1))).code).toBe("not-found");
  });

  it.each(lineageCases().flatMap((each) => (each.fault === undefined ? [] : [[each.name, each] as const])))(
    "tells the fault of fixtures/lineage/%s",
    (_, { home, thread, file, fault }) => {
      const error = errorOf(() => openThread(openHome({ codexHome: home }), file ?? thread ?? ""));
      expect(error instanceof LineageError && error.fault).toBe(fault);
    },
  );

  it.each(lineageCases().flatMap((each) => (each.fault === undefined ? [[each.name, each] as const] : [])))(
    "gives every view of fixtures/lineage/%s, whichever way it is read",
    (_, { home, thread: text, file }) => {
      const thread = openThread(openHome({ codexHome: home }), file ?? text ?? "");
      const [one, other] = [thread.history(), thread.history({ fullReplay: true })];
      expect(shownHistory(one.state.history)).toEqual(shownHistory(other.state.history));
      expect(one.state.window).toEqual(other.state.window);
      const { turns } = thread.turns();
      for (const { id } of turns) expect(thread.history({ at: { turn: id } }).reading.rule).toBe("asked");
      expect(thread.windows().length).toBeGreaterThan(0);
      expect(thread.identity().threadId).toBe(thread.id);
    },
  );

  it("of a thread whose compressed source is too short fails when it is read, in every view", () => {
    const own = paginatedMeta(2, { history_base: base(threadId(1), 99_999, 2) });
    const thread = open(
      {
        [`${sessionPath(1)}.zst`]: rolloutText([paginatedMeta(1)], { paginated: true }),
        [sessionPath(2)]: rolloutText([own], { paginated: true, firstOrdinal: 2 }),
      },
      threadId(2),
    );
    const views = [() => thread.history(), () => thread.windows(), () => thread.turns(), () => [...thread.entries()]];
    for (const view of views) expect(errorOf(view).code).toBe("damaged");
  });
});

describe("a thread of several files", () => {
  const source = textOf("META paginated\ncomplete t1\ncomplete t2");
  const end = Buffer.byteLength(textOf("META paginated\ncomplete t1"));
  const own = paginatedMeta(2, { forked_from_id: threadId(1), history_base: base(threadId(1), end, 7) });
  const files = {
    [sessionPath(1)]: source,
    [sessionPath(2)]: rolloutText([own, responseItem("u9"), tokenCount(70)], { paginated: true, firstOrdinal: 7 }),
  };

  it("is read through what it continues, and each position tells its file", () => {
    const thread = open(files, threadId(2));
    expect(thread.segments.map(({ threadId: id, endOffset }) => [id, endOffset])).toEqual([
      [threadId(1), end],
      [threadId(2), undefined],
    ]);
    expect(thread.segments.map(({ meta: found }) => found?.payload.id)).toEqual([threadId(1), threadId(2)]);
    const { state, reading } = thread.history();
    expect(shownHistory(state.history)).toEqual(["U u1", "A a1", "U u9"]);
    expect(state.history.map(({ place }) => thread.segmentOf(place).rolloutId)).toEqual([
      threadId(1),
      threadId(1),
      threadId(2),
    ]);
    expect(reading).toMatchObject({ how: "full", rule: "no-checkpoint", linesDecoded: 8 });
    expect(reading.bytesTotal).toBe(Buffer.byteLength(source) + Buffer.byteLength(files[sessionPath(2)] ?? ""));
    expect(thread.turns().warnings).toEqual([]);
    expect(thread.turns().turns.map(({ id }) => id)).toEqual(["t1"]);
    expect(thread.usage()?.total.total_tokens).toBe(70);
  });

  it("has entries of its own", () => {
    const thread = open(files, threadId(2));
    const kinds = (entries: Iterable<ReturnType<typeof thread.entries> extends Iterable<infer E> ? E : never>) =>
      Array.from(entries, (entry) => (entry.ok ? kindOf(entry.record) : entry.defect.kind));
    expect(kinds(thread.ownEntries())).toEqual(["session_meta", "response_item/message", "event_msg/token_count"]);
    expect(kinds(thread.entries()).length).toBe(9);
    expect(kinds(thread.entries(new Set(["turn_context"])))).toEqual(["turn_context"]);
  });
});

describe("history", () => {
  const CHECKPOINT = 'CP+ {"window_number":1}\n  SUM';

  it("says how it was obtained", () => {
    const thread = open(
      { [sessionPath(1)]: textOf(`META paginated\ncomplete t1\n${CHECKPOINT}\ncomplete t2`) },
      threadId(1),
    );
    expect(thread.history().reading).toMatchObject({ how: "fast", rule: undefined, linesDecoded: 7 });
    expect(thread.history({ fullReplay: true }).reading).toMatchObject({
      how: "full",
      rule: "asked",
      linesDecoded: 14,
    });
    expect(thread.history({ explain: true }).reading.how).toBe("full");
    expect(thread.codexReading()).toBeUndefined();
    const legacy = open({ [sessionPath(2)]: textOf(TWO_TURNS, 2) }, threadId(2)).history().reading;
    expect([legacy.rule, legacy.reason]).toEqual(["legacy-thread", expect.stringContaining("§6")]);
  });

  it("explains, and makes a request, where asked", () => {
    const thread = open({ [sessionPath(1)]: textOf("META\nS rules\nFC c1\nFO c2 out") }, threadId(1));
    const { state, request } = thread.history({ explain: true, asRequest: true });
    expect(state.omissions.map(({ rule }) => rule)).toEqual(["system-message"]);
    expect(request?.items.map(({ origin }) => origin)).toEqual(["record", "inserted"]);
    expect(thread.history().request).toBeUndefined();
  });

  it("can be that of the end of a turn, also of one that was rolled back later", () => {
    const rows = `META\ncomplete t1\ncomplete t2\nRB 1\nTS t3\nUE u3\nTX t3 m3\nU u3\ncomplete t4`;
    const thread = open({ [sessionPath(1)]: textOf(rows) }, threadId(1));
    const at = (turn: string) => shownHistory(thread.history({ at: { turn } }).state.history);
    expect(at("t1")).toEqual(["U u1", "A a1"]);
    expect(at("t2")).toEqual(["U u1", "A a1", "U u2", "A a2"]);
    // It has no end of its own.
    expect(at("t3")).toEqual(["U u1", "A a1", "U u3"]);
    expect(at("t4")).toEqual(["U u1", "A a1", "U u3", "U u4", "A a4"]);
    expect(thread.history({ at: { turn: "t1" } }).state.previousTurnSettings?.model).toBe("m1");
    const error = errorOf(() => at("t\u001b9"));
    expect([error.code, error.message, error.hint]).toEqual([
      "not-found",
      'the thread has no turn "t\\u001b9"',
      "it has 3 turns: t1, t3, t4",
    ]);
  });

  it("can be that of the end of a window", () => {
    const rows = `META paginated\ncomplete t1\n${CHECKPOINT}\ncomplete t2\nCP+ {"window_number":2}\n  SUM\ncomplete t3`;
    const thread = open({ [sessionPath(1)]: textOf(rows) }, threadId(1));
    const at = (window: number) => shownHistory(thread.history({ at: { window } }).state.history);
    expect(at(0)).toEqual(["U u1", "A a1"]);
    expect(at(1)).toEqual(["U SUM", "U u2", "A a2"]);
    expect(at(2)).toEqual(["U SUM", "U u3", "A a3"]);
    expect(thread.history({ at: { window: 1 } }).state.window.number).toBe(1);
    const error = errorOf(() => at(7));
    expect([error.code, error.message, error.hint]).toEqual([
      "not-found",
      "the thread has no context window 7",
      "it has 3 windows: 0, 1, 2",
    ]);
  });

  it("of a moment is found in the file that it lies in", () => {
    const source = textOf("META paginated\ncomplete t1");
    const own = `META paginated {"history_base":{"thread_id":"${threadId(1)}","end_ordinal_exclusive":7,"end_byte_offset":${Buffer.byteLength(source)}}}`;
    const thread = open({ [sessionPath(1)]: source, [sessionPath(2)]: textOf(`${own}\ncomplete t2`, 2) }, threadId(2));
    expect(shownHistory(thread.history({ at: { turn: "t1" } }).state.history)).toEqual(["U u1", "A a1"]);
    expect(shownHistory(thread.history({ at: { turn: "t2" } }).state.history)).toEqual([
      "U u1",
      "A a1",
      "U u2",
      "A a2",
    ]);
  });
});

describe("what a view had to do without", () => {
  const rows = `META paginated\nLINE bad\ncomplete t1\nCP+ {"window_number":1}\n  SUM\nLINE \nLINE worse\ncomplete t2`;

  it.each(["", ".zst"])("is told with it, as far as it was read; of a file%s", (suffix) => {
    const text = textOf(rows);
    const thread = open({ [`${sessionPath(1)}${suffix}`]: text }, threadId(1));
    const met = (defects: DefectsMet) => [defects.count, defects.first?.position.offset, defects.first?.defect.kind];
    const [bad, worse] = ["bad", "worse"].map((word) => text.indexOf(`\n${word}\n`) + 1);
    expect(met(thread.history().reading.defects)).toEqual([1, worse, "not-json"]);
    expect(met(thread.history({ fullReplay: true }).reading.defects)).toEqual([2, bad, "not-json"]);
    expect(met(thread.history({ at: { turn: "t1" } }).reading.defects)).toEqual([1, bad, "not-json"]);
    expect(met(thread.readWindows().defects)).toEqual([2, bad, "not-json"]);
  });

  it("is counted once, also where the thread has to be read twice", () => {
    const twice = "META\nLINE bad\ncomplete t1\nTS t2\nUE u\nU u2\nCP+\n  SUM\nTC t2\nRB 1";
    const thread = open({ [sessionPath(1)]: textOf(twice) }, threadId(1));
    expect(thread.history().reading).toMatchObject({ defects: { count: 1 }, linesDecoded: 14 });
    expect(thread.readWindows().defects.count).toBe(1);
  });

  it("is the end of a stream that breaks", () => {
    const rest = Array.from({ length: 3000 }, (_unused, n) => `A ${Math.sin(n)}`).join("\n");
    const whole = compressZstd(Buffer.from(textOf(`${rows}\n${rest}`)));
    const thread = open({ [`${sessionPath(1)}.zst`]: whole.subarray(0, Math.floor(whole.length * 0.9)) }, threadId(1));
    const { how, defects } = thread.history().reading;
    // A line, the piece of one at the break, and the break itself.
    expect([how, defects.count]).toEqual(["fast", 3]);
    expect(thread.history({ fullReplay: true }).reading.defects.count).toBe(4);
  });
});

describe("progress", () => {
  /** Walks as `label: told of total`, the ended ones only. */
  function watched(files: Parameters<typeof writeHome>[1], look: (thread: OpenedThread) => unknown): readonly string[] {
    const walks: string[] = [];
    const progress: StartProgress = (label, totalBytes) => {
      let told = 0;
      const share = () => (told > (totalBytes ?? 0) ? "more" : told === 0 ? "none" : "some");
      return { advance: (bytes) => void (told += bytes), end: () => void walks.push(`${label}: ${share()}`) };
    };
    const home = openHome({ codexHome: writeHome(join(folder.path, "home"), files) });
    look(openThread(home, threadId(1), { progress }));
    return walks;
  }

  const long = Array.from({ length: 40 }, (_unused, n) => `U ${String(n).padEnd(20_000, "x")}`).join("\n");
  const legacy = { [sessionPath(1)]: textOf(`META\n${long}\nTS t\nU u\nCP+\n  SUM\nTC t\nRB 1`) };

  it("is told of every walk over the files, up to what there is", () => {
    expect(watched(legacy, (thread) => thread.turns())).toEqual(["reading: some"]);
    // A checkpoint that was unmade needs a second walk; nothing but its end is told of the scan for a way to be fast.
    expect(watched(legacy, (thread) => thread.windows())).toEqual(["reading: some", "reading: some"]);
    expect(watched(legacy, (thread) => thread.history({ fullReplay: true }))).toEqual([
      "reading: some",
      "reading: some",
    ]);
    expect(watched(legacy, (thread) => [...thread.entries()].length)).toEqual(["reading: some"]);
  });

  it("is told of a search for the newest checkpoint, and ends with a walk that is given up", () => {
    const text = textOf(`META paginated\nCP+ {"window_number":1}\n  SUM\n${long}`);
    expect(watched({ [sessionPath(1)]: text }, (thread) => thread.history())).toEqual(["reading: more"]);
    expect(watched(legacy, (thread) => thread.entries().next() && undefined)).toEqual([]);
    const first = (thread: OpenedThread) => {
      for (const entry of thread.entries()) return entry;
      return undefined;
    };
    expect(watched(legacy, first)).toEqual(["reading: none"]);
  });
});

describe("turns from a suffix", () => {
  const rows = "META paginated\ncomplete t1\ncomplete t2";

  it("are those that began in it, whatever byte it begins at", () => {
    const text = textOf(rows);
    const thread = open({ [sessionPath(1)]: text }, threadId(1));
    const second = text.indexOf('"turn_id":"t2"');
    const line = text.lastIndexOf("\n", second) + 1;
    const ids = (offset: number) => thread.turnsFrom(offset).turns.turns.map(({ id }) => id);
    expect([0, 5, line, line + 1, text.length].map(ids)).toEqual([["t1", "t2"], ["t1", "t2"], ["t2"], [], []]);
    expect(thread.turnsFrom(line + 1).begunBefore).toEqual(["t2"]);
    expect(thread.turnsFrom(line)).toMatchObject({ begunBefore: [], turns: { warnings: [] } });
    expect(errorOf(() => thread.turnsFrom(text.length + 1)).code).toBe("mismatch");
  });

  it("are refused of a legacy thread", () => {
    const thread = open({ [sessionPath(1)]: textOf(TWO_TURNS) }, threadId(1));
    expect(errorOf(() => thread.turnsFrom(0)).code).toBe("unsupported");
    expect(errorOf(() => thread.projectTurns()).code).toBe("unsupported");
  });

  it("go on where they were left, and refuse a file that has become shorter", () => {
    const half = open({ [sessionPath(1)]: textOf("META paginated\ncomplete t1") }, threadId(1)).projectTurns();
    const whole = open({ [sessionPath(1)]: textOf(rows) }, threadId(1));
    expect(whole.projectTurns(half.saved).turns).toEqual(whole.turns());
    const shorter = open({ [sessionPath(1)]: textOf("META paginated") }, threadId(1));
    expect(errorOf(() => shorter.projectTurns(half.saved)).code).toBe("mismatch");
  });
});
