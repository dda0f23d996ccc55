/** The units that an export is cut into, and that it makes no difference who writes them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CrewAnswer, doShare } from "../../src/export/crew.ts";
import { openPartFolder, type PartPlan } from "../../src/export/part-folder.ts";
import { exportToFolder } from "../../src/export/run.ts";
import { JSONL } from "../../src/export/jsonl.ts";
import { type TableName, TABLES } from "../../src/export/schema.ts";
import { WHOLE } from "../../src/export/shard.ts";
import { findThreads, type PlainThread } from "../../src/export/threads.ts";
import { unitsOf } from "../../src/export/unit.ts";
import { Tickets } from "../../src/io/workers.ts";
import { temporaryFolder } from "../support/homes.ts";
import { requestFor, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();
const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

function planFor(out: string): PartPlan {
  return {
    out: join(folder.path, out),
    owner: { home: "/home/user/.codex", host: "here", installation: null },
    name: "x",
    shard: WHOLE,
    settings: { format: "jsonl", schema: 1, tables: TABLE_NAMES, content: true, redacted: false },
    extension: "jsonl",
  };
}

/** Text by path, the note aside. */
function filesBelow(path: string): ReadonlyMap<string, string> {
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".jsonl"));
  return new Map(files.toSorted().map((name) => [name, readFileSync(join(path, name), "utf8")]));
}

function thread(month: string, sizeBytes: number): PlainThread {
  return { month, own: [{ file: { sizeBytes } }] } as unknown as PlainThread;
}

describe("units of an export", () => {
  it("are cut by the months and by bytes", () => {
    const threads = [
      thread("2026-01", 5),
      thread("2026-01", 5),
      thread("2026-01", 1),
      thread("2026-02", 50),
      thread("2026-02", 1),
    ];
    const units = unitsOf(threads, 10).map(({ month, number, threads: own, bytes }) => [
      month,
      number,
      own.length,
      bytes,
    ]);
    expect(units).toEqual([
      ["2026-01", 1, 2, 10],
      ["2026-01", 2, 1, 1],
      ["2026-02", 1, 1, 50],
      ["2026-02", 2, 1, 1],
    ]);
    expect(unitsOf([])).toEqual([]);
  });

  it("have their number in the names of their files from the second of a month on", async () => {
    const request = requestFor(writeExportHome(folder.path));
    const report = await exportToFolder(request, planFor("whole"), { format: JSONL, about: {} });
    expect(new Set(report.files.map(({ path }) => path.split("/").at(-1)))).toEqual(new Set(["part-x-0of1.jsonl"]));
    const { plain } = findThreads(request.source, WHOLE);
    const answers: CrewAnswer[] = [];
    const units = unitsOf(plain.threads, 1);
    const settings = {
      tables: TABLE_NAMES,
      content: true,
      about: {},
      format: "jsonl",
      rawCsv: false,
      redacts: false,
    } as const;
    const { place } = openPartFolder(planFor("cut"));
    const tickets = new Tickets(units.length, undefined, 1).memory;
    // As a helper does it.
    await doShare({ units, places: plain.places, settings: { ...settings, place }, tickets }, undefined, (answer) =>
      answers.push(answer),
    );
    expect(answers.filter(([, told]) => typeof told !== "number").map(([index]) => index)).toEqual([0, 1, 2, 3]);
    const cut = filesBelow(join(folder.path, "cut"));
    const names = new Set(Array.from(cut.keys(), (name) => name.split("/").at(-1)));
    expect(names).toEqual(new Set(["part-x-0of1.jsonl", "part-x-0of1.2.jsonl", "part-x-0of1.3.jsonl"]));
    const rows = (files: ReadonlyMap<string, string>): readonly string[] =>
      [...files.values()].join("").split("\n").toSorted();
    expect(rows(cut)).toEqual(rows(filesBelow(join(folder.path, "whole"))));
    // What they left is the part's: a run that does not write it again takes it away.
    await exportToFolder(request, planFor("cut"), { format: JSONL, about: {} });
    expect(filesBelow(join(folder.path, "cut"))).toEqual(filesBelow(join(folder.path, "whole")));
  });
});
