import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { cli } from "../support/cli.ts";
import { runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: good(1),
    [sessionPath(2)]: good(2),
    [`${archivedPath(3)}.zst`]: good(3),
  });
  runReindex(home);
});

function good(n: number): string {
  return rolloutText([meta(n), userMessage("hello")]);
}

interface Document {
  readonly scope: string;
  readonly findings: readonly Record<string, unknown>[];
  readonly counts: Record<string, number>;
  readonly codes: Record<string, number>;
  readonly files: Record<string, number>;
}

async function json(...argv: readonly string[]): Promise<Document & { readonly code: number }> {
  const run = await cli(home, ["verify", "--json", ...argv]);
  expect(run.err).toBe("");
  return { ...(JSON.parse(run.out) as Document), code: run.code };
}

function damage(n: number, text: string): void {
  writeFileSync(join(home, sessionPath(n)), text);
}

describe("verify", () => {
  it("finds nothing but notes in a home where nothing is wrong, and writes nothing", async () => {
    const before = snapshot(home);
    const run = await cli(home, ["verify"]);
    expect([run.code, run.err]).toEqual([0, ""]);
    expect(run.out.split("\n").slice(0, -2)).toEqual([
      `${archivedPath(3)}.zst`,
      "  note  archive-no-checksum: a compressed rollout has no checksum, as Codex writes them",
      "",
      "archive-no-checksum: a compressed rollout has no checksum, as Codex writes them",
      "  effect  damage that still decodes goes unnoticed",
      "  mend    decompress and compress write it anew, with one",
      "",
      "checked      3 rollouts, 1 of them compressed",
      "not decoded  1 archive (--read-data all)",
      "found        0 errors, 0 warnings, 1 note",
    ]);
    expect(snapshot(home)).toEqual(before);
  });

  it("tells each finding with its place, what it does and what mends it", async () => {
    damage(1, `${good(1)}{"half`);
    damage(2, rolloutText([userMessage("no metadata")]));
    const { code, findings, counts, codes } = await json("--only", "error,warning");
    expect(code).toBe(1);
    expect(findings.find((finding) => finding["code"] === "line-torn")).toEqual({
      code: "line-torn",
      severity: "warning",
      path: join(home, sessionPath(1)),
      line: 3,
      offset: Buffer.byteLength(good(1)),
      message: "incomplete line at the end of the file",
      effect: "that record is lost; Codex 0.142.3 writes the next one onto the same line, and loses it as well",
      mend: "verify --repair",
    });
    expect(counts).toEqual({ error: 1, warning: 1, note: 0 });
    expect(codes).toEqual({ "file-no-metadata": 1, "line-torn": 1 });
  });

  it("ends with 0 when there are warnings alone, and is silent about them with --quiet", async () => {
    damage(1, `${good(1)}{"half`);
    expect(await cli(home, ["verify", "--quiet"])).toEqual({ code: 0, out: "", err: "" });
    damage(2, "");
    const run = await cli(home, ["verify", "--quiet"]);
    expect([run.code, run.out]).toEqual([1, `${sessionPath(2)}\n  error  file-empty: the file is empty\n`]);
  });

  it("decodes archives as far as it is told to", async () => {
    const path = join(home, `${archivedPath(3)}.zst`);
    const text = rolloutText([meta(3), userMessage("x".repeat(400_000)), "no record"]);
    writeFileSync(path, compressZstd(Buffer.from(text)));
    expect((await json("--only", "line-not-json")).codes).toEqual({});
    expect((await json("--only", "line-not-json", "--read-data", "none")).files).toMatchObject({ archivesDecoded: 0 });
    for (const share of ["all", "100%", "0.5%"]) {
      const { codes, files } = await json("--only", "line-not-json", "--read-data", share);
      expect([codes, files["archivesDecoded"]]).toEqual([{ "line-not-json": 1 }, 1]);
    }
  });

  it("checks threads that are named, archives whole, and nothing of their home", async () => {
    damage(1, "");
    const byId = await json(threadId(3));
    expect([byId.code, byId.scope, byId.files]).toEqual([
      0,
      "files",
      { rollouts: 1, documents: 0, archives: 1, archivesDecoded: 1, pairs: 0 },
    ]);
    const byPath = await json(join(home, sessionPath(1)), join(home, sessionPath(2)));
    expect([byPath.code, byPath.codes]).toEqual([1, { "file-empty": 1 }]);
    expect((await json(join(home, "sessions"))).files).toMatchObject({ rollouts: 2 });
  });

  it("follows what a named thread continues", async () => {
    const gone = { thread_id: threadId(8), end_ordinal_exclusive: 3, end_byte_offset: 100 };
    damage(2, rolloutText([paginatedMeta(2, { history_base: gone })], { paginated: true, firstOrdinal: 3 }));
    expect((await json(threadId(2))).codes).toEqual({ "lineage-missing-source": 1 });
  });

  it("reads a document of 2025", async () => {
    const path = join(home, "sessions", "rollout-2025-04-01-old.json");
    writeFileSync(path, '{"session":{"id":"x","timestamp":"2025-04-01T00:00:00Z"},"items":[{"type":"mess');
    expect((await json("--only", "file-old-format,line-torn")).codes).toEqual({ "file-old-format": 1, "line-torn": 1 });
    expect((await json(path)).files).toMatchObject({ rollouts: 0, documents: 1 });
  });

  it("counts what it does not list", async () => {
    damage(1, good(1) + "no record\n".repeat(30));
    const some = await cli(home, ["verify", "--only", "line-not-json"]);
    expect(some.out.split("\n").filter((line) => line.includes("warning  line-not-json"))).toHaveLength(20);
    expect(some.out).toContain("  … and 10 more of line-not-json (--all-places lists them)\n");
    expect(some.out).toMatch(/^found +0 errors, 30 warnings, 0 notes$/m);
    expect((await json("--all-places", "--only", "line-not-json")).findings).toHaveLength(30);
  });

  it("refuses what it does not know", async () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [["--only", "line-tron"], '--only knows no finding "line-tron"\nhint: did you mean line-torn?'],
      [["--read-data", "half"], '--read-data takes all, none or a share such as 10%, not "half"'],
      [["--read-data", "101%"], "--read-data takes all, none or a share"],
      [[join(folder.path, "nowhere.jsonl")], "there is no such file or folder"],
      [["no such thread"], "no such thread"],
    ];
    for (const [argv, message] of refused) {
      const run = await cli(home, ["verify", ...argv]);
      expect([run.code, run.out]).toEqual([2, ""]);
      expect(run.err).toContain(message);
    }
  });

  it("lets nothing of a file reach the terminal raw", async () => {
    writeFileSync(join(home, "sessions", "rollout-\x1b[31mred.jsonl"), '{"type":"\x1b[31m"}\n\x1b]0;title\x07\n');
    const run = await cli(home, ["verify"]);
    expect(readdirSync(join(home, "sessions"))).toHaveLength(2);
    expect(run.out).toContain("\\x1b[31mred");
    const text = `\ufeff${good(4)}\x1b]0;title\x07\n`;
    writeFileSync(join(home, "sessions", "rollout-\x1b[31mred.jsonl"), text);
    const plan = await cli(home, ["verify", "--repair", "--dry-run"]);
    const repair = await cli(home, ["verify", "--repair"]);
    expect([plan.out, repair.out]).toEqual([1, 2].map(() => expect.stringContaining("\\x1b[31mred")));
    for (const { out } of [run, plan, repair]) expect(out.includes("\x1b") || out.includes("\x07")).toBe(false);
  });

  it("foretells what Codex's own migration would lose", async () => {
    const none = await cli(home, ["verify", "--pre-migrate"]);
    expect([none.code, none.out]).toEqual([0, expect.stringContaining("lose nothing       3\n")]);
    damage(1, rolloutText([meta(1), userMessage("hello"), "no record"]));
    const { code, ...report } = (await json("--pre-migrate", join(home, sessionPath(1)))) as object as {
      readonly code: number;
      readonly losses: Readonly<Record<string, unknown>>;
    };
    expect([code, report]).toEqual([1, expect.objectContaining({ losses: { unreadable: { lines: 1, bytes: 9 } } })]);
  });
});
