import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  closeFile,
  createTemporary,
  fileError,
  finishFile,
  fsyncFolder,
  listFolder,
  lstatOrUndefined,
  openRegularFile,
  publishFile,
  readAt,
  readWholeFile,
  removeIfThere,
  statOrUndefined,
  writeFileAtomic,
  writeFully,
} from "../../src/io/files.ts";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "rollout-files-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    const { code, message, place } = error as { code: string; message: string; place: { path?: string } };
    return { code, message, path: place.path };
  }
  return "nothing thrown";
}

function errno(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}

describe("openRegularFile", () => {
  it("opens a file and gives its status", () => {
    const path = join(folder, "plain");
    fs.writeFileSync(path, "hello");
    const { fd, stat } = openRegularFile(path);
    const buffer = Buffer.alloc(10);
    expect(stat.size).toBe(5);
    expect(readAt(fd, buffer, 1)).toBe(4);
    expect(buffer.toString("latin1", 0, 4)).toBe("ello");
    closeFile(fd);
    expect(readWholeFile(path).toString()).toBe("hello");
  });

  it("refuses what is missing", () => {
    const path = join(folder, "missing");
    expect(errorOf(() => openRegularFile(path))).toEqual({
      code: "not-found",
      message: "cannot read the file: there is no such file or folder",
      path,
    });
    fs.writeFileSync(join(folder, "file"), "");
    expect(errorOf(() => openRegularFile(join(folder, "file", "below")))).toMatchObject({ code: "not-found" });
    expect(errorOf(() => openRegularFile(join(folder, "x".repeat(300))))).toMatchObject({ code: "not-found" });
  });

  it("refuses a folder, a device and a FIFO without waiting for its writer", () => {
    expect(errorOf(() => openRegularFile(folder))).toEqual({
      code: "not-a-file",
      message: "cannot read the file: it is a folder",
      path: folder,
    });
    expect(errorOf(() => openRegularFile("/dev/null"))).toMatchObject({
      code: "not-a-file",
      message: "cannot read the file: it is a device",
    });
    const fifo = join(folder, "fifo");
    execFileSync("mkfifo", [fifo]);
    expect(errorOf(() => openRegularFile(fifo))).toMatchObject({
      code: "not-a-file",
      message: "cannot read the file: it is a named pipe",
    });
  });

  it("refuses a socket", async () => {
    const path = join(folder, "socket");
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    expect(errorOf(() => openRegularFile(path))).toMatchObject({
      code: "not-a-file",
      message: "cannot read the file: it is a socket",
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it("follows links unless told otherwise, but not in circles", () => {
    const target = join(folder, "target");
    const link = join(folder, "link");
    fs.writeFileSync(target, "via link");
    fs.symlinkSync(target, link);
    const { fd, stat } = openRegularFile(link);
    expect(stat.size).toBe(8);
    closeFile(fd);
    expect(errorOf(() => openRegularFile(link, { followLinks: false }))).toMatchObject({
      code: "not-a-file",
      message: "cannot read the file: it is a symbolic link",
    });
    const circle = join(folder, "circle");
    fs.symlinkSync(circle, circle);
    expect(errorOf(() => openRegularFile(circle))).toMatchObject({ code: "not-a-file" });
  });

  it("refuses what may not be read", (context) => {
    const path = join(folder, "secret");
    fs.writeFileSync(path, "x", { mode: 0 });
    let readable = true;
    try {
      fs.accessSync(path, fs.constants.R_OK);
    } catch {
      readable = false;
    }
    context.skip(readable, "this user may read everything");
    expect(errorOf(() => openRegularFile(path))).toEqual({
      code: "unreadable",
      message: "cannot read the file: permission denied",
      path,
    });
  });
});

describe("writeFileAtomic", () => {
  it("makes a private file, and nothing else stays in the folder", () => {
    const inner = join(folder, "make");
    fs.mkdirSync(inner);
    const path = join(inner, "new");
    writeFileAtomic(path, "text");
    expect(fs.readFileSync(path, "utf8")).toBe("text");
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    expect(listFolder(inner).map((entry) => entry.name)).toEqual(["new"]);
  });

  it("takes bytes, chunks and a writer", () => {
    const path = join(folder, "kinds");
    writeFileAtomic(path, Buffer.from("bytes"));
    expect(fs.readFileSync(path, "utf8")).toBe("bytes");
    writeFileAtomic(path, [Buffer.from("one "), Buffer.from("two")]);
    expect(fs.readFileSync(path, "utf8")).toBe("one two");
    writeFileAtomic(path, (fd) => writeFully(fd, Buffer.from("by hand")));
    expect(fs.readFileSync(path, "utf8")).toBe("by hand");
  });

  it("keeps the mode of what it replaces, or sets mode and time as told", () => {
    const path = join(folder, "modes");
    fs.writeFileSync(path, "old");
    fs.chmodSync(path, 0o640);
    writeFileAtomic(path, "new");
    expect(fs.statSync(path).mode & 0o777).toBe(0o640);
    writeFileAtomic(path, "newer", { mode: 0o604, mtimeMs: 1_700_000_000_123.5 });
    expect(fs.statSync(path).mode & 0o777).toBe(0o604);
    expect(fs.statSync(path).mtimeMs).toBeCloseTo(1_700_000_000_123.5, 2);
  });

  it("leaves the old file and no temporary one when the writer fails", () => {
    const inner = join(folder, "failing");
    fs.mkdirSync(inner);
    const path = join(inner, "kept");
    fs.writeFileSync(path, "old");
    const work = (): void =>
      writeFileAtomic(path, (fd) => {
        writeFully(fd, Buffer.from("half"));
        throw errno("ENOSPC");
      });
    expect(errorOf(work)).toEqual({
      code: "disk-full",
      message: "cannot write the file: no space is left on the disk",
      path,
    });
    expect(fs.readFileSync(path, "utf8")).toBe("old");
    expect(listFolder(inner).map((entry) => entry.name)).toEqual(["kept"]);
  });

  it("does not replace when asked not to", () => {
    const path = join(folder, "exclusive");
    writeFileAtomic(path, "first", { exclusive: true });
    expect(errorOf(() => writeFileAtomic(path, "second", { exclusive: true }))).toEqual({
      code: "mismatch",
      message: "cannot write the file: a file of this name exists already",
      path,
    });
    expect(fs.readFileSync(path, "utf8")).toBe("first");
  });

  it("says so when the folder is missing", () => {
    const path = join(folder, "no", "such", "file");
    expect(errorOf(() => writeFileAtomic(path, ""))).toMatchObject({ code: "not-found", path });
  });

  it("names its temporary file so that Codex does not sweep it away", () => {
    const path = join(folder, `rollout-${"x".repeat(235)}.jsonl`);
    const temporary = createTemporary(path);
    expect(temporary.path).toMatch(/\/\.rollout-x{192}\.[0-9a-f]{12}\.partial$/);
    finishFile(temporary.fd, { mode: 0o644 });
    closeFile(temporary.fd);
    publishFile(temporary.path, path, false);
    expect(fs.statSync(path).mode & 0o777).toBe(0o644);
  });
});

describe("small helpers", () => {
  it("tells missing from present", () => {
    const path = join(folder, "dangling");
    fs.symlinkSync(join(folder, "nowhere"), path);
    expect(statOrUndefined(path)).toBeUndefined();
    expect(lstatOrUndefined(path)?.isSymbolicLink()).toBe(true);
    expect(removeIfThere(path)).toBe(true);
    expect(removeIfThere(path)).toBe(false);
    expect(statOrUndefined(join(folder, "file", "below"))).toBeUndefined();
  });

  it("lists in a stable order and syncs folders", () => {
    const inner = join(folder, "listing");
    fs.mkdirSync(inner);
    for (const name of ["b", "B", "a10", "a9", "é"]) fs.writeFileSync(join(inner, name), "");
    expect(listFolder(inner).map((entry) => entry.name)).toEqual(["B", "a10", "a9", "b", "é"]);
    expect(errorOf(() => listFolder(join(inner, "none")))).toMatchObject({
      code: "not-found",
      message: "cannot list the folder: there is no such file or folder",
    });
    expect(() => fsyncFolder(inner)).not.toThrow();
  });

  it.each([
    ["ENOSPC", "write", "disk-full"],
    ["EDQUOT", "write", "disk-full"],
    ["EROFS", "write", "unwritable"],
    ["EACCES", "write", "unwritable"],
    ["EACCES", "read", "unreadable"],
    ["EPERM", "remove", "unwritable"],
    ["EIO", "read", "unreadable"],
    ["EIO", "write", "unwritable"],
    ["EMFILE", "read", "busy"],
  ] as const)("turns %s on %s into %s", (code, action, expected) => {
    expect(fileError(errno(code), action, "/p")).toMatchObject({
      name: "RolloutError",
      code: expected,
      place: { path: "/p" },
    });
  });

  it("leaves other errors alone", () => {
    const error = new TypeError("a bug");
    expect(fileError(error, "read", "/p")).toBe(error);
    const typed = Object.assign(new TypeError("bad"), { code: "ERR_INVALID_ARG_TYPE" });
    expect(fileError(typed, "read", "/p")).toBe(typed);
  });
});
