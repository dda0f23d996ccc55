/**
 * Calls of tools and their outputs, record by record (rollout-format §5.8): every output follows its call. Memory is bounded: a
 * file with more open calls than any real one is no longer judged.
 */
import type { Position } from "../format/entry.ts";
import { isOtherItem, type ResponseItem } from "../format/response-item.ts";
import type { Place } from "./check.ts";
import type { Tell } from "./findings.ts";

const MAX_IDS = 200_000;

export class CallWatch {
  readonly #tell: Tell;
  readonly #place: Place;
  readonly #open = new Map<string, { readonly line: number; readonly offset: number }>();
  readonly #answered = new Set<string>();
  #isLost = false;

  constructor(place: Place, tell: Tell) {
    this.#tell = tell;
    this.#place = place;
  }

  /** `knowsAll` is false where calls may lie in another file, which this one continues. */
  add(item: ResponseItem, { line, offset }: Position, knowsAll: boolean): void {
    if (isOtherItem(item)) return;
    switch (item.type) {
      case "function_call":
      case "custom_tool_call":
      case "local_shell_call":
        if (item.call_id != null) this.#begin(item.call_id, line, offset);
        break;
      case "function_call_output":
      case "custom_tool_call_output":
        if (item.call_id != null) this.#end(item.call_id, line, offset, knowsAll);
        break;
      default:
        break;
    }
  }

  finish(): void {
    if (this.#isLost) return;
    for (const at of this.#open.values()) this.#tell("call-no-output", { ...this.#place, ...at });
  }

  #begin(id: string, line: number, offset: number): void {
    if (this.#open.size + this.#answered.size >= MAX_IDS) this.#isLost = true;
    if (!this.#isLost) this.#open.set(id, { line, offset });
  }

  #end(id: string, line: number, offset: number, knowsAll: boolean): void {
    if (this.#open.delete(id)) this.#answered.add(id);
    else if (knowsAll && !this.#isLost && !this.#answered.has(id)) {
      this.#tell("call-output-orphan", { ...this.#place, line, offset });
    }
  }
}
