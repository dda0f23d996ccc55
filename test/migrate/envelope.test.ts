import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { acceptedBy } from "../../src/format/decode.ts";
import type { RolloutRecord } from "../../src/format/record.ts";
import { isOtherItem } from "../../src/format/response-item.ts";
import { ENVELOPE_ORIGINATOR, envelopeConversion } from "../../src/migrate/envelope.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import type { Turn } from "../../src/thread/items.ts";
import { turnsOf } from "../../src/thread/turns.ts";
import { convertFile, type Converted } from "../support/convert.ts";
import { EARLY_ROLLOUTS, type EarlyRollout, USER_HOME } from "../support/early-rollouts.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { FILE_MS } from "../support/lines.ts";

const folder = temporaryFolder();

function convert({ path, bytes }: Pick<EarlyRollout, "path" | "bytes">): Converted | undefined {
  const codexHome = writeHome(join(folder.path, "home"), { [path]: bytes });
  return convertFile(codexHome, join(codexHome, path), envelopeConversion({ codexHome, userHome: USER_HOME }));
}

const ROLES: Readonly<Record<string, string>> = { user: "U", assistant: "A", system: "S", developer: "D" };

/** Items as the cases name them; of context only its first words. */
function itemsOf(records: readonly RolloutRecord[]): string[] {
  return records.flatMap((record) => {
    if (record.type !== "response_item") return [];
    const item = record.payload;
    if (isOtherItem(item) || item.type !== "message") return [item.type];
    const words = item.content.map((part) => ("text" in part ? part.text : "")).join("");
    return [`${ROLES[item.role] ?? item.role} ${/^(?:<\w+>|# AGENTS.md instructions)/.exec(words)?.[0] ?? words}`];
  });
}

function shown({ items }: Turn): string[] {
  return items.map((item) => {
    if (item.type === "userMessage")
      return `>${item.content.map((part) => ("text" in part ? part.text : "")).join("")}`;
    if (item.type === "reasoning") return `~${item.summary.join("|")}`;
    return item.type === "agentMessage" ? item.text : item.type;
  });
}

describe("migrate --to envelope", () => {
  const convertible = EARLY_ROLLOUTS.filter(({ target }) => target !== undefined);

  it.each(convertible)("$title", (rollout) => {
    const converted = convert(rollout);
    expect(converted?.target).toBe(join(folder.path, "home", rollout.target ?? ""));
    const records = [...readRollout(converted?.target ?? "")].map((entry) => {
      if (!entry.ok) throw new Error(entry.defect.message);
      return entry.record;
    });
    const [meta] = records;
    expect(records.every((record) => acceptedBy(record, "0.169.0"))).toBe(true);
    expect(meta?.type === "session_meta" && meta.payload).toMatchObject({
      id: rollout.threadId,
      cwd: rollout.cwd,
      originator: ENVELOPE_ORIGINATOR,
      cli_version: "0.0.0",
    });
    expect(records.filter(({ type }) => type === "session_meta")).toHaveLength(1);
    expect(itemsOf(records)).toEqual(rollout.items);
    expect(turnsOf(readRollout(converted?.target ?? "")).turns.map(shown)).toEqual(rollout.turns);
    expect(converted?.aside.length).toBe(rollout.aside);
    expect(converted?.differences.filter(({ allowed }) => allowed === undefined)).toEqual([]);
    expect(Math.floor(statSync(converted?.target ?? "").mtimeMs)).toBe(FILE_MS);
  });

  it.each(EARLY_ROLLOUTS.filter(({ target }) => target === undefined))("refuses $title", (rollout) => {
    expect(convert(rollout)).toBeUndefined();
    expect(existsSync(join(folder.path, "home", rollout.path))).toBe(true);
  });
});

describe("whatever the file holds", () => {
  const TIME = "2025-04-28T16:05:09.250Z";
  const ID = "0b0d8d3e-6a2f-4f5e-9a3a-000000000777";
  const path = `sessions/rollout-2025-04-28-${ID}.json`;
  const words = (n: number): string => `item ${n}: "[{,]}\\"`;
  const items = Array.from({ length: 4 }, (_, n) => ({
    type: "message",
    role: n % 2 === 0 ? "user" : "assistant",
    content: [{ type: n % 2 === 0 ? "input_text" : "output_text", text: words(n) }],
  }));
  const document = JSON.stringify({ session: { timestamp: TIME, id: ID, instructions: "" }, items }, null, 1);

  it("takes every complete item of a document that was cut, and keeps the rest", () => {
    for (let cut = document.indexOf('"items"') + 10; cut <= document.length; cut += 7) {
      const text = document.slice(0, cut);
      const converted = convert({ path, bytes: Buffer.from(text) });
      const whole = items.filter((item) => text.includes(JSON.stringify(item, null, 1).replaceAll("\n", "\n  ")));
      expect(itemsOf(converted?.records ?? [])).toEqual(
        whole.map(({ role }, n) => `${role === "user" ? "U" : "A"} ${words(n)}`),
      );
      const rest = converted?.aside.map(({ line }) => line.toString("utf8")).join("") ?? "";
      expect(text.endsWith(rest)).toBe(true);
      if (whole.length < items.length && /[^\s,]$/.test(text) && !text.endsWith("}")) expect(rest).not.toBe("");
      expect(converted?.differences.filter(({ allowed }) => allowed === undefined)).toEqual([]);
      rmSync(join(folder.path, "home"), { recursive: true });
    }
  });

  it("gives records that Codex takes, or sets aside, and proves the rest, for any items", () => {
    const KINDS = [
      "message",
      "reasoning",
      "local_shell_call",
      "function_call",
      "function_call_output",
      "custom_tool_call",
    ];
    const member = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom("c1", null, 5, [], {}, "completed"));
    const NAMES = [
      "id",
      "role",
      "content",
      "summary",
      "action",
      "status",
      "call_id",
      "name",
      "arguments",
      "output",
      "input",
    ];
    const item = fc
      .tuple(fc.constantFrom(...KINDS), fc.dictionary(fc.constantFrom(...NAMES), member, { maxKeys: 8 }))
      .map(([type, members]) => ({ ...members, type }));
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 5, arbitrary: item }, fc.jsonValue()), { maxLength: 6 }),
        fc.boolean(),
        (list, isBare) => {
          const meta = { id: ID, timestamp: TIME, instructions: null };
          const lines = [meta, ...list].map((line) => `${JSON.stringify(line)}\n`).join("");
          const converted = isBare
            ? convert({
                path: `sessions/2025/04/28/rollout-2025-04-28T16-05-09-${ID}.jsonl`,
                bytes: Buffer.from(lines),
              })
            : convert({ path, bytes: Buffer.from(JSON.stringify({ session: meta, items: list })) });
          expect(converted?.records.every((record) => acceptedBy(record, "0.169.0"))).toBe(true);
          expect(converted?.differences.filter(({ allowed }) => allowed === undefined)).toEqual([]);
          // Each item is an item again, or is kept.
          const made = converted?.records.filter(({ type }) => type === "response_item").length ?? 0;
          expect(made + (converted?.aside.length ?? 0)).toBeGreaterThanOrEqual(list.length);
          rmSync(join(folder.path, "home"), { recursive: true });
        },
      ),
      { numRuns: 150 },
    );
  });
});
