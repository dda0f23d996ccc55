/** Whole runs on homes: who is compressed, who is not and why, and that everything comes back as it was. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { CompressRun } from "../../src/compressor/run.ts";
import { compress, decompress, namesIn, readEither, threadText } from "../support/archives.ts";
import { NOW_MS, setMtime, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  FILE_MS,
  fileName,
  meta,
  rolloutText,
  sessionPath,
  threadId,
  userMessage,
} from "../support/lines.ts";
import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

const outcomes = (changes: Partial<CompressRun> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(
    compress(home, changes).files.map(({ path, outcome, reason }) => [
      path.slice(home.length + 1),
      reason === undefined ? outcome : `${outcome}: ${reason}`,
    ]),
  );

describe("a home", () => {
  it("comes back as it was, bytes, times and permissions", () => {
    writeHome(home, {
      [sessionPath(1)]: threadText(1),
      [sessionPath(2)]: threadText(2, 500),
      [archivedPath(3)]: threadText(3),
    });
    chmodSync(join(home, sessionPath(1)), 0o640);
    utimesSync(join(home, sessionPath(2)), 1_700_000_000.123456, 1_700_000_000.123457);
    const before = snapshot(join(home, "sessions"));
    const report = compress(home);
    expect(report.totals.outcomes).toEqual({ compressed: 3 });
    expect(report.files.map(({ path }) => path)).toEqual([
      join(home, archivedPath(3)),
      join(home, sessionPath(2)),
      join(home, sessionPath(1)),
    ]);
    expect(namesIn(home)).toEqual([1, 2, 3].map((thread) => `${fileName(thread)}.zst`).toSorted());
    const archive = statSync(join(home, `${sessionPath(1)}.zst`));
    expect([archive.mode & 0o777, Math.floor(archive.mtimeMs)]).toEqual([0o640, FILE_MS]);
    expect(decompress(home).outcomes).toEqual({ decompressed: 3 });
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    expect(statSync(join(home, sessionPath(1))).mode & 0o777).toBe(0o640);
  });

  it("comes back whatever its files hold behind their metadata", () => {
    const profiles = [{ kind: "checkpoint" }, { kind: "single" }, { kind: "seekable", frameBytes: 1024 }] as const;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 4000 }),
        fc.constantFrom(...profiles),
        fc.integer({ min: 1, max: 9 }),
        (tail, profile, level) => {
          const bytes = Buffer.concat([Buffer.from(rolloutText([meta(1)])), tail]);
          writeHome(home, { [sessionPath(1)]: bytes });
          expect(compress(home, { profile, level }).totals.outcomes).toEqual({ compressed: 1 });
          expect(decompress(home).outcomes).toEqual({ decompressed: 1 });
          expect(readFileSync(join(home, sessionPath(1))).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("has archived threads compressed first, or alone", () => {
    writeHome(home, { [sessionPath(1)]: threadText(1), [archivedPath(2)]: threadText(2) });
    expect(outcomes({ what: { codexHome: home, scope: "archived" } })).toEqual({ [archivedPath(2)]: "compressed" });
    expect(outcomes({ what: { codexHome: home, scope: "active" } })).toEqual({ [sessionPath(1)]: "compressed" });
  });

  it("has both files of a reverted thread compressed", () => {
    const second = sessionPath(1, { segment: 2 });
    writeHome(home, { [sessionPath(1)]: threadText(1), [second]: threadText(1) });
    expect(outcomes()).toEqual({ [sessionPath(1)]: "compressed", [second]: "compressed" });
  });

  it("keeps the plain files when asked, and is only looked at when asked", () => {
    writeHome(home, { [sessionPath(1)]: threadText(1, 200) });
    const before = snapshot(home);
    expect(outcomes({ mode: "dry-run" })).toEqual({ [sessionPath(1)]: "would_compress" });
    const estimate = compress(home, { mode: "estimate" });
    expect(estimate.files[0]?.compressed_bytes).toBeGreaterThan(50);
    expect(snapshot(home)).toEqual(before);
    const kept = compress(home, { keep: true });
    expect(namesIn(home)).toEqual([fileName(1), `${fileName(1)}.zst`]);
    // Of a file this small the sample is the whole.
    expect(estimate.files[0]?.compressed_bytes).toBe(kept.files[0]?.compressed_bytes);
  });
});

describe("left alone is", () => {
  it("what is not cold, with a time in the future too", () => {
    const day = 24 * 3600 * 1000;
    const at = (mtimeMs: number) => ({ text: threadText(1), mtimeMs });
    writeHome(home, {
      [sessionPath(1)]: at(NOW_MS - 7 * day + 1000),
      [sessionPath(2)]: at(NOW_MS + day),
      [sessionPath(3)]: at(NOW_MS - 7 * day),
    });
    expect(outcomes()).toEqual({
      [sessionPath(1)]: "skipped_not_cold",
      [sessionPath(2)]: "skipped_not_cold",
      [sessionPath(3)]: "compressed",
    });
    expect(outcomes({ olderThanMs: 0 })).toEqual({ [sessionPath(1)]: "compressed", [sessionPath(2)]: "compressed" });
  });

  it("what Codex could not tell the thread of", () => {
    writeHome(home, {
      "sessions/rollout-foo.jsonl": threadText(9),
      [sessionPath(1)]: "",
      [sessionPath(2)]: rolloutText([userMessage("x")]),
      [sessionPath(3)]: rolloutText([meta(3, { history_mode: "other" })]),
      [sessionPath(4)]: rolloutText([{ type: "response_item", payload: { type: "message" } }, meta(4)]),
      [sessionPath(5)]: `not json\n${threadText(5)}`,
      [sessionPath(6)]: rolloutText([meta(6, { id: "../../etc" })]),
    });
    const before = snapshot(home);
    expect(outcomes({ mode: "dry-run" })).toEqual({
      "sessions/rollout-foo.jsonl": "skipped_unreadable_meta: invalid_name",
      [sessionPath(1)]: "skipped_unreadable_meta: missing_metadata",
      [sessionPath(2)]: "skipped_unreadable_meta: missing_metadata",
      [sessionPath(3)]: "skipped_unreadable_meta: invalid_history_mode",
      [sessionPath(4)]: "skipped_unreadable_meta: response_before_metadata",
      [sessionPath(5)]: "would_compress",
      [sessionPath(6)]: "skipped_unreadable_meta: missing_metadata",
    });
    expect(snapshot(home)).toEqual(before);
  });

  it("what is no file of its own: links, hard links, folders, and what has an archive", () => {
    const outside = join(folder.path, "outside.jsonl");
    writeHome(home, {
      [sessionPath(1)]: threadText(1),
      [sessionPath(2)]: threadText(2),
      [`${sessionPath(2)}.zst`]: threadText(2),
    });
    writeFileSync(outside, threadText(3));
    linkSync(join(home, sessionPath(1)), join(folder.path, "second-name"));
    symlinkSync(outside, join(home, sessionPath(3)));
    mkdirSync(join(home, sessionPath(4)));
    const before = snapshot(home);
    const report = compress(home);
    expect(Object.fromEntries(report.files.map(({ path, outcome }) => [path.slice(home.length + 1), outcome]))).toEqual(
      {
        [sessionPath(1)]: "skipped_hard_link",
        [sessionPath(2)]: "skipped_already_compressed",
      },
    );
    expect(report.problems).toEqual([
      { path: join(home, sessionPath(3)), message: "not a regular file, and links are not followed" },
    ]);
    expect(snapshot(join(home, "sessions"))).toEqual(
      Object.fromEntries(
        Object.entries(before)
          .filter(([path]) => path.startsWith("sessions/"))
          .map(([path, what]) => [path.slice("sessions/".length), what]),
      ),
    );
    const named = compress(home, { what: { paths: [join(home, sessionPath(3))] } });
    expect(named.files.map(({ outcome }) => outcome)).toEqual(["skipped_not_a_file"]);
  });

  it("a thread that is open", async () => {
    writeHome(home, { [sessionPath(1)]: threadText(1), [sessionPath(2)]: threadText(2) });
    const locks = join(home, "thread-writer-locks");
    mkdirSync(locks);
    await hold("flock", join(locks, `${threadId(1)}.lock`));
    expect(outcomes()).toEqual({ [sessionPath(1)]: "skipped_busy", [sessionPath(2)]: "compressed" });
    expect(decompress(home).outcomes).toEqual({ decompressed: 1 });
    // Nothing of the run's own stays behind there.
    expect(existsSync(join(locks, `${threadId(2)}.lock`))).toBe(false);
  });

  it("a whole home while other maintenance is at work on it, or a run was there within six hours", async () => {
    writeHome(home, { [sessionPath(1)]: threadText(1) });
    mkdirSync(join(home, ".tmp"));
    const marker = join(home, ".tmp", "rollout-compression.lock");
    writeFileSync(marker, "pid=1 started_at=SystemTime { tv_sec: 0, tv_nsec: 0 }");
    setMtime(marker, NOW_MS - 6 * 3600 * 1000 + 1000);
    expect(compress(home, { force: false })).toMatchObject({ status: "skipped_already_running", files: [] });
    setMtime(marker, NOW_MS - 6 * 3600 * 1000);
    const holder = await hold("flock", join(home, ".tmp", "rollout-maintenance.lock"));
    expect(compress(home)).toMatchObject({ status: "skipped_maintenance", files: [] });
    expect(decompress(home)).toMatchObject({ status: "skipped_maintenance", files: [] });
    holder.kill("SIGKILL");
    await new Promise((resolve) => void holder.once("close", resolve));
    expect(compress(home, { force: false })).toMatchObject({ status: "completed" });
    expect(readFileSync(marker, "utf8")).toMatch(
      /^pid=\d+ started_at=SystemTime \{ tv_sec: 1764547200, tv_nsec: 0 \}$/,
    );
    setMtime(marker, NOW_MS);
    expect(compress(home, { force: false }).status).toBe("skipped_already_running");
  });

  it("a home whose own folders lead elsewhere", () => {
    writeHome(home, { [sessionPath(1)]: threadText(1) });
    mkdirSync(join(folder.path, "elsewhere"));
    symlinkSync(join(folder.path, "elsewhere"), join(home, ".tmp"));
    expect(() => compress(home)).toThrow("a folder that has to be written to is a link or a file");
    expect(namesIn(home)).toEqual([fileName(1)]);
  });
});

describe("paths", () => {
  it("may be files in either form, and folders, inside or outside of a home", () => {
    writeHome(home, { [sessionPath(1)]: threadText(1), [sessionPath(2)]: threadText(2), [fileName(3)]: threadText(3) });
    const what = { paths: [join(home, sessionPath(1)), join(home, fileName(3))] };
    expect(outcomes({ what })).toEqual({ [sessionPath(1)]: "compressed", [fileName(3)]: "compressed" });
    expect(existsSync(join(home, ".tmp", "rollout-compression.lock"))).toBe(false);
    expect(outcomes({ what: { paths: [join(home, "sessions")] } })).toEqual({
      [sessionPath(1)]: "skipped_already_compressed",
      [sessionPath(2)]: "compressed",
    });
    const back = decompress(home, { what: { paths: [join(home, `${sessionPath(1)}.zst`), join(home, fileName(3))] } });
    expect(back.outcomes).toEqual({ decompressed: 2 });
    expect(readEither(join(home, fileName(3)))).toBe(threadText(3));
  });

  it("are refused when they are nothing", () => {
    writeHome(home, { "sessions/notes.txt": "x" });
    expect(() => compress(home, { what: { paths: [join(home, "none")] } })).toThrow("there is no such file or folder");
    expect(() => compress(home, { what: { paths: [join(home, "sessions/notes.txt")] } })).toThrow(
      "not the name of a rollout",
    );
  });
});
