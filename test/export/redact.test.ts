import fc from "fast-check";
import { type AsyncBuffer, parquetReadObjects } from "hyparquet";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { documentOf, type DocumentFormat } from "../../src/export/documents.ts";
import { type FormatName, formatNamed } from "../../src/export/formats.ts";
import { OWN_KINDS } from "../../src/export/redact-rules.ts";
import { createRedactor, type Redaction } from "../../src/export/redact.ts";
import { exportTables, StreamTarget } from "../../src/export/run.ts";
import { WHOLE } from "../../src/export/shard.ts";
import { findThreads } from "../../src/export/threads.ts";
import { decodeZstd } from "../../src/io/zstd.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { readText } from "../support/sources.ts";
import {
  event,
  type LineRecord,
  META_MS,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
} from "../support/lines.ts";
import { requestFor } from "./export-home.ts";
import { harmlessTexts, type SecretCase, trueSecrets } from "./secrets.ts";

const folder = temporaryFolder();
let redaction: Redaction;
beforeAll(async () => {
  redaction = await createRedactor();
});

const one = async (text: string): Promise<string> => (await redaction.redact([text]))[0] ?? "";
/** A token that is one by its prefix, never issued. */
const TOKEN = ["gh", "p_", "R4nd0mLy", "Dr4wnF0r", "Th1sT3st", "0nlyA7c9Bq2Z"].join("");
const DASHES = "-----";
const mark = (what: string): string => [DASHES, what, " PRIVATE", " KEY", DASHES].join("");

function survivors(cases: readonly SecretCase[], output: string): readonly string[] {
  return cases
    .filter(({ secrets }) => secrets.some((secret) => output.includes(secret)))
    .map(({ family, text }) => `${family}: ${text}`);
}

describe("the corpus of secrets", () => {
  it("loses every true one, and keeps what is none", async () => {
    const cases = trueSecrets();
    const clean = await redaction.redact(cases.map(({ text }) => text));
    expect([cases.length, clean.length]).toEqual([200, 200]);
    expect(cases.flatMap((found, index) => survivors([found], clean[index] ?? ""))).toEqual([]);
    const harmless = harmlessTexts();
    const kept = await redaction.redact(harmless.map(({ text }) => text));
    const touched = harmless.filter(({ text }, index) => kept[index] !== text);
    expect(harmless).toHaveLength(200);
    expect(touched.length).toBeLessThanOrEqual(4);
  });

  it("does so for other draws, too", async () => {
    const cases = trueSecrets(1000, 2026);
    const clean = await redaction.redact(cases.map(({ text }) => text));
    expect(cases.flatMap((found, index) => survivors([found], clean[index] ?? ""))).toEqual([]);
    const harmless = harmlessTexts(1000, 2027);
    const kept = await redaction.redact(harmless.map(({ text }) => text));
    expect(harmless.filter(({ text }, index) => kept[index] !== text).length).toBeLessThanOrEqual(4);
  });

  it("leaves nothing behind that a second look would change", async () => {
    const clean = await redaction.redact(trueSecrets().map(({ text }) => text));
    expect(await redaction.redact(clean)).toEqual(clean);
  });

  const formats = [
    ...(["parquet", "jsonl", "csv"] as const).map((format) => [format, tables(format)] as const),
    ...(["atif", "otel"] as const).map((format) => [format, documents(format)] as const),
  ];
  it.each(formats)("survives nowhere in %s", async (_, write) => {
    const cases = trueSecrets();
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: secretThread(cases) });
    const plain = await write(home, undefined);
    // The corpus is really there without the redactor.
    expect(survivors(cases, plain).length).toBeGreaterThan(190);
    expect(survivors(cases, await write(home, redaction))).toEqual([]);
  });
});

type Write = (home: string, redaction: Redaction | undefined) => Promise<string>;

/** All that a reader of the format gets, as text in which nothing is escaped. */
function tables(name: FormatName): Write {
  return async (home, given) => {
    const texts: string[] = [];
    for (const table of ["threads", "turns", "items"] as const) {
      const parts: Buffer[] = [];
      const target = new StreamTarget(table, formatNamed(name), (bytes) => void parts.push(Buffer.from(bytes)));
      await exportTables(requestFor(home, { tables: [table], redact: given?.redact }), target);
      texts.push(await readBack(name, Buffer.concat(parts)));
    }
    return texts.join("\n");
  };
}

async function readBack(name: FormatName, bytes: Buffer): Promise<string> {
  if (name === "csv") return bytes.toString("utf8").replaceAll('""', '"');
  if (name === "jsonl")
    return bytes
      .toString("utf8")
      .split("\n")
      .map((line) => leaves(JSON.parse(line || "{}")))
      .join("\n");
  const all = new Uint8Array(bytes).buffer;
  const file: AsyncBuffer = { byteLength: all.byteLength, slice: (start, end) => all.slice(start, end) };
  const ZSTD = (input: Uint8Array): Uint8Array =>
    Buffer.concat(Array.from(decodeZstd([input]), (part) => Buffer.from(part)));
  return (await parquetReadObjects({ file, compressors: { ZSTD } })).map(leaves).join("\n");
}

function documents(format: DocumentFormat): Write {
  return async (home, given) => {
    const { source } = requestFor(home);
    const texts: string[] = [];
    for (const thread of findThreads(source, WHOLE).threads) {
      const made = await documentOf(thread, { format, content: true, redaction: given });
      if ("message" in made) throw new Error(made.message);
      texts.push(leaves(made.document), JSON.stringify(made.document));
    }
    return texts.join("\n");
  };
}

/** Names and texts of a value; a text of JSON counts with its own, too. */
function leaves(value: unknown): string {
  if (typeof value === "string") {
    if (!/^[[{]/u.test(value)) return value;
    try {
      return `${value}\n${leaves(JSON.parse(value))}`;
    } catch {
      return value;
    }
  }
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .map(([name, member]) => `${name}\n${leaves(member)}`)
    .join("\n");
}

/** In turn said by the user and by the model, put out by a command, given to a tool and back from it. */
function secretThread(cases: readonly SecretCase[]): string {
  const lines: (LineRecord | undefined)[] = cases.flatMap(({ text }, index) => {
    const turnId = `t${Math.floor(index / 20)}`;
    const begin =
      index % 20 === 0
        ? [event("task_started", { turn_id: turnId, model_context_window: null }), turnContext({ turn_id: turnId })]
        : [];
    const end = index % 20 === 19 ? [event("task_complete", { turn_id: turnId, last_agent_message: null })] : [];
    return [...begin, ...carriers(text, index, turnId), ...end];
  });
  return rolloutText([paginatedMeta(1), ...lines.filter((line) => line !== undefined)], { paginated: true });
}

function carriers(text: string, index: number, turnId: string): readonly LineRecord[] {
  const id = `call${index}`;
  const item = (members: Readonly<Record<string, unknown>>): LineRecord =>
    event("item_completed", {
      thread_id: threadId(1),
      turn_id: turnId,
      item: { id, ...members },
      started_at_ms: META_MS,
      completed_at_ms: META_MS,
    });
  const command = (parts: readonly string[], output: string): LineRecord =>
    item({
      type: "CommandExecution",
      process_id: null,
      command: parts,
      cwd: "file:///home/user/project",
      parsed_cmd: [],
      source: "agent",
      status: "completed",
      aggregated_output: output,
      exit_code: 0,
      duration: { secs: 1, nanos: 0 },
    });
  const call = (given: string): LineRecord => ({
    type: "response_item",
    payload: { type: "function_call", name: "exec", arguments: given, call_id: id },
  });
  const makers: readonly (() => readonly LineRecord[])[] = [
    () => [item({ type: "UserMessage", content: [{ type: "text", text, text_elements: [] }] })],
    () => [item({ type: "AgentMessage", content: [{ type: "Text", text }], phase: "final_answer" })],
    () => [command(["cat", "x"], text)],
    () => [call(JSON.stringify({ script: text, env: { VALUE: text } })), command(["bash", "-lc", text], "")],
    () => [item({ type: "Reasoning", summary_text: [text], raw_content: [] })],
    () => [
      item({
        type: "DynamicToolCall",
        namespace: null,
        tool: "t",
        arguments: { given: text },
        status: "completed",
        content_items: [{ type: "inputText", text }],
        success: true,
        duration: { secs: 0, nanos: 0 },
      }),
    ],
  ];
  return (makers[index % makers.length] as () => readonly LineRecord[])();
}

describe("redact", () => {
  it("keeps what is around a secret, and names its kind", async () => {
    expect(await one(`before ${TOKEN} after`)).toBe("before [REDACTED:github] after");
    const [user, password] = ["app", ["9fQ", "!vX2", "kLm7"].join("")];
    expect(await one(`postgres://${user}:${password}@db.internal/app`)).toBe(
      "postgres://app:[REDACTED:connection-string]@db.internal/app",
    );
    expect(await one(JSON.stringify({ user, password }))).toBe('{"user":"app","password":"[REDACTED:secret]"}');
  });

  it("takes a private key as a whole, with escaped line ends, and cut off at either end", async () => {
    const [begin, end] = [mark("BEGIN RSA"), mark("END RSA")];
    const body = Array.from({ length: 4 }, (_, index) => `${"Ab3dEf5h".repeat(7)}+/${index}=`);
    const whole = [begin, ...body, end].join("\n");
    expect(await one(`a\n${whole}\nb`)).toBe("a\n[REDACTED:private-key]\nb");
    expect(await one(JSON.stringify({ k: whole, n: 1 }))).toBe('{"k":"[REDACTED:private-key]","n":1}');
    expect(await one(JSON.stringify(JSON.stringify({ k: whole })))).toBe(
      String.raw`"{\"k\":\"[REDACTED:private-key]\"}"`,
    );
    expect(await one(`x ${[begin, ...body].join("\n")}\n\n[cut]`)).toBe("x [REDACTED:private-key][cut]");
    expect(await one(`[cut] ${[...body, end].join("\n")} y`)).toBe("[cut] [REDACTED:private-key] y");
    expect(await redaction.redact([[begin, ...body].join("\n"), "between", [...body, end].join("\n")])).toEqual([
      "[REDACTED:private-key]",
      "between",
      "[REDACTED:private-key]",
    ]);
  });

  it("cannot be switched off from inside a text", async () => {
    expect(await one(`secretlint-disable\n// secretlint-disable-line ${TOKEN}`)).toBe(
      "secretlint-disable\n// secretlint-disable-line [REDACTED:github]",
    );
  });

  it("finds a token behind an escape, and none inside a word", async () => {
    for (const before of ["\\n", "\\\\n", "\\t", "\\u003d", "%3D", "\u001b[32m", "\\u001b[1;31m", "=", '"']) {
      expect(await one(`${before}${TOKEN} `)).toBe(`${before}[REDACTED:github] `);
    }
    expect(await one(`risk-${TOKEN.slice(4)}`)).toBe(`risk-${TOKEN.slice(4)}`);
    expect(await one(`VALUE_${TOKEN}`)).toBe("VALUE_[REDACTED:github]");
  });

  it("finds what lies across the pieces of a long text", async () => {
    for (const at of [262_100, 262_130, 262_144, 524_200]) {
      const text = `${"lorem ipsum ".repeat(60_000).slice(0, at)} ${TOKEN} ${"dolor ".repeat(10_000)}`;
      expect(await one(text)).toBe(text.replace(TOKEN, "[REDACTED:github]"));
    }
  });

  it("gives each text back in its place, whatever it holds", async () => {
    const parts = fc.constantFrom(TOKEN, "\n\0\n", "\0", "password: ", "x", " ", "\n", mark("BEGIN"), "://a:b@", '"');
    const text = fc
      .array(fc.oneof(parts, fc.string({ unit: "binary" })), { maxLength: 6 })
      .map((made) => made.join(""));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 8 }), async (texts) => {
        const together = await redaction.redact(texts);
        expect(together).toHaveLength(texts.length);
        for (const clean of together) expect(clean).not.toContain(TOKEN.slice(6));
        for (const [index, clean] of together.entries()) {
          if (!(texts[index] ?? "").includes("\0")) expect(clean).toBe(await one(texts[index] ?? ""));
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("redactJson", () => {
  it("looks at names, at what is a secret by its name, and at flags", async () => {
    const password = ["9fQ", '!v"X2 ', "kLm7"].join("");
    const value = { [TOKEN]: 1, password, list: ["--api-key", "q9".repeat(12), "x"], deep: [{ note: `is ${TOKEN}` }] };
    expect(await redaction.redactJson(value)).toEqual({
      "[REDACTED:github]": 1,
      password: "[REDACTED:secret]",
      list: ["--api-key", "[REDACTED:secret]", "x"],
      deep: [{ note: "is [REDACTED:github]" }],
    });
  });

  it("gives a value without secrets back as it is", async () => {
    const value = { a: [1, null, true, { b: "c" }], password: "none" };
    expect(await redaction.redactJson(value)).toBe(value);
  });

  it("goes down to any depth, and keeps odd names and their order", async () => {
    let deep: unknown = TOKEN;
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    let clean = await redaction.redactJson(deep);
    while (Array.isArray(clean)) [clean] = clean as unknown[];
    expect(clean).toBe("[REDACTED:github]");
    const odd: unknown = JSON.parse(`{"z":1,"__proto__":"${TOKEN}","a":2}`);
    expect(JSON.stringify(await redaction.redactJson(odd))).toBe('{"z":1,"__proto__":"[REDACTED:github]","a":2}');
  });
});

it("docs/export.md lists the kinds", () => {
  const text = readText("docs/export.md");
  const table = text.slice(text.indexOf("## Redaction"), text.indexOf("## Whole threads"));
  const listed = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, names = ""]) =>
    names.replaceAll("`", "").split(", "),
  );
  expect(listed.toSorted()).toEqual([...OWN_KINDS, "private-key"].toSorted());
});
