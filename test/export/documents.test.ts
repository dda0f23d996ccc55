import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentName } from "../../src/export/document-name.ts";
import { type DocumentExport, exportDocuments, jsonPieces } from "../../src/export/documents.ts";
import { createRedactor } from "../../src/export/redact.ts";
import type { JsonValue } from "../../src/format/record.ts";
import { temporaryFolder } from "../support/homes.ts";
import { requestFor, T1, T2, T3, T4, writeExportHome } from "./export-home.ts";
import { read, threadsOf } from "./stories.ts";

const folder = temporaryFolder();
const NOTE = "_rollout-tool.json";

function request(home: string, changes: Partial<DocumentExport> = {}): DocumentExport {
  const { source, shard } = requestFor(home);
  return { source, shard, content: true, format: "atif", ...changes };
}

describe("documents", () => {
  it("are one a thread, by its id, readable by their owner alone", async () => {
    const [home, out] = [writeExportHome(folder.path), join(folder.path, "out")];
    const advanced: number[] = [];
    const report = await exportDocuments(request(home, { advance: (bytes) => advanced.push(bytes) }), out);
    const names = [T1, T2, T3, T4].map((id) => `${id}.json`).toSorted();
    expect(readdirSync(out).toSorted()).toEqual([NOTE, ...names].toSorted());
    expect([report.threads, report.unreadable, advanced.length]).toEqual([4, [], 4]);
    for (const thread of threadsOf(home)) {
      const path = join(out, `${thread.id}.json`);
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(await read(thread, "atif"));
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(report.files.find((file) => file.path === `${thread.id}.json`)?.bytes).toBe(statSync(path).size);
    }
    expect(report.bytes).toBe(report.files.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it("replace themselves, and no others", async () => {
    const [home, out] = [writeExportHome(folder.path), join(folder.path, "out")];
    await exportDocuments(request(home, { content: false }), out);
    const first = readFileSync(join(out, `${T1}.json`), "utf8");
    await exportDocuments(request(home, { content: false }), out);
    expect(readFileSync(join(out, `${T1}.json`), "utf8")).toBe(first);
    const redaction = await createRedactor();
    for (const changes of [{ content: true }, { format: "otel" }, { content: false, redaction }] as const) {
      await expect(exportDocuments(request(home, changes), out)).rejects.toMatchObject({
        code: "mismatch",
        message: expect.stringContaining("the folder holds an export with other settings") as string,
      });
    }
    writeFileSync(join(folder.path, "home", "x"), "");
    await expect(exportDocuments(request(home), join(folder.path, "home"))).rejects.toMatchObject({ code: "mismatch" });
  });

  it("tell of what could not be read as a whole", async () => {
    const home = writeExportHome(folder.path);
    const [zst] = readdirSync(join(home, "archived_sessions"));
    writeFileSync(join(home, "archived_sessions", zst ?? ""), "no archive");
    const { unreadable } = await exportDocuments(request(home), join(folder.path, "out"));
    expect(unreadable).toHaveLength(1);
  });
});

it("a document's name is a file's, whatever the id", () => {
  expect(documentName(T1.toUpperCase())).toBe(`${T1}.json`);
  expect(documentName("../../etc/passwd")).toMatch(/^thread-[0-9a-f]{32}\.json$/u);
});

it("JSON in pieces is JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 7 }), (value, levels) => {
      expect([...jsonPieces(value as JsonValue, levels)].join("")).toBe(JSON.stringify(value));
    }),
  );
  let deep: JsonValue = 1;
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
  expect([...jsonPieces({ a: [deep] }, 2)].join("")).toBe('{"a":["[nested too deeply]"]}');
});
