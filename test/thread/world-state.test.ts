import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/format/json.ts";
import { mergePatch, worldStateAfter } from "../../src/thread/world-state.ts";

/** The examples of RFC 7386, appendix A, whose target and patch are objects. */
const RFC: readonly (readonly [JsonObject, JsonObject, JsonObject])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

/** The rule as the RFC writes it. */
function plainly(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result = new Map(isObject ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, plainly(result.get(key), value));
  }
  return Object.fromEntries(result);
}

const keys = fc.constantFrom("a", "b", "c", "__proto__", "constructor", "0");
const objects = fc.letrec<{ object: JsonObject; value: JsonValue }>((tie) => ({
  object: fc.array(fc.tuple(keys, tie("value")), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
  value: fc.oneof({ depthSize: "small" }, fc.constantFrom(null, 1, "x", [], [{ a: null }]), tie("object")),
})).object;

describe("a merge patch", () => {
  test.each(RFC)("on %j of %j", (target, patch, expected) => expect(mergePatch(target, patch)).toEqual(expected));

  test("does what the RFC says, and changes neither side", () => {
    fc.assert(
      fc.property(objects, objects, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        expect(JSON.stringify(sorted(mergePatch(target, patch)))).toBe(JSON.stringify(sorted(plainly(target, patch))));
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });

  test("does no harm with the keys of a prototype", () => {
    const patch = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":null}',
    ) as JsonObject;
    const merged = mergePatch({ a: 1 }, patch);
    expect(JSON.stringify(merged)).toBe(
      '{"a":1,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBe(undefined);
    expect(JSON.stringify(mergePatch(merged, JSON.parse('{"__proto__":null}') as JsonObject))).toBe(
      '{"a":1,"constructor":{"prototype":{"polluted":true}}}',
    );
  });

  test("of ten thousand levels, again and again", () => {
    const deep = (leaf: JsonValue) => {
      let value: JsonValue = leaf;
      for (let level = 0; level < 10_000; level += 1) value = { a: value };
      return value as JsonObject;
    };
    let state = worldStateAfter([
      { full: true, state: deep(1) },
      ...Array.from({ length: 20 }, () => ({ full: false, state: deep({ b: 1 }) })),
    ]);
    for (let level = 0; level < 10_000; level += 1) state = state?.["a"] as JsonObject;
    expect(state).toEqual({ b: 1 });
  });
});

function sorted(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const pairs = Object.entries(value).map(([key, member]) => [key, sorted(member)] as const);
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

describe("a baseline", () => {
  test("is the newest full state with the patches after it", () => {
    const steps = [
      { full: false, state: { z: 1 } },
      { full: true, state: { a: 1 } },
      { full: true, state: { b: { c: 1, d: 2 } } },
      { full: false, state: { b: { c: null } } },
    ];
    expect(worldStateAfter(steps)).toEqual({ b: { d: 2 } });
    expect(worldStateAfter(steps.slice(0, 1))).toBe(undefined);
    expect(worldStateAfter([])).toBe(undefined);
  });

  test("shares nothing with the records, and cannot be changed", () => {
    const state = { a: { b: [{ c: 1 }] } };
    const patch = { d: [[1]] };
    const found = worldStateAfter([
      { full: true, state },
      { full: false, state: patch },
    ]) as unknown as { a: { b: [{ c: number }] }; d: number[][] };
    expect(() => (found.a.b[0].c = 2)).toThrow(TypeError);
    expect(() => found.d[0]?.push(2)).toThrow(TypeError);
    state.a.b[0]!.c = 5;
    patch.d[0]!.push(2);
    expect(found).toEqual({ a: { b: [{ c: 1 }] }, d: [[1]] });
  });
});
