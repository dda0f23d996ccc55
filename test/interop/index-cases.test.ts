/**
 * The expectations of `fixtures/index` come from the real releases: each case is given to the binary, which indexes it
 * anew. With `ROLLOUT_TOOL_RECORD=1` they are written instead of compared.
 */
import { expect, it } from "vitest";

import type { SqlRow } from "../../src/io/sqlite.ts";
import { expectedForm, listCases, readExpected, record, unpackCase } from "../support/cases.ts";
import { backfill, describeWithCodex, testHome, writeCodexConfig, type Row } from "./codex.ts";

for (const release of ["0.169.0", "0.142.3"] as const) {
  describeWithCodex(release, `Codex ${release}`, (binary) => {
    it.each(listCases())("indexes case $number: $title", async (found) => {
      const home = testHome();
      unpackCase(found, home.root);
      writeCodexConfig(home.path);
      const { rows } = await backfill(binary, home);
      const form = (row: Row) => expectedForm(row as SqlRow, home.root);
      const index = { threads: rows.threads.map(form), edges: rows.edges.map(form) };
      if (process.env["ROLLOUT_TOOL_RECORD"] === "1") record(found, { [release]: index });
      else expect(index).toEqual(readExpected(found)[release]);
      home.remove();
    });
  });
}
