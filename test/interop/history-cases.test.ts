/**
 * The expectations of `fixtures/history` hold for the real 0.169.0: each case is written as a rollout, resumed, and the
 * request of the next turn is taken apart. It shows the history and the window as they are; the settings of the last turn
 * by whether another model is announced; the reference context by how much is told again; and the world state's
 * baseline by whether a patch is written, which then removes the made-up members of the baseline by name.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";

import type { ResponseItem } from "../../src/format/record.ts";
import { asRequest } from "../../src/thread/normalize.ts";
import { replay } from "../../src/thread/replay.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { ROOT } from "../support/sources.ts";
import { entriesOf, linesOf, shown } from "../thread/shorthand.ts";
import { describeWithCodex, testHome } from "./codex.ts";
import { comparable, textsOf } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";

interface Case {
  readonly name: string;
  readonly id: string;
  readonly text: string;
  readonly expected: {
    readonly history: readonly string[];
    readonly request?: readonly string[];
    readonly previous_turn_settings: string | null;
    readonly reference_context: string | null;
    readonly world_state_baseline: Readonly<Record<string, unknown>> | null;
    readonly window: readonly [number, ...(string | null)[]];
  };
}

const FOLDER = join(ROOT, "fixtures", "history");

const cases: readonly Case[] = readdirSync(FOLDER)
  .toSorted()
  .map((name, index) => ({
    name,
    id: `01a20000-0000-7000-8000-${String(index).padStart(12, "0")}`,
    text: readFileSync(join(FOLDER, name, "input.txt"), "utf8"),
    expected: JSON.parse(readFileSync(join(FOLDER, name, "expected.json"), "utf8")) as Case["expected"],
  }));

describeWithCodex("0.169.0", "the cases of fixtures/history", (binary) => {
  let probes: ReadonlyMap<string, Probe>;

  beforeAll(async () => {
    const home = testHome();
    const folder = join(home.path, "sessions", "2026", "11", "21");
    mkdirSync(folder, { recursive: true });
    const others = [LONG_OUTPUTS, EMPTY_PARTS].map((each) => ({ id: each.id, text: outputsText(each) }));
    const threads = [...cases, ...others].map(({ id, text }) => {
      const path = join(folder, `rollout-2026-11-21T00-29-49-${id}.jsonl`);
      writeFileSync(path, `${linesOf(text, { threadId: id, cwd: home.root }).join("\n")}\n`);
      return { id, path };
    });
    probes = await probeThreads(binary, home, threads);
    home.remove();
  });

  test("outputs of tools are cut", () => compareOutputs(LONG_OUTPUTS));
  test("empty parts of outputs are left out", () => compareOutputs(EMPTY_PARTS));

  function compareOutputs(outputs: Outputs): void {
    const entries = entriesOf(linesOf(outputsText(outputs)));
    const { history } = replay(entries, { truncation: FALLBACK_TRUNCATION });
    const probe = probes.get(outputs.id);
    expect(probe?.refusal).toBeUndefined();
    expect(probe?.history.map(comparable)).toEqual(asRequest(history).items.map(({ item }) => comparable(item)));
  }

  test.each(cases)("$name", ({ id, text, expected }) => {
    const probe = probes.get(id);
    if (probe === undefined) throw new Error("not asked");
    expect(probe.refusal).toBeUndefined();
    expect(probe.history.map((item) => shown(item as unknown as ResponseItem))).toEqual(
      expected.request ?? expected.history,
    );
    const { history } = replay(entriesOf(linesOf(text, { threadId: id })), { truncation: FALLBACK_TRUNCATION });
    expect(asRequest(history).items.map(({ item }) => comparable(item))).toEqual(probe.history.map(comparable));
    expect(probe.requests.map(({ windowNumber }) => windowNumber)).toEqual([expected.window[0]]);
    expect(settled(probe)).toEqual({
      tellsOfSwitch: expected.previous_turn_settings !== null,
      tellsAll: expected.reference_context === null,
      baseline:
        expected.reference_context === null || expected.world_state_baseline === null
          ? undefined
          : Object.keys(expected.world_state_baseline).toSorted(),
    });
  });
});

/** Outputs of tools around what they may be long (rollout-format §5.7): texts of all widths, and lists of parts. */
const LONG_OUTPUTS: Outputs = {
  id: "01a20000-0000-7000-8000-00000000f001",
  outputs: [
    ...["x", "é", "✓", "😀", "a😀é✓"].flatMap((text) =>
      [11_999, 12_000, 12_001, 12_002, 300_000].map((bytes) => text.repeat(Math.ceil(bytes / Buffer.byteLength(text)))),
    ),
    [textPart(300_000), imagePart()],
    [imagePart(), textPart(6_000), textPart(6_000), textPart(1)],
    [textPart(7_000), textPart(7_000), imagePart(), textPart(7_000), textPart(1)],
    [textPart(12_000), textPart(1)],
  ],
};

/** 0.169.0 takes no empty text part of an output into a history, and does not count it as cut off; 0.142.3 does both. */
const EMPTY_PARTS: Outputs = {
  id: "01a20000-0000-7000-8000-00000000f002",
  outputs: [[textPart(5), textPart(0)], [textPart(0)], [textPart(12_000), textPart(0), textPart(1)]],
};

interface Outputs {
  readonly id: string;
  readonly outputs: readonly unknown[];
}

function textPart(length: number): unknown {
  return { type: "input_text", text: "y".repeat(length) };
}

/** A whole image of one dot: one that cannot be read would be sent as words. */
function imagePart(): unknown {
  const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
  return { type: "input_image", image_url: `data:image/png;base64,${dot}` };
}

function outputsText({ outputs }: Outputs): string {
  const rows = outputs.flatMap((output, index) => {
    const call_id = `c${index}`;
    const isCustom = index % 2 === 1;
    const type = isCustom ? "custom_tool_call_output" : "function_call_output";
    const record = { type: "response_item", payload: { type, call_id, output } };
    return [`${isCustom ? "CC" : "FC"} ${call_id}`, `RECORD ${JSON.stringify(record)}`];
  });
  return ["META", "complete t1", ...rows].join("\n");
}

interface Settled {
  /** Another model was announced, which needs the settings of a turn before. */
  readonly tellsOfSwitch: boolean;
  /** The whole context was told again, and not only what has changed. */
  readonly tellsAll: boolean;
  /** What a patch of the world state removes; undefined when a full one was written. */
  readonly baseline: readonly string[] | undefined;
}

/** What the new turn wrote shows what the release has taken the turn before for. */
function settled({ context, worlds: [world] }: Probe): Settled {
  const isSwitch = (text: string): boolean => text.startsWith("<model_switch>");
  const announcement = context.map(textsOf).find((texts) => texts.some(isSwitch));
  const state = world?.full === false ? world.state : undefined;
  return {
    tellsOfSwitch: announcement !== undefined,
    // The whole context is one message; what has changed is told in a message for each part of it.
    tellsAll: announcement === undefined || announcement.length > 1,
    baseline:
      state &&
      Object.keys(state)
        .filter((name) => state[name] === null)
        .toSorted(),
  };
}
