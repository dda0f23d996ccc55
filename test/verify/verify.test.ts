import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { discoverRollouts, openHome } from "../../src/readers/home.ts";
import { verifyHome, type VerifyOptions, type VerifyReport } from "../../src/verify/verify.ts";
import { NOW_MS, runReindex, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  fileName,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

function verify(changes: Partial<VerifyOptions> = {}): VerifyReport {
  const opened = openHome({ codexHome: home });
  return verifyHome(opened, discoverRollouts(home), { readData: 0, now: () => NOW_MS, ...changes });
}

function good(n: number, more = ""): string {
  return rolloutText([meta(n), userMessage("hello")]) + more;
}

describe("a whole home", () => {
  it("that has moved has the wrong path in every row, and is else as it was", () => {
    const before = writeHome(join(folder.path, "before"), { [sessionPath(1)]: good(1), [archivedPath(2)]: good(2) });
    runReindex(before);
    renameSync(before, home);
    expect(verify().codes).toEqual({ "row-path-wrong": 2 });
  });

  it("may have rows for files that lie elsewhere, and that Codex opens there", () => {
    const other = writeHome(join(folder.path, "other"), { [sessionPath(1)]: good(1) });
    writeHome(home, { [sessionPath(2)]: good(2) });
    runReindex(other);
    renameSync(join(other, "state_5.sqlite"), join(home, "state_5.sqlite"));
    expect(verify().codes).toEqual({ "row-missing": 1 });
    rmSync(join(other, sessionPath(1)));
    expect(verify().codes).toEqual({ "row-file-missing": 1, "row-missing": 1 });
  });

  it("is not blamed for what a living writer has not finished", async () => {
    writeHome(home, { [sessionPath(1)]: good(1, '{"half') });
    expect(verify({ only: new Set(["line-torn"]) }).codes).toEqual({ "line-torn": 1 });
    const lock = join(home, "thread-writer-locks", `${threadId(1)}.lock`);
    mkdirSync(dirname(lock));
    await hold("flock", lock);
    expect(verify({ only: new Set(["line-torn"]) }).codes).toEqual({});
  });

  it("may be looked at for a few codes alone", () => {
    writeHome(home, { [sessionPath(1)]: "", [sessionPath(2)]: good(2, "no record\n") });
    expect(verify({ only: new Set(["line-not-json"]) })).toMatchObject({
      codes: { "line-not-json": 1 },
      counts: { error: 0, warning: 1, note: 0 },
    });
  });

  it("keeps so many places of a code in a file, and counts the others", () => {
    writeHome(home, { [sessionPath(1)]: good(1, "x\n".repeat(50)), [sessionPath(2)]: good(2, "x\n") });
    const { findings, omitted, codes } = verify({ keep: 3, only: new Set(["line-not-json"]) });
    expect(findings.map(({ path, line }) => [path, line])).toEqual([
      [join(home, sessionPath(2)), 3],
      [join(home, sessionPath(1)), 3],
      [join(home, sessionPath(1)), 4],
      [join(home, sessionPath(1)), 5],
    ]);
    expect(omitted).toEqual([{ code: "line-not-json", path: join(home, sessionPath(1)), count: 47 }]);
    expect(codes).toEqual({ "line-not-json": 51 });
  });
});

describe("archives", () => {
  const packed = (n: number) => compressZstd(Buffer.from(good(n, "no record\n")));

  it("are chosen by chance until there are enough bytes", () => {
    writeHome(home, Object.fromEntries([1, 2, 3, 4].map((n) => [`${archivedPath(n)}.zst`, packed(n)])));
    const ranks = [0.9, 0.1, 0.5, 0.7];
    const run = (readData: number) => {
      let next = 0;
      const random = () => ranks[next++] ?? 0;
      const { findings, files } = verify({ readData, random, only: new Set(["line-not-json"]) });
      return [files.archivesDecoded, findings.map(({ path = "" }) => path.slice(-15))];
    };
    // In the order of their names: thread 4 first.
    const ends = [4, 3, 2, 1].map((n) => `${fileName(n)}.zst`.slice(-15));
    expect(run(0)).toEqual([0, []]);
    expect(run(0.01)).toEqual([1, [ends[1]]]);
    expect(run(0.45)).toEqual([2, [ends[1], ends[2]]]);
    expect(run(1)).toEqual([4, ends]);
  });

  it("are told by their content, whatever their names say", () => {
    writeHome(home, { [sessionPath(1)]: packed(1), [`${sessionPath(2)}.zst`]: Buffer.from(good(2, "no record\n")) });
    expect(verify({ readData: 1, only: new Set(["file-form", "line-not-json"]) }).codes).toEqual({
      "file-form": 2,
      "line-not-json": 2,
    });
  });

  it("that are not decoded still tell who they are, and are compared with no row", () => {
    writeHome(home, { [`${archivedPath(2)}.zst`]: packed(1) });
    runReindex(home);
    expect(verify().codes).toEqual({ "file-other-id": 1, "archive-no-checksum": 1 });
  });
});

describe("hostile homes", () => {
  it("with a chain of two thousand forks, the root of which is gone", () => {
    const spec: Record<string, string> = {};
    for (let n = 2; n <= 2000; n += 1) {
      const changes = { history_base: base(threadId(n - 1), 10, 3) };
      spec[sessionPath(n)] = rolloutText([paginatedMeta(n, changes)], { paginated: true, firstOrdinal: 3 });
    }
    writeHome(home, spec);
    expect(verify({ only: new Set(["lineage-missing-source", "lineage-cycle"]) }).codes).toEqual({
      "lineage-missing-source": 1999,
    });
  });

  it("with lines that are nested a hundred thousand deep", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const line = `{"timestamp":"x","type":"event_msg","payload":{"type":"user_message","message":${deep}}}\n`;
    writeHome(home, { [sessionPath(1)]: good(1, `${deep}\n${line}`) });
    expect(verify().counts).toMatchObject({ error: 0, warning: 2 });
  });

  it("with records named after what every object has", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const lines = names.map((type) => `{"timestamp":"x","type":"${type}","payload":{"type":"${type}"}}\n`).join("");
    writeHome(home, { [sessionPath(1)]: good(1, lines) });
    expect(verify().codes).toMatchObject({ "line-unknown-kind": 4 });
  });

  it("with a rollout whose lines come out of an archive a thousand times its size", () => {
    const bomb = compressZstd(Buffer.from(good(1, `${"\n".repeat(1000)}${" ".repeat(1000)}\n`.repeat(5000))));
    writeHome(home, { [`${sessionPath(1)}.zst`]: bomb });
    expect(verify({ readData: 1 }).codes).toEqual({ "archive-no-checksum": 1, "database-absent": 1 });
  });
});

it("a fork whose source is an archive is compared with how long that is", () => {
  const source = rolloutText([paginatedMeta(1), userItem("one")], { paginated: true });
  const fork = (bytes: number) =>
    rolloutText([paginatedMeta(2, { history_base: base(threadId(1), bytes, 2) })], {
      paginated: true,
      firstOrdinal: 2,
    });
  const bytes = Buffer.byteLength(source);
  for (const [end, code] of [[bytes, []] as const, [bytes + 1, ["lineage-past-end"]] as const]) {
    writeHome(home, { [`${sessionPath(1)}.zst`]: source, [sessionPath(2)]: fork(end) });
    expect(Object.keys(verify().codes).filter((name) => name.startsWith("lineage"))).toEqual(code);
  }
});
