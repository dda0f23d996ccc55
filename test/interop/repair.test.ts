/**
 * Damaged homes after `verify --repair`, before the real 0.169.0: it starts, lists, resumes and reads, and what it sends to its
 * model, and the turns that it shows, are those of a thread that never was damaged.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { FindingCode } from "../../src/verify/checks.ts";
import { isRepairable } from "../../src/verify/repairs.ts";
import { cli } from "../support/cli.ts";
import { change } from "../support/homes.ts";
import { threadId } from "../support/lines.ts";
import { CASES } from "../verify/cases.ts";
import {
  ALL_SOURCES,
  type AppServer,
  type ClientThread,
  type CodexBinary,
  describeWithCodex,
  readThread,
  resumeThread,
  testHome,
  withServer,
} from "./codex.ts";
import { type Corpus, corpusFolder, unpackCorpus } from "./corpus.ts";
import { DAMAGES } from "./damage.ts";
import { comparable } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";
import { type Files, type RolloutDamage, ROLLOUT_DAMAGES, textOf, threadLines } from "./repair-damage.ts";

type Codes = Readonly<Partial<Record<FindingCode, number>>>;

interface RepairAnswer {
  readonly repairs: readonly { readonly outcome: string; readonly message?: string }[];
  readonly after: { readonly counts: { readonly error: number; readonly warning: number }; readonly codes: Codes };
}

async function repair(home: string): Promise<RepairAnswer> {
  const { out, err } = await cli(home, ["verify", "--repair", "--json", "--read-data", "all"]);
  expect(err).toBe("");
  return JSON.parse(out) as RepairAnswer;
}

interface Thread {
  readonly title: string;
  readonly id: string;
  readonly damaged: Files;
  readonly sound: Files;
}

const KINDS = ["legacy", "paginated"] as const;

/** The same for both homes, so that the requests may be compared whole. */
const CWD = "/";

const THREADS: readonly Thread[] = ROLLOUT_DAMAGES.flatMap((damage) =>
  KINDS.filter((kind) => damage.only === undefined || damage.only === kind).map((kind) => ({ damage, kind })),
).map(({ damage, kind }, index) => threadOf(damage, kind, index));

function threadOf({ name, damage, left }: RolloutDamage, kind: (typeof KINDS)[number], index: number): Thread {
  const id = `01a20000-0000-7000-8000-${String(index).padStart(12, "0")}`;
  const path = `sessions/2026/11/21/rollout-2026-11-21T00-29-49-${id}.jsonl`;
  const lines = threadLines(kind, id, CWD);
  return {
    title: `${name}, ${kind}`,
    id,
    damaged: damage(lines, path),
    sound: { [path]: textOf(left?.(lines) ?? lines) },
  };
}

/** Ids of whatever provider and source, which the configuration would choose from. */
async function listAll(server: AppServer, query: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const all = { limit: 100, modelProviders: [], sourceKinds: ALL_SOURCES };
  const { data } = (await server.request("thread/list", { ...all, ...query })) as { data: readonly ClientThread[] };
  return data.map(({ id }) => id);
}

interface Seen {
  readonly probes: ReadonlyMap<string, Probe>;
  readonly listed: readonly string[];
  readonly turns: ReadonlyMap<string, ClientThread["turns"]>;
}

/** A paginated thread shows its turns once it was resumed, so that the probe comes first. */
async function seen(
  binary: CodexBinary,
  threads: readonly Thread[],
  which: "damaged" | "sound",
): Promise<Seen & { readonly answer: RepairAnswer | undefined }> {
  const home = testHome();
  try {
    for (const thread of threads) {
      for (const [path, bytes] of Object.entries(thread[which])) {
        mkdirSync(dirname(join(home.path, path)), { recursive: true });
        writeFileSync(join(home.path, path), bytes);
      }
    }
    const answer = which === "damaged" ? await repair(home.path) : undefined;
    const listed = await withServer(binary, home, (server) => listAll(server, {}));
    // What a turn writes is not looked at, and an archive becomes another file.
    const path = join(home.path, "config.toml");
    const probes = await probeThreads(
      binary,
      home,
      threads.map(({ id }) => ({ id, path })),
    );
    const turns = await withServer(binary, home, async (server) => {
      const found = new Map<string, ClientThread["turns"]>();
      for (const { id } of threads) {
        const thread = await readThread(server, id).catch(() => undefined);
        if (thread !== undefined) found.set(id, thread.turns.slice(0, -1));
      }
      return found;
    });
    return { answer, probes, listed, turns };
  } finally {
    home.remove();
  }
}

describe.each(["0.169.0", "0.142.3"] as const)("rollouts after verify --repair, before %s", (release) => {
  // 0.142.3 knows no paginated threads.
  const threads = THREADS.filter(({ title }) => release === "0.169.0" || title.endsWith("legacy"));
  describeWithCodex(release, release, (binary) => {
    let repaired: Awaited<ReturnType<typeof seen>>;
    let sound: Seen;
    beforeAll(async () => {
      repaired = await seen(binary, threads, "damaged");
      sound = await seen(binary, threads, "sound");
    });

    it("are all mended", () => {
      const { repairs = [], after } = repaired.answer ?? {};
      expect(repairs.filter(({ outcome }) => outcome !== "done")).toEqual([]);
      // Of the record that was overwritten nothing is left but its number.
      const gap = release === "0.169.0" ? { "ordinal-gap": 1 } : {};
      expect(after?.codes).toEqual({ "database-absent": 1, ...gap });
    });

    it.each(threads.map((thread) => [thread.title, thread] as const))("%s", (_title, { id }) => {
      const request = (of: Seen) =>
        JSON.parse(textFrom(of.probes.get(id)?.requests[0]?.input.map(comparable))) as unknown[];
      expect(repaired.probes.get(id)?.refusal).toBeUndefined();
      expect(request(repaired).length).toBeGreaterThan(4);
      expect(request(repaired)).toEqual(request(sound));
      expect(repaired.listed).toContain(id);
      expect(repaired.turns.get(id)?.length).toBe(2);
      expect(repaired.turns.get(id)).toEqual(sound.turns.get(id));
    });
  });
});

/** The model is told where the home lies. */
function textFrom(value: unknown): string {
  return JSON.stringify(value ?? []).replaceAll(/rollout-tool-interop-\w+/g, "(home)");
}

/** Of thread 1, with a database that keeps Codex from starting, or it from opening the thread. */
const REFUSED: readonly FindingCode[] = [
  "file-bom",
  "file-metadata-late",
  "file-form",
  "line-not-utf8",
  "ordinal-missing-last",
  "archive-trailing",
  "pair-archive-longer",
  "migration-checksum",
  "migration-unfinished",
  "migration-missing",
  "migration-mixed",
  "backfill-unknown",
  "row-bad-id",
  "row-unknown-mode",
  "row-dangling-section",
  "row-path-wrong",
  "row-other-thread",
  "database-damaged",
  "schema-incomplete",
  "schema-unindexed",
  "database-reference",
  "row-archived-wrong",
  "row-missing",
];

describeWithCodex("0.169.0", "homes after verify --repair", (binary) => {
  it.each(REFUSED)("%s", async (code) => {
    expect(isRepairable(code)).toBe(true);
    const home = testHome();
    try {
      CASES[code].yields(home.path);
      const { after } = await repair(home.path);
      expect(after.counts).toMatchObject({ error: 0, warning: 0 });
      const thread = await withServer(binary, home, async (server) => {
        const listed = await listAll(server, { useStateDbOnly: existsSync(join(home.path, "state_5.sqlite")) });
        expect(listed).toContain(threadId(1));
        return resumeThread(server, threadId(1));
      });
      expect(thread.id).toBe(threadId(1));
    } finally {
      home.remove();
    }
  });
});

/** What is left of the notes of the home, once its database is mended; rows that are lost tell less than the rollouts. */
describe.skipIf(corpusFolder() === undefined)(
  "the home of 0.169.0 with a damaged database, after verify --repair",
  () => {
    let corpus: Corpus;
    beforeAll(() => {
      corpus = unpackCorpus("0.169.0");
    });
    afterAll(() => corpus.remove());

    describeWithCodex("0.169.0", "0.169.0", (binary) => {
      it.each(DAMAGES.map((damage) => [damage.name, damage] as const))("%s", async (name, damage) => {
        const home = testHome(corpus.home);
        try {
          const file = join(home.path, "state_5.sqlite");
          change(
            home.path,
            `update threads set rollout_path = replace(rollout_path, '${corpus.writtenIn}/home', '${home.path}')`,
          );
          const damaged = damage.apply({ home: home.path, file, database: file });
          const { after } = await repair(damaged.home);
          expect(after.counts).toMatchObject({ error: 0, warning: 0 });
          const listed = await withServer(binary, { ...home, path: damaged.home }, (server) => listAll(server, {}));
          expect(listed.length).toBe(LISTED - (ABSENT.has(name) ? 1 : 0));
        } finally {
          home.remove();
        }
      });
    });
  },
);

/** Active threads of the home, each once for each of its files. */
const LISTED = 64;
/** Codex then makes a database itself, and lists no fork that nobody has said anything in (observed §4). */
const ABSENT: ReadonlySet<string> = new Set(["zero length", "database deleted", "database and session index deleted"]);
