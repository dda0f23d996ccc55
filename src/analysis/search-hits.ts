/**
 * From decoded records to hits: what was said is told once, in however many forms a file has it. The same message stands there
 * as the model's item and as an event, or as the item of a client (rollout-format §3.3, §3.9); each form has it once.
 */
import type { Entry } from "../format/entry.ts";
import type { RolloutRecord } from "../format/record.ts";
import type { Matcher } from "./search-matcher.ts";
import { type Saying, sayingsOf } from "./search-texts.ts";
import type { SearchHit, Snippet, TextKind } from "./search-types.ts";

export type Draft = { -readonly [Key in keyof SearchHit]: SearchHit[Key] } & { readonly also: number[] };

/** Everything in which the same was said, and how often each form has told it so far. */
interface Known {
  readonly hits: Draft[];
  readonly told: Record<Saying["form"], number>;
}

/** Hits of one file, in the order in which they are met. */
export class Collected {
  readonly hits: Draft[] = [];
  readonly path: string;
  readonly #matcher: Matcher;
  readonly #kinds: ReadonlySet<TextKind>;
  readonly #known = new Map<string, Known>();

  constructor(path: string, matcher: Matcher, kinds: ReadonlySet<TextKind>) {
    this.path = path;
    this.#matcher = matcher;
    this.#kinds = kinds;
  }

  add(entry: Entry): void {
    if (!entry.ok) return;
    const inLine = new Map<string, Draft>();
    for (const saying of sayingsOf(entry.record, this.#kinds)) {
      // Whatever else a record tells counts only if what it says does not.
      if (saying.kind === "other" && inLine.size > 0) continue;
      const found = this.#matcher.look(saying);
      if (found === undefined) continue;
      const key = saying.kind === "other" ? "" : keyOf(saying);
      const earlier = inLine.get(key);
      if (earlier === undefined) inLine.set(key, this.#tell(entry, saying, key, found));
      else earlier.matches += found.matches;
    }
  }

  /** The hit for a saying: a new one, or the one that another form has told already. */
  #tell(entry: Entry & { readonly ok: true }, saying: Saying, key: string, found: Found): Draft {
    const { position, record } = entry;
    const known = this.#knownFor(key);
    const nth = (known.told[saying.form] += 1);
    const same = known.hits[nth - 1];
    if (same !== undefined) {
      if (same.line !== position.line) same.also.push(position.line);
      // What Codex shows of it is what it reads.
      if (saying.isConversation && !same.isConversation)
        Object.assign(same, { snippet: found.snippet, isConversation: true });
      return same;
    }
    const hit: Draft = {
      path: this.path,
      line: position.line,
      also: [],
      offset: position.offset,
      timestamp: record.timestamp,
      kind: saying.kind,
      speaker: saying.speaker,
      turnId: turnIdOf(record),
      ...found,
      isConversation: saying.isConversation,
      isCopied: false,
      isReverted: false,
    };
    known.hits.push(hit);
    this.hits.push(hit);
    return hit;
  }

  #knownFor(key: string): Known {
    const known = this.#known.get(key) ?? { hits: [], told: { response: 0, event: 0, item: 0 } };
    if (key !== "") this.#known.set(key, known);
    return known;
  }
}

type Found = { readonly matches: number; readonly snippet: Snippet };

/** Of longer texts the length and both ends tell enough. */
const KEY_LENGTH = 400;

/** By which a saying is known again in another form: its call, else its words without white space and editor's context. */
function keyOf({ kind, speaker, texts, callId }: Saying): string {
  if (callId !== undefined) return `${kind} ${callId}`;
  const words = texts.join("");
  const marker = speaker === "user" ? words.indexOf(REQUEST) : -1;
  const bare = (marker === -1 ? words : words.slice(marker + REQUEST.length)).replace(/\s+/g, "");
  const told =
    bare.length <= KEY_LENGTH ? bare : `${bare.length} ${bare.slice(0, KEY_LENGTH / 2)} ${bare.slice(-KEY_LENGTH / 2)}`;
  return `${kind} ${speaker} ${told}`;
}

/** What an editor puts in front of a request ends with this (state-and-compression §2.6). */
const REQUEST = "## My request for Codex:";

/** The turn that a record names itself. */
export function turnIdOf({ type, payload }: RolloutRecord): string | undefined {
  if (type === "response_item") return payload.internal_chat_message_metadata_passthrough?.turn_id ?? undefined;
  if (type !== "event_msg" && type !== "turn_context") return undefined;
  const id = "turn_id" in payload ? payload.turn_id : undefined;
  return typeof id === "string" ? id : undefined;
}
