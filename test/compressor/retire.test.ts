/** A plain file on its way out, and writers that had it open, come back to it, or make another under its name. */
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSource, type OpenSource } from "../../src/compressor/files.ts";
import { setAside, settle } from "../../src/compressor/retire.ts";
import { heldForWriting } from "../../src/io/holders.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { readEither } from "../support/archives.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
const TEXT = "one\ntwo\nthree\n";
let plain = "";
let source: OpenSource;
const open: number[] = [];

beforeEach(() => {
  plain = join(folder.path, "rollout-x.jsonl");
  writeFileSync(plain, TEXT);
  writeFileSync(`${plain}.zst`, compressZstd(Buffer.from(TEXT)));
  source = openSource(plain);
});
afterEach(() => {
  for (const fd of [...open.splice(0), source.fd]) closeSync(fd);
});

const append = (fd: number, text: string): void => void writeSync(fd, text);
const opened = (): number => {
  const fd = openSync(plain, "a");
  open.push(fd);
  return fd;
};

describe("a plain file whose archive is published", () => {
  it("goes when nobody has it", () => {
    const waiting = setAside(source, `${plain}.zst`, true);
    expect(existsSync(plain)).toBe(false);
    expect(settle([waiting])).toEqual([{ kind: "gone" }]);
    expect([existsSync(plain), existsSync(waiting.aside), existsSync(`${plain}.zst`)]).toEqual([false, false, true]);
  });

  it("comes back with what a writer appended that had it open", () => {
    const writer = opened();
    const waiting = setAside(source, `${plain}.zst`, true);
    append(writer, "four\n");
    expect(settle([waiting])).toEqual([{ kind: "changed" }]);
    append(writer, "five\n");
    expect(readFileSync(plain, "utf8")).toBe(`${TEXT}four\nfive\n`);
    expect([existsSync(waiting.aside), existsSync(`${plain}.zst`)]).toEqual([false, false]);
  });

  it.skipIf(heldForWriting(new Set()) === undefined)("comes back when somebody could still append", () => {
    const writer = opened();
    expect(settle([setAside(source, `${plain}.zst`, true)])).toEqual([{ kind: "held" }]);
    append(writer, "four\n");
    expect(readEither(plain)).toBe(`${TEXT}four\n`);
  });

  it.skipIf(heldForWriting(new Set()) === undefined)("comes back as often as it takes, to a writer that pauses", () => {
    const writer = opened();
    for (let round = 1; round <= 3; round += 1) {
      const again = openSource(plain);
      writeFileSync(`${plain}.zst`, "archive");
      expect(settle([setAside(again, `${plain}.zst`, true)])).toEqual([{ kind: "held" }]);
      closeSync(again.fd);
    }
    append(writer, "four\n");
    expect(readEither(plain)).toBe(`${TEXT}four\n`);
  });

  it("goes when who has it open only reads", () => {
    open.push(openSync(plain, "r"));
    expect(settle([setAside(source, `${plain}.zst`, true)])).toEqual([{ kind: "gone" }]);
  });

  it("gets the lines of a writer that made a new file under its name", () => {
    const waiting = setAside(source, `${plain}.zst`, true);
    writeFileSync(plain, "four\n");
    expect(settle([waiting])).toEqual([{ kind: "changed" }]);
    expect(readFileSync(plain, "utf8")).toBe(`${TEXT}four\n`);
    expect(existsSync(`${plain}.zst`)).toBe(false);
  });

  it("gets the lines of both, of one that had it open and of one that made a new file", () => {
    const writer = opened();
    const waiting = setAside(source, `${plain}.zst`, true);
    append(writer, "four\n");
    writeFileSync(plain, "five\n");
    expect(settle([waiting])).toEqual([{ kind: "changed" }]);
    expect(readFileSync(plain, "utf8")).toBe(`${TEXT}four\nfive\n`);
  });

  it("gives way to what was made from its archive meanwhile", () => {
    const waiting = setAside(source, `${plain}.zst`, true);
    rmSync(`${plain}.zst`);
    writeFileSync(plain, `${TEXT}four\n`);
    expect(settle([waiting])).toEqual([{ kind: "changed" }]);
    expect([readFileSync(plain, "utf8"), existsSync(waiting.aside)]).toEqual([`${TEXT}four\n`, false]);
  });

  it("is kept beside that when it has lines of its own", () => {
    const writer = opened();
    const waiting = setAside(source, `${plain}.zst`, true);
    append(writer, "mine\n");
    writeFileSync(plain, `${TEXT}theirs\n`);
    expect(settle([waiting])).toEqual([{ kind: "conflict", kept: waiting.aside }]);
    expect(readFileSync(waiting.aside, "utf8")).toBe(`${TEXT}mine\n`);
    expect(readFileSync(plain, "utf8")).toBe(`${TEXT}theirs\n`);
  });

  it("leaves alone an archive that is not its own", () => {
    opened();
    expect(settle([setAside(source, `${plain}.zst`, false)])).toEqual([{ kind: "held" }]);
    expect([existsSync(plain), existsSync(`${plain}.zst`)]).toEqual([true, true]);
  });
});
