/**
 * `compress` and `decompress` beside writers, and on a full disk: nothing that was appended is lost, and what fails changes
 * nothing. What is killed is in `compress-kill.test.ts`, single files that are in the way in `compress-files.test.ts`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compress, decompress, namesIn, readEither, threadText } from "../support/archives.ts";
import { skipAloud } from "../interop/codex.ts";
import { NOW_MS, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { fileName, sessionPath, threadId } from "../support/lines.ts";
import { ROOT } from "../support/sources.ts";

const folder = temporaryFolder();
let home = "";
const children = new Set<ChildProcess>();
beforeEach(() => {
  home = join(folder.path, "home");
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

const LINES = 10_000;

interface Appender {
  readonly child: ChildProcess;
  readonly isDone: () => boolean;
}

/** Once it has the file. Both of its words may come at once, where this process had to wait for a processor. */
function startAppender(how: string, ...more: readonly string[]): Promise<Appender> {
  const script = join(ROOT, "test", "support", "appender.mjs");
  const args = [script, how, join(home, sessionPath(1)), String(LINES), ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  let said = "";
  return new Promise((resolve) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      resolve({ child, isDone: () => said.endsWith("done\n") });
    });
  });
}

/** What both forms and all that was kept hold together. */
function linesIn(plain: string): ReadonlySet<string> {
  const forms = [existsSync(plain) ? readFileSync(plain, "utf8") : ""];
  if (existsSync(`${plain}.zst`)) forms.push(readArchive(`${plain}.zst`));
  return new Set(forms.join("\n").split("\n"));
}

function readArchive(path: string): string {
  const copy = join(folder.path, "copy.jsonl");
  writeFileSync(`${copy}.zst`, readFileSync(path));
  return readEither(copy) ?? "";
}

describe("a writer that appends 10,000 lines meanwhile loses none", () => {
  const text = threadText(1);

  async function compressBeside({ child, isDone }: Appender): Promise<readonly string[]> {
    const outcomes: string[] = [];
    do {
      const report = compress(home, { olderThanMs: 0, now: Date.now });
      outcomes.push(...report.files.map(({ outcome }) => outcome));
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (!isDone());
    const ended = new Promise((resolve) => void child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
    return outcomes;
  }

  function expectAll(): void {
    const found = linesIn(join(home, sessionPath(1)));
    const wanted = [
      ...text.trimEnd().split("\n"),
      ...Array.from({ length: LINES }, (_unused, at) => `{"line":${at + 1}}`),
    ];
    expect(wanted.filter((line) => !found.has(line))).toEqual([]);
  }

  test("with the file open and no lock", async () => {
    writeHome(home, { [sessionPath(1)]: text });
    const outcomes = await compressBeside(await startAppender("hold"));
    expect(outcomes.filter((outcome) => outcome === "compressed" || outcome === "failed")).toEqual([]);
    expect(namesIn(home)).toEqual([fileName(1)]);
    expectAll();
    expect(compress(home, { olderThanMs: 0, now: Date.now }).totals.outcomes).toEqual({ compressed: 1 });
    expectAll();
  });

  test("with the file open and the lock", async () => {
    writeHome(home, { [sessionPath(1)]: text });
    mkdirSync(join(home, "thread-writer-locks"));
    const lock = join(home, "thread-writer-locks", `${threadId(1)}.lock`);
    const outcomes = await compressBeside(await startAppender("lock", lock));
    expect([...new Set(outcomes)]).toEqual(["skipped_busy"]);
    expectAll();
  });

  test("opening it anew for each, and making it where it is not", async () => {
    writeHome(home, { [sessionPath(1)]: text });
    await compressBeside(await startAppender("reopen"));
    expectAll();
    expect(namesIn(home).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

function shell(line: string, value: string): number | null {
  return spawnSync("sh", ["-c", line, "sh", value]).status;
}

describe("a disk", () => {
  const mounted: string[] = [];
  afterEach(() => {
    for (const path of mounted.splice(0)) shell('umount "$1"', path);
  });

  test("that is full leaves everything as it was", (context) => {
    const disk = join(folder.path, "disk");
    mkdirSync(disk);
    const isRoot = process.getuid?.() === 0;
    if (!isRoot || shell('mount -t tmpfs -o size=4m tmpfs "$1"', disk) !== 0) {
      skipAloud("compressing on a full disk: only root may mount a small one");
      context.skip();
      return;
    }
    mounted.push(disk);
    home = join(disk, "home");
    // Text that does not compress well, so that the archive needs room.
    const noise = Array.from({ length: 400 }, (_unused, at) =>
      Buffer.from(`${at * 7919}`.repeat(40)).toString("base64"),
    );
    writeHome(home, { [sessionPath(1)]: `${threadText(1)}${noise.join("\n")}\n`, [sessionPath(2)]: threadText(2) });
    compress(home, { mode: "dry-run" });
    mkdirSync(join(home, ".tmp"));
    mkdirSync(join(home, "thread-writer-locks"));
    const before = snapshot(join(home, "sessions"));
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - 3 * bsize)));
    // The marker, and not much more.
    const full = compress(home, { now: () => NOW_MS });
    const failed = full.files.filter(({ outcome }) => outcome === "failed");
    expect(failed.map(({ message }) => message)).toContain("cannot write the file: no space is left on the disk");
    for (const { path } of failed) {
      const name = path.slice(join(home, "sessions").length + 1);
      expect(snapshot(join(home, "sessions"))[name]).toBe(before[name]);
    }
    expect(namesIn(home).filter((name) => name.startsWith("."))).toEqual([]);
    rmSync(join(disk, "filler"));
    compress(home);
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`, `${fileName(2)}.zst`].toSorted());
    expect(decompress(home).outcomes).toEqual({ decompressed: 2 });
    expect(snapshot(join(home, "sessions"))).toEqual(before);
  });

  test.skipIf(process.getuid?.() === 0)("that may not be written to leaves everything as it was", () => {
    writeHome(home, { [sessionPath(1)]: threadText(1) });
    const day = join(home, sessionPath(1), "..");
    chmodSync(day, 0o500);
    expect(compress(home).files.map(({ outcome, message }) => [outcome, message])).toEqual([
      ["failed", "cannot write the file: permission denied"],
    ]);
    chmodSync(day, 0o700);
    expect(namesIn(home)).toEqual([fileName(1)]);
  });
});
