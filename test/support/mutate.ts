/**
 * Lines of rollouts changed by chance, knowing what they are made of: a member dropped, doubled, renamed, moved or given another
 * type at any depth, a tag of another record, a value out of another file, an envelope that no writer makes, and what disks and
 * crashes do to bytes. One seed gives one sequence.
 */
import { Rng } from "../../src/bench/rng.ts";

/** JSON that keeps what `JSON.parse` would lose: keys that occur twice, and numbers and strings as they are spelled. */
type Node =
  | { readonly kind: "object"; members: [key: string, value: Node][] }
  | { readonly kind: "array"; items: Node[] }
  | { readonly kind: "text"; text: string };
type Container = Exclude<Node, { kind: "text" }>;

export interface Mutation {
  /** What stands in the place of the line: usually one, none if it is gone. */
  readonly lines: readonly Buffer[];
  /** What was done, and to which part: `retype payload.content.0 to -0`. */
  readonly what: string;
}

function spelled(text: string): Node {
  return { kind: "text", text };
}

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: "array", items: value.map(nodeOf) };
  if (typeof value !== "object" || value === null) return spelled(JSON.stringify(value));
  return { kind: "object", members: Object.entries(value).map(([key, member]) => [key, nodeOf(member)]) };
}

function write(node: Node): string {
  if (node.kind === "text") return node.text;
  if (node.kind === "array") return `[${node.items.map(write).join()}]`;
  return `{${node.members.map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`).join()}}`;
}

function copyOf(node: Node): Node {
  if (node.kind === "text") return node;
  if (node.kind === "array") return { kind: "array", items: node.items.map(copyOf) };
  return { kind: "object", members: node.members.map(([key, value]) => [key, copyOf(value)]) };
}

/** A place in a line: the value there stands in `owner` at `index`. */
interface Slot {
  readonly owner: Container;
  readonly index: number;
  readonly path: string;
}

function read({ owner, index }: Slot): Node {
  const value = owner.kind === "array" ? owner.items[index] : owner.members[index]?.[1];
  return value ?? spelled("null");
}

function put({ owner, index }: Slot, value: Node): void {
  if (owner.kind === "array") owner.items[index] = value;
  else owner.members[index] = [owner.members[index]?.[0] ?? "", value];
}

function childrenOf(node: Node, path: string): readonly Slot[] {
  if (node.kind === "text") return [];
  const names = node.kind === "array" ? node.items.map((_, index) => String(index)) : node.members.map(([key]) => key);
  return names.map((name, index) => ({ owner: node, index, path: path === "" ? name : `${path}.${name}` }));
}

function slotsOf(node: Node, path = ""): readonly Slot[] {
  return childrenOf(node, path).flatMap((slot) => [slot, ...slotsOf(read(slot), slot.path)]);
}

const NUMBERS = (
  "0 -0 -1 5 1.5 1.0 0.0 1e3 1E-2 -0.0 65536 2147483648 -2147483649 4294967296 9007199254740993 1e19 1e400 " +
  "9223372036854775807 9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616"
).split(" ");
const STRINGS = ['""', '"zz"', '"5"', '"/"', '"/root/x"', '"file:///a"', '"2025-01-01T00:00:00Z"', '"null"'];
const HOSTILE_STRINGS =
  String.raw`"\ud800" "\udc00\ud800" "a\u0000b" "\u001b[31m" "\u202e" "\ud83d\ude00" "../../x"`.split(" ");
const OTHERS = ["null", "true", "false", "[]", "{}", "[null]", '[{"type":"zz"}]', '{"type":"zz"}', '{"zz":null}'];
const KEYS = ["__proto__", "constructor", "toString", "", "0", "type", "id", "payload", "agent_type", "Type"];
const TIMES = ['"2025-11-01T10:00:00.000Z"', '"x"', '""', "5", "null", '"2025-11-01T10:00:00+02:00"', '"\\u0032025"'];

/** Lines of other files, and the tags and members that occur in them. */
interface Pool {
  readonly lines: readonly string[];
  readonly tags: readonly string[];
}

const TAG = /"(?:type|kind|mode|status|source|role|phase|reason)":("[^"\\]{1,60}")/g;

export class Mutator {
  readonly #rng: Rng;
  readonly #pool: Pool;

  /** `lines`: whole lines of any rollouts, out of which values, tags and lines are taken. */
  constructor(lines: readonly string[], seed: number) {
    this.#rng = new Rng(seed);
    const tags = new Set(lines.flatMap((line) => Array.from(line.matchAll(TAG), ([, tag = '""']) => tag)));
    this.#pool = { lines: lines.filter(isObject), tags: [...tags] };
  }

  /** Something else in the place of a line. Most changes leave it JSON. */
  mutate(line: string): Mutation {
    const drawn = this.#rng.unit();
    if (drawn < 0.85) return this.#inside(line);
    if (drawn < 0.95) return this.#bytes(line);
    return this.#whole(line);
  }

  /** One change inside the line, which remains one line of well-formed JSON, but for numbers and halves of pairs. */
  #inside(line: string): Mutation {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return this.#bytes(line);
    }
    const root = nodeOf(value);
    const slot = this.#slot(root);
    if (slot === undefined) return this.#bytes(line);
    const what = this.#rng.chance(0.12) ? this.#envelope(root) : this.#change(root, slot);
    return { lines: [Buffer.from(write(root))], what };
  }

  /** Deep members are many more than others, so chance goes from level to level and may stop at each. */
  #slot(root: Node): Slot | undefined {
    let found: Slot | undefined;
    let node = root;
    for (;;) {
      const children = childrenOf(node, found?.path ?? "");
      if (children.length === 0) return found;
      found = this.#rng.pick(children);
      node = read(found);
      if (this.#rng.chance(0.3)) return found;
    }
  }

  #change(root: Node, slot: Slot): string {
    const { owner, index, path } = slot;
    switch (this.#rng.between(0, 8)) {
      case 0:
        if (owner.kind === "array") owner.items.splice(index, 1);
        else owner.members.splice(index, 1);
        return `drop ${path}`;
      case 1:
        return this.#double(slot);
      case 2:
      case 3:
      case 4: {
        const value = this.#value(read(slot));
        put(slot, value);
        return `retype ${path} to ${write(value).slice(0, 60)}`;
      }
      case 5:
        return this.#rename(slot);
      case 6: {
        const tagged = slotsOf(root).filter(({ path: at }) => /(?:^|\.)(?:type|kind|mode|status|role)$/.test(at));
        const aim = tagged.length === 0 ? slot : this.#rng.pick(tagged);
        const tag = this.#rng.pick(this.#pool.tags);
        put(aim, spelled(tag));
        return `tag ${aim.path} as ${tag}`;
      }
      case 7: {
        const other = this.#rng.pick(slotsOf(root));
        const [one, two] = [copyOf(read(slot)), copyOf(read(other))];
        put(slot, two);
        // What was inside the other one is gone with it.
        if (!other.path.startsWith(`${path}.`) && !path.startsWith(`${other.path}.`)) put(other, one);
        return `swap ${path} with ${other.path}`;
      }
      default:
        return this.#graft(slot);
    }
  }

  /** The same key a second time, with the same or another value before or after it; an element twice. */
  #double({ owner, index, path }: Slot): string {
    if (owner.kind === "array") {
      owner.items.splice(index, 0, copyOf(owner.items[index] ?? spelled("null")));
      return `double ${path}`;
    }
    const [key, value] = owner.members[index] ?? ["", spelled("null")];
    const another = this.#rng.chance(0.5) ? copyOf(value) : this.#value(value);
    const at = this.#rng.chance(0.5) ? index : this.#rng.between(0, owner.members.length);
    owner.members.splice(at, 0, [key, another]);
    return `double ${path} as ${write(another).slice(0, 60)} at ${at}`;
  }

  #rename({ owner, index, path }: Slot): string {
    if (owner.kind === "array") return this.#double({ owner, index, path });
    const [key, value] = owner.members[index] ?? ["", spelled("null")];
    const siblings = owner.members.map(([name]) => name);
    const names = [`${key}_`, key.toUpperCase(), camel(key), key.slice(1), this.#rng.pick(siblings), ...KEYS];
    const name = this.#rng.pick(names);
    owner.members[index] = [name, value];
    return `rename ${path} to ${JSON.stringify(name)}`;
  }

  /** The value that another line has there, or any value of it. */
  #graft(slot: Slot): string {
    const line = this.#rng.pick(this.#pool.lines);
    const all = slotsOf(nodeOf(JSON.parse(line)));
    const alike = all.filter(({ path }) => path === slot.path);
    const taken = this.#rng.pick(alike.length > 0 && this.#rng.chance(0.7) ? alike : all);
    put(slot, read(taken));
    return `graft ${taken.path} onto ${slot.path}`;
  }

  /** Half of the time of the same type. */
  #value(old: Node): Node {
    if (this.#rng.chance(0.5)) {
      const type = old.kind === "text" ? old.text.charAt(0) : "";
      if (type === '"') return spelled(this.#rng.pick(this.#rng.chance(0.9) ? STRINGS : HOSTILE_STRINGS));
      if (/[-\d]/.test(type)) return spelled(this.#rng.pick(NUMBERS));
      if (/[tf]/.test(type)) return spelled(type === "t" ? "false" : "true");
    }
    const drawn = this.#rng.unit();
    if (drawn < 0.3) return spelled(this.#rng.pick(NUMBERS));
    if (drawn < 0.5) return spelled(this.#rng.pick(STRINGS));
    if (drawn < 0.6) return spelled(this.#rng.pick(HOSTILE_STRINGS));
    if (drawn < 0.9) return spelled(this.#rng.pick(OTHERS));
    if (drawn < 0.94) return { kind: "array", items: [copyOf(old)] };
    const levels = this.#rng.pick([2, 100, 122, 123, 124, 125, 126, 127, 128, 5000]);
    return this.#rng.chance(0.5)
      ? spelled("[".repeat(levels) + "]".repeat(levels))
      : spelled(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
  }

  /** What stands around the payload. */
  #envelope(root: Node): string {
    if (root.kind !== "object") return "nothing";
    const key = this.#rng.pick(["timestamp", "ordinal", "type", "payload", "metadata"]);
    const values: Readonly<Record<string, readonly string[]>> = { timestamp: TIMES, type: this.#pool.tags };
    const value = this.#rng.chance(0.6)
      ? spelled(this.#rng.pick(values[key] ?? [...NUMBERS, ...OTHERS]))
      : this.#value(spelled("0"));
    const index = root.members.findIndex(([name]) => name === key);
    if (index === -1) root.members.splice(this.#rng.between(0, root.members.length), 0, [key, value]);
    else if (this.#rng.chance(0.3)) root.members.push(...root.members.splice(index, 1));
    else root.members[index] = [key, value];
    return `envelope ${key} as ${write(value).slice(0, 60)}`;
  }

  /** What a disk, a crash or a careless program does. */
  #bytes(line: string): Mutation {
    const bytes = Buffer.from(line);
    const at = this.#rng.between(0, Math.max(0, bytes.length - 1));
    const patch = (what: string, middle: readonly number[], resume = at): Mutation => {
      const changed = Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), bytes.subarray(resume)]);
      return { lines: [changed], what: `${what} at byte ${at}` };
    };
    switch (this.#rng.between(0, 8)) {
      case 0:
        return { lines: [bytes.subarray(0, at)], what: `cut to ${at} bytes` };
      case 1:
        return { lines: [bytes.subarray(at)], what: `cut off the first ${at} bytes` };
      case 2:
        return patch("NUL bytes", [0, 0, 0, 0]);
      case 3:
        return patch("a byte that is no UTF-8", [this.#rng.pick([0xff, 0xc0, 0x80, 0xed])]);
      case 4:
        return patch("a byte flipped", [(bytes[at] ?? 0) ^ (1 << this.#rng.between(0, 7))].map(notNewline), at + 1);
      case 5:
        return patch("a control character", [this.#rng.pick([1, 9, 13, 27, 127])]);
      case 6:
        return patch("bytes missing", [], at + this.#rng.between(1, 40));
      case 7:
        return {
          lines: [Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])],
          what: "a byte order mark before it",
        };
      default:
        return patch("half of a pair", [...Buffer.from("\\ud800")]);
    }
  }

  #whole(line: string): Mutation {
    const other = this.#rng.pick(this.#pool.lines);
    switch (this.#rng.between(0, 6)) {
      case 0:
        return { lines: [], what: "line gone" };
      case 1:
        return { lines: [Buffer.from(line), Buffer.from(line)], what: "line twice" };
      case 2:
        return { lines: [Buffer.from(`${line}${other}`)], what: "two lines on one" };
      case 3:
        return { lines: [Buffer.from(`${line} x`)], what: "text after the line" };
      case 4:
        return { lines: [Buffer.from(` \t${line}\t\r`)], what: "blanks around the line" };
      case 5:
        return { lines: [Buffer.from(JSON.stringify(line))], what: "line as a string" };
      default:
        return { lines: [Buffer.from(other)], what: "line of another file" };
    }
  }
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** A flipped bit must not make two lines of one. */
function notNewline(byte: number): number {
  return byte === 10 ? 11 : byte;
}

function camel(key: string): string {
  return key.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
