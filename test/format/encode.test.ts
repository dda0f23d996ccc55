/** Records back to lines: the same JSON, in the key order that Codex writes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeLine } from "../../src/format/encode.ts";
import type { RolloutRecord } from "../../src/format/record.ts";
import { lineOf, recordedLines, recordOf, TIME } from "./lines.ts";

test("keys of the envelope stand in Codex's order, whatever order they came in", () => {
  const record = recordOf(
    `{"metadata":{"client_authored":true},"payload":{"type":"compaction_trigger"},"type":"response_item","ordinal":4,"timestamp":"z"}`,
  );
  expect(encodeLine(record)).toBe(
    `{"timestamp":"z","ordinal":4,"type":"response_item","payload":{"type":"compaction_trigger"},"metadata":{"client_authored":true}}`,
  );
});

test("what is not there is not written", () => {
  expect(encodeLine(recordOf(lineOf("event_msg", { type: "context_compacted" })))).toBe(
    `{"timestamp":"${TIME}","type":"event_msg","payload":{"type":"context_compacted"}}`,
  );
});

test("a recorded line comes back byte for byte, but for fractions without a fraction", () => {
  const changed = recordedLines().filter(({ line }) => encodeLine(recordOf(line)) !== line);
  expect(changed.every(({ line }) => /:\d+\.0[,}]/.test(line))).toBe(true);
  for (const { line } of changed) expect(JSON.parse(encodeLine(recordOf(line)))).toEqual(JSON.parse(line));
});

test("a number that JavaScript would spell as an integer of more than 64 bits keeps its exponent", () => {
  const line = lineOf("world_state", { full: true, state: { a: "@", b: [-1, 20] } });
  const spelled = line.replace('"@"', "2.5e19").replace("-1,20", "-9.3e18,123456789012345678901234");
  const [large, plain] = [
    spelled.replace("123456789012345678901234", "1e20"),
    line.replace('"@"', "18446744073709549568"),
  ];
  expect(encodeLine(recordOf(large))).toBe(
    large.replace("9.3e18", "9.3e+18").replace("2.5e19", "2.5e+19").replace("1e20", "1e+20"),
  );
  expect(encodeLine(recordOf(plain))).toBe(plain.replace("18446744073709549568", "18446744073709550000"));
});

test("decoding what was encoded gives the same record", () => {
  const state = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), {
    noNullPrototype: true,
  });
  const ordinal = fc.option(fc.nat(), { nil: undefined });
  fc.assert(
    fc.property(state, ordinal, fc.boolean(), fc.string(), (content, number, full, timestamp) => {
      const record: RolloutRecord = {
        timestamp,
        ...(number === undefined ? {} : { ordinal: number }),
        type: "world_state",
        payload: { full, state: content as never },
      };
      // JSON has no minus zero.
      const expected: unknown = JSON.parse(JSON.stringify(record));
      expect(recordOf(encodeLine(record))).toEqual(expected);
    }),
  );
});
