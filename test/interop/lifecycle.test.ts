/**
 * `archive`, `unarchive`, `delete` and `move` against what real releases do of the same threads, and what these then make of
 * homes and threads that the tool has moved.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

import { archiveThreads, unarchiveThreads } from "../../src/lifecycle/archive.ts";
import { folderMap } from "../../src/lifecycle/cwd-map.ts";
import { deleteThreads } from "../../src/lifecycle/delete.ts";
import { moveHome } from "../../src/lifecycle/move-home.ts";
import { moveThreads } from "../../src/lifecycle/move-threads.ts";
import type { LifecycleReport } from "../../src/lifecycle/types.ts";
import { openHome } from "../../src/readers/home.ts";
import {
  ALL_SOURCES,
  type AppServer,
  type ClientThread,
  type CodexBinary,
  describeWithCodex,
  listThreads,
  readThread,
  type Release,
  resumeThread,
  type TestHome,
  testHome,
  withServer,
} from "./codex.ts";
import { type Corpus, corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";
import { openDatabase } from "./database.ts";
import { comparable } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";
import { writeTable } from "./history-table.ts";

/** Every thread is resumed, and not only some of each home. */
const ALL = process.env["ROLLOUT_TOOL_LIFECYCLE_ALL"] === "1";
const table: (string | number)[][] = [];
afterAll(() =>
  writeTable("Lifecycle beside the releases", [["what", "home", "release", "threads", "done alike"], ...table]),
);

/** A copy whose rows name it, as Codex would have written them there. */
function ownCopy(corpus: Corpus): TestHome {
  const home = testHome(corpus.home);
  moveHome(
    { codexHome: home.path },
    { target: home.path, from: join(corpus.writtenIn, "home"), folders: [], now: Date.now },
  );
  return home;
}

type Verb = "archive" | "unarchive" | "delete";
const VERBS = { archive: archiveThreads, unarchive: unarchiveThreads, delete: deleteThreads };

/** `done`, `nothing` (it has no file where it should be), or `refused`. */
type Outcome = "done" | "nothing" | "refused";

function byTool(home: TestHome, verb: Verb, id: string): Outcome {
  let report: LifecycleReport;
  try {
    report = VERBS[verb](openHome({ codexHome: home.path }), [id], { now: Date.now });
  } catch (error) {
    return /no thread|no rollout/u.test(String(error)) ? "nothing" : "refused";
  }
  return report.families[0]?.outcome === "already" ? "nothing" : "done";
}

async function byCodex(server: AppServer, verb: Verb, threadId: string): Promise<Outcome> {
  try {
    await server.request(`thread/${verb}`, { threadId });
    return "done";
  } catch (error) {
    return /no (?:archived )?rollout found|thread not found/u.test(String(error)) ? "nothing" : "refused";
  }
}

/** What does not depend on the moment: files with their bytes, and rows of all tables but times and logs. */
function stateOf({ path: home }: TestHome): Readonly<Record<string, unknown>> {
  const state: Record<string, unknown> = {};
  for (const folder of ["sessions", "archived_sessions"]) {
    for (const name of readdirSync(join(home, folder), { recursive: true, encoding: "utf8" })) {
      if (name.includes("rollout-")) state[`${folder}/${name}`] = digest(join(home, folder, name));
    }
  }
  for (const line of readFileSync(join(home, "session_index.jsonl"), "utf8").split("\n")) state[`name ${line}`] = true;
  for (const file of readdirSync(home).filter((name) => /^(?!logs).*\.sqlite$/u.test(name))) {
    const database = openDatabase(join(home, file));
    const tables = database.all("select name from sqlite_schema where type = 'table' and name not like '%sql%'");
    for (const { name } of tables) {
      for (const row of database.all(`select * from "${String(name)}"`)) {
        const text = JSON.stringify(timeless(row)).replaceAll(home, "$HOME");
        if (!/^(?:backfill_state|queued_thread_revisions)$/u.test(String(name)))
          state[`${file} ${String(name)} ${text}`] = true;
      }
    }
    database.close();
  }
  return state;
}

function timeless(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { updated_at: _, updated_at_ms: __, archived_at: since, ...rest } = row;
  return { ...rest, since: since == null ? null : "some time" };
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
}

/** Of a home that is another one's twin, every second thread is enough. */
function chosen(corpus: Corpus): readonly string[] {
  return subjects(corpus).filter((_id, at) => ALL || corpus.name !== "0.169.0-zst" || at % 2 === 0);
}

/** Ids of what can be asked for: everything with a file. */
function subjects(corpus: Corpus): readonly string[] {
  const names = readdirSync(corpus.home, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.includes("rollout-"),
  );
  return [...corpus.threads.values()].filter((id) => names.some((name) => name.includes(id)));
}

/** What a client is told of every thread, without times. */
async function answers(server: AppServer, home: TestHome, ids: readonly string[]): Promise<unknown> {
  const plain = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value)
        .replaceAll(home.path, "$HOME")
        .replaceAll(/"(?:updatedAt|recencyAt)":[^,}]*/gu, '"t":0'),
    ) as unknown;
  const read = async (id: string): Promise<unknown> =>
    readThread(server, id).then(plain, (error: unknown) => plainError(error));
  const reads: unknown[] = [];
  for (const id of ids) reads.push(await read(id));
  return {
    active: plain(await listThreads(server)),
    archived: plain(await listThreads(server, { archived: true })),
    all: plain(await listThreads(server, { sourceKinds: ALL_SOURCES })),
    stored: plain(await listThreads(server, { useStateDbOnly: true })),
    reads,
  };
}

function plainError(error: unknown): string {
  return String(error).replaceAll(/\/\S*\/home\//gu, "$HOME/");
}

async function resumes(server: AppServer, ids: readonly string[]): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (const id of ids) {
    found.push(
      await resumeThread(server, id).then(({ turns, preview, name }) => ({ turns, preview, name }), plainError),
    );
  }
  return found;
}

/** Agents are brought back with their parent only by 0.169.0; of a home of 0.142.3 only threads without any are compared. */
const AGENT_FREE = /^(?!spawn|arch-parent)/u;

const HOMES: readonly (readonly [Release, CorpusName])[] = [
  ["0.169.0", "0.169.0"],
  ["0.169.0", "0.169.0-zst"],
  ["0.142.3", "0.142.3"],
];

describeEach("beside the release", (binary, corpus) => {
  async function both(verb: Verb, ids: readonly string[], ours: TestHome, theirs: TestHome): Promise<void> {
    const made = ids.map((id) => [id, byTool(ours, verb, id)]);
    const expected = await withServer(binary, theirs, async (server) => {
      const found: unknown[] = [];
      for (const id of ids) found.push([id, await byCodex(server, verb, id)]);
      return found;
    });
    expect(made).toEqual(expected);
    expect(stateOf(ours)).toEqual(stateOf(theirs));
    table.push([
      verb,
      corpus.name,
      binary.version,
      ids.length,
      made.filter(([, outcome]) => outcome === "done").length,
    ]);
  }

  test("archives and brings back the same, and answers the same afterwards", async () => {
    const [ours, theirs] = [ownCopy(corpus), ownCopy(corpus)];
    for (const home of [ours, theirs]) await withServer(binary, home, () => Promise.resolve());
    const ids = chosen(corpus);
    await both("archive", ids, ours, theirs);
    const labels = new Map([...corpus.threads].map(([label, id]) => [id, label]));
    const back = ids.filter(
      (id, at) => at % 3 !== 0 && (binary.version !== "0.142.3" || AGENT_FREE.test(labels.get(id) ?? "")),
    );
    await both("unarchive", back, ours, theirs);
    const told = await inBoth(binary, ours, theirs, (server, home) => answers(server, home, ids));
    expect(told.ours).toEqual(told.theirs);
    const some = ids.filter((_id, at) => ALL || at % 4 === 1);
    const resumed = await inBoth(binary, ours, theirs, (server) => resumes(server, some));
    expect(resumed.ours).toEqual(resumed.theirs);
    for (const home of [ours, theirs]) home.remove();
  });

  test("deletes the same, and refuses the same", async () => {
    const [ours, theirs] = [ownCopy(corpus), ownCopy(corpus)];
    for (const home of [ours, theirs]) await withServer(binary, home, () => Promise.resolve());
    // Parents first: what others continue is refused.
    await both("delete", chosen(corpus), ours, theirs);
    const told = await inBoth(binary, ours, theirs, (server, home) => answers(server, home, subjects(corpus)));
    expect(told.ours).toEqual(told.theirs);
    for (const home of [ours, theirs]) home.remove();
  });
});

function describeEach(title: string, body: (binary: CodexBinary, corpus: Corpus) => void): void {
  for (const [release, name] of HOMES) {
    if (corpusFolder() === undefined) continue;
    describeWithCodex(release, `${title} ${release}, the home of ${name}`, (binary) => {
      const corpus = unpackCorpus(name);
      afterAll(() => corpus.remove());
      body(binary, corpus);
    });
  }
}

async function inBoth<T>(
  binary: CodexBinary,
  ours: TestHome,
  theirs: TestHome,
  ask: (server: AppServer, home: TestHome) => Promise<T>,
): Promise<{ readonly ours: T; readonly theirs: T }> {
  return {
    ours: await withServer(binary, ours, (server) => ask(server, ours)),
    theirs: await withServer(binary, theirs, (server) => ask(server, theirs)),
  };
}

/** What the release sent for the probed words. It tells the model where the home's own skills lie. */
function requestsOf(probe: Probe | undefined, home: string): unknown {
  if (probe === undefined || probe.refusal !== undefined) return { refusal: probe?.refusal };
  const sent = probe.requests.map(({ input, windowNumber, promptCacheKey }) => ({
    windowNumber,
    promptCacheKey,
    input: input.map(comparable),
  }));
  return JSON.parse(JSON.stringify(sent).replaceAll(home, "$HOME")) as unknown;
}

function rolloutPath(home: TestHome, id: string): string {
  const database = openDatabase(join(home.path, "state_5.sqlite"));
  const [row] = database.all("select rollout_path as path from threads where id = ?", id);
  database.close();
  return String(row?.["path"]);
}

describeWithCodex("0.169.0", "a home that is moved", (binary) => {
  const corpus = corpusFolder() === undefined ? undefined : unpackCorpus("0.169.0");
  afterAll(() => corpus?.remove());

  test.skipIf(corpus === undefined)("is read and resumed, every thread of it", async () => {
    if (corpus === undefined) return;
    const home = testHome(corpus.home);
    const ids = subjects(corpus);
    const count = async (at: TestHome): Promise<readonly [read: number, resumed: number]> =>
      withServer(binary, at, async (server) => {
        const reads: readonly unknown[] = await Promise.all(ids.map((id) => readThread(server, id).catch(String)));
        const resumed = await resumes(server, ids);
        return [reads, resumed].map(
          (all) => all.filter((one) => typeof one !== "string").length,
        ) as unknown as readonly [number, number];
      });
    // As it is after a move by hand: rows name a folder that is not there.
    expect(await count(home)).toEqual([7, 0]);
    const copy = testHome(corpus.home);
    const place = { ...copy, path: join(copy.root, "moved", "home") };
    const report = moveHome(
      { codexHome: copy.path },
      { target: place.path, from: undefined, folders: [], now: Date.now },
    );
    expect(report.how).toBe("renamed");
    const all = await count(place);
    expect(all).toEqual([ids.length, ids.length - archived(place)]);
    table.push(["move --home", corpus.name, binary.version, ids.length, all[0]]);
    // The rows named a third place: the folder in which the home was written.
    expect([report.rows, report.notes]).toEqual([{ threads: expect.any(Number) as number }, []]);
    for (const one of [home, copy]) one.remove();
  });

  test.skipIf(corpus === undefined)("asks the model the same as before, also from other working folders", async () => {
    if (corpus === undefined) return;
    const labels = [
      "exec-plain",
      "multi",
      "compact",
      "revert",
      "fork",
      "fork-of-fork",
      "fork-compact",
      "spawn-v1-two",
      "legacy",
    ];
    const ids = labels.flatMap((label) => corpus.threads.get(label) ?? []);
    const probe = async (home: TestHome): Promise<ReadonlyMap<string, Probe>> =>
      probeThreads(
        binary,
        home,
        ids.map((id) => ({ id, path: rolloutPath(home, id) })),
      );
    const [before, moved, mapped] = [ownCopy(corpus), ownCopy(corpus), ownCopy(corpus)];
    const place = { ...moved, path: join(moved.root, "moved", "home") };
    moveHome({ codexHome: moved.path }, { target: place.path, folders: [], byCopy: true, now: Date.now });
    const work = join(mapped.root, "a folder", "of another length");
    mkdirSync(work, { recursive: true });
    const folders = [{ source: join(corpus.writtenIn, "work"), target: work }];
    const { rollouts } = moveHome({ codexHome: mapped.path }, { target: mapped.path, folders, now: Date.now });
    expect(rollouts).toBeGreaterThan(60);
    const cwds = await withServer(binary, mapped, async (server) =>
      Promise.all(
        ids.map(async (id) => ((await server.request("thread/resume", { threadId: id })) as { cwd: string }).cwd),
      ),
    );
    expect(cwds).toEqual(ids.map(() => work));
    const [old, now, far] = [await probe(before), await probe(place), await probe(mapped)];
    for (const id of ids) {
      expect(old.get(id)?.refusal).toBeUndefined();
      expect(requestsOf(now.get(id), place.path)).toEqual(requestsOf(old.get(id), before.path));
      // The new turn tells of the new folder; what was said before stays as it was.
      expect(far.get(id)?.history.map(comparable)).toEqual(old.get(id)?.history.map(comparable));
    }
    table.push(["move --home --map-cwd", corpus.name, binary.version, ids.length, ids.length]);
    for (const home of [before, moved, mapped]) home.remove();
  });
});

function archived(home: TestHome): number {
  const ids = readdirSync(join(home.path, "archived_sessions"));
  const database = openDatabase(join(home.path, "state_5.sqlite"));
  const agents = database.all("select child_thread_id as id from thread_spawn_edges").map(({ id }) => String(id));
  database.close();
  return ids.filter((name) => !agents.some((id) => name.includes(id))).length;
}

/** Codex makes this database with the first paginated thread of a home that it resumes. */
function withTurnList(corpus: Corpus, home: TestHome): void {
  const path = join(home.path, "thread_history_1.sqlite");
  copyFileSync(join(corpus.home, "thread_history_1.sqlite"), path);
  const database = openDatabase(path);
  database.script("delete from thread_items; delete from thread_turns; delete from thread_history_projection_state");
  database.close();
}

describeWithCodex("0.169.0", "threads that go to another home", (binary) => {
  const corpus = corpusFolder() === undefined ? undefined : unpackCorpus("0.169.0");
  afterAll(() => corpus?.remove());

  test.skipIf(corpus === undefined)("are listed, read and resumed there with the same request", async () => {
    if (corpus === undefined) return;
    const [before, here, there] = [ownCopy(corpus), ownCopy(corpus), testHome()];
    await withServer(binary, there, () => Promise.resolve());
    withTurnList(corpus, there);
    const asked = ["multi", "spawn-v1-two", "named", "goal"].flatMap((label) => corpus.threads.get(label) ?? []);
    const { families } = moveThreads(openHome({ codexHome: here.path }), asked, {
      target: openHome({ codexHome: there.path }),
      now: Date.now,
    });
    expect(families.map(({ outcome }) => outcome)).toEqual(asked.map(() => "done"));
    const ids = families.flatMap(({ threads }) => threads.map(({ id }) => id));
    const labels = ["multi", "fork", "fork-of-fork", "fork-last-turn", "spawn-v1-two", "named"];
    const probed = labels.flatMap((label) => corpus.threads.get(label) ?? []);
    expect(ids).toEqual(expect.arrayContaining(probed));
    const told = async (home: TestHome): Promise<unknown> =>
      withServer(binary, home, async (server) => {
        const all = (await listThreads(server, { sourceKinds: ALL_SOURCES })).filter(({ id }) => ids.includes(id));
        const reads: ClientThread[] = [];
        for (const id of ids) reads.push(await readThread(server, id));
        const goal = await server.request("thread/goal/get", { threadId: corpus.threads.get("goal") }).catch(String);
        return JSON.parse(JSON.stringify([all, reads, goal]).replaceAll(home.path, "$HOME")) as unknown;
      });
    expect(await told(there)).toEqual(await told(before));
    const probe = (home: TestHome): Promise<ReadonlyMap<string, Probe>> =>
      probeThreads(
        binary,
        home,
        probed.map((id) => ({ id, path: rolloutPath(home, id) })),
      );
    const [old, now] = [await probe(before), await probe(there)];
    for (const id of probed) {
      expect(old.get(id)?.refusal).toBeUndefined();
      expect(requestsOf(now.get(id), there.path)).toEqual(requestsOf(old.get(id), before.path));
    }
    // What stayed is all still there.
    const left = subjects(corpus).filter((id) => !ids.includes(id));
    const reads = await withServer(binary, here, async (server) => {
      const found: string[] = [];
      for (const id of left) found.push(await readThread(server, id).then(() => "read", String));
      return found;
    });
    expect(reads).toEqual(left.map(() => "read"));
    expect(existsSync(join(here.path, "rollout-tool", "changes"))).toBe(true);
    table.push(["move --to-home", corpus.name, binary.version, ids.length, probed.length]);
    for (const home of [before, here, there]) home.remove();
  });

  test.skipIf(corpus === undefined)("with their working folders mapped are resumed from there", async () => {
    if (corpus === undefined) return;
    const [here, there] = [ownCopy(corpus), testHome()];
    await withServer(binary, there, () => Promise.resolve());
    const id = corpus.threads.get("fork-of-fork") ?? "";
    const work = join(there.root, "elsewhere");
    mkdirSync(work);
    const folders = folderMap([{ source: join(corpus.writtenIn, "work"), target: work }]);
    moveThreads(openHome({ codexHome: here.path }), [id], {
      target: openHome({ codexHome: there.path }),
      folders,
      now: Date.now,
    });
    const { cwd } = await withServer(
      binary,
      there,
      (server) => server.request("thread/resume", { threadId: id }) as Promise<{ cwd: string }>,
    );
    expect(cwd).toBe(work);
    for (const home of [here, there]) home.remove();
  });
});
