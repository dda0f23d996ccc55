/**
 * The client's view of a paginated thread: a projection that is left at any byte and gone on with is the one of the whole,
 * and the end alone tells the turns that began in it. `ROLLOUT_TOOL_RUNS=67` looks at 20,100 threads instead of 300.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type OpenedThread, openThread } from "../../src/analysis/open-thread.ts";
import type { SavedTurns } from "../../src/analysis/thread-suffix.ts";
import { openHome } from "../../src/readers/home.ts";
import type { Turns } from "../../src/thread/items.ts";
import { runs } from "../support/budget.ts";
import { chains, compressed, type Form, type GeneratedFile } from "../support/generate-chain.ts";
import { paginatedThreads } from "../support/generate-turns.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { restPerRun } from "../support/rest.ts";
import { linesOf } from "../thread/shorthand.ts";
import { sessionPath, threadId } from "../support/lines.ts";

const folder = temporaryFolder();
const LIMIT_MS = runs(300_000).numRuns;
const forms = fc.constantFrom<Form>("plain", "plain", "frame", "frames");

function open(files: Readonly<Record<string, Buffer>>, path: string): OpenedThread {
  const home = join(folder.path, "home");
  rmSync(home, { recursive: true, force: true });
  writeHome(home, files);
  return openThread(openHome({ codexHome: home }), path);
}

function inForm(path: string, text: Buffer, form: Form): Readonly<Record<string, Buffer>> {
  return form === "plain" ? { [path]: text } : { [`${path}.zst`]: compressed(text, form) };
}

/** The own file of a chain, which ends at a byte of it; at least its metadata is there. */
function cutAt(text: Buffer, share: number): Buffer {
  const meta = text.indexOf(10, text.indexOf('"session_meta"')) + 1;
  return text.subarray(0, meta + Math.floor(share * (text.length - meta)));
}

test(
  "a projection that was left at any byte goes on to that of the whole",
  async () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 });
    const paginated = chains.filter(([first]) => first?.text.includes('"history_mode":"paginated"') === true);
    await fc.assert(
      fc.asyncProperty(paginated, shares, forms, async (files, stops, form) => {
        await restPerRun();
        const { text, path } = files.at(-1) as GeneratedFile;
        const sources = Object.fromEntries(files.slice(0, -1).map((file) => [file.path, file.text]));
        let saved: SavedTurns | undefined;
        for (const share of [...stops.toSorted((a, b) => a - b), 1]) {
          const thread = open({ ...sources, ...inForm(path, cutAt(text, share), form) }, path);
          if (thread.historyMode !== "paginated") return;
          const projected = thread.projectTurns(saved);
          expect(projected.turns).toEqual(thread.turns());
          saved = JSON.parse(JSON.stringify(projected.saved)) as SavedTurns;
        }
      }),
      runs(150),
    );
  },
  LIMIT_MS,
);

test(
  "the end of a file tells the turns that began in it",
  async () => {
    let told = 0;
    await fc.assert(
      fc.asyncProperty(
        paginatedThreads,
        fc.double({ min: 0, max: 1, noNaN: true }),
        forms,
        async (rows, share, form) => {
          await restPerRun();
          const text = Buffer.from(`${linesOf(rows.join("\n"), { threadId: threadId(1) }).join("\n")}\n`);
          const offset = Math.floor(share * text.length);
          const thread = open(inForm(sessionPath(1), text, form), sessionPath(1));
          const suffix = thread.turnsFrom(offset);
          expect(withoutLines(suffix.turns)).toEqual(withoutLines(startingAt(thread.turns(), offset)));
          told += suffix.turns.turns.length;
        },
      ),
      runs(300),
    );
    expect(told).toBeGreaterThan(300);
  },
  LIMIT_MS,
);

function startingAt({ turns, places, ...rest }: Turns, offset: number): Turns {
  const first = places.findIndex(({ opened }) => opened.offset >= offset);
  const at = first === -1 ? places.length : first;
  return { ...rest, turns: turns.slice(at), places: places.slice(at) };
}

function withoutLines({ turns, places }: Turns): unknown {
  return [turns, JSON.parse(JSON.stringify(places, (key, value: unknown) => (key === "line" ? 0 : value)))];
}
