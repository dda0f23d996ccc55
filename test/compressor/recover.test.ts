/** What killed runs leave behind, and what the next one makes of it. */
import { closeSync, existsSync, linkSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { compress, decompress, namesIn, readEither, threadText } from "../support/archives.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { fileName, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
const TEXT = threadText(1);
const PACKED = compressZstd(Buffer.from(TEXT), { checksum: true });
let home = "";
let plain = "";
beforeEach(() => {
  home = join(folder.path, "home");
  plain = join(home, sessionPath(1));
  writeHome(home, { [sessionPath(1)]: TEXT });
});

const beside = (kind: string): string =>
  join(dirname(plain), `.${basename(plain)}.${kind}.0123456789ab${kind === "aside" ? "" : ".partial"}`);
const recovered = (run: typeof compress | typeof decompress = compress): readonly (readonly [string, string])[] =>
  run(home).recovered.map(({ path, action }) => [basename(path), action]);

describe("a run that was killed", () => {
  it("while it wrote leaves nothing that stays", () => {
    writeFileSync(beside("packing"), "half");
    writeFileSync(beside("unpacking"), "half");
    expect(recovered().map(([, action]) => action)).toEqual(["removed", "removed"]);
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`]);
    expect(readEither(plain)).toBe(TEXT);
  });

  it("between publishing and taking the plain file away is done again", () => {
    writeFileSync(beside("packing"), PACKED);
    linkSync(beside("packing"), `${plain}.zst`);
    expect(recovered().map(([, action]) => action)).toEqual(["finished"]);
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`]);
    expect(readEither(plain)).toBe(TEXT);
  });

  it("the same, and the plain file has grown since", () => {
    writeFileSync(beside("packing"), PACKED);
    linkSync(beside("packing"), `${plain}.zst`);
    writeFileSync(plain, `${TEXT}more\n`);
    recovered();
    expect(readEither(plain)).toBe(`${TEXT}more\n`);
    expect(existsSync(beside("packing"))).toBe(false);
  });

  it("with the plain file away is finished", () => {
    writeFileSync(`${plain}.zst`, PACKED);
    renameSync(plain, beside("aside"));
    expect(readEither(plain)).toBe(TEXT);
    expect(recovered().map(([, action]) => action)).toEqual(["finished"]);
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`]);
  });

  it("with the plain file away, to which somebody appended, brings it back", () => {
    writeFileSync(`${plain}.zst`, PACKED);
    renameSync(plain, beside("aside"));
    writeFileSync(beside("aside"), `${TEXT}more\n`);
    expect(recovered(decompress).map(([, action]) => action)).toEqual(["brought_back"]);
    expect(namesIn(home)).toEqual([fileName(1)]);
    expect(readFileSync(plain, "utf8")).toBe(`${TEXT}more\n`);
  });

  it("with the plain file away and open, or without an archive, brings it back", () => {
    const writer = openSync(plain, "a");
    writeFileSync(`${plain}.zst`, PACKED);
    renameSync(plain, beside("aside"));
    expect(recovered(decompress).map(([, action]) => action)).toEqual(["brought_back"]);
    closeSync(writer);
    renameSync(plain, beside("aside"));
    expect(recovered(decompress).map(([, action]) => action)).toEqual(["brought_back"]);
    expect(readFileSync(plain, "utf8")).toBe(TEXT);
  });

  it("with the plain file away, and another made from the archive, leaves what holds everything", () => {
    writeFileSync(beside("aside"), TEXT);
    writeFileSync(plain, `${TEXT}more\n`);
    expect(recovered(decompress).map(([, action]) => action)).toEqual(["finished"]);
    writeFileSync(beside("aside"), `${TEXT}other\n`);
    expect(recovered(decompress).map(([, action]) => action)).toEqual(["kept"]);
    expect(readFileSync(beside("aside"), "utf8")).toBe(`${TEXT}other\n`);
  });

  it("between bringing the plain file back and removing the archive is finished", () => {
    linkSync(plain, beside("unpacking"));
    writeFileSync(`${plain}.zst`, PACKED);
    expect(recovered(decompress).map(([, action]) => action)).toEqual(["finished"]);
    expect(namesIn(home)).toEqual([fileName(1)]);
  });

  it("does not keep the next one away", () => {
    const marker = join(home, ".tmp", "rollout-compression.lock");
    compress(home);
    writeFileSync(marker, `${readFileSync(marker, "utf8")} rollout-tool is running`);
    writeHome(home, { [sessionPath(2)]: threadText(2) });
    expect(compress(home, { force: false }).status).toBe("completed");
  });
});

it("files of other programs stay", () => {
  const others = [".rollout-x.jsonl.packing.0123456789ab", "rollout-x.jsonl.aside.0123456789ab", ".notes.partial"];
  for (const name of others) writeFileSync(join(dirname(plain), name), "x");
  expect(recovered()).toEqual([[".rollout-x.jsonl.packing.0123456789ab", "removed"]]);
});
