import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { preMigrate, type PreMigrateOptions } from "../../src/migrate/pre-migrate.ts";
import { isMigrationTime } from "../../src/migrate/pre-migrate-times.ts";
import type { PreMigrateReport } from "../../src/migrate/pre-migrate-types.ts";
import { discoverRollouts, openHome, type RolloutFile } from "../../src/readers/home.ts";
import { type HomeSpec, temporaryFolder, writeHome } from "../support/homes.ts";
import { caseFile, caseThread, PRE_MIGRATE_CASES } from "../support/pre-migrate-cases.ts";
import { linesOf } from "../thread/shorthand.ts";

const folder = temporaryFolder();

function foretell(spec: HomeSpec, options?: PreMigrateOptions): PreMigrateReport {
  const codexHome = writeHome(join(folder.path, "home"), spec);
  return preMigrate(openHome({ codexHome }), discoverRollouts(codexHome), options);
}

function rollout(rows: string, index = 0): readonly [string, string] {
  const threadId = caseThread(index);
  const text = linesOf(rows, { threadId }).map((line) => `${line}\n`);
  return [`sessions/2026/11/21/rollout-2026-11-21T00-29-49-${threadId}.jsonl`, text.join("")];
}

const TURN = "TS t1\nU u1\nUE u1\nAE a1\nA a1\nTC t1";

describe("preMigrate", () => {
  it.each(PRE_MIGRATE_CASES.map((one, index) => ({ ...one, index })))("$title", (one) => {
    const { lost = [], fails, status = fails === undefined ? "migrated" : "failed", index } = one;
    const [path, content] = caseFile(one, index);
    const { files, counts } = foretell({ [path]: content });
    const [file] = files;
    expect(counts[status]).toBe(1);
    expect(file?.lost.map(({ line, kind }) => `${line} ${kind}`) ?? []).toEqual(lost);
    expect(file?.failure && [file.failure.reason, file.failure.line]).toEqual(fails);
  });

  it("says of each line where it is, how long, and what", () => {
    const { files, losses, unharmed } = foretell(
      Object.fromEntries([
        rollout(`META\n${TURN}\nLINE {garbage\nRECORD {"type":"event_msg","payload":{"type":"error","message":"e"}}`),
        rollout(`META\n${TURN}`, 1),
      ]),
    );
    expect(unharmed).toBe(1);
    expect(losses).toEqual({ unreadable: { lines: 1, bytes: 8 }, "dropped-event": { lines: 1, bytes: 100 } });
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject({ threadId: caseThread(0), status: "migrated", archived: false, compressed: false });
    expect(files[0]?.lost).toEqual([
      { line: 8, offset: 1068, bytes: 8, kind: "unreadable", what: "not valid JSON" },
      { line: 9, offset: 1077, bytes: 100, kind: "dropped-event", what: "event_msg/error" },
    ]);
  });

  it("lists some of many, and counts all", () => {
    const [path, text] = rollout(`META\n${TURN}${"\nLINE garbage".repeat(20)}`);
    const { files } = foretell({ [path]: text }, { maxPlaces: 3 });
    expect(files[0]?.lost.map(({ line }) => line)).toEqual([8, 9, 10]);
    expect(files[0]?.losses).toEqual({ unreadable: { lines: 20, bytes: 140 } });
  });

  it("goes by the rows once the state database knows all threads", () => {
    const [known, text] = rollout(`META\n${TURN}`);
    const [unknown, other] = rollout(`META\n${TURN}`, 1);
    const bad = Buffer.from(text.replace("u1", "\xff"), "latin1");
    const codexHome = writeHome(join(folder.path, "home"), { [known]: bad, [unknown]: other });
    const database = SqliteDatabase.create(join(codexHome, "state_5.sqlite"));
    database.exec(`create table threads (id text); create table backfill_state (status text);
      insert into threads values ('${caseThread(0)}'); insert into backfill_state values ('complete')`);
    database.close();
    const { files } = preMigrate(openHome({ codexHome }), discoverRollouts(codexHome));
    expect(files.map(({ status, failure, lost }) => [status, failure?.reason, lost.map(({ kind }) => kind)])).toEqual([
      ["migrated", undefined, ["unreadable"]],
      ["failed", "missing_sqlite_metadata", []],
    ]);
  });

  it("goes on with the next one where a rollout cannot be read", () => {
    const codexHome = writeHome(join(folder.path, "home"), Object.fromEntries([rollout("META"), rollout("META", 1)]));
    const onFile = ({ name, path }: RolloutFile): void => {
      if (name?.threadId === caseThread(0)) rmSync(path);
    };
    const { files, counts } = preMigrate(openHome({ codexHome }), discoverRollouts(codexHome), { onFile });
    expect(files.map(({ failure }) => [failure?.reason, failure?.message])).toEqual([
      ["rollout_read_failed", "cannot read the file: there is no such file or folder"],
    ]);
    expect(counts).toMatchObject({ migrated: 1, failed: 1 });
  });

  it("reads archives, and says which cannot be read", () => {
    const [path, text] = rollout(`META\n${TURN}\nLINE garbage`);
    const digests = Array.from({ length: 3000 }, (_, n) => `A ${createHash("sha256").update(`${n}`).digest("hex")}`);
    const [second, more] = rollout(`META\n${TURN}\n${digests.join("\n")}`, 1);
    const packed = compressZstd(Buffer.from(more));
    const { files } = foretell({ [`${path}.zst`]: text, [`${second}.zst`]: packed.subarray(0, packed.length >> 1) });
    expect(files.map(({ compressed, status, failure }) => [compressed, status, failure?.reason])).toEqual([
      [true, "migrated", undefined],
      [true, "failed", "missing_sqlite_metadata"],
    ]);
  });
});

describe("isMigrationTime", () => {
  it.each([
    "2026-11-21T00:29:49.836Z",
    "2026-11-21 00:29:49Z",
    "2026-11-21t00:29:49z",
    "2026-11-21T00:29:49+02:00",
    "2026-11-21T00:29:49-00:00",
    "2026-11-21T00:29:49.1234567891234Z",
    "2026-11-21T00:29:60Z",
    "0000-01-01T00:00:00Z",
    "2024-02-29T00:00:00Z",
  ])("takes %s", (text) => {
    expect(isMigrationTime(text)).toBe(true);
  });

  it.each([
    "yesterday",
    "",
    "2026-11-21T00:29:49",
    "2026-11-21T00:29Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T00:29:61Z",
    "2026-02-31T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "12026-11-21T00:29:49Z",
    "2026-11-21T00:29:49+0200",
    "2026-11-21T00:29:49+24:00",
    "2026-11-21T00:29:49,5Z",
    "2026-11-21T00:29:49.Z",
    " 2026-11-21T00:29:49Z",
  ])("refuses %j", (text) => {
    expect(isMigrationTime(text)).toBe(false);
  });
});
