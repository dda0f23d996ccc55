import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import type { TableFormat } from "../../src/export/format.ts";
import { JSONL } from "../../src/export/jsonl.ts";
import { isPartName, openPartFolder, partName, type PartPlan } from "../../src/export/part-folder.ts";
import { exportToFolder } from "../../src/export/run.ts";
import { TABLES } from "../../src/export/schema.ts";
import { temporaryFolder } from "../support/homes.ts";
import { requestFor, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();

function plan(changes: Partial<PartPlan> = {}): PartPlan {
  return {
    out: join(folder.path, "data"),
    owner: { home: "/home/user/.codex", host: "here", installation: null },
    name: undefined,
    shard: { index: 0, count: 1 },
    settings: { format: "jsonl", schema: 1, tables: Object.keys(TABLES), content: true, redacted: false },
    extension: "jsonl",
    ...changes,
  };
}

function filesBelow(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

describe("names of parts", () => {
  it("are made of the home's path and id, and the shard", () => {
    const { home, host } = plan().owner;
    const names = [
      partName(plan()),
      partName(plan({ owner: { home: "/other", host, installation: null } })),
      partName(plan({ owner: { home, host, installation: "25337ace" } })),
      partName(plan({ shard: { index: 1, count: 4 } })),
      partName(plan({ name: "host7" })),
    ];
    expect(new Set(names).size).toBe(5);
    expect(names[3]).toMatch(/^part-[0-9a-f]{12}-1of4$/);
    expect(names[4]).toBe("part-host7-0of1");
    // The machine is no part of it: a scheduler may repeat a shard on another one.
    expect(partName(plan({ owner: { home, host: "there", installation: null } }))).toBe(names[0]);
  });

  it("cannot leave their folder, or hide", () => {
    for (const name of ["host7", "a.b_c-d", "7"]) expect([name, isPartName(name)]).toEqual([name, true]);
    for (const name of ["", ".", "..", "../x", "a/b", ".hidden", "_x", "-x", "a b", "x".repeat(101)])
      expect([name, isPartName(name)]).toEqual([name, false]);
  });

  it("of one home may begin like another's", () => {
    openPartFolder(plan({ name: "a-1", shard: { index: 0, count: 2 } }));
    expect(openPartFolder(plan({ name: "a" })).name).toBe("part-a-0of1");
  });
});

describe("a run that fails", () => {
  /** Fails at the third row of a table. */
  const failing: TableFormat = {
    extension: "jsonl",
    open: (kind, sink) => {
      const writer = JSONL.open(kind, sink);
      let rows = 0;
      return {
        add: (row) => {
          rows += 1;
          if (rows > 2) throw new RolloutError("disk-full", "no space is left on the disk");
          writer.add(row);
        },
        finish: () => writer.finish(),
      };
    },
  };

  it("leaves whole files and a note that says so, and can be run again", async () => {
    const request = requestFor(writeExportHome(folder.path));
    await expect(exportToFolder(request, plan(), { format: failing, about: {} })).rejects.toThrow("no space is left");
    const { out } = plan();
    expect(filesBelow(out).filter((name) => name.endsWith(".partial"))).toEqual([]);
    const note = join(out, "_rollout-tool", `${partName(plan())}.json`);
    expect(JSON.parse(readFileSync(note, "utf8"))).toMatchObject({ state: "writing" });
    const report = await exportToFolder(request, plan(), { format: JSONL, about: {} });
    expect(JSON.parse(readFileSync(note, "utf8"))).toMatchObject({ state: "complete", rows: report.rows });
    for (const { path, rows } of report.files) {
      expect(readFileSync(join(out, path), "utf8").trimEnd().split("\n")).toHaveLength(rows);
    }
  });

  it("begins nothing in a folder that it refuses", () => {
    openPartFolder(plan());
    expect(() => openPartFolder(plan({ owner: { ...plan().owner, host: "there" } }))).toThrow("on another machine");
    expect(() => openPartFolder(plan({ shard: { index: 0, count: 2 } }))).toThrow("in 1 parts, not in 2");
    expect(existsSync(join(plan().out, "threads"))).toBe(false);
  });
});
