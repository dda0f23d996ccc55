/** Hostile and broken archives: never wrong bytes, and nothing is changed. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { compress, decompress, namesIn, threadText } from "../support/archives.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { fileName, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
const TEXT = threadText(1, 60);
let home = "";
let archive = Buffer.alloc(0);
beforeEach(() => {
  home = join(folder.path, "home");
  writeHome(home, { [sessionPath(1)]: TEXT });
  compress(home, { profile: { kind: "seekable", frameBytes: 2000 } });
  archive = readFileSync(join(home, `${sessionPath(1)}.zst`));
});

/** What becomes of an archive of these bytes, which is left as it was unless it gives the right text. */
function outcomeOf(bytes: Buffer): string | undefined {
  rmSync(join(home, "sessions"), { recursive: true });
  writeHome(home, { [`${sessionPath(1)}.zst`]: bytes });
  const before = snapshot(join(home, "sessions"));
  const [file] = decompress(home).files;
  if (file?.outcome === "decompressed") expect(readFileSync(join(home, sessionPath(1)), "utf8")).toBe(TEXT);
  else expect(snapshot(join(home, "sessions"))).toEqual(before);
  return file?.outcome;
}

describe("an archive", () => {
  it("with any bit flipped gives the right bytes or none", () => {
    fc.assert(
      fc.property(fc.nat(archive.length * 8 - 1), (bit) => {
        const bytes = Buffer.from(archive);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(["decompressed", "failed"]).toContain(outcomeOf(bytes));
      }),
      { numRuns: 150 },
    );
  });

  it("that is cut fails, unless only its seek table is gone", () => {
    const tableBytes = 8 + archive.readUInt32LE(archive.length - 9) * 8 + 9;
    for (let cut = 1; cut < 40; cut += 1) expect(outcomeOf(archive.subarray(0, -tableBytes - cut))).toBe("failed");
    expect(outcomeOf(archive.subarray(0, -tableBytes))).toBe("decompressed");
  });

  it("with a forged seek table, or what else a skippable frame may hold, is read by its frames", () => {
    const forged = Buffer.from(archive);
    forged.fill(0xff, archive.length - 30, archive.length - 9);
    expect(outcomeOf(forged)).toBe("decompressed");
    const note = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(outcomeOf(Buffer.concat([note, archive, note]))).toBe("decompressed");
  });

  it("that asks for a window beyond Codex's limit fails", () => {
    // Magic, a descriptor without sizes, a window of 2^31, and one raw block.
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x09, 0x00, 0x00, 0x7b]);
    expect(outcomeOf(frame)).toBe("failed");
    expect(outcomeOf(Buffer.concat([archive, frame]))).toBe("failed");
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`]);
  });
});
