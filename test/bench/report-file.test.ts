import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compareReports } from "../../src/bench/baseline.ts";
import { judgeCriteria, parseCriterion } from "../../src/bench/criteria.ts";
import { parseReport, serializeOutcome, serializeReport } from "../../src/bench/report-file.ts";
import { resumeReport } from "../support/bench-reports.ts";
import { RolloutError } from "../../src/errors.ts";

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

const SCHEMA = JSON.parse(
  readFileSync(new URL("../../docs/bench-report.schema.json", import.meta.url), "utf8"),
) as Schema;
const KNOWN =
  /^(\$schema|\$ref|\$defs|title|description|type|const|enum|required|properties|items|min(Items|imum)|max(Items|imum)|exclusiveMinimum)$/;

/** Of JSON Schema what the document uses; complaints as paths. */
function complaints(schema: Schema, value: unknown, at = ""): string[] {
  if (schema.$ref !== undefined)
    return complaints(SCHEMA.$defs?.[schema.$ref.replace("#/$defs/", "")] ?? {}, value, at);
  const own = [
    schema.const !== undefined && value !== schema.const,
    schema.enum !== undefined && !schema.enum.includes(value),
    schema.type !== undefined && !hasType(schema.type, value),
    typeof value === "number" && value < (schema.minimum ?? -Infinity),
    typeof value === "number" && value <= (schema.exclusiveMinimum ?? -Infinity),
    typeof value === "number" && value > (schema.maximum ?? Infinity),
    Array.isArray(value) && value.length < (schema.minItems ?? 0),
    Array.isArray(value) && value.length > (schema.maxItems ?? Infinity),
  ];
  const found = own.includes(true) ? [at] : [];
  if (Array.isArray(value)) {
    const { items } = schema;
    return [
      ...found,
      ...(items === undefined ? [] : value.flatMap((item, nth) => complaints(items, item, `${at}[${nth}]`))),
    ];
  }
  if (typeof value !== "object" || value === null) return found;
  const object = value as Record<string, unknown>;
  return [
    ...found,
    ...(schema.required ?? []).filter((name) => object[name] === undefined).map((name) => `${at}.${name}`),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
      object[name] === undefined ? [] : complaints(inner, object[name], `${at}.${name}`),
    ),
  ];
}

function hasType(type: string, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}

/** All places of a value, as lists of keys. */
function placesOf(value: unknown, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [at];
  const inner = Array.isArray(value) ? [...value.entries()].slice(0, 2) : Object.entries(value);
  return [at, ...inner.flatMap(([key, member]) => placesOf(member, [...at, key]))];
}

function replaced(value: unknown, place: readonly (string | number)[], by: unknown): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

function codeOf(text: string): string {
  try {
    parseReport(text, "report.json");
    return "fine";
  } catch (error) {
    return error instanceof RolloutError ? error.code : `unexpected ${String(error)}`;
  }
}

const REPORT = {
  ...resumeReport(),
  failures: [{ case: "resume.x", message: "timed out" }],
  notes: ["two prewarm requests"],
};

describe("a report", () => {
  it("comes back from its file as it was", () => {
    expect(parseReport(serializeReport(REPORT), "report.json")).toEqual(REPORT);
  });

  it("shows nothing that a terminal would obey, and loses nothing by it", () => {
    const odd = { ...REPORT, notes: ["\u009b2J\u202e \ud83d\ude00 \ud800 – \u007f\n"] };
    expect(serializeReport(odd)).toMatch(/^[\n\x20-\x7e]*$/);
    expect(parseReport(serializeReport(odd), "report.json")).toEqual(odd);
  });

  it("has the form that the schema says", () => {
    expect(complaints(SCHEMA, JSON.parse(serializeReport(REPORT)))).toEqual([]);
  });

  it("tells what it was compared with and how it was judged, and comes back without that", () => {
    const [now, base] = [resumeReport(2), resumeReport(1, 2)];
    const comparison = compareReports(now, base, 1);
    const judgements = judgeCriteria([parseCriterion("plain.median>1.5")], now, base);
    const text = serializeOutcome({ report: now, baseline: { report: base, comparison }, judgements });
    const told = JSON.parse(text) as Record<string, unknown>;
    expect(complaints(SCHEMA, told)).toEqual([]);
    expect(told["baseline"]).toMatchObject({ created_at: base.setting.created_at, only_now: [], only_base: [] });
    expect(told["judgements"]).toContainEqual(
      expect.objectContaining({ criterion: "plain.median>1.5", verdict: "violated", reason: null }),
    );
    expect(parseReport(text, "report.json")).toEqual(now);
    expect(serializeOutcome({ report: now })).toBe(serializeReport(now));
  });

  it("loses what a newer tool may have added", () => {
    const more = { ...REPORT, extra: 1, setting: { ...REPORT.setting, cache_bytes: 5 } };
    expect(parseReport(JSON.stringify(more), "report.json")).toEqual(REPORT);
  });
});

describe("the schema", () => {
  it("uses only what the check of this test knows", () => {
    const walk = (schema: Schema): string[] => [
      ...Object.keys(schema).filter((key) => !KNOWN.test(key)),
      ...Object.values({ ...schema.$defs, ...schema.properties }).flatMap(walk),
      ...(schema.items === undefined ? [] : walk(schema.items)),
    ];
    expect(walk(SCHEMA)).toEqual([]);
  });

  it.each([[undefined], [null], [-1], [0.5], ["text"], [[]], [{}]])(
    "agrees with the reader wherever a member is %j instead",
    (wrong) => {
      const disagreeing = placesOf(REPORT).filter((place) => {
        const text = JSON.stringify(replaced(REPORT, place, wrong)) ?? "undefined";
        const valid = text !== "undefined" && complaints(SCHEMA, JSON.parse(text)).length === 0;
        return valid && codeOf(text) !== "fine";
      });
      // What a schema cannot say: names follow from labels, and a count from the samples.
      const beyond = /^cases\.\d\.(name|labels(\.\d)?|samples_ms|statistics\.count)$/;
      expect(disagreeing.map((place) => place.join(".")).filter((place) => !beyond.test(place))).toEqual([]);
      const laxer = placesOf(REPORT).filter((place) => {
        const text = JSON.stringify(replaced(REPORT, place, wrong)) ?? "null";
        return codeOf(text) === "fine" && complaints(SCHEMA, JSON.parse(text)).length > 0;
      });
      expect(laxer.map((place) => place.join("."))).toEqual([]);
    },
  );
});

describe("what is no report", () => {
  it.each([
    ["", "damaged"],
    ["{", "damaged"],
    ["[]", "damaged"],
    ["null", "damaged"],
    ['{"format":"other"}', "damaged"],
    [JSON.stringify({ ...REPORT, version: 2 }), "unsupported"],
    [JSON.stringify({ ...REPORT, version: "2" }), "damaged"],
    [JSON.stringify({ ...REPORT, cases: [...REPORT.cases, REPORT.cases[0]] }), "damaged"],
    ["[".repeat(1_000_000), "damaged"],
    [serializeReport(REPORT).replace(/"memory_bytes": \d+/, '"memory_bytes": 1e999'), "damaged"],
  ])("%.60s is %s", (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it("is told with its place", () => {
    const text = JSON.stringify(replaced(REPORT, ["cases", 3, "statistics", "mean"], "fast"));
    expect(() => parseReport(text, "old.json")).toThrow(
      "not a report of bench: cases[3].statistics.mean is not a number",
    );
  });
});
