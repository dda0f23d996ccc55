import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surveyFamilies } from "../../src/indexer/family-facts.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import {
  agentsBelow,
  agentsOf,
  buildFamily,
  cacheKeyOf,
  type Family,
  type FamilyThread,
  sessionsOf,
  walkFamily,
} from "../../src/thread/family.ts";
import { type FileFacts, factsOf } from "../../src/thread/family-facts.ts";
import type { SessionMeta } from "../../src/format/record.ts";
import { parseRolloutName } from "../../src/format/names.ts";
import { expectedOf, lineageCases } from "../support/lineage-cases.ts";
import { base, meta, NAME_STAMP } from "../support/lines.ts";

/** Thread n: a greater number is a younger thread. */
function threadId(n: number): string {
  return `019a3edc-0d64-7000-8000-${String(n).padStart(12, "0")}`;
}

interface FileChanges {
  readonly segment?: number;
  readonly stamp?: string;
  readonly archived?: boolean;
  readonly noMeta?: boolean;
}

/** The facts of a file of thread n with such metadata. */
function file(n: number, changes: Readonly<Record<string, unknown>> = {}, place: FileChanges = {}): FileFacts {
  const { archived = false, noMeta = false, stamp = NAME_STAMP, segment } = place;
  const ids = segment === undefined ? threadId(n) : `${threadId(n)}_${threadId(segment)}`;
  const name = `rollout-${stamp}-${ids}.jsonl`;
  const path = archived ? `/home/archived_sessions/${name}` : `/home/sessions/${name}`;
  const payload = meta(n, { id: threadId(n), ...changes }).payload as unknown as SessionMeta;
  const facts = factsOf(
    { path, archived, isCompressed: false, name: parseRolloutName(name) },
    noMeta ? undefined : payload,
  );
  if (facts === undefined) throw new Error("no facts");
  return facts;
}

function spawn(parent: number, depth = 1): Readonly<Record<string, unknown>> {
  return { source: { subagent: { thread_spawn: { parent_thread_id: threadId(parent), depth } } } };
}

function fork(source: number): Readonly<Record<string, unknown>> {
  return { forked_from_id: threadId(source) };
}

/** Threads by number, as `1>2` for an agent and `1~2` for a fork of 1. */
function shape(family: Family): string[] {
  const number = (id: string) => Number(id.slice(-12));
  return [...family.threads.values()]
    .map(({ id, stem }) =>
      stem === undefined ? `${number(id)}` : `${number(stem.id)}${stem.by === "fork" ? "~" : ">"}${number(id)}`,
    )
    .toSorted();
}

function thread(family: Family, n: number): FamilyThread {
  const found = family.threads.get(threadId(n));
  if (found === undefined) throw new Error(`no thread ${n}`);
  return found;
}

function walked(family: Family, root: string): string[] {
  return Array.from(
    walkFamily(family, root),
    (step) => `${step.depth}:${Number(step.thread.id.slice(-12))}${step.isLast ? "." : ""}`,
  );
}

describe("fixtures/lineage", () => {
  const cases = lineageCases().filter(({ fault }) => fault === undefined);

  it.each(cases.map((each) => [each.name, each] as const))("%s", (_name, each) => {
    const { threads } = buildFamily(surveyFamilies(discoverRollouts(each.home)).facts);
    const lines = [...threads.values()].map(
      ({ id, stem, session, cacheKey }) =>
        `${id} ${stem === undefined ? "root" : `${stem.by} of ${stem.id}`}; session ${session.rule} ${session.id ?? "-"}; key ${cacheKey.rule} ${cacheKey.key ?? "-"}`,
    );
    expect(lines.toSorted()).toEqual(expectedOf(each).family);
  });
});

describe("buildFamily", () => {
  it("hangs agents on who spawned them, and forks on what they were forked from", () => {
    const family = buildFamily([
      file(5, { ...spawn(4, 2), ...fork(4) }),
      file(4, spawn(1)),
      file(3, fork(2)),
      file(2, fork(1)),
      file(1),
      file(6),
    ]);
    expect(shape(family)).toEqual(["1", "1>4", "1~2", "2~3", "4>5", "6"]);
    expect(family.roots).toEqual([threadId(6), threadId(1)]);
    expect(walked(family, threadId(1))).toEqual(["0:1.", "1:2", "2:3.", "1:4.", "2:5."]);
    expect([thread(family, 5).rootId, thread(family, 5).depth]).toEqual([threadId(1), 2]);
    expect(agentsOf(family, threadId(1))).toEqual([threadId(4)]);
    expect(agentsBelow(family, threadId(1))).toEqual([threadId(4), threadId(5)]);
    expect([...walkFamily(family, threadId(99))]).toEqual([]);
  });

  it("takes a review's parent from the metadata, since its source does not tell", () => {
    const review = { source: { subagent: "review" }, parent_thread_id: threadId(1).toUpperCase() };
    const family = buildFamily([file(1), file(2, review), file(3, { source: { subagent: "review" } })]);
    expect(shape(family)).toEqual(["1", "1>2", "3"]);
    expect(thread(family, 2).facts?.kind).toBe("review");
  });

  it("tells what kind of thread each is", () => {
    const kinds = [
      "cli",
      { custom: "x" },
      { internal: "guardian" },
      { internal: "memory_consolidation" },
      { subagent: "review" },
      { subagent: "compact" },
      { subagent: { other: "guardian" } },
      { subagent: { other: "x" } },
      spawn(1)["source"],
    ].map((source) => file(1, { source }).kind);
    expect(kinds).toEqual(["main", "main", "guardian", "internal", "review", "helper", "guardian", "helper", "agent"]);
  });

  it("knows an attached fork, and of an agent its names", () => {
    const family = buildFamily([
      file(1),
      file(2, { ...fork(1), attached_thread: true }),
      file(3, { ...spawn(1), agent_nickname: "Ada", agent_type: "worker", agent_path: "/root/a" }),
    ]);
    expect(thread(family, 2).facts?.isAttached).toBe(true);
    const { agentNickname, agentRole, agentPath } = thread(family, 3).facts ?? file(1);
    expect([agentNickname, agentRole, agentPath]).toEqual(["Ada", "worker", "/root/a"]);
  });

  it("keeps the files of a reverted thread together, the newest first, unless the index has selected another", () => {
    const older = file(1, { history_mode: "paginated" });
    const newer = file(1, { history_mode: "paginated", history_base: base(threadId(1), 500) }, { segment: 8 });
    const forked = file(2, { history_mode: "paginated", ...fork(1), history_base: base(threadId(8), 90) });
    const family = buildFamily([older, newer, forked]);
    expect(thread(family, 1).files).toEqual([newer, older]);
    expect(shape(family)).toEqual(["1", "1~2"]);
    expect(thread(family, 1).problems).toEqual([]);
    const selected = new Map([[threadId(1), older.path]]);
    expect(thread(buildFamily([newer, older], { selected }), 1).files).toEqual([older, newer]);
    const later = file(1, {}, { stamp: "2025-11-02T00-00-00" });
    expect(thread(buildFamily([later, older]), 1).files[0]).toBe(later);
    expect(NAME_STAMP < "2025-11-02").toBe(true);
  });

  it("finds the source of a fork by what it continues, where it does not say from which thread it comes", () => {
    const family = buildFamily([
      file(1, {}, { segment: 8 }),
      file(2, { history_mode: "paginated", history_base: base(threadId(8), 90) }),
    ]);
    expect(shape(family)).toEqual(["1", "1~2"]);
    const gone = buildFamily([file(2, { history_mode: "paginated", history_base: base(threadId(8), 90) })]);
    expect(thread(gone, 2).problems).toEqual(["base-missing"]);
    // A legacy thread does not continue what it names.
    expect(thread(buildFamily([file(2, { history_base: base(threadId(8), 90) })]), 2).problems).toEqual([]);
  });

  it("has a member for whoever is only named", () => {
    const family = buildFamily([file(2, fork(1)), file(3, fork(1)), file(4, spawn(9))]);
    expect(shape(family)).toEqual(["1", "1~2", "1~3", "9", "9>4"]);
    expect(thread(family, 1)).toMatchObject({
      files: [],
      facts: undefined,
      problems: ["no-file"],
      cacheKey: { rule: "no-metadata" },
    });
  });

  it("goes by the name of a file without metadata, and by the other file if there is one", () => {
    const family = buildFamily([file(1, {}, { noMeta: true }), file(2, fork(1))]);
    expect(thread(family, 1).problems).toEqual(["no-metadata"]);
    expect(shape(family)).toEqual(["1", "1~2"]);
    const two = buildFamily([file(3, {}, { noMeta: true, segment: 8 }), file(3, fork(2))]);
    expect([thread(two, 3).problems, thread(two, 3).facts?.hasMeta]).toEqual([[], true]);
  });

  it("tells two files of one rollout apart from a revert", () => {
    const family = buildFamily([file(1), file(1, {}, { archived: true })]);
    expect(thread(family, 1).problems).toEqual(["copies"]);
    expect(thread(family, 1).facts?.archived).toBe(false);
  });

  it("cuts a circle at its oldest member", () => {
    const family = buildFamily([
      file(3, fork(2)),
      file(2, fork(4)),
      file(4, fork(3)),
      file(5, fork(4)),
      file(6, fork(6)),
    ]);
    expect(shape(family)).toEqual(["2", "2~3", "3~4", "4~5", "6"]);
    expect(thread(family, 2).problems).toEqual(["cycle"]);
    expect(thread(family, 6).problems).toEqual(["cycle"]);
    expect(walked(family, threadId(2))).toEqual(["0:2.", "1:3.", "2:4.", "3:5."]);
  });

  it("bears a line of 20,000 agents, and as many children of one", () => {
    const count = 20_000;
    const line = buildFamily(Array.from({ length: count }, (_, n) => file(n + 1, n === 0 ? {} : spawn(n, n))));
    expect(thread(line, count).depth).toBe(count - 1);
    expect(thread(line, count).session).toEqual({ id: threadId(1), rule: "carried" });
    expect(agentsBelow(line, threadId(1))).toHaveLength(count - 1);
    const wide = buildFamily(Array.from({ length: count }, (_, n) => file(n + 1, n === 0 ? {} : spawn(1))));
    expect(agentsBelow(wide, threadId(1))).toHaveLength(count - 1);
    expect([...walkFamily(wide, threadId(1))]).toHaveLength(count);
  });
});

describe("sessions", () => {
  it("come from the metadata, else down from the root of the agents", () => {
    const family = buildFamily([
      file(1),
      file(2, spawn(1)),
      file(3, spawn(2, 2)),
      file(4, fork(3)),
      file(5, { ...spawn(1), session_id: threadId(7).toUpperCase() }),
      file(6, spawn(8)),
      file(9, spawn(10, 2)),
      file(11, { source: { subagent: "review" } }),
    ]);
    const sessions = [1, 2, 3, 4, 5, 6, 9, 11].map((n) => thread(family, n).session);
    expect(sessions).toEqual([
      { id: threadId(1), rule: "own" },
      { id: threadId(1), rule: "carried" },
      { id: threadId(1), rule: "carried" },
      { id: threadId(4), rule: "own" },
      { id: threadId(7), rule: "recorded" },
      { id: threadId(8), rule: "carried" },
      { id: undefined, rule: "untold" },
      { id: undefined, rule: "untold" },
    ]);
    expect(sessionsOf(family).get(threadId(1))).toEqual([threadId(1), threadId(2), threadId(3)]);
  });
});

describe("cacheKeyOf", () => {
  const own = { session_id: threadId(1) };
  const shared = { ...spawn(9), session_id: threadId(9) };

  it("is the session for 0.169.0, whoever had it first", () => {
    expect(cacheKeyOf(file(1, own))).toEqual({ key: threadId(1), rule: "own-session" });
    expect(cacheKeyOf(file(1, shared))).toEqual({ key: threadId(9), rule: "shared-session" });
  });

  it("is the thread where no session is recorded, but nothing that can be told for an agent", () => {
    expect(cacheKeyOf(file(1))).toEqual({ key: threadId(1), rule: "thread" });
    expect(cacheKeyOf(file(1, fork(2)))).toEqual({ key: threadId(1), rule: "thread" });
    expect(cacheKeyOf(file(1, spawn(9)))).toEqual({ key: undefined, rule: "fresh" });
    expect(cacheKeyOf(file(1, { source: { subagent: "review" } }))).toEqual({ key: undefined, rule: "fresh" });
    expect(cacheKeyOf(undefined)).toEqual({ key: undefined, rule: "no-metadata" });
  });

  it("is the thread for 0.142.3, also for an agent", () => {
    expect(cacheKeyOf(file(1, shared), "0.142.3")).toEqual({ key: threadId(1), rule: "thread" });
  });
});

describe("any set of files", () => {
  const link = fc.oneof(
    fc.constant({}),
    fc.integer({ min: 1, max: 12 }).map((n) => fork(n)),
    fc.integer({ min: 1, max: 12 }).map((n) => spawn(n)),
    fc.integer({ min: 1, max: 12 }).map((n) => ({ history_mode: "paginated", history_base: base(threadId(n), 9) })),
  );
  const files = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 12 }), link, fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined })),
    { maxLength: 16 },
  );

  it("gives a forest in which each thread hangs once, whatever the order", () => {
    fc.assert(
      fc.property(files, (list) => {
        const facts = list.map(([n, changes, segment]) => file(n, changes, segment === undefined ? {} : { segment }));
        const family = buildFamily(facts);
        const seen = family.roots.flatMap((root) => Array.from(walkFamily(family, root), (step) => step.thread.id));
        expect(seen.toSorted()).toEqual([...family.threads.keys()].toSorted());
        for (const { stem, depth, rootId } of family.threads.values()) {
          const above = stem && family.threads.get(stem.id);
          expect([depth, rootId]).toEqual(above === undefined ? [0, rootId] : [above.depth + 1, above.rootId]);
        }
        // Of two files of one path neither is the newer one.
        const single = new Map(facts.map((each) => [each.path, each]));
        const shapes = [[...single.values()], [...single.values()].toReversed()].map((each) =>
          shape(buildFamily(each)),
        );
        expect(shapes[0]).toEqual(shapes[1]);
      }),
      { numRuns: 300 },
    );
  });
});
