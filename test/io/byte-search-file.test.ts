import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { SearchedFile } from "../../src/io/byte-search-file.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

it("gives its bytes from front to back, and what it gave again", () => {
  const path = join(folder.path, "a");
  writeFileSync(path, "0123456789");
  const file = SearchedFile.open(path);
  const buffer = Buffer.alloc(4);
  const next = (): string => buffer.toString("latin1", 0, file?.put(buffer));
  expect([next(), next(), next(), next()]).toEqual(["0123", "4567", "89", ""]);
  // What is appended while it is read is for the next search.
  appendFileSync(path, "more");
  expect(next()).toBe("");
  expect(buffer.toString("latin1", 0, file?.again(buffer, 7))).toBe("789");
  expect(file?.again(buffer, 10)).toBe(0);
  expect(file?.bytesRead).toBe(10);
  file?.rewind();
  expect([next(), next()]).toEqual(["0123", "4567"]);
  file?.close();
});

it("is undefined where nothing is, and does not wait for a pipe", () => {
  expect(SearchedFile.open(join(folder.path, "gone"))).toBeUndefined();
  const pipe = join(folder.path, "pipe");
  execFileSync("mkfifo", [pipe]);
  const opened = SearchedFile.open(pipe);
  expect(() => opened?.put(Buffer.alloc(4))).toThrow("cannot read the file");
  opened?.close();
  mkdirSync(join(folder.path, "below"));
  const below = SearchedFile.open(join(folder.path, "below"));
  expect(() => below?.put(Buffer.alloc(4))).toThrow("it is a folder");
  below?.close();
});
