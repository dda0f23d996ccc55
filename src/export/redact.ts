/**
 * Takes secrets out of text before it leaves the home: what `--redact` does to every text column and document of an export. A secret
 * becomes `[REDACTED:kind]`; the text around it stays. Two sets of rules look at each text: those of secretlint's recommended preset,
 * which others maintain (this is the only file that knows the package, and loads it only when a redactor is made), and our own table
 * (`redact-rules.ts`, `redact-keys.ts`) for what the preset wants in its exact shape only.
 *
 * A filter of this kind lowers a risk and does not remove it; docs/export.md says what it cannot see.
 */
import { isJsonObject } from "../format/json.ts";
import type { JsonValue } from "../format/record.ts";
import { findPrivateKeys } from "./redact-keys.ts";
import { findSecrets, isSecretMember, type SecretRange } from "./redact-rules.ts";
import { isLikelyPassword, isTokenPlaceholder } from "./redact-values.ts";
import type { Redactor } from "./redactor.ts";

export interface Redaction {
  /** The same texts in the same order, without their secrets. Many texts at once cost less than one at a time. */
  readonly redact: Redactor;
  /**
   * A JSON value with the secrets taken out of its strings and its names; what is a secret only by its name (`{"password": …}`) goes,
   * too. The value itself where there are none. For any depth of nesting.
   */
  readonly redactJson: <T>(value: T) => Promise<T>;
}

/** Between texts that are looked at together: no rule of either set goes on behind a line end and NUL. */
const SEPARATOR = "\n\0\n";
/** UTF-16 units of texts that are looked at together. */
const GROUP = 256 * 1024;
/** The same for the preset, which compares its findings pair by pair. */
const PIECE = 64 * 1024;
/** Its pieces overlap by more than its longest pattern, that of private keys aside, which we have, too. */
const OVERLAP = 4 * 1024;

type Find = (text: string) => Promise<readonly SecretRange[]>;

/** Loads the rules. */
export async function createRedactor(): Promise<Redaction> {
  const findByPreset = await loadPreset();
  const find: Find = async (text) => [...(await findByPreset(text)), ...findPrivateKeys(text), ...findSecrets(text)];
  const redact: Redactor = (texts) => redactAll(texts, find);
  return { redact, redactJson: (value) => redactValue(value, redact) };
}

async function redactAll(texts: readonly string[], find: Find): Promise<readonly string[]> {
  const done: string[] = [];
  for (const group of groups(texts)) {
    const joined = group.join(SEPARATOR);
    const ranges = merged(await find(joined));
    let start = 0;
    let next = 0;
    for (const text of group) {
      const end = start + text.length;
      const own: SecretRange[] = [];
      for (let range = ranges[next]; range !== undefined && range.start < end; range = ranges[next]) {
        if (range.end > start) own.push(range);
        if (range.end > end) break;
        next += 1;
      }
      done.push(own.length === 0 ? text : cutOut(text, start, own));
      start = end + SEPARATOR.length;
    }
  }
  return done;
}

function* groups(texts: readonly string[]): Generator<readonly string[]> {
  let group: string[] = [];
  let size = 0;
  for (const text of texts) {
    if (size + text.length > GROUP && group.length > 0) {
      yield group;
      [group, size] = [[], 0];
    }
    group.push(text);
    size += text.length + SEPARATOR.length;
  }
  if (group.length > 0) yield group;
}

/** In their order; those that overlap as one, by the name of the rule that knew more. */
function merged(ranges: readonly SecretRange[]): readonly SecretRange[] {
  const result: SecretRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last === undefined || range.start >= last.end) result.push(range);
    else {
      const kind = last.kind === "secret" ? range.kind : last.kind;
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, range.end), kind };
    }
  }
  return result;
}

function cutOut(text: string, base: number, ranges: readonly SecretRange[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end, kind } of ranges) {
    parts.push(text.slice(from, Math.max(from, start - base)), `[REDACTED:${kind}]`);
    from = Math.min(end - base, text.length);
  }
  parts.push(text.slice(from));
  return parts.join("");
}

/** Names of the rules of the preset, where ours say the same in another word. */
const PRESET_KINDS: Readonly<Record<string, string>> = {
  basicauth: "url-password",
  "database-connection-string": "connection-string",
  privatekey: "private-key",
  openai: "api-key",
  anthropic: "api-key",
};

async function loadPreset(): Promise<Find> {
  const [{ lintSource }, { creator }] = await Promise.all([
    import("@secretlint/core"),
    import("@secretlint/secretlint-rule-preset-recommend"),
  ]);
  // A text could switch the rules off with a comment of theirs.
  const rules = [{ id: "@secretlint/secretlint-rule-filter-comments", disabled: true }];
  const config = { rules: [{ id: "preset", rule: creator, rules, disabled: false, allowMessageIds: [] }] };
  const options = { config, maskSecrets: false, noPhysicFilePath: true };
  return async (text) => {
    const found: SecretRange[] = [];
    for (let from = 0; from < text.length; from += PIECE - OVERLAP) {
      const content = text.slice(from, from + PIECE);
      const source = { content, filePath: "text.txt", ext: ".txt", contentType: "text" as const };
      const { messages } = await lintSource({ source, options });
      for (const message of messages) found.push(...placed(content, message, from));
      if (from + PIECE >= text.length) break;
    }
    return found;
  };
}

interface Message {
  readonly ruleId: string;
  readonly range: readonly [number, number] | readonly number[];
  readonly data?: unknown;
}

/** What a message of the preset is about. Its ranges are not always those of the secret. */
function placed(content: string, { ruleId, range, data }: Message, base: number): readonly SecretRange[] {
  const rule = ruleId.replace("@secretlint/secretlint-rule-", "");
  const kind = PRESET_KINDS[rule] ?? rule.replaceAll(/[^a-z\d-]/gu, "");
  let [start = 0, end = 0] = range;
  const told = isJsonObject(data) ? Object.values(data).filter((value) => typeof value === "string") : [];
  if (!told.includes(content.slice(start, end))) {
    // Some rules report the place of a whole assignment with the length of its value.
    const value = told.find((text) => text.length === end - start && content.includes(text, start));
    if (value !== undefined)
      [start, end] = [content.indexOf(value, start), content.indexOf(value, start) + value.length];
  }
  if (kind === "url-password" || kind === "connection-string") {
    const url = /^(?<before>[^\s:]+:\/\/[^\s:@/]*:)(?<password>[^\s@/]+)@/u.exec(content.slice(start, end));
    const { before = "", password = "" } = url?.groups ?? {};
    if (url !== null && !isLikelyPassword(password)) return [];
    if (url !== null) [start, end] = [start + before.length, start + before.length + password.length];
  } else if (kind !== "private-key" && isTokenPlaceholder(content.slice(start, end))) return [];
  return [{ start: base + start, end: base + end, kind }];
}

type Container = Record<string, unknown> | unknown[];

async function redactValue<T>(value: T, redact: Redactor): Promise<T> {
  const strings = stringsOf(value);
  const originals = [...strings.texts];
  const cleaned = await redact(originals);
  const changed = new Map<string, string>();
  for (const [index, text] of cleaned.entries()) {
    const original = originals[index] as string;
    if (text !== original) changed.set(original, text);
  }
  return changed.size === 0 && !strings.hasMembers ? value : (rebuilt(value, changed) as T);
}

function stringsOf(root: unknown): { readonly texts: ReadonlySet<string>; readonly hasMembers: boolean } {
  const texts = new Set<string>();
  let hasMembers = false;
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "string") texts.add(value);
    for (const [name, member, flag] of membersOf(value)) {
      if (flag === undefined && typeof name === "string") texts.add(name);
      if (typeof member === "string") hasMembers ||= isSecretMember(flag ?? String(name), member);
      open.push(member);
    }
  }
  return { texts, hasMembers };
}

/** Members with their names; in a list the flag before an argument is its name: `["--token", "…"]`. */
function* membersOf(value: unknown): Generator<readonly [name: string | number, member: unknown, flag?: string]> {
  if (Array.isArray(value)) {
    for (const [index, member] of value.entries()) {
      const before: unknown = index > 0 ? value[index - 1] : undefined;
      const isFlag = typeof before === "string" && /^--?[A-Za-z][\w-]{1,60}$/u.test(before);
      yield [index, member, isFlag ? before : ""];
    }
  } else if (typeof value === "object" && value !== null) yield* Object.entries(value);
}

function rebuilt(root: unknown, changed: ReadonlyMap<string, string>): unknown {
  const top: { value?: unknown } = {};
  const open: { readonly source: unknown; readonly into: Container; readonly name: string | number }[] = [];
  const put = (into: Container, name: string | number, value: unknown): void => {
    // Any name may come out of a rollout.
    Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
  };
  open.push({ source: root, into: top, name: "value" });
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { source, into, name } = item;
    if (typeof source === "string") put(into, name, changed.get(source) ?? source);
    else if (typeof source !== "object" || source === null) put(into, name, source);
    else {
      const copy: Container = Array.isArray(source) ? [] : {};
      put(into, name, copy);
      for (const [member, value, flag] of membersOf(source)) {
        const key = typeof member === "string" ? (changed.get(member) ?? member) : member;
        const isSecret =
          typeof value === "string" && isSecretMember(flag ?? String(member), value) && !changed.has(value);
        put(copy, key, undefined);
        open.push({ source: isSecret ? ("[REDACTED:secret]" satisfies JsonValue) : value, into: copy, name: key });
      }
    }
  }
  return top.value;
}
