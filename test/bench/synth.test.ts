import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { writeSyntheticHome, writeSyntheticRollout, type SynthHome } from "../../src/bench/synth.ts";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-synth-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SHAPES = ["legacy", "paginated", "small"] as const;

function entries(path: string): readonly Entry[] {
  const bytes = readFileSync(path);
  const found: Entry[] = [];
  for (let offset = 0, line = 1; offset < bytes.length; line++) {
    const end = bytes.indexOf(10, offset);
    const length = end - offset;
    found.push(decodeLine(bytes.subarray(offset, end), { line, offset, length }));
    offset = end + 1;
  }
  return found;
}

/** Names, bytes and times of everything below a folder. */
function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).toSorted()) {
    const path = join(folder, name);
    const stats = statSync(path);
    if (stats.isFile()) hash.update(`${name} ${String(Math.floor(stats.mtimeMs))} `).update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

for (const shape of SHAPES) {
  describe(`a synthetic home of the shape ${shape}`, () => {
    let home: SynthHome;
    const spec = { seed: 11, shape, rollouts: 40, totalBytes: 2_000_000, forks: 0.2, subAgents: 0.2, archived: 0.2 };
    beforeAll(() => (home = writeSyntheticHome(join(root, shape), spec)));

    it("is the same, byte for byte and to the millisecond, for the same seed", () => {
      const again = writeSyntheticHome(join(root, `${shape}-again`), spec);
      expect(fingerprint(again.folder)).toBe(fingerprint(home.folder));
      expect(fingerprint(home.folder)).toBe(FINGERPRINTS[shape]);
      writeSyntheticHome(join(root, `${shape}-other`), { ...spec, seed: 12 });
      expect(fingerprint(join(root, `${shape}-other`))).not.toBe(FINGERPRINTS[shape]);
    });

    it("holds what it says: sizes, places, times, kinds", () => {
      expect(home.rollouts).toHaveLength(40);
      expect(new Set(home.rollouts.map((rollout) => rollout.threadId)).size).toBe(40);
      expect(new Set(home.rollouts.map((rollout) => rollout.kind))).toEqual(new Set(["root", "fork", "sub-agent"]));
      for (const rollout of home.rollouts) {
        const stats = statSync(join(home.folder, rollout.path));
        expect(stats.size).toBe(rollout.bytes);
        expect(Math.floor(stats.mtimeMs)).toBe(rollout.mtimeMs);
        expect(rollout.path.startsWith("archived_sessions/")).toBe(rollout.archived);
        expect(rollout.path).toContain(rollout.threadId);
      }
      expect(home.bytes).toBe(home.rollouts.reduce((sum, rollout) => sum + rollout.bytes, 0));
    });

    it("has no line that the decoder rejects, and ordinals without a gap where there are any", () => {
      for (const { path, kind, threadId } of home.rollouts) {
        const all = entries(join(home.folder, path));
        expect(all.filter((entry) => !entry.ok)).toEqual([]);
        const records = all.flatMap((entry) => (entry.ok ? [entry.record] : []));
        expect(records[0]).toMatchObject({ type: "session_meta", payload: { id: threadId } });
        const metas = records.filter((record) => record.type === "session_meta").length;
        expect(metas).toBe(kind === "fork" && shape !== "paginated" ? 2 : 1);
        if (shape !== "paginated") continue;
        const ordinals = records.map((record) => record.ordinal ?? -1);
        expect(ordinals).toEqual(ordinals.map((_, step) => (ordinals[0] ?? 0) + step));
      }
    });
  });
}

describe("a fork of a paginated rollout", () => {
  it("cuts its base at a line's end, at the ordinal that follows", () => {
    const home = writeSyntheticHome(join(root, "forks"), {
      seed: 3,
      shape: "paginated",
      rollouts: 30,
      totalBytes: 1e6,
      forks: 0.5,
      subAgents: 0,
    });
    const files = new Map(home.rollouts.map((rollout) => [rollout.threadId, rollout.path]));
    const forks = home.rollouts.filter((rollout) => rollout.kind === "fork");
    expect(forks.length).toBeGreaterThan(5);
    for (const fork of forks) {
      const [first] = readFileSync(join(home.folder, fork.path), "utf8").split("\n", 1);
      const { history_base: base } = (
        JSON.parse(first ?? "") as { payload: { history_base: Record<string, number | string> } }
      ).payload;
      const bytes = readFileSync(join(home.folder, files.get(String(base["thread_id"])) ?? ""));
      expect(bytes[Number(base["end_byte_offset"]) - 1]).toBe(10);
      const before = bytes.subarray(0, Number(base["end_byte_offset"])).toString("utf8").trimEnd().split("\n");
      expect((JSON.parse(before.at(-1) ?? "") as { ordinal: number }).ordinal + 1).toBe(base["end_ordinal_exclusive"]);
    }
  });
});

describe("writeSyntheticRollout", () => {
  it("writes one of about the size asked for", () => {
    const rollout = writeSyntheticRollout(join(root, "one"), { seed: 9, shape: "legacy", bytes: 3_000_000 });
    expect(rollout.bytes).toBeGreaterThanOrEqual(3_000_000);
    expect(rollout.bytes).toBeLessThan(3_300_000);
  });
});

const FINGERPRINTS: Readonly<Record<(typeof SHAPES)[number], string>> = {
  legacy: "a7f962fdbbaf544d",
  paginated: "578fd711461f4a60",
  small: "585041b8efd7a31d",
};
