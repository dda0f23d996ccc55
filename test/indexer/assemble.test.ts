/** Many files to the rows of one index: which file counts, times, inheritance, edges. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRolloutName } from "../../src/format/names.ts";
import { assemble, type AssembleInput, type Candidate } from "../../src/indexer/assemble.ts";
import type { FileFacts } from "../../src/indexer/facts.ts";
import { rulesFor } from "../../src/indexer/rules.ts";
import { runs } from "../support/budget.ts";
import { FILE_MS, fileName, META_MS, NAME_STAMP, threadId } from "../support/lines.ts";

interface Spec {
  readonly thread: number;
  readonly segment?: number;
  readonly stamp?: string;
  readonly archived?: boolean;
  readonly mtimeMs?: number;
  readonly lastLineMs?: number | undefined;
  readonly facts?: Partial<FileFacts>;
}

function candidate({
  thread,
  segment,
  stamp = NAME_STAMP,
  archived = false,
  mtimeMs = FILE_MS,
  lastLineMs,
  facts,
}: Spec): Candidate {
  const name = fileName(thread, { stamp, ...(segment === undefined ? {} : { segment }) });
  const relativePath = `${archived ? "archived_sessions" : "sessions"}/${name}`;
  const path = `/h/${relativePath}`;
  const file = {
    path,
    logicalPath: path,
    relativePath,
    archived,
    name: parseRolloutName(name),
    sizeBytes: 1,
    mtimeMs,
    ctimeMs: 0,
    inode: 0,
    hasCompressedTwin: false,
  };
  const bare = {
    id: threadId(thread),
    createdAtMs: META_MS,
    historyMode: "legacy",
    source: "cli",
    guardian: false,
    cwd: "",
    cliVersion: "",
  };
  const texts = { tokensUsed: 0, firstUserMessage: "", title: "", preview: "" };
  return { file, facts: { ...bare, ...texts, ...facts } as FileFacts, lastLineMs };
}

function run(specs: readonly Spec[], more: Partial<AssembleInput> & { readonly codex?: boolean } = {}) {
  const candidates = specs.map(candidate).toSorted((a, b) => (a.file.relativePath < b.file.relativePath ? -1 : 1));
  const context = { defaultProvider: "openai", resolveFolder: () => undefined, exists: () => false };
  const rules = rulesFor(more.codex === true ? "codex" : "best", 62);
  return assemble({ candidates, rules, context, names: new Map(), selected: new Map(), ...more });
}

const said = (text: string, previewOffset = 100) => ({
  title: text,
  firstUserMessage: text,
  preview: text,
  previewOffset,
});
const HOUR_MS = 3_600_000;

describe("several files of one thread", () => {
  const first = { thread: 1, facts: said("first") };
  const reverted = { thread: 1, segment: 911, stamp: "2025-11-01T13-00-00", facts: said("reverted") };
  const chosen = (specs: readonly Spec[], more?: Parameters<typeof run>[1]) => {
    const { rows, duplicates } = run(specs, more);
    expect(rows).toHaveLength(1);
    return [rows[0]?.title, rows[0]?.archived, duplicates.map((found) => [found.chosen.relativePath, found.reverted])];
  };
  const path = (folder: string, spec: Spec) =>
    candidate({ ...spec, archived: folder === "archived_sessions" }).file.relativePath;

  test("the newest by name is the tip after a revert", () => {
    expect(chosen([first, reverted])).toEqual(["reverted", 0, [[path("sessions", reverted), true]]]);
  });

  test("the one that the database had selected wins, whatever the names say", () => {
    const name = candidate(first).file.relativePath.slice("sessions/".length);
    expect(chosen([first, reverted], { selected: new Map([[threadId(1), name]]) })).toEqual([
      "first",
      0,
      [[path("sessions", first), true]],
    ]);
  });

  test("of two copies of one name the active one counts, even if the database had the other", () => {
    const name = candidate(first).file.relativePath.slice("sessions/".length);
    const specs = [{ ...first, archived: true, facts: said("archived") }, first];
    for (const selected of [new Map<string, string>(), new Map([[threadId(1), name]])]) {
      expect(chosen(specs, { selected })).toEqual(["first", 0, [[path("sessions", first), false]]]);
    }
  });

  test("by Codex's rules the last one wins, and recency stays from the first", () => {
    const { rows } = run(
      [
        { ...first, mtimeMs: FILE_MS },
        { ...reverted, mtimeMs: FILE_MS - 24 * HOUR_MS },
      ],
      { codex: true },
    );
    expect(rows.map((row) => [row.title, row.updated_at_ms, row.recency_at_ms])).toEqual([
      ["reverted", FILE_MS - 24 * HOUR_MS, FILE_MS],
    ]);
  });
});

describe("times", () => {
  const times = (spec: Omit<Spec, "thread">) => {
    const [row] = run([{ thread: 1, ...spec }]).rows;
    return [row?.created_at_ms, row?.updated_at_ms, row?.recency_at_ms];
  };
  const idMs = META_MS - 60_023;

  test("creation comes from the id, unless it is half a day off or a revert made a new file", () => {
    expect(times({})).toEqual([idMs, FILE_MS, idMs]);
    expect(times({ facts: { createdAtMs: META_MS + 13 * HOUR_MS } })[0]).toBe(META_MS + 13 * HOUR_MS);
    expect(times({ segment: 911 })[0]).toBe(META_MS);
  });

  test("change is when the last line was written, and the file's time where no line tells", () => {
    expect(times({ lastLineMs: FILE_MS - 61_000 })[1]).toBe(FILE_MS - 61_000);
    expect(times({})[1]).toBe(FILE_MS);
  });

  test("recency is the start of the last turn", () => {
    expect(times({ facts: { lastTurnStartMs: META_MS + 5 } })[2]).toBe(META_MS + 5);
  });

  test("equal ones are spread by a millisecond, others stay", () => {
    const { rows } = run(
      [1, 2, 3, 4].map((thread) => ({
        thread,
        mtimeMs: FILE_MS + (thread === 4 ? 2 : 0),
        facts: { lastTurnStartMs: META_MS },
      })),
    );
    expect(rows.map((row) => row.updated_at_ms - FILE_MS).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    expect(new Set(rows.map((row) => row.recency_at_ms)).size).toBe(4);
  });

  test("by Codex's rules in the order of processing: kept, a second back kept, between them pushed on", () => {
    expect(allocate([5000, 5000, 4500, 4002, 4001, 9000, 8999])).toEqual([5000, 5001, 5002, 4002, 4001, 9000, 9001]);
  });
});

/** Codex's allocator, through a home whose files are processed in the given order. */
function allocate(mtimes: readonly number[]): readonly number[] {
  const specs = mtimes.map((mtimeMs, index) => ({
    thread: index + 1,
    stamp: `2025-11-01T12-00-${String(index).padStart(2, "0")}`,
    mtimeMs,
  }));
  return run(specs, { codex: true }).rows.map((row) => row.updated_at_ms);
}

describe("what a thread shows", () => {
  const base = (rolloutId: string, endByteOffset = 1000) => ({ historyBase: { rolloutId, endByteOffset } });
  const texts = (specs: readonly Spec[], thread: number) => {
    const row = run(specs).rows.find(({ id }) => id === threadId(thread));
    return [row?.title, row?.first_user_message, row?.preview];
  };
  const root = { thread: 1, facts: said("root") };

  test("a fork shows the preview of what it continues, through any number of forks", () => {
    const fork = { thread: 2, facts: { ...said("own"), ...base(threadId(1)) } };
    const forkOfFork = { thread: 3, facts: base(threadId(2)) };
    expect(texts([root, fork, forkOfFork], 2)).toEqual(["own", "own", "root"]);
    expect(texts([root, fork, forkOfFork], 3)).toEqual(["", "", "root"]);
  });

  test("not when it leaves before those words were said", () => {
    expect(texts([root, { thread: 2, facts: { ...said("own"), ...base(threadId(1), 100) } }], 2)).toEqual([
      "own",
      "own",
      "own",
    ]);
  });

  test("a reverted thread keeps its own first words", () => {
    const tip = {
      thread: 1,
      segment: 911,
      stamp: "2025-11-01T13-00-00",
      facts: { ...said("later"), ...base(threadId(1)) },
    };
    expect(texts([root, tip], 1)).toEqual(["root", "root", "root"]);
    // A fork of it names the segment.
    expect(texts([root, tip, { thread: 2, facts: base(threadId(911)) }], 2)).toEqual(["", "", "root"]);
  });

  test("circles and missing bases end", () => {
    const circle = [2, 3].map((thread) => ({
      thread,
      facts: { ...said(`own ${thread}`), ...base(threadId(thread === 2 ? 3 : 2)) },
    }));
    expect(run(circle).rows).toHaveLength(2);
    expect(texts([{ thread: 2, facts: { ...said("own"), ...base(threadId(99)) } }], 2)).toEqual(["own", "own", "own"]);
  });

  test("names of the session index stand in the title, of a paginated thread in the name", () => {
    const names = new Map([
      [threadId(1), "Legacy name"],
      [threadId(2), "Paginated name"],
    ]);
    const { rows } = run([root, { thread: 2, facts: { ...said("own"), historyMode: "paginated" } }], { names });
    expect(rows.map((row) => [row.id, row.title, row.name])).toEqual(
      expect.arrayContaining([
        [threadId(1), "Legacy name", null],
        [threadId(2), "own", "Paginated name"],
      ]),
    );
  });
});

test("a spawned agent has one open edge, of the first file that tells", () => {
  const facts = (parent: number) => ({ spawnParentId: threadId(parent) });
  const specs = [
    { thread: 1, facts: facts(7) },
    { thread: 1, segment: 911, stamp: "2025-11-01T13-00-00", facts: facts(8) },
  ];
  const edge = (parent: number) => [
    { parent_thread_id: threadId(parent), child_thread_id: threadId(1), status: "open" },
  ];
  expect(run(specs, { codex: true }).edges).toEqual(edge(7));
  expect(run(specs).edges).toEqual(edge(8));
});

test("our rules do not depend on the order in which files are found", () => {
  const spec = fc.record({
    thread: fc.integer({ min: 1, max: 6 }),
    stamp: fc.constantFrom(NAME_STAMP, "2025-11-01T13-00-00"),
    segment: fc.option(fc.integer({ min: 901, max: 903 }), { nil: undefined }),
    mtimeMs: fc.constantFrom(FILE_MS, FILE_MS + 1, FILE_MS + 2000),
    facts: fc.record({
      title: fc.constantFrom("", "a"),
      preview: fc.constantFrom("", "a"),
      previewOffset: fc.constant(5),
      historyBase: fc.option(
        fc.record({ rolloutId: fc.integer({ min: 1, max: 6 }).map(threadId), endByteOffset: fc.constantFrom(1, 9) }),
        {
          nil: undefined,
        },
      ),
    }),
  });
  const unique = fc.uniqueArray(spec as fc.Arbitrary<Spec>, {
    maxLength: 8,
    selector: (one) => candidate(one).file.name?.rolloutId,
  });
  const context = { defaultProvider: "openai", resolveFolder: () => undefined, exists: () => false };
  fc.assert(
    fc.property(
      unique.chain((specs) =>
        fc.tuple(fc.constant(specs), fc.shuffledSubarray([...specs], { minLength: specs.length })),
      ),
      ([specs, shuffled]) => {
        const rowsOf = (list: readonly Spec[]) => {
          const input = { rules: rulesFor("best", 62), context, names: new Map(), selected: new Map() };
          return assemble({ ...input, candidates: list.map(candidate) }).rows.toSorted((a, b) =>
            a.id < b.id ? -1 : 1,
          );
        };
        expect(rowsOf(shuffled)).toEqual(rowsOf(specs));
      },
    ),
    runs(200),
  );
});
