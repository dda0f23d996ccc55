/** What a resume reads, and when it has to read everything. That it then says the same is in `properties/resume.test.ts`. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codexReading, resumeFast } from "../../src/analysis/fast-resume.ts";
import { openHome } from "../../src/readers/home.ts";
import { type LineageChain, lineageChain, LineageError } from "../../src/readers/lineage.ts";
import { compressed } from "../support/generate-chain.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { sessionPath, threadId } from "../support/lines.ts";
import { linesOf, shownHistory } from "../thread/shorthand.ts";

const folder = temporaryFolder();
const KIB = 1024;

function textOf(rows: string, thread = 1): Buffer {
  return Buffer.from(`${linesOf(rows, { threadId: threadId(thread) }).join("\n")}\n`);
}

function chainOf(files: Readonly<Record<string, Buffer>>, path: string): LineageChain {
  const home = openHome({ codexHome: writeHome(join(folder.path, "home"), files) });
  return lineageChain(home, join(home.codexHome, path));
}

function chainOfOne(rows: string): LineageChain {
  return chainOf({ [sessionPath(1)]: textOf(rows) }, sessionPath(1));
}

/** As many turns as fill so many bytes. */
function filler(bytes: number): string {
  return Array.from({ length: Math.ceil(bytes / 2000) }, (_, n) => `TS f${n}\nA ${"x".repeat(1600)}\nTC f${n}`).join(
    "\n",
  );
}

const CHECKPOINT = 'CP+ {"window_number":3,"window_id":"019a3edc-0d64-7000-8000-000000000003"}\n  SUM';
const SUFFICIENT = 'CP+ {"window_number":3,"resume_metadata":{"previous_turn_settings":{"model":"pm"}}}\n  SUM';

describe("a paginated thread", () => {
  it("is resumed from its newest checkpoint, at the cost of what follows it", () => {
    const tail = `${CHECKPOINT}\n${filler(150 * KIB)}\ncomplete t9`;
    const tailBytes = textOf(`META paginated\n${tail}`).length;
    const costs = [1, 4].map((mebibytes) => {
      const chain = chainOfOne(`META paginated\n${filler(mebibytes * KIB * KIB)}\n${tail}`);
      const { state, rule, bytesRead, linesDecoded } = resumeFast(chain);
      expect(rule).toBeUndefined();
      expect(shownHistory(state?.history ?? []).slice(-2)).toEqual(["U u9", "A a9"]);
      expect(shownHistory(state?.history ?? [])[0]).toBe("U SUM");
      expect(state?.window.number).toBe(3);
      expect(bytesRead + chain.bytesRead).toBeLessThanOrEqual(tailBytes + 128 * KIB);
      return [bytesRead, linesDecoded];
    });
    expect(costs[0]).toEqual(costs[1]);
  });

  it.each([
    ["CP-", "legacy-compaction", "legacy-compaction"],
    ["CP+\n  SUM", "unnumbered-compaction", "unnumbered-compaction"],
    ["A nothing", "no-checkpoint", "no-checkpoint"],
    [`${CHECKPOINT}\nRB 1`, undefined, "rollback"],
    [CHECKPOINT, undefined, undefined],
    [`${CHECKPOINT}\n${SUFFICIENT}`, undefined, undefined],
  ])("that ends with %j is read as a whole by the rule %j, and by Codex by %j", (end, rule, codexRule) => {
    const chain = chainOfOne(`META paginated\ncomplete t1\n${end}`);
    const found = resumeFast(chain);
    expect([found.rule, found.state === undefined]).toEqual([rule, rule !== undefined]);
    expect(codexReading(chain)).toBe(codexRule);
  });

  it("that has no settled turn is resumed all the same, though Codex reads it as a whole", () => {
    const chain = chainOfOne(`META paginated\n${CHECKPOINT}\nU u1`);
    expect(resumeFast(chain).rule).toBeUndefined();
    expect(codexReading(chain)).toBe("no-settled-turn");
  });

  it("has the settings that the turn before the checkpoint left in it", () => {
    const { state } = resumeFast(chainOfOne(`META paginated\nTS t1\nUE x\nTX t1 m1\n${SUFFICIENT}\nA a1`));
    expect(state?.previousTurnSettings?.model).toBe("pm");
    expect(shownHistory(state?.history ?? [])).toEqual(["U SUM", "A a1"]);
  });

  it("whose tail is too long to be held is read twice from the checkpoint on", () => {
    const rows = `META paginated\ncomplete t1\n${CHECKPOINT}\ncomplete t2`;
    const chain = chainOfOne(rows);
    const held = resumeFast(chain);
    const again = resumeFast(chain, { heldBytes: 100 });
    expect(again.state).toEqual(held.state);
    expect(again.linesDecoded).toBe(held.linesDecoded);
    expect(again.bytesRead).toBeGreaterThan(held.bytesRead);
  });
});

describe("a legacy thread", () => {
  it("is resumed from a checkpoint that carries its settings, though Codex reads it as a whole", () => {
    const chain = chainOfOne(`META\ncomplete t1\n${SUFFICIENT}\ncomplete t2`);
    const { state, rule } = resumeFast(chain);
    expect([rule, shownHistory(state?.history ?? [])]).toEqual([undefined, ["U SUM", "U u2", "A a2"]]);
    expect(codexReading(chain)).toBe("legacy-thread");
  });

  it("is read as a whole from any other", () => {
    expect(resumeFast(chainOfOne(`META\ncomplete t1\n${CHECKPOINT}`)).rule).toBe("legacy-thread");
    expect(resumeFast(chainOfOne("META\ncomplete t1")).rule).toBe("legacy-thread");
    expect(resumeFast(chainOfOne("complete t1")).rule).toBe("legacy-thread");
  });

  it("is read as a whole for 0.142.3, to which a checkpoint puts nothing out of reach", () => {
    const chain = chainOfOne(`META\ncomplete t1\n${SUFFICIENT}\ncomplete t2`);
    expect(resumeFast(chain, { release: "0.142.3" })).toMatchObject({
      state: undefined,
      rule: "older-release",
      bytesRead: 0,
    });
  });

  it("of the JSON document of 2025 has no checkpoint, whatever its text looks like", () => {
    const fake = linesOf(SUFFICIENT).join("");
    const document = `{"session":{"id":"${threadId(1)}","timestamp":"2025-04-20T10:00:00.000Z"},"items":[\n${fake}\n]}`;
    const chain = chainOf(
      { "sessions/rollout-2025-04-20-x.json": Buffer.from(document) },
      "sessions/rollout-2025-04-20-x.json",
    );
    expect(resumeFast(chain).rule).toBe("legacy-thread");
  });
});

describe("a compressed thread", () => {
  const rows = `META paginated\n${filler(200 * KIB)}\n${CHECKPOINT}\nRB 7\n${SUFFICIENT}\ncomplete t2`;

  it.each(["frame", "frames"] as const)("of one %s goes by once", (form) => {
    const packed = compressed(textOf(rows), form);
    const chain = chainOf({ [`${sessionPath(1)}.zst`]: packed }, sessionPath(1));
    const { state, bytesRead, linesDecoded } = resumeFast(chain, { checked: false });
    expect(shownHistory(state?.history ?? [])).toEqual(["U SUM", "U u2", "A a2"]);
    expect(linesDecoded).toBe(7);
    // Opened twice: its form shows only in its first bytes.
    expect(bytesRead).toBeLessThanOrEqual(2 * packed.length);
  });

  describe("of several frames", () => {
    const noise = Array.from({ length: 1200 }, () => `A ${randomBytes(512).toString("hex")}`).join("\n");
    const old = textOf(`META paginated\n${noise}\ncomplete t1\nA last`);
    const end = textOf(`META paginated\n${CHECKPOINT}\ncomplete t2`);
    const tail = end.subarray(end.indexOf(10) + 1);
    const whole = Buffer.concat([old, tail]);
    const lastLine = old.lastIndexOf(10, -2) + 1;

    it.each([
      ["one line before it", lastLine, "last"],
      ["in the middle of the line before it", lastLine + 9, "last"],
      ["in its own line", old.length + 40, "all"],
      // Nothing says that this is no rest of a longer line.
      ["at its own line", old.length, "all"],
      ["behind it", whole.length - 20, "all"],
    ])("is decoded from the last frame if that begins before the checkpoint: %s", (_, cut, what) => {
      const frames = [whole.subarray(0, cut), whole.subarray(cut)].map((part) => compressed(part, "frame"));
      const chain = chainOf({ [`${sessionPath(1)}.zst`]: Buffer.concat(frames) }, sessionPath(1));
      const { state, bytesRead } = resumeFast(chain);
      expect(shownHistory(state?.history ?? [])).toEqual(["U SUM", "U u2", "A a2"]);
      expect(state?.history[0]?.place.offset).toBe(old.length);
      expect(state?.history[0]?.place.line).toBe(what === "last" ? 0 : old.toString("latin1").split("\n").length);
      if (what === "last") expect(bytesRead).toBeLessThan((frames[0]?.length ?? 0) / 2);
    });

    it("goes further back, frame by frame, until there is a compaction", () => {
      const middle = textOf(filler(2200 * KIB));
      const text = Buffer.concat([whole, middle]);
      const cuts = [0, lastLine, whole.length + 1100 * KIB, text.length];
      const frames = cuts.slice(1).map((cut, at) => compressed(text.subarray(cuts[at], cut), "frame"));
      const chain = chainOf({ [`${sessionPath(1)}.zst`]: Buffer.concat(frames) }, sessionPath(1));
      const { state, linesDecoded } = resumeFast(chain, { heldBytes: KIB });
      expect(shownHistory(state?.history ?? []).slice(0, 2)).toEqual(["U SUM", "U u2"]);
      expect(linesDecoded).toBe(7 + middle.toString("latin1").split("\n").length - 1);
      expect(state?.history.length).toBe(3 + middle.toString("latin1").split('"type":"message"').length - 1);
    });
  });

  it("that breaks is as good as what precedes the break", () => {
    const packed = compressed(textOf(rows), "frame");
    const chain = chainOf({ [`${sessionPath(1)}.zst`]: packed.subarray(0, -20) }, sessionPath(1));
    expect(resumeFast(chain).rule).toBe("no-checkpoint");
  });
});

describe("a chain", () => {
  const source = textOf(`META paginated\n${filler(300 * KIB)}\n${CHECKPOINT}\ncomplete t2\n`);
  const fork = (end: number, own: string) =>
    textOf(
      `META paginated {"history_base":{"thread_id":"${threadId(1)}","end_ordinal_exclusive":9,"end_byte_offset":${end}}}\n${own}`,
      2,
    );

  it.each(["plain", "frames"] as const)("is resumed from a checkpoint in its source (%s)", (form) => {
    const file = form === "plain" ? sessionPath(1) : `${sessionPath(1)}.zst`;
    const content = form === "plain" ? source : compressed(source, form);
    const chain = chainOf({ [file]: content, [sessionPath(2)]: fork(source.length, "complete t3") }, sessionPath(2));
    const { state, bytesRead } = resumeFast(chain);
    expect(shownHistory(state?.history ?? [])).toEqual(["U SUM", "U u2", "A a2", "U u3", "A a3"]);
    expect(state?.history.map(({ place }) => (place as { segment?: number }).segment)).toEqual([0, 0, 0, 1, 1]);
    if (form === "plain") expect(bytesRead).toBeLessThan(source.length / 2);
  });

  it("does not touch its source for a checkpoint of its own", () => {
    const own = fork(source.length, `${CHECKPOINT}\ncomplete t3`);
    const chain = chainOf({ [sessionPath(1)]: source, [sessionPath(2)]: own }, sessionPath(2));
    expect(resumeFast(chain).bytesRead).toBeLessThanOrEqual(own.length + KIB);
  });

  it("is refused when its compressed source is shorter than the cut", () => {
    const files = {
      [`${sessionPath(1)}.zst`]: compressed(source, "frame"),
      [sessionPath(2)]: fork(source.length + 1, "A a"),
    };
    const chain = chainOf(files, sessionPath(2));
    expect(() => resumeFast(chain)).toThrow(LineageError);
  });
});
