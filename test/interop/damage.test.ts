/**
 * Every damage of `damage.ts`, healed by `reindex`: the real binary lists and shows all threads again, and every value that
 * still stands on a readable page is back.
 *
 * With ROLLOUT_TOOL_TABLES=<file> a Markdown table is appended to that file, with what Codex's own recovery brings back of
 * the same damage beside it (this takes a minute more).
 */
import { appendFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { codexRelease, type Release } from "./codex.ts";
import { corpusFolder, type CorpusName } from "./corpus.ts";
import { DAMAGES, type Damage } from "./damage.ts";
import {
  healWithCodex,
  healWithTool,
  listedOf,
  preparePatient,
  readableOf,
  salvageable,
  valuesBefore,
  type Healed,
  type OwnRecovery,
  type Patient,
} from "./recovery.ts";
import { GROUPS, kept, type UserValues } from "./user-data.ts";

const tables = process.env["ROLLOUT_TOOL_TABLES"];

const WARDS: readonly {
  readonly release: Release;
  readonly corpus: CorpusName;
  readonly damages: readonly Damage[];
}[] = [
  { release: "0.169.0", corpus: "0.169.0", damages: DAMAGES },
  // An older level, and the release that writes it: the damages that touch pages or rows.
  {
    release: "0.142.3",
    corpus: "0.142.3",
    damages: DAMAGES.filter(({ name }) => !name.startsWith("thread_history") && !name.startsWith("migration row of")),
  },
];

for (const { release, corpus, damages } of WARDS) {
  const binary = corpusFolder() === undefined ? undefined : codexRelease(release);
  describe.skipIf(binary === undefined)(`a home of ${release}, damaged and healed`, () => {
    let patient!: Patient;
    beforeAll(async () => {
      if (binary === undefined) return;
      patient = await preparePatient(binary, corpus);
      writeHead(release, patient);
    });
    afterAll(() => patient?.home.remove());

    it.each(damages.map((damage) => [damage.name, damage] as const))("%s", async (_, damage) => {
      if (binary === undefined) return;
      const healed = await healWithTool(binary, patient, damage);
      if (tables !== undefined) writeRow(patient, damage, healed, await healWithCodex(binary, patient, damage));
      expect(healed.integrity).toEqual(["ok"]);
      expect(healed.sight.live).toEqual(patient.healthy.live);
      expect(healed.sight.archived).toEqual(patient.healthy.archived);
      expect(healed.sight.all).toEqual(patient.healthy.all);
      for (const [id, turns] of patient.healthy.turns) {
        if (healed.damaged.turnsGone === true)
          expect(healed.sight.turns.get(id) === undefined, id).toBe(turns === undefined);
        else expect(healed.sight.turns.get(id), id).toEqual(turns);
      }
      const wanted = salvageable(patient, healed.damaged);
      const missing = [...wanted].filter(([name, { value }]) => healed.values.get(name)?.value !== value);
      expect(
        missing.map(([name, { value }]) => `${name} ${value} → ${healed.values.get(name)?.value ?? "nothing"}`),
      ).toEqual([]);
      for (const [name, { key, value }] of wanted) {
        // A client is shown it too, not only the database holds it.
        const shown = healed.sight.names.get(key);
        if (name.startsWith("threads.name/") && shown !== undefined) expect(shown).toBe(JSON.parse(value));
      }
    });
  });
}

function writeHead(release: Release, { values }: Patient): void {
  if (tables === undefined) return;
  const cells = ["damage", "side", "threads listed", "read alike", "values back", ...GROUPS];
  appendFileSync(
    tables,
    `### Damage and recovery, ${release} (${String(values.size)} values that only the database knew)\n\n`,
  );
  appendFileSync(tables, `| ${cells.join(" | ")} |\n|${cells.map(() => "---").join("|")}|\n`);
}

function writeRow(patient: Patient, damage: Damage, healed: Healed, own: OwnRecovery): void {
  if (tables === undefined) return;
  const { healthy } = patient;
  const before = valuesBefore(patient, healed.damaged);
  const reachable = salvageable(patient, healed.damaged).size;
  const rows = [
    [
      `${damage.name} (${String(reachable)} readable)`,
      "reindex",
      listedOf(healthy, healed.sight),
      readableOf(healthy, healed.sight),
      ...valueCells(before, healed.values),
    ],
    [
      "",
      "Codex",
      own.sight === undefined ? `none: ${refusalOf(own.refusal)}` : listedOf(healthy, own.sight),
      own.sight === undefined ? "" : readableOf(healthy, own.sight),
      ...valueCells(before, own.values),
    ],
  ];
  for (const cells of rows) appendFileSync(tables, `| ${cells.join(" | ")} |\n`);
}

function valueCells(before: UserValues, after: UserValues): readonly string[] {
  const counts = kept(before, after);
  const sum = GROUPS.reduce(
    (total, group) => ({ of: total.of + counts[group].of, kept: total.kept + counts[group].kept }),
    { of: 0, kept: 0 },
  );
  return [sum, ...GROUPS.map((group) => counts[group])].map((count) => `${String(count.kept)}/${String(count.of)}`);
}

/** Why it does not start, in a few words: what stands last in a chain of causes, without the places. */
function refusalOf(text: string): string {
  const cause =
    /timed out waiting[^\n]*|migration \d+ [^\n]*|database disk image is malformed|file is not a database/u.exec(text);
  return (cause?.[0] ?? "does not start")
    .replaceAll("|", "/")
    .replaceAll(/\/\S*\/(?=\S)/gu, "…/")
    .slice(0, 120);
}
