import { readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withSources } from "../../src/compressor/files.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

function openPaths(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(join("/proc/self/fd", fd))];
    } catch {
      return [];
    }
  });
}

it.runIf(process.platform === "linux")("two files are open while they are worked on, and never after", () => {
  const [one, other, link] = ["one", "other", "link"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [one, other]) writeFileSync(path, "");
  symlinkSync(one, link);
  const ours = (): readonly string[] => openPaths().filter((path) => path === one || path === other);
  expect(withSources(one, other, ours).toSorted()).toEqual([one, other]);
  expect(() =>
    withSources(one, other, () => {
      throw new Error("in the middle");
    }),
  ).toThrow("in the middle");
  expect(() => withSources(one, link, ours)).toThrow(expect.objectContaining({ code: "not-a-file" }));
  expect(ours()).toEqual([]);
});
