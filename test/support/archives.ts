/** Homes whose rollouts are compressed and brought back, for tests of the compressor. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compressZstd } from "../../src/io/zstd.ts";
import { openBytes } from "../../src/readers/bytes.ts";
import { type CompressRun, compressRun } from "../../src/compressor/run.ts";
import { type DecompressRun, decompressRun } from "../../src/compressor/decompress.ts";
import type { CompressReport } from "../../src/compressor/report.ts";
import type { DecompressReport } from "../../src/compressor/decompress.ts";
import { NOW_MS } from "./homes.ts";
import { meta, rolloutText, userMessage } from "./lines.ts";

export const COLD_DAYS_MS = 7 * 24 * 3600 * 1000;

export function compress(codexHome: string, changes: Partial<CompressRun> = {}): CompressReport {
  return compressRun({
    what: { codexHome, scope: "all" },
    mode: "write",
    profile: { kind: "checkpoint" },
    level: 3,
    keep: false,
    olderThanMs: COLD_DAYS_MS,
    force: true,
    jobs: 1,
    now: () => NOW_MS,
    ...changes,
  });
}

export function decompress(codexHome: string, changes: Partial<DecompressRun> = {}): DecompressReport {
  return decompressRun({ what: { codexHome, scope: "all" }, mode: "write", now: () => NOW_MS, ...changes });
}

/** The text of a thread's rollout: metadata and some messages. */
export function threadText(thread: number, messages = 3): string {
  const lines = Array.from({ length: messages }, (_unused, index) => userMessage(`message ${index} of ${thread}`));
  return rolloutText([meta(thread), ...lines]);
}

/** What a reader gets by a rollout's plain name: the plain file, else the archive; undefined when there is neither. */
export function readEither(plainPath: string): string | undefined {
  if (existsSync(plainPath)) return readFileSync(plainPath, "utf8");
  return existsSync(`${plainPath}.zst`) ? readAll(`${plainPath}.zst`) : undefined;
}

/** Names of all files below a home's session folders, without their folders. */
export function namesIn(home: string): readonly string[] {
  const all = ["sessions", "archived_sessions"].flatMap((root) =>
    existsSync(join(home, root)) ? readdirSync(join(home, root), { recursive: true, withFileTypes: true }) : [],
  );
  return all
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

function readAll(path: string): string {
  const reader = openBytes(path);
  try {
    const text = Buffer.concat(Array.from(reader.forward(), (chunk) => Buffer.from(chunk))).toString("utf8");
    if (reader.failure !== undefined) throw new Error(`${path}: ${reader.failure.message}`);
    return text;
  } finally {
    reader.close();
  }
}

/** A skippable frame, which readers pass over; `low` is the last digit of its magic number. */
export function skippable(content: Buffer, low = 14): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + low, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
}

/** Parts as frames with checksums, and a seek table behind them. */
export function framesOf(parts: readonly Buffer[]): Buffer {
  const frames = parts.map((part) => compressZstd(part, { checksum: true }));
  const table = Buffer.alloc(parts.length * 8 + 9);
  for (const [at, frame] of frames.entries()) {
    table.writeUInt32LE(frame.length, at * 8);
    table.writeUInt32LE(parts[at]?.length ?? 0, at * 8 + 4);
  }
  table.writeUInt32LE(parts.length, table.length - 9);
  table.writeUInt32LE(0x8f92eab1, table.length - 4);
  return Buffer.concat([...frames, skippable(table)]);
}
