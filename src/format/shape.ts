/**
 * Building blocks for the tables of shapes (`shapes-*.ts`): checks that look at a parsed JSON value and say what is
 * wrong with it, if anything. Nothing is copied and nothing thrown; `decode.ts` runs the tables over every line.
 *
 * A check is told for whom it judges. The tool reads more than any release of Codex does: old layouts that 0.169.0
 * refuses, and fields that 0.142.3 does not know. One table serves all judges, so that what a release takes
 * (`acceptedBy`) and what the tool reads cannot drift apart unseen.
 */
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from "./json.ts";

/** A release whose acceptance of a line is imitated. */
export type CodexRelease = "0.142.3" | "0.169.0";

/** For whom a value is judged: the readers of this tool, or a release. */
export type Judge = "reader" | CodexRelease;

/** What is wrong and where; made of our own words and field names only, so it is safe to print. */
export interface Complaint {
  readonly path: string;
  readonly message: string;
}

/** Undefined when the value is a `T`, for that judge. `proves` exists for the compiler alone. */
export interface Check<out T> {
  (value: unknown, judge: Judge): Complaint | undefined;
  readonly proves?: T;
}

/** How a field of an object is treated; made by `need`, `may` and `byDefault`. */
export interface Field<out T> {
  readonly check: Check<T>;
  readonly absentIsFine: boolean;
  readonly nullIsFine: boolean;
  /** What 0.142.3 makes of the field: the same, nothing, insists on it; or it is the only one that looks at it. */
  readonly in142: "alike" | "unread" | "needed" | "alone";
}

/** One field per key of `T`: a new member of the type does not compile until it is here. */
export type FieldsOf<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** The same for every variant of a union, which is given by its table (`ResponseItemPayloads` and the like). */
export type VariantFields<P, Tag extends string = "type"> = { readonly [V in keyof P]: FieldsOf<Omit<P[V], Tag>> };

/** Rule over a whole object, for what single fields cannot say. Returns what is wrong, as a clause. */
export type Rule = (object: JsonObject, judge: Judge) => string | undefined;

/** Must be there. */
export function need<T>(check: Check<T>): Field<T> {
  return { check, absentIsFine: false, nullIsFine: false, in142: "alike" };
}

/** May be absent or null. */
export function may<T>(check: Check<T>): Field<T | null> {
  return { check, absentIsFine: true, nullIsFine: true, in142: "alike" };
}

/** May be absent (a default stands in), but not null. */
export function byDefault<T>(check: Check<T>): Field<T> {
  return { check, absentIsFine: true, nullIsFine: false, in142: "alike" };
}

/** A field that 0.142.3 does not know, and therefore does not look at. */
export function newer<T>(field: Field<T>): Field<T> {
  return { ...field, in142: "unread" };
}

/** A field that 0.142.3 insists on, though 0.169.0 does not. */
export function onceNeeded<T>(field: Field<T>): Field<T> {
  return { ...field, in142: "needed" };
}

/** A field that 0.142.3 looks at, and nobody else. */
export function onlyIn142(field: Field<unknown>): Field<never> {
  return { ...field, in142: "alone" } as Field<never>;
}

/** Deepest nesting of arrays and objects that Codex parses; one more and the line is lost. */
export const MAX_DEPTH = 127;

/** How many arrays and objects stand around the value that is being looked at. Checks leave it as they find it. */
let depth = 0;

const TOO_DEEP: Complaint = { path: "", message: `is nested deeper than ${MAX_DEPTH} levels` };

/**
 * How many values have been looked at as integers, and how many numbers may need 64 bits or more, ever. `decode.ts` compares
 * two readings to learn whether the spelling of numbers matters for a line, which for most lines it does not.
 */
export const tally = { integers: 0, large: 0 };

export function noteSize(value: number): void {
  if (value >= 2 ** 63 || value <= -(2 ** 63)) tally.large += 1;
}

/** Whether a value that no table describes stays within the bounds of nesting. */
function fits(value: unknown, room: number): boolean {
  if (typeof value !== "object" || value === null) {
    if (typeof value === "number") noteSize(value);
    return true;
  }
  if (room <= 0) return false;
  if (Array.isArray(value)) return value.every((member) => fits(member, room - 1));
  for (const key in value) if (!fits((value as JsonObject)[key], room - 1)) return false;
  return true;
}

export const anything: Check<JsonValue> = (value) => (fits(value, MAX_DEPTH - depth) ? undefined : TOO_DEEP);

export const anyObject: Check<JsonObject> = (value, judge) =>
  isJsonObject(value) ? anything(value, judge) : complain("is not an object");

export const anyList: Check<JsonArray> = (value, judge) =>
  Array.isArray(value) ? anything(value, judge) : complain("is not an array");

/** A field that is taken as it comes, and believed to be what its type says: unused, or left to its readers. */
export const unread: Field<never> = {
  check: anything as Check<never>,
  absentIsFine: true,
  nullIsFine: true,
  in142: "alike",
};

export function complain(message: string): Complaint {
  return { path: "", message };
}

function below(name: string, complaint: Complaint): Complaint {
  return { path: complaint.path === "" ? name : `${name}.${complaint.path}`, message: complaint.message };
}

/** An object with these fields; unknown keys are passed by, as every release does. Arrays are not objects. */
export function object<T>(fields: FieldsOf<T>, ...rules: Rule[]): Check<T> {
  const all = Object.entries<Field<unknown>>(fields).filter(([, field]) => field !== unread);
  const current = planOf(all.filter(([, field]) => field.in142 !== "alone"));
  const old = planOf(all.filter(([, field]) => field.in142 !== "unread").map(([name, field]) => [name, rigid(field)]));
  return (value, judge) => {
    if (!isJsonObject(value)) return complain("is not an object");
    depth += 1;
    const complaint = follow(judge === "0.142.3" ? old : current, value, judge);
    depth -= 1;
    if (complaint !== undefined) return complaint;
    for (const rule of rules) {
      const message = rule(value, judge);
      if (message !== undefined) return complain(message);
    }
    return undefined;
  };
}

/** The fields to look at. */
interface Plan {
  readonly fields: ReadonlyMap<string, Field<unknown>>;
  readonly needed: readonly string[];
}

function planOf(fields: readonly (readonly [string, Field<unknown>])[]): Plan {
  return {
    fields: new Map(fields),
    needed: fields.filter(([, field]) => !field.absentIsFine).map(([name]) => name),
  };
}

function rigid(field: Field<unknown>): Field<unknown> {
  return field.in142 === "needed" ? { ...field, absentIsFine: false, nullIsFine: false } : field;
}

/** Goes by the keys that are there: they are fewer than those that may be, and this runs for every object of every line. */
function follow({ fields, needed }: Plan, owner: JsonObject, judge: Judge): Complaint | undefined {
  let missing = needed.length;
  for (const name in owner) {
    const field = fields.get(name);
    const member = owner[name];
    if (field === undefined) {
      if (typeof member === "number") noteSize(member);
      else if (typeof member === "object" && !fits(member, MAX_DEPTH - depth)) return TOO_DEEP;
      continue;
    }
    if (!field.absentIsFine) missing -= 1;
    if (member === null && field.nullIsFine) continue;
    const complaint = field.check(member, judge);
    if (complaint !== undefined) return below(name, complaint);
  }
  if (missing === 0) return undefined;
  return { path: needed.find((name) => !Object.hasOwn(owner, name)) ?? "", message: "is missing" };
}

/** A check per variant; hand it to `tagged`. */
export function objects<P>(fields: VariantFields<P>): { readonly [V in keyof P]: Check<P[V]> } {
  const checks = Object.entries<FieldsOf<unknown>>(fields).map(([variant, spec]) => [variant, object(spec)]);
  return Object.fromEntries(checks) as { readonly [V in keyof P]: Check<P[V]> };
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, judge) => {
    if (!Array.isArray(value)) return complain("is not an array");
    depth += 1;
    let complaint: Complaint | undefined;
    for (let index = 0; index < value.length && complaint === undefined; index += 1) {
      complaint = check(value[index], judge);
      if (complaint !== undefined) complaint = below(String(index), complaint);
    }
    depth -= 1;
    return complaint;
  };
}

/** An object with free keys, all values alike. Keys come from the rollout and are left out of complaints. */
export function mapOf<T>(check: Check<T>): Check<{ readonly [key: string]: T }> {
  return (value, judge) => {
    if (!isJsonObject(value)) return complain("is not an object");
    depth += 1;
    let complaint: Complaint | undefined;
    for (const entry of Object.values(value)) complaint ??= check(entry, judge);
    depth -= 1;
    return complaint === undefined ? undefined : below("*", complaint);
  };
}

export function oneOf<const T extends readonly string[]>(...words: T): Check<T[number]> {
  const known: ReadonlySet<unknown> = new Set(words);
  return (value) => (known.has(value) ? undefined : complain("is not a known word"));
}

/**
 * A union told apart by the string under `tag`. `missing` handles tags that the table lacks; without it they are
 * refused.
 */
export function tagged<Tag extends string, Table extends object>(
  tag: Tag,
  table: { readonly [K in keyof Table]: Check<Table[K]> },
  missing?: Check<unknown>,
): Check<Table[keyof Table]> {
  const checks = new Map<unknown, Check<unknown>>(Object.entries<Check<unknown>>(table));
  return (value, judge) => {
    if (!isJsonObject(value)) return complain("is not an object");
    const name = value[tag];
    if (typeof name !== "string") return { path: tag, message: name === undefined ? "is missing" : "is not a string" };
    const check = checks.get(name) ?? missing;
    return check === undefined ? { path: tag, message: "is not a known variant" } : check(value, judge);
  };
}

/** The first check that is content wins; otherwise the complaint of the last one. */
export function either<A, B>(first: Check<A>, second: Check<B>): Check<A | B> {
  return (value, judge) => (first(value, judge) === undefined ? undefined : second(value, judge));
}

/** `check` for the tool's own readers, `strict` for every release: a layout that Codex no longer takes. */
export function lenient<T>(check: Check<T>, strict: Check<unknown>): Check<T> {
  return (value, judge) => (judge === "reader" ? check : strict)(value, judge);
}

/** `check` for the reader and 0.169.0, `older` for 0.142.3. */
export function unlike142<T>(check: Check<T>, older: Check<unknown>): Check<T> {
  return (value, judge) => (judge === "0.142.3" ? older : check)(value, judge);
}

/** Something that 0.142.3 does not know and refuses. */
export function not142<T>(check: Check<T>): Check<T> {
  return unlike142(check, refuse("is not known to 0.142.3"));
}

/** Refuses everything, with these words. */
export function refuse(message: string): Check<never> {
  const complaint = complain(message);
  return () => complaint;
}
