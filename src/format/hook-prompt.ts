/**
 * The prompt of a hook in a user's message: one XML element that names the run of the hook. To the model it is context
 * (`contextual.ts`), and of a legacy rollout clients are shown it as an item (rollout-format §5.4, §8.2).
 */
import { trimmed } from "./user-message.ts";

export interface HookPrompt {
  readonly text: string;
  readonly hookRunId: string;
}

/**
 * The prompt that a text part is, however long and deep; undefined for any other text. It is an element of any name with an
 * attribute `hook_run_id` and one run of text, neither of them blank. Elements inside are passed over, and so is what
 * follows the element, as Codex does.
 */
export function hookPromptOf(text: string): HookPrompt | undefined {
  // Almost every text ends here.
  return text.includes("hook_run_id") ? new Element(trimmed(text)).read() : undefined;
}

/** Comments, instructions and declarations, which count for nothing. */
const ASIDE = /<!--[^]*?-->|<\?[^]*?\?>|<![A-Za-z][^>]*>/y;
const CDATA = /<!\[CDATA\[([^]*?)\]\]>/y;
const END_TAG = /<\/([^\s>]*)\s*>/y;
const TAG_START = /<([^\s/>!?][^\s/>]*)/y;
const ATTRIBUTE = /\s+([^\s=/>"']+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;
const TAG_END = /\s*(\/?)>/y;
const TEXT = /[^<]+/y;
const SPACE = /\s+/y;

const UNREADABLE = Symbol("unreadable");

/** One element of XML, read as Codex reads it: of any name, with text in one run, and nothing of what is inside other elements. */
class Element {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): HookPrompt | undefined {
    while (this.#take(ASIDE) !== undefined || this.#take(SPACE) !== undefined);
    const tag = this.#tag();
    const hookRunId = tag?.hookRunId;
    if (tag === undefined || tag.isEmpty || hookRunId === undefined || trimmed(hookRunId) === "") return undefined;
    const text = this.#content(tag.name);
    return text === undefined ? undefined : { text, hookRunId };
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #tag(): { readonly name: string; readonly isEmpty: boolean; readonly hookRunId: string | undefined } | undefined {
    const name = this.#take(TAG_START)?.[1];
    if (name === undefined) return undefined;
    const names = new Set<string>();
    let hookRunId: string | undefined;
    for (let found = this.#take(ATTRIBUTE); found !== undefined; found = this.#take(ATTRIBUTE)) {
      const [, key = "", double, single] = found;
      if (names.has(key)) return undefined;
      names.add(key);
      if (key.slice(key.indexOf(":") + 1) !== "hook_run_id") continue;
      hookRunId = unescaped((double ?? single ?? "").replaceAll(/\r\n|[\t\r\n]/g, " "));
      if (hookRunId === undefined) return undefined;
    }
    const end = this.#take(TAG_END);
    return end && { name, isEmpty: end[1] === "/", hookRunId };
  }

  /** The only run of text directly inside; undefined without one, with several, and when the element does not end. */
  #content(name: string): string | undefined {
    const open = [name];
    let only: string | undefined;
    let run = "";
    while (open.length > 0) {
      const piece = this.#piece(open);
      if (piece === UNREADABLE) return undefined;
      if (piece !== undefined) {
        if (open.length === 1) run += piece;
        continue;
      }
      if (trimmed(run) !== "") {
        if (only !== undefined) return undefined;
        only = run;
      }
      run = "";
    }
    return only;
  }

  /** Text that stands next, or undefined for a tag, which opens or closes an element. */
  #piece(open: string[]): string | undefined | typeof UNREADABLE {
    if (this.#take(ASIDE) !== undefined) return "";
    const data = this.#take(CDATA)?.[1];
    if (data !== undefined) return withLineEnds(data);
    const text = this.#take(TEXT)?.[0];
    if (text !== undefined) return unescaped(withLineEnds(text)) ?? UNREADABLE;
    const closed = this.#take(END_TAG)?.[1];
    if (closed !== undefined) return open.pop() === closed ? undefined : UNREADABLE;
    const tag = this.#tag();
    if (tag === undefined) return UNREADABLE;
    if (!tag.isEmpty) open.push(tag.name);
    return undefined;
  }
}

function withLineEnds(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n");
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** Undefined where an `&` begins no character. */
function unescaped(text: string): string | undefined {
  if (!text.includes("&")) return text;
  let isSound = true;
  const result = text.replaceAll(/&([^&;]*);?/g, (whole, name: string) => {
    const character = whole.endsWith(";") ? characterOf(name) : undefined;
    isSound &&= character !== undefined;
    return character ?? "";
  });
  return isSound ? result : undefined;
}

function characterOf(name: string): string | undefined {
  const [, hex, digits] = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name) ?? [];
  if (hex === undefined && digits === undefined) return ENTITIES.get(name);
  const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}
