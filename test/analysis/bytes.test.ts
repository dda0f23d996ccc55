import { createHash } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { BlobTable, longStrings } from "../../src/analysis/bytes-blobs.ts";
import { countFile } from "../../src/analysis/bytes-file.ts";
import { labelOfLine, labelOfRecord } from "../../src/analysis/bytes-labels.ts";
import { isLineKept } from "../../src/analysis/bytes-policy.ts";
import { estimateCompression, supersededBytes } from "../../src/analysis/bytes-savings.ts";
import { type BytesReport, countBytes } from "../../src/analysis/bytes.ts";
import { decodeLine } from "../../src/format/decode.ts";
import type { HistoryMode } from "../../src/format/record.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { isKept } from "../../src/thread/items-policy.ts";
import { runs } from "../support/budget.ts";
import { rollouts } from "../support/generate.ts";
import { type HomeSpec, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  agentItem,
  archivedPath,
  base,
  event,
  FILE_MS,
  itemCompleted,
  type LineRecord,
  lineText,
  meta,
  META_TIME,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  taskStarted,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

function bytes(files: HomeSpec = {}, top = 10): BytesReport {
  writeHome(home, files);
  const { files: found, documents } = discoverRollouts(home);
  return countBytes(found, { top, nowMs: FILE_MS, documents });
}

function labels(report: BytesReport): Readonly<Record<string, readonly [records: number, bytes: number]>> {
  return Object.fromEntries(report.labels.map(({ label, records, bytes: size }) => [label, [records, size]]));
}

function labelOf(record: LineRecord | string): string {
  const text = Buffer.from(typeof record === "string" ? record : lineText(record, META_TIME));
  return labelOfLine(text, { line: 1, offset: 0, length: text.length }, true);
}

describe("labels", () => {
  it.each<[LineRecord | string, string]>([
    [meta(1), "session_meta"],
    [turnContext(), "turn_context"],
    [responseItem("a"), "response.message"],
    [{ type: "response_item", payload: { type: "compaction_summary", encrypted_content: "x" } }, "response.compaction"],
    [{ type: "response_item", payload: { type: "new_kind" } }, "response.other"],
    [{ type: "response_item", payload: { type: "ghost_snapshot", ghost_commit: {} } }, "response.ghost_snapshot"],
    [taskStarted(), "event.turn_started"],
    [event("turn_complete", { turn_id: "t" }), "event.turn_complete"],
    [event("turn_aborted", { reason: "interrupted" }), "event.turn_aborted"],
    [tokenCount(5), "event.token_count"],
    [userItem("a"), "event.item_completed.user_message"],
    [agentItem("a"), "event.item_completed.agent_message"],
    [event("thread_name_updated", { thread_name: "n" }), "event.thread_name_updated"],
    [event("never_heard_of"), "defect.unknown-kind"],
    [{ type: "never_heard_of", payload: {} }, "defect.unknown-kind"],
    [{ type: "compacted", payload: { message: "m" } }, "compacted"],
    [{ type: "world_state", payload: { full: true, state: {} } }, "world_state"],
    [
      {
        type: "realtime_item",
        payload: { id: "i", realtime_session_id: "s", type: "realtime_session_started" },
      },
      "realtime.session_started",
    ],
    [
      {
        type: "realtime_item",
        payload: { id: "i", realtime_session_id: "s", type: "transcript_segment", role: "user", text: "t" },
      },
      "realtime.transcript_segment",
    ],
    ['{"type":"compacted","timestamp":"x","payload":{"message":""}}', "compacted"],
    ['{"type":"compacted","timestamp":"x","payload":{}}', "defect.wrong-shape"],
    ["  \t", "white space"],
    ["no record", "defect.not-json"],
    ['"half', "defect.not-json"],
  ])("of %j", (record, label) => {
    expect(labelOf(record)).toBe(label);
  });

  it("are told from the first bytes as by the whole record", () => {
    fc.assert(
      fc.property(rollouts(), ({ text }) => {
        for (const line of text.split("\n")) {
          const position = { line: 1, offset: 0, length: Buffer.byteLength(line) };
          const entry = decodeLine(Buffer.from(line), position);
          if (entry.ok) expect(labelOfLine(Buffer.from(line), position, true)).toBe(labelOfRecord(entry.record));
        }
      }),
      runs(100),
    );
  });

  it("of the last line go by all of it, since it may be torn", () => {
    const text = Buffer.from(lineText(responseItem("a"), META_TIME).slice(0, -1));
    expect(labelOfLine(text, { line: 1, offset: 0, length: text.length }, false)).toBe("defect.torn");
  });
});

describe("the persistence policy", () => {
  const kept = (records: readonly LineRecord[], paginated: boolean): Readonly<Record<string, number>> => {
    const head = paginated ? paginatedMeta(1) : meta(1);
    const { labels: rows } = bytes({ [sessionPath(1)]: rolloutText([head, ...records]) });
    return Object.fromEntries(rows.map(({ label, keptRecords }) => [label, keptRecords]));
  };

  it("goes by the mode of the rollout", () => {
    const records = [
      userMessage("a"),
      userItem("a"),
      itemCompleted({ type: "Plan", id: "p", text: "p" }),
      event("error", { message: "m" }),
      event("warning", { message: "m" }),
      responseItem("a"),
      { type: "response_item", payload: { type: "new_kind" } },
      { type: "response_item", payload: { type: "ghost_snapshot", ghost_commit: {} } },
      taskStarted(),
    ];
    const both = {
      session_meta: 1,
      "event.error": 0,
      "event.warning": 0,
      "response.message": 1,
      "response.other": 0,
      "response.ghost_snapshot": 0,
      "event.turn_started": 1,
    };
    expect(kept(records, false)).toEqual({
      ...both,
      "event.user_message": 1,
      "event.item_completed.user_message": 0,
      "event.item_completed.plan": 1,
      "line ends": 5,
    });
    expect(kept(records, true)).toEqual({
      ...both,
      "event.user_message": 0,
      "event.item_completed.user_message": 1,
      "event.item_completed.plan": 1,
      "line ends": 5,
    });
  });

  it("says what would not be written again, with its line ends", () => {
    const text = rolloutText([meta(1), event("error", { message: "m" }), responseItem("a")]);
    const report = bytes({ [sessionPath(1)]: `${text}\n no record\n` });
    const error = lineText(event("error", { message: "m" }), META_TIME).length;
    // An empty line has no end of its own.
    expect(report.savings.policy).toEqual({ records: 3, bytes: error + 1 + 1 + 10 + 1 });
  });

  it("is told from labels as by the whole record", () => {
    fc.assert(
      fc.property(rollouts(), fc.constantFrom<HistoryMode>("legacy", "paginated"), ({ text }, mode) => {
        for (const line of text.split("\n")) {
          const entry = decodeLine(Buffer.from(line), { line: 1, offset: 0, length: Buffer.byteLength(line) });
          if (!entry.ok) continue;
          const label = labelOfRecord(entry.record);
          expect([label, isLineKept(label, mode, () => entry)]).toEqual([label, isKept(entry.record, mode)]);
        }
      }),
      runs(100),
    );
  });
});

describe("one file", () => {
  it("is accounted for to the byte", () => {
    const lines = [meta(1), userMessage("hello"), "", "", "no record", " ", responseItem("hello")];
    const text = `${rolloutText(lines)}{"timestamp":"torn`;
    const report = bytes({ [sessionPath(1)]: text });
    const size = (record: LineRecord): number => lineText(record, META_TIME).length;
    expect(labels(report)).toEqual({
      session_meta: [1, size(meta(1))],
      "event.user_message": [1, size(userMessage("hello"))],
      "response.message": [1, size(responseItem("hello"))],
      "defect.not-json": [1, 9],
      "defect.torn": [1, 18],
      "white space": [1, 1],
      "empty lines": [2, 2],
      "line ends": [5, 5],
    });
    expect(report.totals).toEqual({ files: 1, plainBytes: text.length, diskBytes: text.length, inheritedBytes: 0 });
  });

  it("adds up to its size, whatever is in it", () => {
    const path = sessionPath(1);
    fc.assert(
      fc.property(rollouts(), fc.constantFrom("", "\n\n\n", "\n \n{", "\u0000"), ({ text }, tail) => {
        const content = Buffer.from(text + tail);
        writeHome(home, { [path]: content, [`${archivedPath(1)}.zst`]: text + tail });
        for (const { path: file } of discoverRollouts(home).files) {
          const blobs = new BlobTable();
          blobs.beginFile(file);
          const { plainBytes, labels: counted } = countFile(file, blobs);
          expect(plainBytes).toBe(content.length);
          expect([...counted.values()].reduce((sum, { bytes: size }) => sum + size, 0)).toBe(content.length);
        }
      }),
      runs(100),
    );
  });

  it("of early 2025 too: bare lines, and documents", () => {
    const bare = [
      '{"id":"11111111-1111-4111-8111-111111111111","timestamp":"2025-05-01T00:00:00Z","instructions":null}',
      '{"record_type":"state"}',
      '{"type":"message","id":null,"role":"user","content":[{"type":"input_text","text":"hi"}]}',
    ];
    const session = { timestamp: "2025-04-16T00:00:00Z", id: "22222222-2222-4222-8222-222222222222", instructions: "" };
    const items = [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }];
    const document = JSON.stringify({ session, items }, null, 2);
    const report = bytes({
      "sessions/2025/05/01/rollout-2025-05-01T00-00-00-11111111-1111-4111-8111-111111111111.jsonl": `${bare.join("\n")}\n`,
      "sessions/rollout-2025-04-16-22222222-2222-4222-8222-222222222222.json": document,
    });
    const compact = JSON.stringify(session).length + JSON.stringify(items[0]).length;
    expect(labels(report)).toEqual({
      session_meta: [2, (bare[0] ?? "").length + JSON.stringify(session).length],
      "state marker": [1, 23],
      "response.message": [2, (bare[2] ?? "").length + JSON.stringify(items[0]).length],
      "line ends": [3, 3],
      "document frame": [1, document.length - compact],
    });
    expect(report.totals).toMatchObject({ files: 2, plainBytes: bare.join("\n").length + 1 + document.length });
  });

  it("counts an archive by its plain bytes, and what of a broken one can be decoded", () => {
    const text = rolloutText([meta(1), userMessage("x".repeat(5000))]);
    writeHome(home, { [`${archivedPath(1)}.zst`]: text });
    const [file] = discoverRollouts(home).files;
    const whole = bytes();
    expect(whole.totals).toMatchObject({ plainBytes: text.length, diskBytes: file?.sizeBytes });
    expect(whole.unreadable).toEqual([]);
    writeHome(home, { [`${archivedPath(1)}.zst`]: Buffer.from("no archive at all") });
    expect(bytes().unreadable).toHaveLength(1);
  });
});

describe("groups", () => {
  it("by thread, month and family, with what forks copied", () => {
    const source = [
      event("task_started", { turn_id: threadId(8) }),
      userMessage("one"),
      event("agent_message", { message: "two" }),
    ];
    const own = [event("task_started", { turn_id: threadId(0) }), userMessage("three")];
    const prefix = rolloutText([meta(9), ...source]);
    const copyMeta = meta(1, { forked_from_id: threadId(9) });
    const copy = rolloutText([copyMeta, meta(9), ...source, ...own]);
    const reference = paginatedMeta(2, { forked_from_id: threadId(9), history_base: base(threadId(9), 5) });
    const late = { stamp: "2025-12-01T12-00-00" };
    const alone = rolloutText([meta(5), userMessage("alone")]);
    const report = bytes({
      [sessionPath(9)]: prefix,
      [sessionPath(1)]: copy,
      [sessionPath(2, late)]: rolloutText([reference], { paginated: true }),
      [sessionPath(5)]: alone,
    });
    // Copied lines have other times, and the same length.
    const inheritedBytes = prefix.length;
    expect(report.totals.inheritedBytes).toBe(inheritedBytes);
    expect(report.threads.map(({ threadId: id, layout, inheritedBytes: copied }) => [id, layout, copied])).toEqual([
      [threadId(1), "copied-legacy", inheritedBytes],
      [threadId(9), "own", 0],
      [threadId(2), "reference", 0],
      [threadId(5), "own", 0],
    ]);
    expect(report.months.map(({ month, files }) => [month, files])).toEqual([
      ["2025-11", 3],
      ["2025-12", 1],
    ]);
    expect(report.families).toMatchObject([{ rootId: threadId(9), threads: 3, forks: 2, agents: 0, inheritedBytes }]);
    expect([report.threadCount, report.familyCount]).toEqual([4, 1]);
    expect(bytes({}, 1).threads.map(({ threadId: id }) => id)).toEqual([threadId(1)]);
  });
});

describe("text that is stored more than once", () => {
  const image = `data:image/png;base64,${"iVBOR".repeat(400)}`;
  const output = "line of output\n".repeat(100);

  it("is counted once and as often as it is stored", () => {
    const shown = event("user_message", { message: "look", images: [image] });
    const seen = {
      type: "response_item",
      payload: { type: "message", role: "user", content: [{ type: "input_image", image_url: image }] },
    };
    const text = `Wall time: 0.1 seconds\nOutput:\n${output}`;
    const result = { type: "response_item", payload: { type: "function_call_output", call_id: "c", output: text } };
    const item = { type: "CommandExecution", id: "c", aggregated_output: output };
    const completed = event("item_completed", { thread_id: threadId(1), turn_id: "t", item });
    const report = bytes({
      [sessionPath(1)]: rolloutText([meta(1), shown, seen, result, completed]),
      [sessionPath(2)]: rolloutText([meta(2), shown]),
    });
    const escaped = JSON.stringify(output).slice(1, -1);
    const first = discoverRollouts(home).files[0]?.logicalPath;
    expect(report.repeated).toEqual({
      minBytes: 1024,
      repeatedBytes: 2 * image.length + escaped.length,
      kinds: [
        { kind: "image", blobs: 1, onceBytes: image.length, storedBytes: 3 * image.length },
        { kind: "tool output", blobs: 1, onceBytes: escaped.length, storedBytes: 2 * escaped.length },
      ],
      top: [
        {
          digest: createHash("sha256").update(image).digest("hex").slice(0, 16),
          kind: "image",
          bytes: image.length,
          times: 3,
          files: 2,
          repeatedBytes: 2 * image.length,
          path: first,
          line: 2,
        },
        {
          digest: createHash("sha256").update(escaped).digest("hex").slice(0, 16),
          kind: "tool output",
          bytes: escaped.length,
          times: 2,
          files: 1,
          repeatedBytes: escaped.length,
          path: discoverRollouts(home).files.find(({ path }) => path.includes(threadId(1)))?.logicalPath,
          line: 4,
        },
      ],
    });
  });

  it("in the replacement histories that forks copied, apart from the images in them", () => {
    const words = Array.from({ length: 40 }, (_unused, index) => responseItem(`word ${String(index)}`).payload);
    const content = [{ type: "input_image", image_url: image }];
    const history = [...words, { type: "message", role: "user", content }];
    const compacted = { type: "compacted", payload: { message: "m", replacement_history: history } };
    const report = bytes({
      [sessionPath(1)]: rolloutText([meta(1), compacted]),
      [sessionPath(2)]: rolloutText([meta(2), compacted]),
    });
    const line = lineText(compacted, META_TIME);
    const rest = line.length - line.indexOf('"replacement_history"') - image.length;
    expect(report.repeated.kinds).toEqual([
      { kind: "replacement history", blobs: 1, onceBytes: rest, storedBytes: 2 * rest },
      { kind: "image", blobs: 1, onceBytes: image.length, storedBytes: 2 * image.length },
    ]);
  });

  it("memory is bounded: with too many different texts only longer ones are compared", () => {
    const table = new BlobTable(10);
    table.beginFile("f");
    const short = Buffer.alloc(1500, "s");
    const long = Buffer.alloc(5000, "l");
    table.add(short, "text", 1);
    table.add(long, "text", 1);
    for (let n = 0; n < 30; n += 1) table.add(Buffer.alloc(1500, String(n)), "text", 2);
    for (const text of [short, long]) table.add(text, "text", 3);
    const report = table.report(5);
    expect(report.minBytes).toBe(2048);
    expect(report.top).toMatchObject([{ bytes: 5000, times: 2, line: 1 }]);
  });

  it("strings of a line are found as a parser finds them", () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 60 }), (json, least) => {
        const text = Buffer.from(JSON.stringify(json));
        const found = Array.from(longStrings(text, least), ({ start, end }) =>
          text.toString("utf8", start - 1, end + 1),
        );
        expect(found).toEqual(stringsIn(json).filter((one) => Buffer.byteLength(one) - 2 >= least));
      }),
      runs(300),
    );
  });
});

/** As they are spelled, keys among them, in their order. */
function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [JSON.stringify(value)];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [JSON.stringify(key), ...stringsIn(inner)]);
}

describe("what could be saved", () => {
  const checkpoints = [10, 30, 50, 70].map((offset) => ({ offset, bytes: 5 }));

  it.each([
    [[], false, { checkpoints: 3, bytes: 15 }],
    [[36], false, { checkpoints: 2, bytes: 10 }],
    [[34, 1000], false, { checkpoints: 2, bytes: 10 }],
    [[12], false, { checkpoints: 3, bytes: 15 }],
    [[], true, { checkpoints: 0, bytes: 0 }],
  ])("checkpoints that newer ones have replaced, with cuts at %j", (cuts, hasRollbacks, expected) => {
    expect(supersededBytes(checkpoints, cuts, hasRollbacks)).toEqual(expected);
  });

  it("checkpoints that a fork still begins with stay", () => {
    const compacted = { type: "compacted", payload: { message: "m", replacement_history: [] } };
    const text = rolloutText([paginatedMeta(9), compacted, compacted, compacted], { paginated: true });
    const line = text.split("\n")[1]?.length ?? 0;
    expect(bytes({ [sessionPath(9)]: text }).savings.superseded).toEqual({
      checkpoints: 2,
      files: 1,
      bytes: 2 * (line + 1),
    });
    const cut = text.split("\n").slice(0, 2).join("\n").length + 1;
    const fork = paginatedMeta(1, { forked_from_id: threadId(9), history_base: base(threadId(9), cut, 2) });
    expect(bytes({ [sessionPath(1)]: rolloutText([fork], { paginated: true }) }).savings.superseded).toEqual({
      checkpoints: 1,
      files: 1,
      bytes: line + 1,
    });
  });

  it("archives, by what was compressed as a sample; of files older than a week apart", () => {
    const text = rolloutText([meta(1), userMessage("hello again ".repeat(2000))]);
    const report = bytes({
      [sessionPath(1)]: text,
      [sessionPath(2)]: { text, mtimeMs: FILE_MS - 8 * 86_400_000 },
      [`${archivedPath(3)}.zst`]: text,
    });
    const { compress } = report.savings;
    expect(compress).toMatchObject({ files: 2, plainBytes: 2 * text.length, sampledBytes: 2 * text.length });
    expect(compress.savedBytes).toBe(compress.plainBytes - compress.archiveBytes);
    expect(compress.archiveBytes).toBeLessThan(text.length / 4);
    expect(compress.coldSavedBytes).toBeCloseTo(compress.savedBytes / 2, -1);
  });

  it("nothing of nothing", () => {
    expect(estimateCompression([], 0)).toEqual({
      files: 0,
      plainBytes: 0,
      archiveBytes: 0,
      savedBytes: 0,
      coldSavedBytes: 0,
      sampledBytes: 0,
    });
  });
});
