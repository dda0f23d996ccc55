/**
 * The mends that `verify` names, on the homes by which each finding is known: what is mended is no longer found, nothing new is, and
 * undoing brings every byte back.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands, runCli } from "../../src/cli.ts";
import { checkOf, FINDING_CODES, type FindingCode } from "../../src/verify/checks.ts";
import { isRepairable } from "../../src/verify/repairs.ts";
import { memoryHost } from "../support/host.ts";
import { NOW_MS, snapshot, temporaryFolder } from "../support/homes.ts";
import { CASES } from "./cases.ts";

const folder = temporaryFolder();

/** What runs of this tool leave behind on purpose: kept files, locks. */
const OWN =
  /^(?:rollout-tool(?:\/|$)|\.tmp$|\.tmp\/rollout-maintenance\.lock$|thread-writer-locks$|thread-writer-locks\/\.|session_index\.jsonl\.lock$)/;

/** With permissions, beside size, time and a digest. */
function tree(home: string): Readonly<Record<string, string>> {
  const files = Object.entries(snapshot(home)).filter(([path]) => !OWN.test(path));
  return Object.fromEntries(files.map(([path, is]) => [path, `${is} ${lstatSync(join(home, path)).mode.toString(8)}`]));
}

interface Answer {
  readonly manifest?: string;
  readonly repairs: readonly { readonly outcome: string; readonly message?: string }[];
  readonly after: { readonly codes: Readonly<Partial<Record<FindingCode, number>>> };
}

async function run<T>(home: string, ...argv: readonly string[]): Promise<T> {
  const host = memoryHost({ env: {}, now: () => NOW_MS });
  await runCli([...argv, "--json", "--codex-home", home], host);
  expect(host.err()).toBe("");
  return JSON.parse(host.out()) as T;
}

type Codes = Readonly<Partial<Record<FindingCode, number>>>;

async function codesOf(home: string): Promise<Codes> {
  return (await run<{ codes: Codes }>(home, "verify", "--read-data", "all")).codes;
}

function grave(codes: Codes): FindingCode[] {
  return FINDING_CODES.filter((code) => codes[code] !== undefined && checkOf(code).severity !== "note");
}

describe("each finding", () => {
  it("names verify --repair exactly if that has a mend for it", () => {
    const named = FINDING_CODES.filter((code) => checkOf(code).mend.startsWith("verify --repair"));
    expect(named).toEqual(FINDING_CODES.filter(isRepairable));
  });
});

describe.each(FINDING_CODES.filter(isRepairable))("verify --repair of %s", (code) => {
  it("mends it, finds nothing new, and can be undone", async () => {
    const home = folder.path;
    CASES[code].yields(home);
    const before = tree(home);
    const found = await codesOf(home);
    expect(found).toHaveProperty([code]);
    await run(home, "verify", "--repair", "--dry-run", "--read-data", "all");
    expect(tree(home)).toEqual(before);
    const { repairs, manifest, after } = await run<Answer>(home, "verify", "--repair", "--read-data", "all");
    expect(repairs.map(({ outcome, message }) => [outcome, message])).toEqual(repairs.map(() => ["done", undefined]));
    expect(after.codes).not.toHaveProperty([code]);
    expect(grave(after.codes).filter((one) => found[one] === undefined)).toEqual([]);
    expect(await codesOf(home)).toEqual(after.codes);
    await run(home, "repair", "--undo", manifest ?? join(home, "nothing"));
    expect(tree(home)).toEqual(before);
  });
});

/** Mends that other commands are named for, and their calls. */
const OTHERS: Readonly<Partial<Record<FindingCode, readonly (readonly string[])[]>>> = {
  "file-old-format": [["migrate", "--to", "envelope", "--apply"]],
  "archive-no-checksum": [
    ["decompress", "--all"],
    ["compress", "--all", "--force", "--older-than", "0"],
  ],
  "lock-run-cut": [["compress", "--all", "--force"]],
  "database-absent": [["reindex"]],
  "row-file-missing": [["reindex", "--prune"]],
  "row-differs": [["reindex", "--thorough"]],
};

describe("each mend by another command", () => {
  it("is tried here", () => {
    const named = FINDING_CODES.filter((code) => /^(?:reindex|migrate|(?:\w+ )*compress)\b/.test(checkOf(code).mend));
    expect(named).toEqual(FINDING_CODES.filter((code) => OTHERS[code] !== undefined));
  });

  const known = new Set(commands.map(({ name }) => name));
  const calls = Object.entries(OTHERS).filter(([, [first]]) => known.has(first?.[0] ?? ""));

  it.each(calls)("of %s", async (code, argvs) => {
    const home = folder.path;
    CASES[code as FindingCode].yields(home);
    expect(await codesOf(home)).toHaveProperty([code]);
    for (const argv of argvs) await run(home, ...argv);
    expect(await codesOf(home)).not.toHaveProperty([code]);
  });
});
