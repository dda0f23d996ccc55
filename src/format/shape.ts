/**
 * Building blocks for the tables of shapes (`shapes-*.ts`): checks that look at a parsed JSON value and say what is
 * wrong with it, if anything. Nothing is copied and nothing thrown; `decode.ts` runs the tables over every line.
 *
 * A check is told for whom it judges. The tool reads more than any release of Codex does: old layouts that 0.169.0
 * refuses, and fields that 0.142.3 does not know. One table serves all judges, so that what a release takes
 * (`acceptedBy`) and what the tool reads cannot drift apart unseen.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

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

export const anything: Check<JsonValue> = () => undefined;

/** A field that is taken as it comes, and believed to be what its type says: unused, or left to its readers. */
export const unread: Field<never> = { check: anything as Check<never>, absentIsFine: true, nullIsFine: true, in142: "alike" };

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
    const complaint = follow(judge === "0.142.3" ? old : current, value, judge);
    if (complaint !== undefined) return complaint;
    for (const rule of rules) {
      const message = rule(value, judge);
      if (message !== undefined) return complain(message);
    }
    return undefined;
  };
}

/** The fields to look at, as parallel lists: this loop runs for every object of every line. */
interface Plan {
  readonly names: readonly string[];
  readonly checks: readonly Check<unknown>[];
  readonly absentIsFine: readonly boolean[];
  readonly nullIsFine: readonly boolean[];
}

function planOf(fields: readonly (readonly [string, Field<unknown>])[]): Plan {
  return {
    names: fields.map(([name]) => name),
    checks: fields.map(([, field]) => field.check),
    absentIsFine: fields.map(([, field]) => field.absentIsFine),
    nullIsFine: fields.map(([, field]) => field.nullIsFine),
  };
}

function rigid(field: Field<unknown>): Field<unknown> {
  return field.in142 === "needed" ? { ...field, absentIsFine: false, nullIsFine: false } : field;
}

function follow(plan: Plan, owner: JsonObject, judge: Judge): Complaint | undefined {
  const { names, checks } = plan;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] as string;
    const member = owner[name];
    if (member === undefined) {
      if (plan.absentIsFine[index] === true) continue;
      return { path: name, message: "is missing" };
    }
    if (member === null && plan.nullIsFine[index] === true) continue;
    const complaint = (checks[index] as Check<unknown>)(member, judge);
    if (complaint !== undefined) return below(name, complaint);
  }
  return undefined;
}

/** A check per variant; hand it to `tagged`. */
export function objects<P>(fields: VariantFields<P>): { readonly [V in keyof P]: Check<P[V]> } {
  const checks = Object.entries<FieldsOf<unknown>>(fields).map(([variant, spec]) => [variant, object(spec)]);
  return Object.fromEntries(checks) as { readonly [V in keyof P]: Check<P[V]> };
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, judge) => {
    if (!Array.isArray(value)) return complain("is not an array");
    for (let index = 0; index < value.length; index += 1) {
      const complaint = check(value[index], judge);
      if (complaint !== undefined) return below(String(index), complaint);
    }
    return undefined;
  };
}

/** An object with free keys, all values alike. Keys come from the rollout and are left out of complaints. */
export function mapOf<T>(check: Check<T>): Check<{ readonly [key: string]: T }> {
  return (value, judge) => {
    if (!isJsonObject(value)) return complain("is not an object");
    for (const entry of Object.values(value)) {
      const complaint = check(entry, judge);
      if (complaint !== undefined) return below("*", complaint);
    }
    return undefined;
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
  const checks = new Map<unknown, Check<unknown>>(Object.entries(table) as [string, Check<unknown>][]);
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
