/**
 * What `verify --pre-migrate` foretells against the real `codex migrate-rollouts --apply` of 0.169.0: the outcome of each rollout, and an
 * account of its lines. Every line of the old file is in the new one, as it was or as the item that stands for it, or it is on the list; and
 * nothing else is in the new one but what the migration adds by rule (turns that nothing began, hook prompts, empty checkpoints).
 */
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCodex } from "../../src/bench/codex.ts";
import { Rng } from "../../src/bench/rng.ts";
import { preMigrate } from "../../src/migrate/pre-migrate.ts";
import type { PreMigrateFile, PreMigrateReport } from "../../src/migrate/pre-migrate-types.ts";
import { discoverRollouts, openHome } from "../../src/readers/home.ts";
import { caseFile, PRE_MIGRATE_CASES } from "../support/pre-migrate-cases.ts";
import { type CodexBinary, copyTree, describeWithCodex, testHome, type TestHome } from "./codex.ts";
import { corpusFolder, type CORPUS_NAMES, unpackCorpus } from "./corpus.ts";
import { gistOf, linesAt } from "./pre-migrate-lines.ts";
import { scratchFolder } from "./scratch.ts";

interface Outcome {
  readonly rollout_path: string;
  readonly status: string;
  readonly failure_reason?: string | null;
}

interface Seen {
  readonly outcome: Outcome;
  readonly foretold: Pick<PreMigrateFile, "status" | "lost"> & { readonly reason: string | undefined };
  readonly before: string;
  readonly after: string;
}

/** Foretells, lets the release migrate, and puts both side by side. */
async function migrateHome(binary: CodexBinary, home: TestHome): Promise<readonly Seen[]> {
  const report = preMigrate(openHome({ codexHome: home.path }), discoverRollouts(home.path), { maxPlaces: Infinity });
  const old = join(scratchFolder("pre-migrate"), "home");
  copyTree(home.path, old);
  const run = await runCodex(binary, ["migrate-rollouts", "--apply", "--json"], home.path);
  const { outcomes } = JSON.parse(run.stdout.slice(run.stdout.indexOf("{"))) as {
    readonly outcomes: readonly Outcome[];
  };
  return outcomes.map((outcome) => {
    const after = existsSync(outcome.rollout_path) ? outcome.rollout_path : `${outcome.rollout_path}.zst`;
    return {
      outcome,
      foretold: foretoldOf(report, outcome),
      before: join(old, after.slice(home.path.length)),
      after,
    };
  });
}

function foretoldOf({ files }: PreMigrateReport, { rollout_path: path, status }: Outcome): Seen["foretold"] {
  const file = files.find((one) => one.path === path.replace(/\.zst$/, ""));
  // Those that lose nothing are not listed.
  const harmless = status === "already_paginated" || status === "skipped_empty" ? status : "migrated";
  return { status: file?.status ?? harmless, reason: file?.failure?.reason, lost: file?.lost ?? [] };
}

function expectAsForetold({ outcome, foretold, before, after }: Seen): void {
  const { status, failure_reason: reason } = outcome;
  expect([foretold.status, foretold.reason ?? null], before).toEqual([status, reason ?? null]);
  if (status === "failed") expect(readFileSync(after).equals(readFileSync(before)), before).toBe(true);
  if (status !== "migrated") return;
  const gone = new Set(foretold.lost.flatMap(({ kind, line }) => (kind === "shortened" ? [] : [line])));
  const kept = linesAt(before).filter(({ line }) => !gone.has(line));
  const [old, added] = [gistsOf(kept), gistsOf(linesAt(after))];
  expect(withoutAdded(added, old), before).toEqual(withMetadataFirst(old));
}

function gistsOf(lines: readonly { readonly text: string }[]): string[] {
  return lines.flatMap(({ text }) => gistOf(text) ?? []);
}

function withMetadataFirst(gists: readonly string[]): readonly string[] {
  const at = gists.indexOf("session_meta");
  return ["session_meta", ...gists.toSpliced(at, 1)].filter((gist) => !isTurn(gist));
}

function isTurn(gist: string): boolean {
  return gist.startsWith("task_");
}

/** Beginnings and ends of turns are made where there are none; those that were there are there. */
function withoutAdded(gists: readonly string[], old: readonly string[]): readonly string[] {
  const turns = gists.filter(isTurn);
  for (const gist of old.filter(isTurn)) expect(turns).toContain(gist);
  return gists.filter((gist) => !isTurn(gist) && gist !== "HookPrompt");
}

describeWithCodex("0.169.0", "migrate-rollouts", (binary) => {
  test("does to each case what is foretold", async () => {
    const home = testHome();
    for (const [index, one] of PRE_MIGRATE_CASES.entries()) {
      const [path, content] = caseFile(one, index);
      mkdirSync(dirname(join(home.path, path)), { recursive: true });
      writeFileSync(join(home.path, path), content);
    }
    const seen = await migrateHome(binary, home);
    expect(seen).toHaveLength(PRE_MIGRATE_CASES.length);
    for (const one of seen) expectAsForetold(one);
    home.remove();
  });

  const corpora: readonly (typeof CORPUS_NAMES)[number][] = [
    "0.47.0",
    "0.77.0",
    "0.98.0",
    "0.128.0",
    "0.142.3",
    "0.142.3-zst",
  ];
  describe.skipIf(corpusFolder() === undefined).each(corpora)("on the home of %s", (name) => {
    test.each([
      ["as it is", 0],
      ["with damage planted", 1],
    ])("%s", async (_, seed) => {
      const corpus = unpackCorpus(name);
      const home = testHome(corpus.home);
      if (seed > 0) plantDamage(home, seed);
      const seen = await migrateHome(binary, home);
      for (const one of seen) expectAsForetold(one);
      home.remove();
      corpus.remove();
    });
  });
});

/** In every other rollout that is plain: lines cut, doubled, moved, retyped, foreign ones put between. Times are kept. */
function plantDamage(home: TestHome, seed: number): void {
  const rng = new Rng(seed);
  for (const file of discoverRollouts(home.path).files) {
    if (file.path.endsWith(".zst") || rng.unit() < 0.5) continue;
    const { atimeMs, mtimeMs } = statSync(file.path);
    const lines = readFileSync(file.path, "utf8").split("\n").slice(0, -1);
    for (let count = rng.between(1, 4); count > 0; count -= 1) {
      const at = rng.between(1, lines.length - 1);
      const line = lines[at] ?? "";
      const damage = DAMAGE[rng.between(0, DAMAGE.length - 1)] as (line: string) => readonly string[];
      lines.splice(at, 1, ...damage(line));
    }
    writeFileSync(file.path, lines.map((line) => `${line}\n`).join(""));
    utimesSync(file.path, atimeMs / 1000, mtimeMs / 1000);
  }
}

const TIME = "2026-11-21T00:29:49.836Z";
const record = (type: string, payload: unknown): string => JSON.stringify({ timestamp: TIME, type, payload });

/** What stands in the place of a line. */
const DAMAGE: readonly ((line: string) => readonly string[])[] = [
  (line) => [line.slice(0, line.length >> 1)],
  (line) => [line, "\0".repeat(64)],
  (line) => [line, "{not json", "", "[1]"],
  (line) => [line, record("event_msg", { type: "error", message: "e" })],
  (line) => [line, record("event_msg", { type: "stream_error", message: "e" })],
  (line) => [line, record("event_msg", { type: "background_event", message: "e" })],
  (line) => [line, record("response_item", { type: "ghost_snapshot", ghost_commit: { id: "0123456" } })],
  (line) => [line, record("strange", { x: 1 })],
  (line) => [line.replace('"type":', '"kind":')],
  (line) => [line.replace(/"(?:message|text)":"/, '"message":5,"x":"')],
  (line) => [line, record("response_item", { type: "mystery" })],
  (line) => [line.replace(/"timestamp":"[^"]*"/, '"timestamp":"yesterday"')],
];
