/** Comparing a reconstructed history with the list of items that a real release sent to its model. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { userWrapperOf } from "../../src/format/contextual.ts";
import type { ResponseItem } from "../../src/format/record.ts";
import type { CodexRelease } from "../../src/format/shape.ts";
import type { Corpus } from "./corpus.ts";

export type InputItem = Readonly<Record<string, unknown>>;

/** What the releases add or strip on the way out. */
const NOT_COMPARED: ReadonlySet<string> = new Set(["id", "status", "internal_chat_message_metadata_passthrough"]);

export function comparable(item: ResponseItem | InputItem): InputItem {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !NOT_COMPARED.has(name)));
}

/** The texts of a message, part by part. */
export function textsOf({ content }: InputItem): readonly string[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: InputItem) => (typeof part["text"] === "string" ? [part["text"]] : []));
}

/** Since 0.163 the base instructions go in front of everything as a developer message; no rollout holds them as an item. */
export function withoutBaseInstructions(input: readonly InputItem[], release: CodexRelease): readonly InputItem[] {
  if (release === "0.142.3") return input;
  if (input[0]?.["role"] !== "developer") throw new Error("the request does not begin with base instructions");
  return input.slice(1);
}

/** What a turn may put before the user's words: developer messages, and user messages that are context. */
export function isTurnContext(item: InputItem): boolean {
  if (item["role"] === "developer") return true;
  return item["role"] === "user" && textsOf(item).some((text) => userWrapperOf(text) !== undefined);
}

/** Where a user's message with exactly this text stands last; -1 when it is not there. */
export function lastIndexOfUser(input: readonly InputItem[], text: string): number {
  return input.findLastIndex((item) => item["role"] === "user" && textsOf(item).join("") === text);
}

/** What `history.json` of a corpus home says of a thread (the corpus' README). */
export interface RecordedRequest {
  readonly label: string;
  /** Why it was not resumed; then there is nothing else. */
  readonly error?: string;
  readonly prompt_cache_key: string;
  /** `<thread id>:<window number>` */
  readonly window: string;
  /** Where the user's message `PROBE` stands in `input`. */
  readonly probe_index: number;
  readonly input: readonly InputItem[];
}

/** By thread id. */
export function recordedRequests({ folder }: Corpus): ReadonlyMap<string, RecordedRequest> {
  const text = readFileSync(join(folder, "history.json"), "utf8");
  return new Map(Object.entries(JSON.parse(text) as Readonly<Record<string, RecordedRequest>>));
}
