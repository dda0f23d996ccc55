/** Whatever a paginated thread is made of: what the model has of it, and what a client shows, is the same once it is legacy. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";

import { RolloutError } from "../../src/errors.ts";
import { runs } from "../support/budget.ts";
import { chains, type Form, homeOf } from "../support/generate-chain.ts";
import { paginatedThreads } from "../support/generate-turns.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { sessionPath, threadId } from "../support/lines.ts";
import { restPerRun } from "../support/rest.ts";
import { linesOf } from "../thread/shorthand.ts";
import { type Converted, convertHome } from "./legacy-drive.ts";

const folder = temporaryFolder();
const LIMIT_MS = runs(300_000).numRuns;

/** Empty where the thread is one that is refused. */
function convertedIn(files: Readonly<Record<string, Buffer>>): readonly Converted[] {
  const home = join(folder.path, "home");
  rmSync(home, { recursive: true, force: true });
  writeHome(home, files);
  try {
    return convertHome(home).converted;
  } catch (error) {
    if (error instanceof RolloutError && error.code === "unsupported") return [];
    throw error;
  }
}

function forbidden(converted: readonly Converted[]): readonly string[] {
  return converted.flatMap(({ differences }) =>
    differences.flatMap(({ view, words, allowed }) => (allowed === undefined ? [`${view}: ${words}`] : [])),
  );
}

test(
  "turns, also of items that came late and changed",
  async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(paginatedThreads, async (rows) => {
        await restPerRun();
        const text = `${linesOf(rows.join("\n"), { threadId: threadId(1) }).join("\n")}\n`;
        const converted = convertedIn({ [sessionPath(1)]: Buffer.from(text) });
        seen += converted.length;
        expect(forbidden(converted)).toEqual([]);
      }),
      runs(150),
    );
    expect(seen).toBeGreaterThan(100);
  },
  LIMIT_MS,
);

test(
  "the model's history, of threads of several files and in any state",
  async () => {
    let seen = 0;
    const forms = fc.array(fc.constantFrom<Form>("plain", "plain", "frame", "frames"), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(chains, forms, async (files, used) => {
        await restPerRun();
        const converted = convertedIn(homeOf(files, used));
        seen += converted.length;
        expect(forbidden(converted).filter((words) => !words.startsWith("turns"))).toEqual([]);
      }),
      runs(150),
    );
    // Many have rollbacks, and are refused.
    expect(seen).toBeGreaterThan(15);
  },
  LIMIT_MS,
);
