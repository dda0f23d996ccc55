import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../src/format/entry.ts";
import { bareTimestamp, generationOf } from "../../src/readers/generation.ts";
import { decodeBareLine, decodeTypescriptDocument, readTypescriptDocument } from "../../src/readers/legacy.ts";

const ID = "0b0d8d3e-6a2f-4f5e-9a3a-2f4c1f8a7b10";
const TIME = "2025-05-01T10:00:00.000Z";
const ITEMS = [
  { id: "m1", type: "message", role: "user", content: [{ type: "input_text", text: 'say "hi"\n\u{1f600}' }] },
  { type: "function_call", name: "shell", arguments: "{}", call_id: "c1" },
  { type: "function_call_output", call_id: "c1", output: "[1, 2, null]" },
];
const DOCUMENT = JSON.stringify(
  { session: { timestamp: TIME, id: ID, instructions: "be kind" }, items: ITEMS },
  null,
  2,
);

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "rollout-legacy-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Records as they are, defects by kind. */
function outline(entries: Iterable<Entry>): unknown[] {
  return Array.from(entries, (entry) => (entry.ok ? entry.record : entry.defect.kind));
}

function decode(text: string | Buffer, chunkBytes = 1_000_000): unknown[] {
  const bytes = Buffer.from(text as Buffer);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  return outline(decodeTypescriptDocument(chunks));
}

function bare(text: string, terminated = true): Entry {
  const bytes = Buffer.from(text);
  return decodeBareLine({ bytes, position: { line: 3, offset: 40, length: bytes.length }, terminated }, TIME);
}

const META = {
  timestamp: TIME,
  type: "session_meta",
  payload: {
    id: ID,
    timestamp: TIME,
    cwd: "",
    originator: "codex_cli_ts",
    cli_version: "",
    base_instructions: { text: "be kind" },
  },
};
const RECORDS = [META, ...ITEMS.map((payload) => ({ timestamp: TIME, type: "response_item", payload }))];

describe("readTypescriptDocument", () => {
  it("gives a session_meta and a response_item per item", () => {
    const path = join(folder, "rollout-2025-05-01-x.json");
    fs.writeFileSync(path, DOCUMENT);
    expect(outline(readTypescriptDocument(path))).toEqual(RECORDS);
    const [first] = readTypescriptDocument(path);
    expect(first?.position).toMatchObject({ line: 0, offset: 0 });
  });

  it("reads any layout and any chunking", () => {
    expect(decode(JSON.stringify(JSON.parse(DOCUMENT)))).toEqual(RECORDS);
    for (const chunkBytes of [1, 2, 7, 100]) expect(decode(DOCUMENT, chunkBytes)).toEqual(RECORDS);
  });

  it("takes keys it does not know, an empty list and a missing list", () => {
    const session = { id: ID, timestamp: TIME };
    expect(decode(JSON.stringify({ session, extra: [[1], { a: [] }], items: [] }))).toHaveLength(1);
    expect(decode(JSON.stringify({ session }))).toHaveLength(1);
    expect(decode(JSON.stringify({ items: ITEMS }))).toEqual([
      ...ITEMS.map((payload) => ({ timestamp: "", type: "response_item", payload })),
      "wrong-shape",
    ]);
  });

  it("keeps digits beyond double precision and every kind of value", () => {
    const item =
      '{"type":"message","role":"user","content":[],"n":12345678901234567890,"x":[1.50,-0,true,false,null,{},[],"\\u0000"]}';
    const [, entry] = decodeTypescriptDocument([
      Buffer.from(`{"session":{"id":"${ID}","timestamp":"${TIME}"},"items":[${item}]}`),
    ]);
    expect(entry?.position.length).toBe(item.length);
  });

  it("gives a prefix and one defect for every cut", () => {
    for (let cut = 0; cut < Buffer.byteLength(DOCUMENT); cut++) {
      const entries = decode(Buffer.from(DOCUMENT).subarray(0, cut), 5);
      const records = entries.slice(0, -1);
      expect(records).toEqual(RECORDS.slice(0, records.length));
      expect(entries.at(-1)).toBe("torn");
    }
  });

  it.each([
    ["garbage", "garbage"],
    ["text after the document", '{"session":{"id":"x","timestamp":""},"items":[]} more'],
    ["a comma too many", '{"session":{},}'],
  ])("calls %s not-json", (_name, text) => {
    expect(decode(text).at(-1)).toBe("not-json");
  });

  it("calls bad bytes not-utf8 and a session of the wrong shape so", () => {
    expect(decode(Buffer.concat([Buffer.from('{"session":{"id":"'), Buffer.from([0xff, 0xfe])])).at(-1)).toBe(
      "not-utf8",
    );
    expect(decode('{"session":5,"items":[7]}')).toEqual(["wrong-shape", "wrong-shape"]);
    expect(decode("[]")).toEqual(["wrong-shape"]);
  });

  it("never throws and always ends, whatever the bytes", () => {
    const pieces = fc.array(
      fc.constantFrom(
        '{"session":',
        '"items":',
        "[",
        "]",
        "{",
        "}",
        ",",
        '"a"',
        ":",
        "1",
        "-",
        "tru",
        '"\\u12',
        "\xff",
      ),
    );
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 9 }), (parts, chunkBytes) => {
        expect(Array.isArray(decode(Buffer.from(parts.join(""), "latin1"), chunkBytes))).toBe(true);
      }),
    );
  });

  it("survives nesting a million deep", () => {
    const deep = `{"session":{"id":"${ID}","timestamp":"${TIME}"},"items":[${"[".repeat(1_000_000)}`;
    expect(decode(deep).at(-1)).toBe("torn");
    expect(decode(`${deep}${"]".repeat(1_000_001)}}`)).toHaveLength(2);
  });
});

describe("decodeBareLine", () => {
  it("makes a session_meta of the meta object", () => {
    const git = { commit_hash: "abc", branch: "main" };
    expect(bare(JSON.stringify({ id: ID, timestamp: TIME, instructions: "be kind", git }))).toMatchObject({
      ok: true,
      position: { line: 3, offset: 40 },
      record: { ...META, payload: { ...META.payload, originator: "codex_cli_rs", git } },
    });
    const entry = bare(JSON.stringify({ id: ID, timestamp: TIME, instructions: null }));
    expect(entry.ok && entry.record.payload).not.toHaveProperty("base_instructions");
  });

  it("makes a response_item of an item, with the session's time", () => {
    expect(bare(` ${JSON.stringify(ITEMS[0])}\r`)).toMatchObject({
      ok: true,
      record: { timestamp: TIME, type: "response_item", payload: ITEMS[0] },
    });
  });

  it.each([
    ["state-marker", '{"record_type":"state"}', true],
    ["torn", '{"type":"message","ro', false],
    ["not-json", '{"type":"message","ro', true],
    ["not-json", '{"type":"message"},"type":"session_meta","payload":{"id":"x"}', true],
    ["blank", " \t", true],
    ["wrong-shape", "[]", true],
    ["wrong-shape", '{"id":"only"}', true],
  ])("calls it %s: %s", (kind, text, terminated) => {
    expect(bare(text, terminated)).toMatchObject({ ok: false, defect: { kind } });
  });

  it("takes an envelope as it is", () => {
    expect(bare(JSON.stringify(META))).toMatchObject({ ok: true, record: META });
  });
});

describe("generationOf", () => {
  it.each([
    ["envelope", '{"timestamp":"2026-01-01T00:00:00Z","type":"session_meta","payload":{}}\n'],
    ["envelope", '{"type":"session_meta","payload":{},"timestamp":"x"}\n'],
    ["envelope", `{ "timestamp" : "x", "payload": "${"y".repeat(10_000)}`],
    ["envelope", ""],
    ["envelope", "garbage\n\x00\n"],
    ["envelope", '{"id":5}\n{"timestamp":"x","type":"session_meta","payload":{}}'],
    ["bare", `{"id":"${ID}","timestamp":"${TIME}","instructions":null}\n`],
    ["bare", `{"id":"${ID}","timestamp":"${TIME}","instructions":"${"y".repeat(10_000)}"}\n`],
    ["bare", '{"record_type":"state"}\n'],
    ["bare", '{"id":"torn me\n{"type":"message","role":"user","content":[]}\n'],
    ["typescript", DOCUMENT],
    ["typescript", '{"items":[]}'],
    ["typescript", `\ufeff\n${DOCUMENT}`],
  ])("says %s", (generation, text) => {
    expect(generationOf(Buffer.from(text))).toBe(generation);
  });

  it("finds the time of a bare session", () => {
    expect(bareTimestamp(Buffer.from(`{"id":"${ID}","timestamp": "${TIME}"}`))).toBe(TIME);
    expect(bareTimestamp(Buffer.from('{"record_type":"state"}'))).toBe("");
  });
});
