/**
 * Forks, reverts, copies and agents of `fixtures/lineage`: the history that the engine makes of the files of a thread is what
 * the real 0.169.0 sends to its model when it resumes it, and where a chain is broken, 0.169.0 refuses the thread for the
 * same reason.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { openHome } from "../../src/readers/home.ts";
import type { LineageFault } from "../../src/readers/lineage.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { type LineageCase, lineageCases } from "../support/lineage-cases.ts";
import { describeWithCodex, skipAloud, type TestHome, testHome } from "./codex.ts";
import { comparable } from "./history-compare.ts";
import { probeThreads, STAND_IN } from "./history-probe.ts";

/** What the refusal speaks of. */
const REFUSALS: Readonly<Partial<Record<LineageFault, RegExp>>> = {
  "missing-source": /missing source/,
  cycle: /cycle/,
  "not-paginated": /not paginated/,
  "cuts-metadata": /source session metadata/,
  "past-end": /past the source/,
  "no-metadata": /start with session metadata/,
  "unknown-mode": /history_mode: unknown/,
};

/** Cases that 0.169.0 cannot be asked about. */
const NOT_ASKED: Readonly<Record<string, string>> = {
  "agents-v2": "an agent of this kind is resumed with its parent only, and takes no input from a client",
  "agents-v2-0.142": "an agent of this kind is resumed with its parent only, and takes no input from a client",
  identity: "the release gives the thread that the metadata names, another one than it was asked for",
};

const cases = lineageCases();
const asked = cases.filter(({ name }) => NOT_ASKED[name] === undefined);

describeWithCodex("0.169.0", "the cases of fixtures/lineage", (binary) => {
  let copy: TestHome | undefined;
  afterEach(() => copy?.remove());

  function prepare({ home }: LineageCase): TestHome {
    copy = testHome(home);
    for (const file of readdirSync(copy.path, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".jsonl")) continue;
      const path = join(copy.path, file);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll('"openai"', `"${STAND_IN}"`));
    }
    return copy;
  }

  test.each(asked.filter(({ fault }) => fault === undefined))("$name", async (each) => {
    const { thread: id = "" } = each;
    const home = prepare(each);
    const thread = openThread(openHome({ codexHome: home.path }), id);
    const histories = [true, false].map((fullReplay) => {
      const { request } = thread.history({ asRequest: true, truncation: FALLBACK_TRUNCATION, fullReplay });
      return request?.items.map(({ item }) => comparable(item));
    });
    const probe = (await probeThreads(binary, home, [{ id, path: thread.path }])).get(id);
    expect(probe?.refusal).toBeUndefined();
    const theirs = probe?.history.map(comparable);
    expect(histories).toEqual([theirs, theirs]);
  });

  test.each(asked.filter(({ fault }) => fault !== undefined))("$name is refused", async (each) => {
    const { thread: id = "", fault = "cycle" } = each;
    const home = prepare(each);
    const probe = (await probeThreads(binary, home, [{ id, path: join(home.path, "config.toml") }])).get(id);
    expect(probe?.refusal).toMatch(REFUSALS[fault] ?? fault);
  });

  describe.skip("not asked", () => {
    for (const [name, reason] of Object.entries(NOT_ASKED)) {
      skipAloud(`the case ${name} of fixtures/lineage: ${reason}`);
      test(`${name}: ${reason}`, () => undefined);
    }
  });
});
