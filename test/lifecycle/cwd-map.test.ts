import { describe, expect, it } from "vitest";
import { folderMap, parseFolderPair, rebased } from "../../src/lifecycle/cwd-map.ts";

describe("parseFolderPair", () => {
  it.each([
    ["/a=/b", { source: "/a", target: "/b" }],
    ["/a/=/b//", { source: "/a", target: "/b" }],
    ["/a=b=/c", { source: "/a=b", target: "/c" }],
    ["C:\\Users\\me=/home/me", { source: "C:\\Users\\me", target: "/home/me" }],
    ["/=/b", { source: "/", target: "/b" }],
  ])("%s", (text, pair) => {
    expect(parseFolderPair(text)).toEqual(pair);
  });

  it.each(["", "=", "a=b", "/a", "/a=", "=/b", "/a=b"])("refuses %j", (text) => {
    expect(() => parseFolderPair(text)).toThrow("two absolute paths");
  });
});

describe("rebased", () => {
  it.each([
    ["/a", "/a", "/b", "/b"],
    ["/a/c/d", "/a", "/b", "/b/c/d"],
    ["/ab", "/a", "/b", undefined],
    ["/x/a", "/a", "/b", undefined],
    ["/a\\b", "/a", "/b", undefined],
    ["/a/b\\c", "/a", "/z", "/z/b\\c"],
    ["/a/b", "/", "/z", "/z/a/b"],
    ["/a/b", "/a", "/", "/b"],
    ["C:\\p\\q", "C:\\p", "/z", "/z/q"],
    ["\\\\?\\C:\\p\\q\\r", "C:\\p", "/z", "/z/q/r"],
    ["C:\\p\\q", "C:\\p", "D:\\z", "D:\\z\\q"],
  ])("%s from %s to %s", (path, source, target, moved) => {
    expect(rebased(path, { source, target })).toBe(moved);
  });
});

describe("folderMap", () => {
  it("goes by the longest folder that fits", () => {
    const map = folderMap([
      { source: "/a", target: "/x" },
      { source: "/a/b", target: "/y" },
    ]);
    expect(["/a", "/a/b", "/a/b/c", "/a/bc", "/c"].map(map)).toEqual(["/x", "/y", "/y/c", "/x/bc", undefined]);
  });

  it("refuses what would lead on when it is done again", () => {
    const pair = (source: string, target: string) => ({ source, target });
    expect(() => folderMap([pair("/a", "/a/b")])).toThrow("within it");
    expect(() => folderMap([pair("/a", "/b"), pair("/b", "/c")])).toThrow("within it");
    expect(() => folderMap([pair("/a", "/a")])).toThrow("within it");
    expect(folderMap([pair("/a/b", "/a")])("/a/b/c")).toBe("/a/c");
  });
});
