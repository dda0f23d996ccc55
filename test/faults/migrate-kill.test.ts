/**
 * `migrate --apply` killed at any moment, to each of its targets: the next run settles what was cut off and does the rest, `verify` finds
 * nothing wrong, and undoing all runs brings every byte back. `ROLLOUT_TOOL_KILLS` sets the number of kills, and `ROLLOUT_TOOL_BIN` names
 * another build than that of this folder.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { PRELOAD, PROGRAM } from "../support/kills.ts";
import { EARLY_ROLLOUTS } from "../support/early-rollouts.ts";
import { turn } from "../support/fork-lines.ts";
import { change, type HomeSpec, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { archivedPath, event, meta, paginatedMeta, rolloutText, sessionPath } from "../support/lines.ts";

const KILLS = Number(process.env["ROLLOUT_TOOL_KILLS"] ?? 6);
const TARGETS = ["envelope", "paginated", "legacy"] as const;
type Target = (typeof TARGETS)[number];

const env = { PATH: process.env["PATH"], HOME: "/home/someone" };

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

const legacy = (n: number): string => rolloutText([meta(n), ...turn("a"), ...turn("b")]);
const rolledBack = (n: number): string => `${legacy(n)}${rolloutText([event("thread_rolled_back", { num_turns: 1 })])}`;
const paginated = (): string => {
  const turns = [...turn("a", { mode: "paginated" }), ...turn("b", { mode: "paginated" })];
  return rolloutText([paginatedMeta(2), ...turns], { paginated: true });
};

/** Plain and compressed, active and archived; one with a line that goes aside. */
const SPECS: Readonly<Record<Target, HomeSpec>> = {
  envelope: Object.fromEntries(
    EARLY_ROLLOUTS.filter(({ target, aside }) => target !== undefined && aside < 2)
      .slice(0, 4)
      .map(({ path, bytes }) => [path, bytes]),
  ),
  paginated: {
    [sessionPath(1)]: legacy(1),
    [`${sessionPath(2)}.zst`]: compressZstd(Buffer.from(legacy(2)), { checksum: true }),
    [archivedPath(3)]: rolledBack(3),
  },
  legacy: { [sessionPath(2)]: paginated() },
};

const OWN = /^(?:rollout-tool|\.tmp|thread-writer-locks)(?:\/|$)|\.sqlite/;

/** Rollouts; rows are looked at by `verify`. */
function tree(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(snapshot(home)).filter(([path]) => !OWN.test(path)));
}

function renew(target: Target): Readonly<Record<string, string>> {
  rmSync(home, { recursive: true, force: true });
  writeHome(home, SPECS[target]);
  runReindex(home);
  return tree();
}

function argv(...words: readonly string[]): string[] {
  return [PROGRAM, ...words, "--codex-home", home];
}

function run(when: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, argv(...words), { env, encoding: "utf8" });
  expect([status, stderr], `${when}\n${stdout}`).toEqual([0, ""]);
  return stdout;
}

const migrate = (target: Target): string[] => ["migrate", "--to", target, "--apply", "--quiet"];

interface Verified {
  readonly counts: { readonly error: number; readonly warning: number };
  readonly codes: unknown;
}

/** The next run, with nothing said that would force it; then nothing is left of the one that was killed. */
function finish(target: Target, when: string): void {
  run(when, ...migrate(target));
  const { counts, codes } = JSON.parse(run(when, "verify", "--read-data", "all", "--json")) as Verified;
  expect([counts.error, counts.warning], `${when}: ${JSON.stringify(codes)}`).toEqual([0, 0]);
  const runs = join(home, "rollout-tool", "changes");
  const names = readdirSync(runs).flatMap((name) => readdirSync(join(runs, name)));
  expect(new Set(names), when).toEqual(new Set(["backup", "manifest.jsonl"]));
}

/** What the killed run did, and what finished it, the last first. */
function expectUndone(before: Readonly<Record<string, string>>, when: string): void {
  const runs = join(home, "rollout-tool", "changes");
  for (const name of readdirSync(runs).toSorted().toReversed()) run(when, "repair", "--undo", join(runs, name));
  const { counts } = JSON.parse(run(when, "verify", "--read-data", "all", "--json")) as Verified;
  expect(counts.error, when).toBe(0);
  expect(tree(), when).toEqual(before);
}

test.each(TARGETS)(
  "migrate --to %s, killed before changes to the file system",
  (target) => {
    renew(target);
    const whole = spawnSync(process.execPath, [...PRELOAD, ...argv(...migrate(target))], { env, encoding: "utf8" });
    const changes = Number(/CHANGES (\d+)/.exec(whole.stderr)?.[1]);
    expect([whole.status, changes > 20], whole.stderr).toEqual([0, true]);
    const wanted = tree();
    const step = Math.max(1, Math.ceil((changes * TARGETS.length) / KILLS));
    for (let at = Math.ceil(step / 2); at <= changes; at += step) {
      const before = renew(target);
      const killed = spawnSync(process.execPath, [...PRELOAD, ...argv(...migrate(target))], {
        env: { ...env, KILL_AT: String(at) },
        encoding: "utf8",
      });
      const when = `killed before change ${at} of ${changes}`;
      expect(killed.signal, `${when}\n${killed.stderr}`).toBe("SIGKILL");
      finish(target, when);
      expect(tree(), when).toEqual(wanted);
      expectUndone(before, when);
    }
  },
  600_000,
);

test("an index that is gone keeps no thread from being migrated", () => {
  renew("paginated");
  change(home, "delete from threads");
  run("without rows", ...migrate("paginated"));
});
