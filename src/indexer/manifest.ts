/**
 * What the last run saw, so that the next one need not look again: for each rollout its size, times and inode, and the
 * thread it belongs to; for the database the same. A memory, never a truth: whatever does not match is read.
 *
 * A file counts as unchanged when size, mtime, ctime and inode are those of the last run; the kernel moves the ctime with
 * every write, so its bytes cannot be others. Where only ctime or inode differ (a home that was copied or moved) the first
 * 4 KiB are compared as well; mtime and size alone would miss what Codex's migration does (observed §6).
 */
import { dirname, join } from "node:path";
import { lstatOrUndefined, readWholeFile, writeFileAtomic } from "../io/files.ts";
import { ensureFolder } from "../io/swap.ts";
import type { RolloutFile } from "../readers/home.ts";

export const MANIFEST_VERSION = 1;
export const HEAD_BYTES = 4096;

export interface FileMemory {
  readonly relativePath: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
  /** Digest of the first 4 KiB of the plain text. */
  readonly head: string;
  /** Undefined when the file gave no row. */
  readonly threadId: string | undefined;
}

export interface Manifest {
  readonly codexHome: string;
  readonly rules: string;
  readonly level: number;
  /** Of every database and of the session index, by path. */
  readonly signatures: Readonly<Record<string, string>>;
  readonly files: readonly FileMemory[];
}

export function manifestPath(sqliteHome: string): string {
  return join(sqliteHome, "rollout-tool", "index-manifest.json");
}

/** Undefined when there is none, or none that this version can use. */
export function readManifest(sqliteHome: string): Manifest | undefined {
  const path = manifestPath(sqliteHome);
  if (lstatOrUndefined(path)?.isFile() !== true) return undefined;
  try {
    return decode(JSON.parse(readWholeFile(path).toString("utf8")));
  } catch {
    return undefined;
  }
}

export function writeManifest(sqliteHome: string, manifest: Manifest): void {
  const files = manifest.files.map((file) => [
    file.relativePath,
    file.sizeBytes,
    file.mtimeMs,
    file.ctimeMs,
    file.inode,
    file.head,
    file.threadId ?? null,
  ]);
  const { codexHome, rules, level, signatures } = manifest;
  const text = JSON.stringify({ version: MANIFEST_VERSION, codexHome, rules, level, signatures, files });
  const path = manifestPath(sqliteHome);
  ensureFolder(dirname(path));
  // A run that changed nothing leaves not even a new time behind.
  if (textOf(path) === text) return;
  writeFileAtomic(path, text, { mode: 0o600 });
}

function textOf(path: string): string | undefined {
  return lstatOrUndefined(path)?.isFile() === true ? readWholeFile(path).toString("utf8") : undefined;
}

function decode(value: unknown): Manifest | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { version, files, ...rest } = value as Record<string, unknown>;
  if (version !== MANIFEST_VERSION || !Array.isArray(files)) return undefined;
  const decoded = files.map((row: readonly unknown[]) => decodeFile(row));
  return { ...(rest as Omit<Manifest, "files">), files: decoded };
}

function decodeFile(row: readonly unknown[]): FileMemory {
  const [relativePath, sizeBytes, mtimeMs, ctimeMs, inode, head, threadId] = row as [
    string,
    number,
    number,
    number,
    number,
    string,
    string | null,
  ];
  return { relativePath, sizeBytes, mtimeMs, ctimeMs, inode, head, threadId: threadId ?? undefined };
}

/** Changes whenever the file, or a SQLite log beside it, may have changed. Empty when there is no such file. */
export function fileSignature(path: string): string {
  const log = `${path}-wal`;
  return [path, log].map(statText).join("|").replace(/^\|$/, "");
}

function statText(path: string): string {
  const stat = lstatOrUndefined(path);
  return stat === undefined ? "" : `${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}:${stat.ino}`;
}

/** By relative path. */
export function memoriesByPath(manifest: Manifest): ReadonlyMap<string, FileMemory> {
  return new Map(manifest.files.map((file) => [file.relativePath, file]));
}

export type Familiarity = "same" | "moved" | "changed";

/** `moved`: same size and mtime, so the head decides. */
export function familiarity(file: RolloutFile, memory: FileMemory | undefined): Familiarity {
  if (memory === undefined || file.sizeBytes !== memory.sizeBytes || file.mtimeMs !== memory.mtimeMs) return "changed";
  return file.ctimeMs === memory.ctimeMs && file.inode === memory.inode ? "same" : "moved";
}
