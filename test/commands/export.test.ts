import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../src/cli.ts";
import { T2, writeExportHome } from "../export/export-home.ts";
import { cli, type CliRun } from "../support/cli.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { memoryHost } from "../support/host.ts";
import { meta, rolloutText, sessionPath, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
let out = "";
beforeEach(() => {
  home = writeExportHome(folder.path);
  out = join(folder.path, "data");
});

function run(...argv: readonly string[]): Promise<CliRun> {
  return cli(home, ["export", ...argv]);
}

async function json(...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out: text, err } = await run(...argv, "--json");
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(text) as Record<string, unknown>;
}

function filesIn(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(path, name)).isFile())
    .toSorted();
}

describe("a folder", () => {
  it("has a file for each table and month, and a note", async () => {
    const before = snapshot(home);
    const answer = await json("-o", out);
    const part = answer["part"] as string;
    expect(part).toMatch(/^part-[0-9a-f]{12}-0of1$/);
    const tables = ["bytes", "edges", "items", "threads", "turns", "usage", "windows"];
    const months = ["2025-11", "2025-12"];
    const expected = tables.flatMap((table) => months.map((month) => `${table}/month=${month}/${part}.parquet`));
    expect(filesIn(out)).toEqual([`_rollout-tool/${part}.json`, ...expected].toSorted());
    expect(snapshot(home)).toEqual(before);
    expect(answer).toMatchObject({
      codexHome: home,
      out,
      format: "parquet",
      schema: 1,
      shard: { index: 0, count: 1 },
      threads: 4,
      rows: { threads: 4, edges: 2 },
      unreadable: [],
    });
    expect(Object.keys(answer).toSorted()).toEqual([
      "bytes",
      "codexHome",
      "files",
      "format",
      "out",
      "part",
      "rows",
      "schema",
      "shard",
      "threads",
      "unreadable",
    ]);
    const files = answer["files"] as readonly { readonly path: string; readonly bytes: number }[];
    for (const { path, bytes } of files) expect(statSync(join(out, path)).size).toBe(bytes);
    expect(files.map(({ path }) => path).toSorted()).toEqual(expected);
    expect(JSON.parse(readFileSync(join(out, `_rollout-tool/${part}.json`), "utf8"))).toMatchObject({
      format: "parquet",
      schema: 1,
      tables: ["threads", "turns", "items", "usage", "windows", "edges", "bytes"],
      content: true,
      redacted: false,
      part,
      home,
      host: hostname(),
      installation: null,
      state: "complete",
      threads: 4,
      skipped: 0,
    });
  });

  it("is for its owner alone", async () => {
    await json("-o", out);
    for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
      expect([name, statSync(join(out, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });

  it("comes out the same when it is exported again", async () => {
    const first = await json("-o", out);
    const before = Object.fromEntries(filesIn(out).map((name) => [name, readFileSync(join(out, name), "hex")]));
    expect(await json("-o", out)).toEqual(first);
    expect(Object.fromEntries(filesIn(out).map((name) => [name, readFileSync(join(out, name), "hex")]))).toEqual(
      before,
    );
  });

  it("loses what a thread that is gone, or an interrupted run, has left", async () => {
    const { part } = await json("-o", out);
    const left = join(out, "turns/month=2025-11", `.${String(part)}.parquet.aabbccddeeff.partial`);
    writeFileSync(left, "half");
    writeFileSync(join(out, "turns/month=2025-11/part-other-0of1.parquet"), "another home's");
    rmSync(join(home, sessionPath(4, { stamp: "2025-12-01T12-00-00" })));
    await json("-o", out);
    expect(filesIn(out).filter((name) => name.includes("2025-12"))).toEqual([]);
    expect(existsSync(left)).toBe(false);
    expect(existsSync(join(out, "turns/month=2025-11/part-other-0of1.parquet"))).toBe(true);
  });

  it("has shards beside each other, and homes by their names", async () => {
    for (const index of [0, 1]) await json("-o", out, "--shard", `${index}/2`, "--part-name", "host-a");
    const other = writeExportHome(join(folder.path, "other"));
    expect((await cli(other, ["export", "-o", out])).code).toBe(0);
    const parts = filesIn(out).flatMap((name) => /_rollout-tool\/(.*)\.json$/.exec(name)?.[1] ?? []);
    expect(parts).toEqual([expect.stringMatching(/^part-[0-9a-f]{12}-0of1$/), "part-host-a-0of2", "part-host-a-1of2"]);
  });

  it.each([
    ["jsonl", "thread_id"],
    ["csv", "thread_id,root_thread_id"],
  ])("as %s", async (format, beginning) => {
    const { part } = await json("-o", out, "--format", format, "--table", "threads,usage");
    expect(filesIn(out)).toHaveLength(5);
    expect(readFileSync(join(out, `threads/month=2025-11/${String(part)}.${format}`), "utf8")).toContain(beginning);
  });

  it("is told in a table", async () => {
    const { code, out: text } = await run("-o", out);
    expect(code).toBe(0);
    expect(text).toMatch(/^table +rows +files +bytes\nthreads +4 +2 /);
    expect(text).toContain("threads  4\n");
  });
});

describe("refuses", () => {
  async function refused(...argv: readonly string[]): Promise<string> {
    const before = existsSync(out) ? snapshot(out) : undefined;
    const { code, err, out: text } = await run(...argv);
    expect([code, text]).toEqual([2, ""]);
    if (before !== undefined) expect(snapshot(out)).toEqual(before);
    return err;
  }

  it("a folder that holds other things, and a file", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "thesis.txt"), "");
    expect(await refused("-o", out)).toContain("holds things that no export has made");
    expect(await refused("-o", join(out, "thesis.txt"))).toContain("not a folder");
  });

  it("to mix settings in one folder, above all content with none", async () => {
    await json("-o", out, "--no-content");
    expect(await refused("-o", out)).toContain("other settings (content)");
    expect(await refused("-o", out, "--no-content", "--table", "usage")).toContain("other settings (tables)");
    expect(await refused("-o", out, "--no-content", "--format", "csv")).toContain("other settings (format)");
  });

  it("the same home in other shards", async () => {
    await json("-o", out, "--shard", "0/2");
    expect(await refused("-o", out, "--shard", "0/3")).toContain("in 2 parts, not in 3");
  });

  it("to take another home's part for its own", async () => {
    const { part } = await json("-o", out);
    const note = join(out, `_rollout-tool/${String(part)}.json`);
    writeFileSync(note, readFileSync(note, "utf8").replace(JSON.stringify(hostname()), '"another-machine"'));
    expect(await refused("-o", out)).toContain("on another machine");
  });

  it.each([
    [[], "--out is missing"],
    [["-o", "x", "--shard", "4/4"], "is no shard"],
    [["-o", "x", "--part-name", "../up"], "cannot be part of a file's name"],
    [["-o", "x", "--table", "turn"], 'there is no table "turn"'],
    [["-o", "x", "--raw-csv"], "means nothing for parquet"],
    [["-o", "-"], "Parquet cannot go to stdout"],
    [["-o", "-", "--format", "csv"], "stdout takes one table"],
    [["-o", "-", "--format", "csv", "--table", "usage", "--json"], "exclude each other"],
  ])("%j", async (argv, message) => {
    expect(await refused(...argv)).toContain(message);
  });
});

describe("stdout", () => {
  it("takes one table", async () => {
    const { code, out: text, err } = await run("-o", "-", "--format", "jsonl", "--table", "threads");
    expect([code, err]).toEqual([0, ""]);
    const rows = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly thread_id: string });
    expect(rows).toHaveLength(4);
  });

  it("obeys nothing that stands in a rollout, on a terminal", async () => {
    writeHome(home, { [sessionPath(2)]: rolloutText([userMessage("\u001b[2Jhello")]) });
    const host = memoryHost({ isTTY: true });
    const argv = ["export", "-o", "-", "--format", "csv", "--table", "items", "--codex-home", home];
    expect(await runCli(argv, host)).toBe(0);
    expect(host.out()).toContain("[2Jhello");
    expect(host.out()).not.toContain("\u001b");
  });
});

describe("threads", () => {
  it("by id or path", async () => {
    const answer = await json("-o", out, T2, join(home, sessionPath(1)));
    expect(answer).toMatchObject({ threads: 2, codexHome: home });
  });

  it("damage is told, and what can be read is there", async () => {
    const path = "archived_sessions/rollout-2025-11-01T12-00-00-019a3eda-38a4-7000-8000-000000000007.jsonl.zst";
    writeHome(home, { [path]: Buffer.from("no archive") });
    const { code, out: text } = await run("-o", out, "--json");
    expect(code).toBe(1);
    const answer = JSON.parse(text) as Record<string, unknown>;
    expect(answer).toMatchObject({ unreadable: [{ path: expect.stringContaining("000007") as string }] });
    expect(answer["threads"]).toBeGreaterThanOrEqual(4);
    expect((await run("-o", "-", "--format", "jsonl", "--table", "turns")).err).toContain(
      "not exported, or only in part",
    );
  });

  it("an empty home is an export of nothing", async () => {
    const empty = writeHome(join(folder.path, "empty"), {});
    const { code } = await cli(empty, ["export", "-o", out]);
    expect(code).toBe(0);
    expect(filesIn(out)).toHaveLength(1);
  });
});

describe("documents", () => {
  it.each(["atif", "otel"])("are one for each thread: %s", async (format) => {
    const answer = await json("-o", out, "--format", format);
    expect(answer).toMatchObject({ format, schema: null, part: null, threads: 4, rows: {}, unreadable: [] });
    const names = filesIn(out).filter((name) => name !== "_rollout-tool.json");
    expect(names).toHaveLength(4);
    for (const name of names) expect(name).toMatch(/^[0-9a-f-]{36}\.json$/);
  });

  it.each([
    [["--table", "usage"], "--table means nothing for otel"],
    [["--part-name", "host7"], "--part-name means nothing for otel"],
    [["--raw-csv"], "--raw-csv means nothing for otel"],
    [["-o", "-"], "otel cannot go to stdout"],
  ])("take no %j", async (words, message) => {
    const { code, err } = await run("--format", "otel", ...(words.includes("-o") ? [] : ["-o", out]), ...words);
    expect([code, err.includes(message)]).toEqual([2, true]);
    expect(existsSync(out)).toBe(false);
  });
});

describe("--redact", () => {
  // Put together here: nobody's secret, and none that a scanner of this file would take for one.
  const secret = ["ghp", "_", "Zk3".repeat(12)].join("");

  it.each(["parquet", "jsonl", "csv", "atif", "otel"])("leaves no secret in %s", async (format) => {
    writeHome(home, { [sessionPath(9)]: rolloutText([meta(9), userMessage(`my token is ${secret}, keep it`)]) });
    const all = async (...more: readonly string[]): Promise<string> => {
      rmSync(out, { recursive: true, force: true });
      await json("-o", out, "--format", format, ...more);
      return filesIn(out)
        .map((name) => readFileSync(join(out, name), "latin1"))
        .join("");
    };
    if (format !== "parquet") expect(await all()).toContain(secret);
    expect(await all("--redact")).not.toContain(secret);
  });
});
