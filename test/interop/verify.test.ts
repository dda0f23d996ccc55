/**
 * `verify` on homes that real releases wrote: nothing that Codex leaves behind in daily use is more than a note, and each of the notes
 * is known. A home that lies elsewhere than it was written has one error for each of its rows, and no other. Where a finding says that
 * Codex refuses something, the real 0.169.0 does, and takes the neighbour.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { FindingCode } from "../../src/verify/checks.ts";
import { cli } from "../support/cli.ts";
import { change, readTable, runReindex, snapshot } from "../support/homes.ts";
import { threadId } from "../support/lines.ts";
import { readText } from "../support/sources.ts";
import { CASES } from "../verify/cases.ts";
import {
  type CodexBinary,
  describeWithCodex,
  doctor,
  type Release,
  resumeThread,
  testHome,
  withServer,
} from "./codex.ts";
import { fillHome } from "./fresh-home.ts";
import { DAMAGES } from "./damage.ts";
import { type Corpus, CORPUS_NAMES, type CorpusName, corpusFolder, unpackCorpus } from "./corpus.ts";
import { removeScratch, scratchFolder } from "./scratch.ts";

interface Answer {
  readonly counts: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  readonly files: { readonly rollouts: number };
}

async function verify(home: string): Promise<Answer> {
  const { out, err } = await cli(home, ["verify", "--json", "--read-data", "all"]);
  expect(err).toBe("");
  return JSON.parse(out) as Answer;
}

/** Interrupted calls and turns, reviews, old layouts; what each code means stands in docs/findings.md. */
const NOTES: Readonly<Record<CorpusName, Readonly<Record<string, number>>>> = {
  "0.47.0": { "database-absent": 1, "line-refused": 16 },
  "0.77.0": { "call-no-output": 2, "database-absent": 1, "line-retired": 100 },
  "0.98.0": { "call-no-output": 2, "database-absent": 1 },
  "0.128.0": {
    "call-no-output": 2,
    "line-retired": 3,
    "row-differs": 1,
    "turn-not-ended": 5,
    "turn-open-last": 1,
    "turn-other-id": 4,
  },
  "0.142.3": { "call-no-output": 2, "row-differs": 1, "turn-not-ended": 6, "turn-open-last": 1, "turn-other-id": 4 },
  "0.142.3-zst": {
    "archive-no-checksum": 41,
    "call-no-output": 2,
    "row-differs": 1,
    "turn-not-ended": 6,
    "turn-open-last": 1,
    "turn-other-id": 4,
  },
  "0.169.0": { "call-no-output": 6, "turn-not-ended": 1, "turn-open-last": 1, "turn-other-id": 2 },
  "0.169.0-zst": {
    "archive-no-checksum": 41,
    "call-no-output": 6,
    "turn-not-ended": 1,
    "turn-open-last": 1,
    "turn-other-id": 2,
  },
};

describe.skipIf(corpusFolder() === undefined).each(CORPUS_NAMES)("the home of %s", (name) => {
  let corpus: Corpus;
  beforeAll(() => {
    corpus = unpackCorpus(name);
  });
  afterAll(() => corpus.remove());

  it("gives notes alone, once its rows know where it lies", async () => {
    const { home } = corpus;
    const database = join(home, "state_5.sqlite");
    if (existsSync(database)) {
      const moved = await verify(home);
      expect(moved.counts).toMatchObject({ error: readTable(home).length, warning: 0 });
      expect(moved.codes).toMatchObject({ "row-path-wrong": readTable(home).length });
      change(home, `update threads set rollout_path = replace(rollout_path, '${corpus.writtenIn}/home', '${home}')`);
    }
    const before = snapshot(home);
    const { counts, codes } = await verify(home);
    expect(counts).toMatchObject({ error: 0, warning: 0 });
    expect(codes).toEqual(NOTES[name]);
    expect(snapshot(home)).toEqual(before);
  });
});

/** What is found beyond the notes of the home. A log that is cut or gone leaves a sound database of an earlier moment. */
const FOUND: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  nothing: {},
  "zero length": { "database-absent": 1 },
  "database deleted": { "database-absent": 1 },
  "database and session index deleted": { "database-absent": 1 },
  "everything in the WAL, main file's header zeroed": {},
  "WAL overwritten": {},
  "WAL overwritten from its second transaction on": {},
  "WAL deleted": {},
  "backfill stuck at running": { "backfill-running": 1 },
  "migration row with a wrong checksum": { "migration-checksum": 1 },
  "migration row with success = 0": { "migration-unfinished": 1 },
  "migration rows deleted": { "migration-missing": 1 },
  "migration row of an unknown level (999)": { "migration-unknown": 1 },
  "half of the rows of threads deleted": { "row-missing": 37 },
  "home moved": { "row-path-wrong": 74 },
};

/** All others. */
const DAMAGED = { "database-damaged": 1 };

describe.skipIf(corpusFolder() === undefined)("a home of 0.169.0 with a damaged database", () => {
  let corpus: Corpus;
  beforeAll(() => {
    corpus = unpackCorpus("0.169.0");
  });
  afterAll(() => corpus.remove());

  it.each(DAMAGES.map((damage) => [damage.name, damage] as const))("%s", async (name, damage) => {
    const folder = scratchFolder("verify");
    try {
      const home = join(folder, "home");
      execFileSync("cp", ["-a", corpus.home, home]);
      change(home, `update threads set rollout_path = replace(rollout_path, '${corpus.writtenIn}/home', '${home}')`);
      const database = join(home, "state_5.sqlite");
      const damaged = damage.apply({ home, file: database, database });
      const { codes } = await verify(damaged.home);
      expect(codes).toEqual({ ...NOTES["0.169.0"], ...(FOUND[name] ?? DAMAGED) });
    } finally {
      removeScratch(folder);
    }
  });
});

/** Codes of which docs/findings.md says that Codex refuses something, and the thread of the case that it refuses; none: it does not start. */
const REFUSED: readonly (readonly [FindingCode, number | undefined])[] = [
  ["file-empty", 1],
  ["file-no-metadata", 1],
  ["file-bom", 1],
  ["file-unknown-mode", 1],
  ["file-metadata-late", 1],
  ["file-form", 1],
  ["agent-prefix-incomplete", 1],
  ["line-not-utf8", 1],
  ["ordinal-missing-last", 1],
  ["lineage-missing-source", 2],
  ["lineage-cycle", 2],
  ["lineage-not-paginated", 2],
  ["lineage-cuts-metadata", 2],
  ["lineage-past-end", 2],
  ["lineage-no-metadata", 2],
  ["lineage-unknown-mode", 2],
  ["archive-broken", 1],
  ["archive-window", 1],
  ["archive-trailing", 1],
  ["migration-checksum", undefined],
  ["migration-unfinished", undefined],
  ["migration-missing", undefined],
  ["migration-mixed", undefined],
  ["migration-foreign", undefined],
  ["backfill-unknown", undefined],
  ["row-unknown-mode", 1],
  ["row-dangling-section", 1],
  ["row-path-wrong", 1],
  ["row-other-thread", 1],
];

/** Whether that release starts on a home, and resumes a thread of it. */
async function resumes(
  binary: CodexBinary,
  fill: (home: string) => void,
  thread: number | undefined,
): Promise<boolean> {
  const home = testHome();
  try {
    fill(home.path);
    await withServer(binary, home, async (server) => {
      if (thread !== undefined) await resumeThread(server, threadId(thread));
    });
    return true;
  } catch {
    return false;
  } finally {
    home.remove();
  }
}

describeWithCodex("0.169.0", "Codex 0.169.0", (binary) => {
  it.each(REFUSED)("refuses a home with %s, and takes its neighbour", async (code, thread) => {
    expect(await resumes(binary, CASES[code].yields, thread)).toBe(false);
    expect(await resumes(binary, CASES[code].neighbour, thread)).toBe(true);
  });
});

/** Rollouts, and what is found, when all is over. The turn that was killed has no end, nor has the call in it. */
const DAY: Readonly<Record<Release, readonly [number, Readonly<Record<string, number>>]>> = {
  "0.142.3": [10, {}],
  "0.169.0": [20, { "lock-left": 1 }],
};

describe.each(["0.142.3", "0.169.0"] as const)("a home that was made just now by", (release) => {
  describeWithCodex(release, release, (binary) => {
    it("gives notes alone, whenever one looks", async () => {
      const home = testHome();
      const found: Record<string, unknown> = {};
      let rollouts = 0;
      try {
        await fillHome(binary, home, async (moment) => {
          const { counts, codes, files } = await verify(home.path);
          expect(counts).toMatchObject({ error: 0, warning: 0 });
          found[moment] = codes;
          rollouts = files.rollouts;
        });
      } finally {
        home.remove();
      }
      const [count, left] = DAY[release];
      expect(rollouts).toBe(count);
      expect(found).toEqual({
        "threads are open": {},
        "a turn runs": { "call-no-output": 1, "turn-open-last": 1 },
        "the release was killed": { "call-no-output": 1, "turn-open-last": 1, ...left },
        "all is over": { "call-no-output": 1, "turn-not-ended": 1 },
      });
    });
  });
});

/** The second column of the table at the end of docs/findings.md, by code. */
function doctorTable(): readonly (readonly [FindingCode, string])[] {
  const page = readText("docs/findings.md");
  const rows = page.slice(page.indexOf("## Beside codex doctor")).matchAll(/^\| `([\w-]+)` \| (.*?) \|$/gm);
  return Array.from(rows, ([, code = "", said = ""]) => [code as FindingCode, said]);
}

describeWithCodex("0.169.0", "codex doctor 0.169.0", (binary) => {
  it.each(doctorTable())("says of a home with %s: %s", async (code, said) => {
    const home = testHome();
    try {
      CASES[code].yields(home.path);
      // A home without an index would be told for that alone.
      if (!existsSync(join(home.path, "state_5.sqlite"))) runReindex(home.path);
      const { codes } = await verify(home.path);
      expect(Object.keys(codes)).toContain(code);
      const checks = Object.values(await doctor(binary, home)).filter(({ status }) => status !== "ok");
      expect(checks.map(({ status, summary }) => `${status}: ${summary}`).join("; ") || "nothing").toBe(said);
    } finally {
      home.remove();
    }
  });
});
