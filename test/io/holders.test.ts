import { closeSync, linkSync, mkdtempSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileId, heldForWriting } from "../../src/io/holders.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rollout-tool-"));
  path = join(folder, "file");
  writeFileSync(path, "x");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const idOf = (name: string): string => fileId(statSync(name, { bigint: true }));
const held = (...ids: readonly string[]): readonly string[] => [...(heldForWriting(new Set(ids)) ?? [])];

describe.skipIf(heldForWriting(new Set()) === undefined)("who has a file open", () => {
  it("counts when it may write", () => {
    const id = idOf(path);
    expect(held(id)).toEqual([]);
    for (const [flags, expected] of [
      ["r", []],
      ["r+", [id]],
      ["a", [id]],
    ] as const) {
      const fd = openSync(path, flags);
      expect([flags, held(id, "0:0")]).toEqual([flags, expected]);
      closeSync(fd);
    }
  });

  it("counts whatever the file is called by now, also by a name made later, or by none", () => {
    const id = idOf(path);
    const fd = openSync(path, "a");
    renameSync(path, `${path}.1`);
    expect(held(id)).toEqual([id]);
    linkSync(`${path}.1`, path);
    rmSync(`${path}.1`);
    renameSync(path, `${path}.2`);
    expect(held(id)).toEqual([id]);
    rmSync(`${path}.2`);
    expect(held(id)).toEqual([id]);
    closeSync(fd);
  });
});
