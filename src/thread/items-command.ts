/**
 * A command as clients see it: one line quoted for a shell, and what its parts do (rollout-format §8.1). For
 * `items-completed.ts`.
 */
import type { JsonObject } from "../format/record.ts";
import type { CommandAction } from "./items.ts";
import { joinPath } from "./items-paths.ts";

const NUL = "\u0000";
const PLAIN_WORD = /^[\w+\-./:@\]]+$/;

/** Words as a shell would have to be given them. A shell cannot be given a NUL, so 0.169.0 shows a note in place of such a command. */
export function shellLine(words: readonly string[]): string {
  if (words.some((word) => word.includes(NUL))) return "<command included NUL byte>";
  return words.map(quoted).join(" ");
}

/**
 * One word, quoted by the rules of the library that Codex uses: bare if possible, else single quotes, else double ones, in
 * as many pieces as it takes, each as long as one way of quoting goes.
 */
function quoted(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  if (word === "") return "''";
  let text = "";
  for (let at = 0; at < word.length;) {
    const { end, how } = pieceFrom(word, at);
    const piece = word.slice(at, end);
    if (how === BARE) text += piece;
    else text += how === SINGLE ? `'${piece}'` : `"${piece.replaceAll(/["\\]/g, "\\$&")}"`;
    at = end;
  }
  return text;
}

const BARE = 1;
const SINGLE = 2;
const DOUBLE = 4;

/** The longest piece from `at` on that can be quoted in one way, and the plainest of its ways. */
function pieceFrom(word: string, at: number): { readonly end: number; readonly how: number } {
  // A caret is only safe right after an opening single quote, where some shells would otherwise take it apart.
  const startsWithCaret = word.charCodeAt(at) === CARET;
  let ways = startsWithCaret ? SINGLE : BARE | SINGLE | DOUBLE;
  let end = startsWithCaret ? at + 1 : at;
  for (; end < word.length; end += 1) {
    const left = ways & waysFor(word.charCodeAt(end));
    if (left === 0) break;
    ways = left;
  }
  return { end, how: (ways & BARE) !== 0 ? BARE : (ways & SINGLE) !== 0 ? SINGLE : DOUBLE };
}

const CARET = 0x5e;
const WAYS: readonly number[] = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  const bare = PLAIN_WORD.test(character) ? BARE : 0;
  return bare | ("'^\\".includes(character) ? 0 : SINGLE) | ("`$!^".includes(character) ? 0 : DOUBLE);
});

function waysFor(code: number): number {
  return WAYS[code] ?? SINGLE | DOUBLE;
}

/** What the parts of a command do; a file that is read is named by its whole path. Parts whose path says nothing are left out. */
export function commandActions(parsed: readonly JsonObject[], cwd: string): readonly CommandAction[] {
  const actions: CommandAction[] = [];
  for (const part of parsed) {
    const action = actionOf(part, cwd);
    if (action !== undefined) actions.push(action);
  }
  return actions;
}

function actionOf(part: JsonObject, cwd: string): CommandAction | undefined {
  const command = textIn(part, "cmd") ?? "";
  switch (part["type"]) {
    case "read": {
      const path = joinPath(cwd, textIn(part, "path") ?? "");
      return path === undefined ? undefined : { type: "read", command, name: textIn(part, "name") ?? "", path };
    }
    case "list_files":
      return { type: "listFiles", command, path: textIn(part, "path") };
    case "search":
      return { type: "search", command, query: textIn(part, "query"), path: textIn(part, "path") };
    default:
      return { type: "unknown", command };
  }
}

function textIn(part: JsonObject, key: string): string | null {
  const value = part[key];
  return typeof value === "string" ? value : null;
}
