/** Archives of a few hundred kilobytes that hold a gigabyte: every command ends, takes no more memory than a line may have, and no disk. */
import { spawnSync } from "node:child_process";
import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compressZstd, ZstdEncoder } from "../../src/io/zstd.ts";
import { skipAloud } from "../interop/codex.ts";
import { PROGRAM } from "../support/kills.ts";
import { skippable, threadText } from "../support/archives.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { sessionPath, threadId } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

const GIB = 2 ** 30;
const STEP = Buffer.alloc(2 ** 24);
const HEAD = compressZstd(Buffer.from(threadText(1)));

/** One frame of so many zeros. */
function zeros(bytes: number): Buffer {
  const encoder = new ZstdEncoder({ checksum: true });
  const parts: Buffer[] = [];
  for (let done = 0; done < bytes; done += STEP.length) parts.push(...encoder.write(STEP));
  return Buffer.concat([...parts, ...encoder.endFrame()]);
}

const piece = compressZstd(Buffer.alloc(2 ** 26), { checksum: true });
const BOMBS: Readonly<Record<string, Buffer>> = {
  "one line of zeros": Buffer.concat([HEAD, zeros(GIB)]),
  "zeros in many frames": Buffer.concat([HEAD, ...Array.from({ length: 16 }, () => [piece, skippable(piece)]).flat()]),
  "archives in an archive": Buffer.concat([HEAD, compressZstd(Buffer.concat([zeros(GIB), zeros(GIB)]))]),
};

/**
 * Says at its end what it took, in KiB. Linux counts as part of `maxRSS` what the process held that started this one, so there the
 * high-water mark of the process itself is asked for.
 */
const TELL = `data:text/javascript,${encodeURIComponent(`import { existsSync, readFileSync } from "node:fs";
process.on("exit", () => {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "latin1") : "";
  const peak = /^VmHWM:\\s+(\\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  process.stderr.write("PEAK " + peak);
});`)}`;

/** A process that never ends is killed after this; one on a busy machine may take a minute. */
const HANG_MS = 300_000;
vi.setConfig({ testTimeout: HANG_MS + 10_000 });

function run(...argv: readonly string[]): {
  readonly code: number | null;
  readonly err: string;
  readonly peakMiB: number;
} {
  const more = ["--quiet", "--codex-home", home];
  const { status, stderr } = spawnSync(process.execPath, ["--import", TELL, PROGRAM, ...argv, ...more], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: HANG_MS,
  });
  return { code: status, err: stderr, peakMiB: Number(/PEAK (\d+)/.exec(stderr)?.[1]) / 1024 };
}

describe.each(Object.keys(BOMBS))("%s", (name) => {
  beforeEach(() => {
    writeHome(home, { [`${sessionPath(1)}.zst`]: BOMBS[name] as Buffer });
  });

  /** A line is held as long as it could be a string: 512 MiB, and what comes on top. */
  test.each([
    [["history", threadId(1)], 800],
    [["history", threadId(1), "--full-replay"], 800],
    [["turns", threadId(1)], 800],
    [["windows", threadId(1)], 800],
    [["show", threadId(1)], 800],
    [["tree", threadId(1)], 150],
    [["list", "--from-files"], 150],
    [["reindex"], 150],
    [["compress", "--all"], 150],
    [["decompress", "--all", "--verify-only"], 150],
    [["decompress", "--all", "--dry-run"], 150],
  ] as const)("%j", (argv, limitMiB) => {
    const before = snapshot(join(home, "sessions"));
    const { code, err, peakMiB } = run(...argv);
    expect([0, 1], err).toContain(code);
    expect(peakMiB).toBeLessThan(limitMiB);
    expect(err).not.toMatch(/\n\s+at /);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
  });
});

/** What all readers share is in the table above. */
describe("one line of zeros", () => {
  test.each([[["search", "needle"]], [["stats", "tokens"]], [["verify", "--read-data", "all"]]] as const)(
    "%j",
    (argv) => {
      writeHome(home, { [`${sessionPath(1)}.zst`]: BOMBS["one line of zeros"] as Buffer });
      const { code, err, peakMiB } = run(...argv);
      expect([0, 1], err).toContain(code);
      expect(peakMiB).toBeLessThan(800);
      expect(err).not.toMatch(/\n\s+at /);
    },
  );
});

const shell = (line: string, value: string): number | null => spawnSync("sh", ["-c", line, "sh", value]).status;

describe("decompress, where there is no room for it,", () => {
  const mounted: string[] = [];
  afterEach(() => {
    for (const path of mounted.splice(0)) shell('umount "$1"', path);
  });

  test("says so, and leaves nothing", (context) => {
    const disk = join(folder.path, "disk");
    mkdirSync(disk);
    if (process.getuid?.() !== 0 || shell('mount -t tmpfs -o size=16m tmpfs "$1"', disk) !== 0) {
      skipAloud("decompressing more than the disk holds: only root may mount a small one");
      context.skip();
      return;
    }
    mounted.push(disk);
    home = join(disk, "home");
    writeHome(home, { [`${sessionPath(1)}.zst`]: BOMBS["one line of zeros"] as Buffer });
    const [before, freeBefore] = [snapshot(join(home, "sessions")), statfsSync(disk).bavail];
    const { code, peakMiB } = run("decompress", "--all");
    expect([code, peakMiB < 150]).toEqual([1, true]);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    expect(freeBefore - statfsSync(disk).bavail).toBeLessThan(8);
  });
});
