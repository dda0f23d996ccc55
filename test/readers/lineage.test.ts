import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kindOf } from "../../src/format/peek.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { openHome } from "../../src/readers/home.ts";
import {
  lineageChain,
  type LineageChain,
  type LineageEntry,
  LineageError,
  type LineageOptions,
  readLineage,
  readLineageBackward,
} from "../../src/readers/lineage.ts";
import { findThread } from "../../src/readers/lookup.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { expectedOf, type LineageCase, lineageCases } from "../support/lineage-cases.ts";
import {
  agentItem,
  archivedPath,
  base,
  CWD,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  userItem,
} from "../support/lines.ts";

const folder = temporaryFolder();

function outline(chain: LineageChain, entries: Iterable<LineageEntry>): string[] {
  return Array.from(entries, (entry) => {
    const at = `${chain.segments.indexOf(entry.segment)}:${entry.position.line}`;
    if (!entry.ok) return `${at} ${entry.defect.kind}`;
    const { ordinal } = entry.record;
    return `${at} ${kindOf(entry.record)}${ordinal === undefined ? "" : ` ${ordinal}`}`;
  });
}

function fileOf({ home, thread = "", file }: LineageCase): string {
  return file === undefined ? findThread(openHome({ codexHome: home }), thread).path : join(home, file);
}

/** Everything of an entry that does not depend on the direction of reading. */
function essence(entry: LineageEntry): unknown {
  const { offset, length } = entry.position;
  return [basename(entry.segment.path), offset, length, entry.ok ? entry.record : entry.defect];
}

function faultOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error instanceof LineageError ? [error.fault, error.code] : error;
  }
  return "nothing thrown";
}

/** Messages of the model's history, by their text. */
function texts(entries: Iterable<LineageEntry>): string[] {
  return [...entries].flatMap((entry) =>
    entry.ok && entry.record.type === "response_item"
      ? [JSON.stringify(entry.record.payload).match(/"text":"([^"]*)"/)?.[1] ?? ""]
      : [],
  );
}

const CODES = {
  "missing-source": "not-found",
  cycle: "damaged",
  "not-paginated": "damaged",
  "cuts-metadata": "damaged",
  "past-end": "damaged",
  identity: "mismatch",
  "no-metadata": "damaged",
  "unknown-mode": "unsupported",
} as const;

describe("fixtures/lineage", () => {
  const cases = lineageCases();
  const good = cases.filter(({ fault }) => fault === undefined);
  const bad = cases.filter(({ fault }) => fault !== undefined);

  it("has a case for each fault", () => {
    expect(new Set(bad.map(({ fault }) => fault))).toEqual(new Set(Object.keys(CODES)));
  });

  it.each(bad.map((each) => [each.name, each] as const))("%s is told by its own fault", (_name, each) => {
    const { fault, home } = each;
    const file = fileOf(each);
    expect(faultOf(() => lineageChain({ codexHome: home }, file))).toEqual([fault, CODES[fault ?? "cycle"]]);
    expect(faultOf(() => [...readLineage({ codexHome: home }, file)])).toEqual([fault, CODES[fault ?? "cycle"]]);
    expect(faultOf(() => [...readLineageBackward({ codexHome: home }, file)])).toEqual([
      fault,
      CODES[fault ?? "cycle"],
    ]);
  });

  it.each(good.map((each) => [each.name, each] as const))("%s reads as one stream", (_name, each) => {
    const home = { codexHome: each.home };
    const chain = lineageChain(home, fileOf(each));
    const { segments, entries } = expectedOf(each);
    const range = (from: number | undefined, to: number | undefined): string => `${from ?? "-"} to ${to ?? "-"}`;
    expect(
      chain.segments.map(
        ({ path, from, endOffset, firstOrdinal, endOrdinal }) =>
          `${basename(path)}: bytes ${range(from.offset, endOffset)} from line ${from.line}, ordinals ${range(firstOrdinal, endOrdinal)}`,
      ),
    ).toEqual(segments);
    expect(outline(chain, readLineage(home, chain))).toEqual(entries);
    const forward = [...readLineage(home, chain)].map(essence);
    expect([...readLineageBackward(home, chain)].map(essence)).toEqual(forward.toReversed());
  });

  it.each(good.map((each) => [each.name, each] as const))("%s reads the same from compressed files", (_name, each) => {
    const codexHome = join(folder.path, "home");
    const plain = lineageChain({ codexHome: each.home }, fileOf(each));
    for (const { path } of plain.segments) {
      const target = join(codexHome, path.slice(each.home.length + 1));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(`${target}.zst`, compressZstd(readFileSync(path)));
    }
    const packed = join(codexHome, fileOf(each).slice(each.home.length + 1));
    const chain = lineageChain({ codexHome }, packed);
    expect(chain.segments.map(({ path }) => path.endsWith(".zst"))).toEqual(plain.segments.map(() => true));
    expect(outline(chain, readLineage({ codexHome }, chain))).toEqual(expectedOf(each).entries);
    expect(outline(chain, readLineageBackward({ codexHome }, chain)).toReversed()).toEqual(expectedOf(each).entries);
  });
});

/** A base of three messages and what continues it, compressed or plain. */
const BASE = rolloutText([paginatedMeta(1), responseItem("one"), userItem("two"), responseItem("three")], {
  paginated: true,
});
const SIZE = Buffer.byteLength(BASE);

function forkText(end = SIZE, changes: Readonly<Record<string, unknown>> = {}): string {
  const own = paginatedMeta(2, { forked_from_id: threadId(1), history_base: base(threadId(1), end, 4), ...changes });
  return rolloutText([own, responseItem("own")], { paginated: true, firstOrdinal: 4 });
}

function homeWith(files: Parameters<typeof writeHome>[1]): { readonly codexHome: string } {
  const codexHome = join(folder.path, "home");
  rmSync(codexHome, { recursive: true, force: true });
  return { codexHome: writeHome(codexHome, files) };
}

function read(home: { readonly codexHome: string }, path: string, options?: LineageOptions): string[] {
  const file = join(home.codexHome, path);
  const forward = texts(readLineage(home, file, options));
  expect(texts(readLineageBackward(home, file, options))).toEqual(forward.toReversed());
  return forward;
}

describe("a source", () => {
  it("may be archived, compressed, or both", () => {
    const fork = { [sessionPath(2)]: forkText() };
    for (const place of [sessionPath(1), `${sessionPath(1)}.zst`, archivedPath(1), `${archivedPath(1)}.zst`]) {
      expect(read(homeWith({ ...fork, [place]: BASE }), sessionPath(2))).toEqual(["one", "three", "own"]);
    }
  });

  it("is the plain file where both forms are there, and the active one of two copies", () => {
    const other = BASE.replaceAll("three", "THREE");
    const plainFirst = { [sessionPath(1)]: BASE, [`${sessionPath(1)}.zst`]: other };
    expect(read(homeWith({ ...plainFirst, [sessionPath(2)]: forkText() }), sessionPath(2))).toEqual([
      "one",
      "three",
      "own",
    ]);
    const activeFirst = { [sessionPath(1)]: BASE, [archivedPath(1)]: other };
    expect(read(homeWith({ ...activeFirst, [sessionPath(2)]: forkText() }), sessionPath(2))).toEqual([
      "one",
      "three",
      "own",
    ]);
  });

  it("may be compressed by several frames, and cut in any of them", () => {
    const bytes = Buffer.from(BASE);
    const frames = Buffer.concat([compressZstd(bytes.subarray(0, 300)), compressZstd(bytes.subarray(300))]);
    const home = homeWith({ [`${sessionPath(1)}.zst`]: frames, [sessionPath(2)]: forkText() });
    expect(read(home, sessionPath(2))).toEqual(["one", "three", "own"]);
  });

  it("that is compressed shows only when read that it is too short", () => {
    const home = homeWith({ [`${sessionPath(1)}.zst`]: BASE, [sessionPath(2)]: forkText(SIZE + 1) });
    const file = join(home.codexHome, sessionPath(2));
    const chain = lineageChain(home, file);
    expect(faultOf(() => [...readLineage(home, chain)])).toEqual(["past-end", "damaged"]);
    expect(faultOf(() => [...readLineageBackward(home, chain)])).toEqual(["past-end", "damaged"]);
  });

  it("that is compressed and breaks gives what is there, and a defect", () => {
    const whole = compressZstd(Buffer.from(BASE.replace("three", "x".repeat(5000))));
    const broken = Buffer.concat([compressZstd(Buffer.from(BASE)), whole.subarray(0, 60)]);
    const home = homeWith({ [`${sessionPath(1)}.zst`]: broken, [sessionPath(2)]: forkText(SIZE + 500) });
    const chain = lineageChain(home, join(home.codexHome, sessionPath(2)));
    const kinds = outline(chain, readLineage(home, chain)).map((line) => line.split(" ")[1]);
    expect(kinds).toContain("broken-stream");
    expect(kinds.at(-1)).toBe("response_item/message");
  });

  it("that grew after the fork is read no further than the cut", () => {
    const grown = BASE + rolloutText([responseItem("later")], { paginated: true, firstOrdinal: 4 });
    expect(read(homeWith({ [sessionPath(1)]: grown, [sessionPath(2)]: forkText() }), sessionPath(2))).toEqual([
      "one",
      "three",
      "own",
    ]);
  });

  it("may have its metadata behind other records, which then do not count", () => {
    const [first = "", second = "", ...rest] = BASE.split("\n");
    const home = homeWith({ [sessionPath(1)]: [second, first, ...rest].join("\n"), [sessionPath(2)]: forkText() });
    expect(read(home, sessionPath(2))).toEqual(["three", "own"]);
  });

  it("is named by its rollout id, in any spelling, and not by its thread", () => {
    const reverted = { [sessionPath(1, { segment: 9 })]: BASE };
    const byRollout = forkText(SIZE, { history_base: base(threadId(9).toUpperCase(), SIZE, 4) });
    expect(read(homeWith({ ...reverted, [sessionPath(2)]: byRollout }), sessionPath(2))).toEqual([
      "one",
      "three",
      "own",
    ]);
    const home = homeWith({ ...reverted, [sessionPath(2)]: forkText() });
    expect(faultOf(() => lineageChain(home, join(home.codexHome, sessionPath(2))))).toEqual([
      "missing-source",
      "not-found",
    ]);
  });

  it("is not looked for where there is no home", () => {
    const home = homeWith({ [sessionPath(1)]: BASE, [sessionPath(2)]: forkText() });
    const file = join(home.codexHome, sessionPath(2));
    expect(faultOf(() => lineageChain(undefined, file))).toEqual(["missing-source", "not-found"]);
    expect(texts(readLineage(undefined, join(home.codexHome, sessionPath(1))))).toEqual(["one", "three"]);
  });

  it("is not listed for threads that continue nothing", () => {
    const home = homeWith({ [sessionPath(1)]: BASE });
    const file = join(home.codexHome, sessionPath(1));
    expect(lineageChain({ codexHome: "/nowhere" }, file).segments).toHaveLength(1);
  });
});

describe("the file asked for", () => {
  it("must hold the thread asked for", () => {
    const home = homeWith({ [sessionPath(1)]: rolloutText([meta(7), responseItem("legacy")]) });
    const file = join(home.codexHome, sessionPath(1));
    expect(texts(readLineage(home, file))).toEqual(["legacy"]);
    expect(texts(readLineage(home, file, { threadId: threadId(7).toUpperCase() }))).toEqual(["legacy"]);
    expect(faultOf(() => lineageChain(home, file, { threadId: threadId(1) }))).toEqual(["identity", "mismatch"]);
  });

  it("may have any name, if it tells who it is", () => {
    const home = homeWith({ [sessionPath(1)]: BASE, "copy.jsonl": forkText() });
    expect(read(home, "copy.jsonl", { threadId: threadId(2) })).toEqual(["one", "three", "own"]);
    expect(lineageChain(home, join(home.codexHome, "copy.jsonl")).segments.at(-1)?.rolloutId).toBeUndefined();
  });

  it("of a mode that is not known is refused", () => {
    const home = homeWith({ [sessionPath(1)]: rolloutText([meta(1, { history_mode: "segmented" })]) });
    expect(faultOf(() => lineageChain(home, join(home.codexHome, sessionPath(1))))).toEqual([
      "unknown-mode",
      "unsupported",
    ]);
  });

  it("keeps later metadata, defects, and what precedes its own", () => {
    const lines = ["garbage", meta(1), responseItem("one"), meta(1, { memory_mode: "disabled" }), meta(8)];
    const home = homeWith({ [sessionPath(1)]: rolloutText(lines) });
    const chain = lineageChain(home, join(home.codexHome, sessionPath(1)));
    expect(outline(chain, readLineage(home, chain))).toEqual([
      "0:2 session_meta",
      "0:1 not-json",
      "0:3 response_item/message",
      "0:4 session_meta",
      "0:5 session_meta",
    ]);
  });

  it("without metadata is a chain of one without a thread", () => {
    const home = homeWith({ [sessionPath(1)]: rolloutText([responseItem("one")]) });
    const chain = lineageChain(home, join(home.codexHome, sessionPath(1)));
    expect([chain.threadId, chain.meta, chain.segments.length]).toEqual([undefined, undefined, 1]);
    expect(texts(readLineage(home, chain))).toEqual(["one"]);
  });

  it("may be of the generations of early 2025, in both directions", () => {
    const bare = [
      { id: threadId(3), timestamp: "2025-06-01T10:00:00.000Z", instructions: null },
      { type: "message", role: "user", content: [{ type: "input_text", text: "bare" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "answer" }] },
    ];
    const document = {
      session: { id: threadId(4), timestamp: "2025-04-20T10:00:00.000Z", instructions: "" },
      items: bare.slice(1),
    };
    const home = homeWith({
      "sessions/bare.jsonl": `${bare.map((line) => JSON.stringify(line)).join("\n")}\n`,
      "sessions/rollout-2025-04-20-x.json": JSON.stringify(document),
    });
    expect(read(home, "sessions/bare.jsonl")).toEqual(["bare", "answer"]);
    expect(read(home, "sessions/rollout-2025-04-20-x.json")).toEqual(["bare", "answer"]);
  });
});

describe("options", () => {
  it("kinds are those of all files of the chain, the metadata included", () => {
    const home = homeWith({ [sessionPath(1)]: BASE, [sessionPath(2)]: forkText() });
    const chain = lineageChain(home, join(home.codexHome, sessionPath(2)));
    const kinds = (wanted: string) => outline(chain, readLineage(home, chain, { kinds: new Set([wanted]) }));
    expect(kinds("response_item/message")).toEqual([
      "0:2 response_item/message 1",
      "0:4 response_item/message 3",
      "1:2 response_item/message 5",
    ]);
    expect(kinds("session_meta")).toEqual(["1:1 session_meta 4"]);
    expect(kinds("compacted")).toEqual([]);
  });

  it("onRead tells what reading has cost, and backward costs no more than is asked for", () => {
    const long = rolloutText(
      [paginatedMeta(1), ...Array.from({ length: 4000 }, (_, n) => responseItem(`${n} ${CWD.repeat(5)}`))],
      {
        paginated: true,
      },
    );
    const bytes = Buffer.byteLength(long);
    const home = homeWith({ [sessionPath(1)]: long, [sessionPath(2)]: forkText(bytes) });
    const file = join(home.codexHome, sessionPath(2));
    const costs: [string | undefined, number][] = [];
    const onRead: LineageOptions["onRead"] = (count, { threadId: id }) => costs.push([id, count]);
    const backward = readLineageBackward(home, file, { onRead });
    const newest = Array.from({ length: 3 }, () => backward.next().value as LineageEntry);
    expect(texts(newest).map((text) => text.slice(0, 4))).toEqual(["own", "3999", "3998"]);
    backward.return(undefined);
    expect(costs.map(([id]) => id)).toEqual([threadId(2), threadId(1)]);
    expect(costs.at(-1)?.[1]).toBeLessThanOrEqual(2 * 64 * 1024);
    expect(lineageChain(home, file).bytesRead).toBe(16 * 1024 + Buffer.byteLength(forkText(bytes)));
    expect(lineageChain(home, file).segments.map(({ meta: found }) => found?.payload.id)).toEqual([
      threadId(1),
      threadId(2),
    ]);
    expect(bytes).toBeGreaterThan(10 * 64 * 1024);
  });
});

describe("a legacy file", () => {
  it("tells what reading has cost, in both directions", () => {
    const text = rolloutText([meta(1), responseItem("one")]);
    for (const path of [sessionPath(1), `${sessionPath(1)}.zst`]) {
      const home = homeWith({ [path]: text });
      const costs: number[] = [];
      const onRead: LineageOptions["onRead"] = (count) => costs.push(count);
      const file = join(home.codexHome, path);
      expect(texts(readLineage(home, file, { onRead }))).toEqual(["one"]);
      expect(texts(readLineageBackward(home, file, { onRead }))).toEqual(["one"]);
      expect(costs.length).toBeGreaterThanOrEqual(2);
      for (const cost of costs) expect(cost).toBeGreaterThanOrEqual(statSync(file).size);
    }
  });
});

describe("a compressed file backward", () => {
  it("is complete also when it is longer than what is kept of it at once", () => {
    const lines = Array.from({ length: 40 }, (_, n) => responseItem(`${n}-${"x".repeat(1024 * 1024)}`));
    const text = rolloutText([paginatedMeta(1), ...lines], { paginated: true });
    const home = homeWith({ [`${sessionPath(1)}.zst`]: text });
    const file = join(home.codexHome, sessionPath(1));
    const numbers = texts(readLineageBackward(home, file)).map((each) => Number.parseInt(each, 10));
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, n) => 39 - n));
    const places = (entries: Iterable<LineageEntry>) => Array.from(entries, ({ position }) => position);
    const forward = places(readLineage(home, file));
    expect(places(readLineageBackward(home, file))).toEqual([...forward.slice(1).toReversed(), ...forward.slice(0, 1)]);
  });
});

describe("a chain of 2,000 files", () => {
  it("is followed and read in both directions", () => {
    const count = 2000;
    const files: Record<string, string> = {};
    let end = 0;
    for (let n = 1; n <= count; n += 1) {
      const link = n === 1 ? {} : { history_base: base(threadId(n - 1), end, 2 * (n - 1)) };
      const text = rolloutText([paginatedMeta(n, link), responseItem(`${n}`)], {
        paginated: true,
        firstOrdinal: 2 * n - 2,
      });
      files[sessionPath(n)] = text;
      end = Buffer.byteLength(text);
    }
    const home = homeWith(files);
    const chain = lineageChain(home, join(home.codexHome, sessionPath(count)));
    expect(chain.segments).toHaveLength(count);
    expect(texts(readLineage(home, chain))).toEqual(Array.from({ length: count }, (_, n) => `${n + 1}`));
    expect(texts(readLineageBackward(home, chain))).toHaveLength(count);
    // The first one gone, the last one cannot be read.
    renameSync(join(home.codexHome, sessionPath(1)), join(home.codexHome, "gone.jsonl"));
    expect(faultOf(() => lineageChain(home, join(home.codexHome, sessionPath(count))))).toEqual([
      "missing-source",
      "not-found",
    ]);
  });
});

describe("a cut at any byte", () => {
  const text = rolloutText(
    [paginatedMeta(1), responseItem("ä one"), "", "garbage", agentItem("two"), responseItem("three")],
    { paginated: true },
  );
  const bytes = Buffer.from(text);

  it("gives the records before it, never another one, the same in both directions and forms", () => {
    const whole = homeWith({ [sessionPath(1)]: text });
    const all = [...readLineage(whole, join(whole.codexHome, sessionPath(1)))].map((entry) =>
      JSON.stringify(entry.ok && entry.record),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length }), fc.boolean(), (end, isCompressed) => {
        const home = homeWith({
          [isCompressed ? `${sessionPath(1)}.zst` : sessionPath(1)]: text,
          [sessionPath(2)]: forkText(end),
        });
        const file = join(home.codexHome, sessionPath(2));
        const forward = [...readLineage(home, file)];
        expect([...readLineageBackward(home, file)].map(essence).toReversed()).toEqual(forward.map(essence));
        const taken = forward.filter((entry) => entry.ok && entry.segment.endOffset !== undefined);
        for (const entry of taken) {
          expect(all).toContain(JSON.stringify(entry.ok && entry.record));
          expect(entry.position.offset + entry.position.length).toBeLessThanOrEqual(end);
        }
        const lines = bytes.subarray(0, end).toString("latin1").split("\n");
        const complete = lines.filter((line) => line.startsWith("{") && line.endsWith("}}")).length;
        expect(taken).toHaveLength(Math.max(0, complete - 1));
      }),
      { numRuns: 60 },
    );
  });
});
