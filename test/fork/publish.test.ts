import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { expectation, prove, proveReference } from "../../src/fork/proof.ts";
import { newThread, newUuidV7 } from "../../src/fork/identity.ts";
import { publishRollout } from "../../src/fork/publish.ts";
import { bodyLines } from "../../src/fork/body.ts";
import { keptPart } from "../../src/fork/cut.ts";
import { openSource, scanSource } from "../../src/fork/source.ts";
import { RolloutWriter } from "../../src/fork/write.ts";
import { parseRolloutName, uuidTimeMs } from "../../src/format/names.ts";
import { openHome } from "../../src/readers/home.ts";
import { turn } from "../support/fork-lines.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  base as continued,
  meta,
  META_TIME,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
} from "../support/lines.ts";

const NOW_MS = Date.parse("2025-12-01T10:20:30.400Z");
const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: rolloutText([meta(1), ...turn("a")]) });
});

const nothing = (): void => undefined;
const hello = (fd: number): void => void writeSync(fd, "hello");

function failing(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

it("names a thread by the local time, with an id that tells it too", () => {
  const { id, path, timestamp, folder: day } = newThread("/home", NOW_MS);
  const name = parseRolloutName(path.slice(day.length + 1));
  expect([name?.threadId, name?.rolloutId, uuidTimeMs(id), timestamp]).toEqual([
    id,
    id,
    NOW_MS,
    "2025-12-01T10:20:30.400Z",
  ]);
  expect(day).toMatch(/^\/home\/sessions\/2025\/1[12]\/\d\d$/u);
  expect(new Set(Array.from({ length: 100 }, () => newUuidV7(NOW_MS))).size).toBe(100);
});

it("gives a file its name once it is written and checked, and to its owner alone", () => {
  const thread = newThread(home, NOW_MS);
  const seen: string[] = [];
  publishRollout(home, thread, { write: hello, check: (path) => void seen.push(readFileSync(path, "utf8")) });
  expect([seen, readFileSync(thread.path, "utf8"), statSync(thread.path).mode & 0o777]).toEqual([
    ["hello"],
    "hello",
    0o600,
  ]);
  expect(readdirSync(thread.folder)).toHaveLength(1);
});

it.each([
  ["writing", failing("no"), nothing, "no"],
  ["the check", hello, failing("not what it should be"), "not what it should be"],
])("leaves nothing when %s fails", (_what, write, check, message) => {
  const before = snapshot(home);
  expect(() => publishRollout(home, newThread(home, NOW_MS), { write, check })).toThrow(message);
  expect(snapshot(home)).toEqual(before);
});

it("leaves a file alone that has the name already", () => {
  const thread = newThread(home, NOW_MS);
  publishRollout(home, thread, { write: hello, check: nothing });
  const other = (): void => writeFileSync(thread.path, "theirs");
  expect(() => publishRollout(home, thread, { write: nothing, check: other })).toThrow("exists already");
  expect([readFileSync(thread.path, "utf8"), readdirSync(thread.folder).length]).toEqual(["theirs", 1]);
});

it("does not take another history for the one that was wanted", () => {
  const source = openSource(openHome({ codexHome: home }), threadId(1), {});
  const part = keptPart({}, scanSource(source, {}), "legacy");
  const first = { type: "session_meta", payload: source.meta } as const;
  const expected = expectation(source, part, {
    thread: { ...newThread(home, NOW_MS), timestamp: META_TIME },
    first,
    last: [],
    options: { inherits: undefined, withoutContext: false },
  });
  const path = join(home, sessionPath(1));
  prove(source, path, expected);
  for (const lines of [[meta(1)], [meta(1), ...turn("b")], [meta(1), ...turn("a"), ...turn("b")]]) {
    writeFileSync(path, rolloutText(lines));
    expect(() => prove(source, path, expected)).toThrow("the fork would not be what its source was");
  }
});

it("does not take what a live writer appends meanwhile", () => {
  const source = openSource(openHome({ codexHome: home }), threadId(1), {});
  const torn = '{"timestamp":"t","type":"resp';
  appendFileSync(join(home, sessionPath(1)), torn);
  const part = keptPart({}, scanSource(source, {}), "legacy");
  appendFileSync(join(home, sessionPath(1)), 'onse_item","payload":{"type":"message","role":"user","content":[]}}\n');
  appendFileSync(join(home, sessionPath(1)), rolloutText(turn("b")));
  const options = { inherits: undefined, withoutContext: false };
  const lines = Array.from(bodyLines(source, part, options), ({ bytes, kept }) => [bytes.toString(), kept] as const);
  expect([lines.length, lines.filter(([, kept]) => kept).length, lines.at(-1)?.[0]]).toEqual([8, 7, torn]);
  const first = { type: "session_meta", payload: source.meta } as const;
  const thread = newThread(home, NOW_MS);
  expect(expectation(source, part, { thread, first, last: [], options }).history).toHaveLength(2);
});

it("does not take other bytes for those of the source", () => {
  const text = (lines: Parameters<typeof rolloutText>[0], firstOrdinal: number) =>
    rolloutText(lines, { paginated: true, firstOrdinal });
  const own = text([paginatedMeta(2), ...turn("a", { mode: "paginated" })], 0);
  writeHome(home, { [sessionPath(2)]: own });
  const source = openSource(openHome({ codexHome: home }), threadId(2), {});
  const path = join(home, sessionPath(2));
  const base = { path, rolloutId: threadId(2), endByteOffset: own.length, endOrdinalExclusive: 7 };
  const fork = join(folder.path, "fork.partial");
  for (const [id, end, isSame] of [
    [2, own.length, true],
    [2, own.length - 1, false],
    [undefined, 0, false],
  ] as const) {
    const link = id === undefined ? {} : { history_base: continued(threadId(id), end, 7) };
    writeFileSync(fork, text([paginatedMeta(3, link)], 7));
    const proved = () => proveReference(source, fork, base);
    if (isSame) proved();
    else expect(proved).toThrow("would not continue");
  }
});

it("writes lines of any length", () => {
  const thread = newThread(home, NOW_MS);
  const long = "x".repeat(3_000_000);
  const lines = ["a", long, "b", "y".repeat(1024 * 1024)].map(
    (text) => `{"timestamp":"t","type":"z","payload":"${text}"}`,
  );
  const write = (fd: number): void => {
    const writer = new RolloutWriter(fd, thread, 7);
    for (const line of lines) writer.copy(Buffer.from(line));
    writer.flush();
    expect(writer.bytesWritten).toBeGreaterThan(4_000_000);
  };
  publishRollout(home, thread, { write, check: nothing });
  const head = (n: number) => `{"timestamp":"2025-12-01T10:20:30.400Z","ordinal":${n},`;
  const expected = lines.map((line, at) => `${line.replace('{"timestamp":"t",', head(7 + at))}\n`).join("");
  expect(readFileSync(thread.path, "utf8") === expected).toBe(true);
});
