/** Small paginated rollouts for the tests of the way back to legacy, and what becomes of them. */
import { join } from "node:path";
import { expect } from "vitest";

import { legacyConversion } from "../../src/migrate/legacy.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { collectingSink, sourceAt } from "./legacy-drive.ts";

export const THREAD = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6";
export const OTHER = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d7";
export const STAGE = "01a1fb9c-041f-75c0-9692-100f8b83e46d";
export const TIME = "2026-11-21T00:29:49.836Z";
export const FOLDER = "sessions/2026/11/21";

export type Json = Readonly<Record<string, unknown>>;
export type Line = readonly [type: string, payload: Json];

export const event = (type: string, members: Json = {}): Line => ["event_msg", { type, ...members }];
export const started = (turn_id: string): Line =>
  event("task_started", { turn_id, started_at: 5, model_context_window: null });
export const ended = (turn_id: string, members: Json = {}): Line =>
  event("task_complete", { turn_id, last_agent_message: null, completed_at: 9, duration_ms: 4000, ...members });
export const item = (turn_id: string, content: Json): Line =>
  event("item_completed", { thread_id: THREAD, turn_id, item: content, completed_at_ms: 7 });
export const said = (words: string, role = "user"): Line => [
  "response_item",
  { type: "message", role, content: [{ type: role === "user" ? "input_text" : "output_text", text: words }] },
];
export const agent = (id: string, words: string): Json => ({
  type: "AgentMessage",
  id,
  content: [{ type: "Text", text: words }],
});

export function meta(members: Json = {}, id = THREAD): Line {
  const payload = { id, session_id: id, timestamp: TIME, cwd: "/work", originator: "t", cli_version: "0.169.0" };
  return ["session_meta", { ...payload, source: "cli", history_mode: "paginated", ...members }];
}

export function text(lines: readonly (Line | string)[], firstOrdinal = 0): string {
  const encoded = lines.map((line, at) =>
    typeof line === "string"
      ? line
      : JSON.stringify({ timestamp: TIME, ordinal: firstOrdinal + at, type: line[0], payload: line[1] }),
  );
  return encoded.map((line) => `${line}\n`).join("");
}

export const nameOf = (id: string, time = "00-29-49"): string => `${FOLDER}/rollout-2026-11-21T${time}-${id}.jsonl`;

const folder = temporaryFolder();
let homes = 0;

export function homeWith(files: Readonly<Record<string, string>>): string {
  homes += 1;
  return writeHome(join(folder.path, String(homes)), files);
}

/** Of a thread of one file: the lines made, as type and payload, and what was put aside. */
export function convert(lines: readonly (Line | string)[], first = meta()) {
  const home = homeWith({ [nameOf(THREAD)]: text([first, ...lines]) });
  const { sink, lines: made, asides, notes } = collectingSink();
  const [file] = discoverRollouts(home).files;
  if (file === undefined) throw new Error("no rollout");
  const conversion = legacyConversion({ codexHome: home }, { continuersOf: () => [] });
  const source = sourceAt(file);
  expect(conversion.judge(source, { isContinued: false })).toEqual({ kind: "convert" });
  conversion.convert(source, sink);
  const records = made.map((line) => JSON.parse(line) as { type: string; payload: Json; ordinal?: number });
  return {
    records,
    asides,
    notes,
    events: records.flatMap(({ type, payload }) => (type === "event_msg" ? [payload] : [])),
  };
}
