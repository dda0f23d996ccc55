/**
 * Laws of a whole run: a second one changes nothing, and an index that was brought up to date again and again is the one
 * that a rebuild gives.
 */
import fc from "fast-check";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { SqlRow } from "../../src/io/sqlite.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { copyTree } from "../interop/codex.ts";
import { runs } from "../support/budget.ts";
import { rollouts } from "../support/generate.ts";
import { readTable, runReindex, setMtime, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  lineText,
  META_MS,
  paginatedMeta,
  rolloutText,
  sessionPath,
  taskStarted,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();

const THREADS = 5;
const FORK = 6;
const HOUR_MS = 3_600_000;

/** Every thread has an hour of its own, so that no two times are equal. */
function startOf(thread: number): number {
  return META_MS + thread * HOUR_MS;
}

const texts = fc.tuple(
  ...Array.from({ length: THREADS }, (_, index) =>
    rollouts({ thread: index + 1, startMs: startOf(index + 1), plausible: true }),
  ),
);

type Edit =
  | { readonly kind: "turn"; readonly thread: number; readonly message: string; readonly tokens: number }
  | { readonly kind: (typeof EDITS)[number]; readonly thread: number };

const EDITS = ["tear", "archive", "compress", "remove", "restore", "touch", "name", "copy"] as const;

const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("turn" as const),
      thread: fc.integer({ min: 1, max: THREADS }),
      message: fc.constantFrom("more", "again"),
      tokens: fc.nat(99_999),
    }),
    fc.record({
      kind: fc.constantFrom(...EDITS),
      thread: fc.integer({ min: 1, max: THREADS }),
    }),
  ),
  { minLength: 1, maxLength: 4 },
);

/** The files of a thread as they lie now. */
function placesOf(home: string, thread: number): readonly string[] {
  const plain = [sessionPath(thread), archivedPath(thread)];
  return [...plain, ...plain.map((path) => `${path}.zst`)]
    .map((path) => join(home, path))
    .filter((path) => existsSync(path));
}

function apply(home: string, edit: Edit, step: number): void {
  const [path] = placesOf(home, edit.thread);
  const taken = join(home, "..", `taken-${edit.thread}`);
  if (path === undefined) {
    if (edit.kind === "restore" && existsSync(taken))
      rewrite(join(home, sessionPath(edit.thread)), readFileSync(taken), startOf(edit.thread));
    return;
  }
  const { mtimeMs } = statSync(path);
  const nowMs = startOf(edit.thread) + 600_000 + step * 60_000;
  const isPlain = path.endsWith(".jsonl");
  switch (edit.kind) {
    case "turn":
      if (isPlain) appendTurn(path, edit.message, edit.tokens, nowMs);
      break;
    case "tear":
      if (isPlain) rewrite(path, Buffer.from(`${withEnd(readFileSync(path, "utf8"))}{"timestamp":"2025-11-0`), mtimeMs);
      break;
    case "archive":
      move(
        path,
        path.includes("/sessions/")
          ? join(home, archivedPath(edit.thread)) + path.slice(path.lastIndexOf(".jsonl") + 6)
          : path,
      );
      break;
    case "compress":
      if (isPlain) {
        rewrite(`${path}.zst`, compressZstd(readFileSync(path)), mtimeMs);
        rmSync(path);
      }
      break;
    case "remove":
      // A fork keeps the preview that it had from a base now gone, and a rebuild cannot.
      if (!isPlain || edit.thread === 1) return;
      rmSync(taken, { force: true });
      move(path, taken);
      break;
    case "touch":
      setMtime(path, nowMs);
      break;
    case "copy":
      rewrite(`${path}.copy`, readFileSync(path), mtimeMs);
      rmSync(path);
      renameSync(`${path}.copy`, path);
      break;
    case "name":
      nameThread(home, edit.thread, `name of ${edit.thread}`);
      break;
    default:
  }
}

function withEnd(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

function appendTurn(path: string, message: string, tokens: number, nowMs: number): void {
  const old = withEnd(readFileSync(path, "utf8"));
  const lines = [taskStarted(), turnContext(), userMessage(message), tokenCount(tokens)];
  const added = lines.map((line, index) => `${lineText(line, new Date(nowMs + index * 1000).toISOString())}\n`);
  rewrite(path, Buffer.from(old + added.join("")), nowMs + 3000);
}

function nameThread(home: string, thread: number, name: string): void {
  const path = join(home, "session_index.jsonl");
  const old = existsSync(path) ? readFileSync(path, "utf8") : "";
  writeFileSync(
    path,
    `${old}${JSON.stringify({ id: threadId(thread), thread_name: name, updated_at: "2025-11-06T00:00:00Z" })}\n`,
  );
}

function rewrite(path: string, bytes: Buffer, mtimeMs: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  setMtime(path, mtimeMs);
}

function move(path: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  renameSync(path, target);
}

function firstHome(all: readonly { readonly text: string }[]): string {
  rmSync(join(folder.path, "home"), { recursive: true, force: true });
  const files = all.map(
    ({ text }, index) => [sessionPath(index + 1), { text, mtimeMs: lastTime(text, index + 1) }] as const,
  );
  // The last thread goes on from all that the first one says, and has words of its own.
  const continued = base(threadId(1), Buffer.byteLength(all[0]?.text ?? ""));
  const fork = rolloutText(
    [paginatedMeta(FORK, { forked_from_id: threadId(1), history_base: continued }), userItem("own words")],
    {
      paginated: true,
      firstOrdinal: 100,
      startMs: startOf(FORK),
    },
  );
  return writeHome(join(folder.path, "home"), {
    ...Object.fromEntries(files),
    [sessionPath(FORK)]: { text: fork, mtimeMs: startOf(FORK) + 1000 },
  });
}

/** Codex's own writing leaves a file with the time of its last line. */
function lastTime(text: string, thread: number): number {
  const times = [...text.matchAll(/"timestamp":"(2025-11-01T1[^"]*Z)"/g)].map((match) => Date.parse(match[1] ?? ""));
  return Math.max(startOf(thread), ...times);
}

test("a second run changes no byte and no time, and says so", () => {
  fc.assert(
    fc.property(texts, fc.constantFrom("best", "codex"), (all, rules) => {
      const home = firstHome(all);
      const first = runReindex(home, { rules });
      // Files that give no row are looked at every time, and by these rules that means a rebuild.
      fc.pre(rules === "best" || first.files.rejected.length === 0);
      const before = snapshot(home);
      const report = runReindex(home, { rules });
      expect(report.action).toBe("unchanged");
      expect(snapshot(home)).toEqual(before);
    }),
    runs(8),
  );
});

function judged(rows: readonly SqlRow[], home: string): readonly SqlRow[] {
  return rows
    .filter((row) => existsSync(String(row.rollout_path)) || existsSync(`${String(row.rollout_path)}.zst`))
    .map((row) => ({ ...row, rollout_path: String(row.rollout_path).replace(home, "") }));
}

/**
 * Rows of files that have become unreadable stay in an index; a rebuild has nothing to make them from. When a thread was
 * archived stands nowhere else either.
 */
function differences(updated: readonly SqlRow[], rebuilt: readonly SqlRow[]): readonly string[] {
  return rebuilt.flatMap((row) => {
    const other = updated.find(({ id }) => id === row.id);
    const columns = Object.keys(row).filter((column) => column !== "archived_at" && row[column] !== other?.[column]);
    return columns.map(
      (column) => `${String(row.id)} ${column}: ${String(other?.[column])}, but ${String(row[column])}`,
    );
  });
}

test("runs after edits end where a rebuild ends", () => {
  fc.assert(
    fc.property(texts, fc.array(edits, { minLength: 1, maxLength: 3 }), (all, rounds) => {
      const home = firstHome(all);
      runReindex(home);
      let step = 0;
      for (const round of rounds) {
        for (const edit of round) apply(home, edit, ++step);
        runReindex(home);
      }
      const fresh = join(folder.path, "fresh");
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh);
      for (const name of ["sessions", "archived_sessions", "session_index.jsonl"]) {
        if (existsSync(join(home, name))) copyTree(join(home, name), join(fresh, name));
      }
      runReindex(fresh);
      expect(differences(judged(readTable(home), home), judged(readTable(fresh), fresh))).toEqual([]);
      expect(runReindex(home, { mode: "check" }).differences).toEqual([]);
    }),
    runs(8),
  );
});
