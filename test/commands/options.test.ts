import { describe, expect, it } from "vitest";
import {
  checkCombinations,
  didYouMean,
  globalOptions,
  optionValues,
  positionalValues,
  quote,
} from "../../src/commands/options.ts";

const SURROUNDINGS = { env: {}, cwd: "/here", userHome: "/home/user" };

describe("globalOptions", () => {
  it("finds the Codex home: the option, else CODEX_HOME, else the user's", () => {
    const home = (raw: Record<string, unknown>, env: Record<string, string>) =>
      globalOptions(raw, { ...SURROUNDINGS, env }).codexHome;
    expect(home({ "codex-home": "some/home" }, { CODEX_HOME: "/other" })).toBe("/here/some/home");
    expect(home({}, { CODEX_HOME: "/other" })).toBe("/other");
    expect(home({}, { CODEX_HOME: "relative" })).toBe("/here/relative");
    expect(home({}, { CODEX_HOME: "" })).toBe("/home/user/.codex");
    expect(home({}, {})).toBe("/home/user/.codex");
  });

  it("has defaults for all else", () => {
    expect(globalOptions({}, SURROUNDINGS)).toEqual({
      codexHome: "/home/user/.codex",
      sqliteHome: undefined,
      json: false,
      quiet: false,
      jobs: undefined,
    });
  });

  it("reads all of them", () => {
    const raw = { "sqlite-home": "../db", json: true, quiet: true, jobs: "4" };
    expect(globalOptions(raw, SURROUNDINGS)).toEqual({
      codexHome: "/home/user/.codex",
      sqliteHome: "/db",
      json: true,
      quiet: true,
      jobs: 4,
    });
  });

  it.each(["0", "-1", "1.5", "x", "1e3", "0x10", "99999999999999999999"])("refuses --jobs %s", (jobs) => {
    expect(() => globalOptions({ jobs }, SURROUNDINGS)).toThrow(
      `--jobs takes a whole number of at least 1, not "${jobs}"`,
    );
  });
});

describe("optionValues", () => {
  const SPECS = {
    "dry-run": { type: "boolean", describe: "" },
    rules: { type: "string", choices: ["codex", "best"], default: "best", describe: "" },
    limit: { type: "integer", describe: "" },
    ratio: { type: "number", min: 0, describe: "" },
    path: { type: "strings", describe: "" },
  } as const;

  it("gives JavaScript names and defaults", () => {
    expect(optionValues(SPECS, {})).toEqual({
      dryRun: false,
      rules: "best",
      limit: undefined,
      ratio: undefined,
      path: [],
    });
  });

  it("converts and checks", () => {
    const raw = { "dry-run": true, rules: "codex", limit: "10", ratio: ".5", path: ["a", "b"] };
    expect(optionValues(SPECS, raw)).toEqual({ dryRun: true, rules: "codex", limit: 10, ratio: 0.5, path: ["a", "b"] });
  });

  it.each([
    [{ rules: "bset" }, '--rules is one of codex, best, not "bset"'],
    [{ rules: "" }, "--rules needs a value"],
    [{ rules: ["best", "best"] }, "--rules was given 2 times"],
    [{ limit: "-1" }, '--limit takes a whole number of at least 0, not "-1"'],
    [{ ratio: "half" }, '--ratio takes a number of at least 0, not "half"'],
    [{ path: ["a", ""] }, "--path needs a value"],
  ])("refuses %j", (raw, message) => {
    expect(() => optionValues(SPECS, raw)).toThrow(message);
  });
});

describe("checkCombinations", () => {
  const SPECS = {
    check: { type: "boolean", conflicts: ["dry-run"], describe: "" },
    "dry-run": { type: "boolean", describe: "" },
    since: { type: "string", requires: ["until"], describe: "" },
    until: { type: "string", describe: "" },
  } as const;

  it("refuses what excludes or lacks each other, and nothing else", () => {
    expect(() => checkCombinations(SPECS, { check: true, "dry-run": true })).toThrow(
      "--check and --dry-run exclude each other",
    );
    expect(() => checkCombinations(SPECS, { since: "1" })).toThrow("--since means nothing without --until");
    checkCombinations(SPECS, { check: true, "dry-run": false });
    checkCombinations(SPECS, { since: "1", until: "2" });
    checkCombinations(SPECS, {});
  });
});

describe("positionalValues", () => {
  it("takes them in their order, the last one all that is left", () => {
    const specs = {
      thread: { type: "string", required: true, describe: "" },
      "more-files": { type: "strings", describe: "" },
    } as const;
    expect(positionalValues(specs, ["a"])).toEqual({ thread: "a", moreFiles: [] });
    expect(positionalValues(specs, ["a", "b", "c"])).toEqual({ thread: "a", moreFiles: ["b", "c"] });
    expect(() => positionalValues(specs, [])).toThrow("missing <thread>");
  });

  it("refuses what is too much", () => {
    expect(() => positionalValues({}, ["x\x1b[2J"])).toThrow(String.raw`unexpected argument "x\u001b[2J"`);
  });
});

describe("didYouMean", () => {
  const KNOWN = ["reindex", "list", "show", "completion"];
  it.each([
    ["reidnex", "did you mean reindex?"],
    ["re", "did you mean reindex?"],
    ["lst", "did you mean list?"],
    ["compl", "did you mean completion?"],
    ["frobnicate", undefined],
    ["x", undefined],
    ["", undefined],
  ])("%j → %j", (word, hint) => {
    expect(didYouMean(word, KNOWN)).toBe(hint);
  });
});

it("quote shortens", () => {
  expect(quote("x".repeat(100))).toBe(`"${"x".repeat(79)}…"`);
});
