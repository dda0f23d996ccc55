import { describe, expect, it } from "vitest";
import { errorToFailure, renderFailure } from "../../src/commands/failure.ts";
import { assert, RolloutError } from "../../src/errors.ts";

const TEXT = { json: false, debug: false };
const system = (code: string, path?: string) =>
  Object.assign(new Error(`${code}: raw`), { code, path, syscall: "open" });

describe("errorToFailure", () => {
  it.each([
    ["a RolloutError", new RolloutError("usage", "x"), 2, "usage"],
    ["a failed assertion", catchError(() => assert(false, "x")), 70, "internal"],
    ["a missing file", system("ENOENT"), 2, "not-found"],
    ["a full disk", system("ENOSPC"), 2, "disk-full"],
    ["a read-only disk", system("EROFS"), 2, "unwritable"],
    ["an unknown system error", system("EWHAT"), 70, "internal"],
    ["a bug", new TypeError("x is not a function"), 70, "internal"],
    ["a thrown string", "oops", 70, "internal"],
  ])("of %s", (_name, error, exitCode, code) => {
    const failure = errorToFailure(error);
    expect([failure.exitCode, failure.error.code]).toEqual([exitCode, code]);
  });
});

describe("renderFailure", () => {
  it("says what, where, and what to do next", () => {
    const error = new RolloutError("damaged", "the frame is cut", {
      path: "a\nb.zst",
      line: 3,
      offset: 120,
      hint: "try x",
    });
    expect(renderFailure(errorToFailure(error), TEXT)).toBe(
      "rollout-tool: the frame is cut (a\\nb.zst:3, byte 120)\nhint: try x\n",
    );
    const noPath = new RolloutError("damaged", "cut", { line: 3, offset: 0 });
    expect(renderFailure(errorToFailure(noPath), TEXT)).toBe("rollout-tool: cut (line 3, byte 0)\n");
    expect(renderFailure(errorToFailure(new RolloutError("usage", "\x1b[2J")), TEXT)).toBe("rollout-tool: \\x1b[2J\n");
  });

  it("names the file of a system error in this tool's words", () => {
    expect(renderFailure(errorToFailure(system("EACCES", "/x")), TEXT)).toBe("rollout-tool: permission denied (/x)\n");
  });

  it("is an object with --json", () => {
    const error = new RolloutError("damaged", "cut", { path: "a", offset: 1, hint: "try x" });
    expect(JSON.parse(renderFailure(errorToFailure(error), { json: true, debug: false }))).toEqual({
      error: { code: "damaged", message: "cut", path: "a", offset: 1, hint: "try x" },
    });
  });

  it("calls a bug a bug, and shows its stack only when asked", () => {
    const failure = errorToFailure(new TypeError("x is not a function"));
    expect(renderFailure(failure, TEXT)).toBe(
      "rollout-tool: this is a bug: TypeError: x is not a function\n" +
        "hint: please report this, with the output of the same command under ROLLOUT_TOOL_DEBUG=1\n",
    );
    expect(renderFailure(failure, { json: false, debug: true })).toMatch(/\nTypeError: x is not a function\n +at /);
  });
});

function catchError(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
