/**
 * Archives that are damaged, or that somebody made to hurt: flipped bits, cut frames, sizes and tables that lie. Readers give the
 * right bytes up to the place where they say that the archive breaks, and `decompress` changes nothing. What they take of memory and
 * of disk is in `compress-bombs.test.ts`.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, test } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { inspectRollout } from "../../src/analysis/inspect.ts";
import type { Entry } from "../../src/format/entry.ts";
import { RolloutError } from "../../src/errors.ts";
import { compressZstd, ZstdEncoder } from "../../src/io/zstd.ts";
import { openBytes } from "../../src/readers/bytes.ts";
import { openHome } from "../../src/readers/home.ts";
import { lineageChain, readLineageBackward } from "../../src/readers/lineage.ts";
import { readLines, readRollout } from "../../src/readers/rollout.ts";
import { compress, decompress, framesOf, skippable } from "../support/archives.ts";
import { cli } from "../support/cli.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  lineText,
  meta,
  paginatedMeta,
  META_TIME,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
let path = "";
beforeEach(() => {
  home = join(folder.path, "home");
  writeHome(home, { [`${sessionPath(1)}.zst`]: "" });
  path = join(home, `${sessionPath(1)}.zst`);
});

/** Text that has something to repeat, something that does not, and tells by itself whether it is what it was. */
function plainText(messages: number, paginated = false): Buffer {
  const lines = Array.from({ length: messages }, (_unused, at) => {
    const text = `message ${at} ${"of the same kind ".repeat(at % 7)}${((at + 1) * 2654435761).toString(36).repeat(at % 5)}`;
    return at % 2 === 0 ? userMessage(text) : responseItem(text, "assistant");
  });
  const compaction = { type: "compacted", payload: { message: "", replacement_history: [] } };
  const cut = Math.floor(messages / 2);
  return Buffer.from(
    rolloutText(
      [
        paginated ? paginatedMeta(1) : meta(1),
        turnContext(),
        ...lines.slice(0, cut),
        compaction,
        turnContext(),
        ...lines.slice(cut),
      ],
      { paginated },
    ),
  );
}

/** As `checkpoint` and `seekable` write it: several frames of so many plain bytes, and a seek table. */
function framed(plain: Buffer, frameBytes: number): Buffer {
  return framesOf(
    Array.from({ length: Math.ceil(plain.length / frameBytes) }, (_unused, at) =>
      plain.subarray(at * frameBytes, (at + 1) * frameBytes),
    ),
  );
}

function flipped(archive: Buffer, bit: number): Buffer {
  const bytes = Buffer.from(archive);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return bytes;
}

interface Served {
  readonly bytes: Buffer;
  readonly failure: { readonly message: string; readonly offset: number } | undefined;
}

function serve(from = 0, checked = true): Served {
  const reader = openBytes(path, { checked });
  try {
    const bytes = Buffer.concat(Array.from(reader.forward(from), (chunk) => Buffer.from(chunk)));
    return { bytes, failure: reader.failure };
  } finally {
    reader.close();
  }
}

/** Right bytes, all of them or up to the place that is named. */
function expectRight({ bytes, failure }: Served, plain: Buffer, when: string, from = 0): void {
  const end = failure === undefined ? plain.length : failure.offset;
  expect([when, bytes.equals(plain.subarray(from, Math.max(from, end)))]).toEqual([when, true]);
}

/** All texts in a value that `plainText` may have made. */
function messagesIn(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (typeof value === "string") {
    // Ids, kinds and the words of views are short, or of another form.
    if (/\w [\w|]+ /.test(value)) found.add(value);
  } else if (typeof value === "object" && value !== null) {
    for (const one of value instanceof Map ? value.values() : Object.values(value)) messagesIn(one, found);
  }
  return found;
}

const SMALL = plainText(20);

/** `ROLLOUT_TOOL_RUNS` makes it look at more of the bits; from 40 on at all of them. */
const STEP = Math.max(1, Math.round(40 / Number(process.env["ROLLOUT_TOOL_RUNS"] ?? 1)));

describe("a flipped bit, wherever it is,", () => {
  const shapes: readonly (readonly [string, Buffer])[] = [
    ["in one frame", compressZstd(SMALL, { checksum: true })],
    ["in several with a seek table", framed(SMALL, 1500)],
    [
      "in frames that do not tell their size",
      Buffer.concat([untold(SMALL.subarray(0, 999)), untold(SMALL.subarray(999))]),
    ],
    ["in what does not get smaller", compressZstd(Buffer.from(SMALL.toString("base64")), { checksum: true })],
  ];

  it.each(shapes)(
    "%s: right bytes up to a named offset, or all",
    (title, archive) => {
      const plain = title.includes("smaller") ? Buffer.from(SMALL.toString("base64")) : SMALL;
      let failures = 0;
      for (let bit = 0; bit < archive.length * 8; bit += STEP) {
        writeFileSync(path, flipped(archive, bit));
        const served = serve();
        expectRight(served, plain, `bit ${bit}`);
        if (served.failure !== undefined) failures += 1;
        // Who does not ask for certainty is told at the end.
        const quick = serve(0, false);
        if (!quick.bytes.equals(plain)) expect([bit, quick.failure === undefined]).toEqual([bit, false]);
      }
      expect(failures).toBeGreaterThan((archive.length * 7) / STEP);
    },
    600_000,
  );

  it("between frames that a reader begins with, and in their table", () => {
    const plain = Buffer.concat(Array.from({ length: 60 }, () => plainText(2000)));
    const archive = framed(plain, 1 << 20);
    expect(plain.length).toBeGreaterThan(8 << 20);
    const heads = frameOffsets(archive).flatMap((offset) =>
      Array.from({ length: 14 * 8 }, (_unused, at) => offset * 8 + at),
    );
    const table = Array.from({ length: 20 }, (_unused, at) => (archive.length - 1 - at * 7) * 8 + (at % 8));
    const from = (6 << 20) + 12_345;
    for (const bit of [...heads.filter((_unused, at) => at % 9 === 0), ...table]) {
      writeFileSync(path, flipped(archive, bit));
      const reader = openBytes(path, { checked: true });
      for (const start of reader.restarts()) expect([bit, start % (1 << 20)]).toEqual([bit, 0]);
      reader.close();
      expectRight(serve(from), plain, `bit ${bit}`, from);
    }
  }, 600_000);
});

function untold(content: Buffer): Buffer {
  const encoder = new ZstdEncoder({ contentSize: false, checksum: true });
  return Buffer.concat([...encoder.write(content), ...encoder.endFrame()]);
}

function frameOffsets(archive: Buffer): readonly number[] {
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  const offsets: number[] = [];
  for (let at = archive.indexOf(magic); at !== -1; at = archive.indexOf(magic, at + 1)) offsets.push(at);
  return offsets;
}

interface View {
  readonly answer: unknown;
  /** Whether anything is said about the archive. */
  readonly isTold: boolean;
}

const opened = () => openThread(openHome({ codexHome: home }), path);

function ofHistory(fullReplay: boolean): View {
  const { state, reading } = opened().history({ fullReplay });
  return { answer: state.history, isTold: reading.defects.count > 0 };
}

function ofEntries(entries: Iterable<Entry>): View {
  const all = [...entries];
  return {
    answer: all.map((entry) => (entry.ok ? entry.record : undefined)),
    isTold: all.some(({ ok }) => !ok),
  };
}

const VIEWS: Readonly<Record<string, () => View>> = {
  "readRollout, checked": () => ofEntries(readRollout(path, { checked: true })),
  "readLines, checked": () => ({
    answer: Array.from(readLines(path, { checked: true }), ({ bytes }) => bytes.toString()),
    isTold: false,
  }),
  "backward through a lineage": () => ofEntries(readLineageBackward(undefined, lineageChain(undefined, path))),
  windows: () => {
    const { windows, defects } = opened().readWindows();
    return { answer: windows, isTold: defects.count > 0 };
  },
  turns: () => {
    const { turns, warnings } = opened().turns();
    return { answer: turns, isTold: warnings.length > 0 };
  },
  "history, read as a whole": () => ofHistory(true),
};

/** Metadata stand in the first lines, which are looked at before there is a reason to read everything. */
function* withFlippedBits(archive: Buffer): Generator<number> {
  for (let bit = (frameOffsets(archive)[1] ?? 0) * 8; bit < archive.length * 8; bit += 7 * STEP) {
    writeFileSync(path, flipped(archive, bit));
    yield bit;
  }
}

function strangeTexts(view: () => View, plain: string): View & { readonly strange: readonly string[] } {
  const isIn = (text: string): boolean => plain.includes(text) || plain.includes(JSON.stringify(text).slice(1, -1));
  try {
    const { answer, isTold } = view();
    return { answer, isTold, strange: [...messagesIn(answer)].filter((text) => !isIn(text)) };
  } catch (error) {
    expect(error).toBeInstanceOf(RolloutError);
    return { answer: undefined, isTold: true, strange: [] };
  }
}

describe("of a damaged archive", () => {
  it.each(Object.keys(VIEWS))("%s give no text that was not there", (name) => {
    const plain = plainText(60, true);
    const view = VIEWS[name] as () => View;
    for (const bit of withFlippedBits(framed(plain, 5000)))
      expect([bit, strangeTexts(view, plain.toString()).strange]).toEqual([bit, []]);
  });

  it.each(["history, from its end", "history, read as a whole", "windows", "turns"])(
    "%s of a thread of the old kind give none either",
    (name) => {
      const plain = plainText(60);
      const view = VIEWS[name] ?? (() => ofHistory(false));
      for (const bit of withFlippedBits(framed(plain, 5000)))
        expect([bit, strangeTexts(view, plain.toString()).strange]).toEqual([bit, []]);
    },
  );
});

describe("an archive that is cut", () => {
  it("at any byte gives what precedes it", () => {
    for (const archive of [compressZstd(SMALL, { checksum: true }), compressZstd(SMALL), framed(SMALL, 1500)]) {
      const tableBytes = archive.length - (frameOffsets(archive).length > 1 ? tableStart(archive) : archive.length);
      for (let length = 1; length < archive.length; length += 1) {
        writeFileSync(path, archive.subarray(0, length));
        const served = serve();
        expect([length, served.bytes.equals(SMALL.subarray(0, served.bytes.length))]).toEqual([length, true]);
        const isFrameEnd = tableBytes > 0 && frameOffsets(archive).includes(length);
        if (length < archive.length - tableBytes && !isFrameEnd) expect(served.failure).toBeDefined();
      }
    }
  });

  it("somewhere in many megabytes, too", () => {
    const plain = Buffer.concat(Array.from({ length: 40 }, () => plainText(2000)));
    for (const archive of [compressZstd(plain, { longDistance: true, checksum: true }), framed(plain, 1 << 20)]) {
      for (let at = 1; at < 12; at += 1) {
        const length = Math.floor((archive.length * at) / 12);
        writeFileSync(path, archive.subarray(0, length));
        const { bytes, failure } = serve();
        expect([length, failure?.offset, plain.subarray(0, bytes.length).equals(bytes)]).toEqual([
          length,
          bytes.length,
          true,
        ]);
        expectRight(serve(3 << 20), plain, `${length} bytes, from 3 MiB`, 3 << 20);
      }
    }
  });
});

function tableStart(archive: Buffer): number {
  return archive.length - (17 + 8 * archive.readUInt32LE(archive.length - 9));
}

/** Magic, descriptor, the bytes that it announces, and one raw block that is the last. */
function rawFrame(descriptor: number, header: readonly number[], content: Buffer): Buffer {
  const block = Buffer.alloc(3);
  block.writeUIntLE((content.length << 3) | 1, 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, ...header]), block, content]);
}

const LINE = Buffer.from(`${lineText(userMessage("of a made-up frame"), META_TIME)}\n`);
const NONE = Buffer.alloc(0);
const SOUND = compressZstd(SMALL, { checksum: true });
const withTable = (...entries: readonly (readonly [number, number])[]): Buffer => {
  const table = Buffer.alloc(entries.length * 8 + 9);
  for (const [at, [packed, plain]] of entries.entries()) {
    table.writeUInt32LE(packed, at * 8);
    table.writeUInt32LE(plain, at * 8 + 4);
  }
  table.writeUInt32LE(entries.length, table.length - 9);
  table.writeUInt32LE(0x8f92eab1, table.length - 4);
  return Buffer.concat([SOUND, skippable(table)]);
};
const claiming = (count: number): Buffer => {
  const archive = Buffer.from(withTable([SOUND.length, SMALL.length]));
  archive.writeUInt32LE(count, archive.length - 9);
  return archive;
};

/** Bytes, the plain ones that are in it, and how it ends where it does not end well. */
const FORGED: readonly (readonly [string, Buffer, Buffer, RegExp | undefined])[] = [
  ["a table with wrong sizes", withTable([7, 9], [11, 13]), SMALL, undefined],
  ["a table whose sizes come to 2^32", withTable([0x80000000, 0x80000000], [0x80000000, 0x80000000]), SMALL, undefined],
  ["a table that points behind the end", withTable([0xffffffff, 0xffffffff]), SMALL, undefined],
  ["a table with empty entries only", withTable([0, 0], [0, 0]), SMALL, undefined],
  ["a table of 2^32 entries", claiming(0xffffffff), SMALL, undefined],
  ["a table of none", claiming(0), SMALL, undefined],
  [
    "two tables",
    Buffer.concat([withTable([1, 1]), skippable(Buffer.alloc(9)), skippable(Buffer.alloc(8))]),
    SMALL,
    undefined,
  ],
  ["a window of 2^31", rawFrame(0x00, [21 << 3], LINE), NONE, /too much memory/],
  ["a window of 2^41", rawFrame(0x00, [0xff], LINE), NONE, /too much memory/],
  [
    "a window of 2^31 behind a sound frame",
    Buffer.concat([SOUND, rawFrame(0x00, [21 << 3], LINE)]),
    SMALL,
    /too much memory/,
  ],
  ["one segment of 2^40 bytes", rawFrame(0xe0, [0, 0, 0, 0, 0, 1, 0, 0], LINE), NONE, /too much memory/],
  ["a dictionary that nobody has", rawFrame(0x03, [0, 1, 2, 3, 4], LINE), NONE, /[Dd]ictionary/],
  ["a reserved bit", rawFrame(0x08, [0], LINE), NONE, /not valid/],
  [
    "a block of the reserved type",
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00, 0x07, 0x00, 0x00]),
    NONE,
    /not valid/,
  ],
  // The call that fails keeps the last three bytes for itself.
  ["a size that is too large", rawFrame(0xa0, [0xff, 0xff, 0, 0], LINE), LINE.subarray(0, -3), /not valid/],
  ["a size that is too small", rawFrame(0x20, [3], LINE), NONE, /not valid/],
  [
    "a size of 2^63 in a small window",
    rawFrame(0xc0, [0, 0, 0, 0, 0, 0, 0, 0, 0x80], LINE),
    LINE.subarray(0, -3),
    /not valid/,
  ],
  [
    "a skippable frame longer than the file",
    Buffer.concat([SOUND, Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff, 1])]),
    SMALL,
    /cut short/,
  ],
  [
    "a hundred thousand skippable frames",
    Buffer.concat([...Array.from({ length: 100_000 }, () => skippable(Buffer.alloc(0))), SOUND]),
    SMALL,
    undefined,
  ],
  [
    "skippable frames of every magic",
    Buffer.concat([...Array.from({ length: 16 }, (_unused, low) => skippable(Buffer.from([low]), low)), SOUND]),
    SMALL,
    undefined,
  ],
  [
    "skippable frames alone",
    Buffer.concat(Array.from({ length: 1000 }, () => skippable(Buffer.alloc(5)))),
    NONE,
    undefined,
  ],
  [
    "twenty thousand empty frames",
    Buffer.concat([...Array.from({ length: 20_000 }, () => rawFrame(0x20, [0], Buffer.alloc(0))), SOUND]),
    SMALL,
    undefined,
  ],
  ["noise behind it", Buffer.concat([SOUND, Buffer.from("noise, and some more of it")]), SMALL, /not valid/],
  ["another compression", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), NONE, /not valid/],
];

describe("an archive with", () => {
  test.each(FORGED)("%s", async (_title, archive, plain, message) => {
    const plainBytes = plain.length;
    writeFileSync(path, archive);
    const served = serve();
    expect(served.bytes.equals(plain)).toBe(true);
    if (message === undefined) expect(served.failure).toBeUndefined();
    else expect(served.failure).toEqual({ offset: plainBytes, message: expect.stringMatching(message) });
    const reader = openBytes(path);
    expect(reader.restarts()).toEqual([0]);
    reader.close();
    // What is claimed only, and far away, is not given.
    expect(serve(1 << 30).bytes.length).toBe(0);
    expect(inspectRollout(path).plainBytes).toBe(plainBytes);
    const before = snapshot(join(home, "sessions"));
    const wanted = message === undefined ? ["sound", undefined] : ["damaged", plainBytes];
    expect(decompress(home, { mode: "verify" }).files.map(({ outcome, offset }) => [outcome, offset])).toEqual([
      wanted,
    ]);
    expect(compress(home).files).toEqual([]);
    for (const argv of [
      ["history", path],
      ["show", threadId(1)],
      ["turns", path],
      ["windows", path],
      ["list", "--from-files"],
      ["tree", path],
    ]) {
      const run = await cli(home, argv);
      expect([0, 1, 2], `${argv.join(" ")}: ${run.err}`).toContain(run.code);
      expect(run.out + run.err).not.toMatch(/internal|\n\s+at /);
    }
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    if (message === undefined) return;
    expect(decompress(home).files.map(({ outcome, offset }) => [outcome, offset])).toEqual([["failed", plainBytes]]);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
  });

  test("nothing but noise", () => {
    for (let round = 0; round < 300; round += 1) {
      const noise = randomBytes(1 + (round % 200));
      const head = round % 2 === 0 ? Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) : Buffer.alloc(0);
      writeFileSync(path, Buffer.concat([head, noise]));
      const { bytes, failure } = serve();
      expect(failure === undefined ? 0 : bytes.length - failure.offset).toBe(0);
    }
  });
});

describe("both forms of a rollout, one of them damaged,", () => {
  test("are a pair that is left alone", () => {
    writeHome(home, { [sessionPath(1)]: SMALL });
    for (const archive of [
      flipped(SOUND, SOUND.length * 4),
      SOUND.subarray(0, -9),
      Buffer.concat([SOUND, Buffer.from("x")]),
    ]) {
      writeFileSync(path, archive);
      const before = snapshot(join(home, "sessions"));
      for (const mode of ["verify", "pairs-dry-run", "pairs", "write"] as const) {
        const [file] = decompress(home, { mode }).files;
        if (mode === "write") expect(file?.outcome).toBe("plain_exists");
        else expect(file?.pair).toMatch(/^(?:archive_damaged|different)$/);
        expect(snapshot(join(home, "sessions"))).toEqual(before);
      }
      expect(compress(home).totals.outcomes).toEqual({ skipped_already_compressed: 1 });
      expect(snapshot(join(home, "sessions"))).toEqual(before);
    }
  });
});
