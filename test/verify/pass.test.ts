import { join } from "node:path";
import { expect, it } from "vitest";
import { Tickets } from "../../src/io/workers.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { Findings } from "../../src/verify/findings.ts";
import { type PassFile, passOver, type PassSettings, passShare } from "../../src/verify/pass.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();

function files(): readonly PassFile[] {
  const bad = "no record\n".repeat(30);
  writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([meta(1), userMessage("hello")]) + bad,
    [sessionPath(2)]: "",
    [sessionPath(3)]: rolloutText([paginatedMeta(3, { history_base: base(threadId(1), 10, 3) })]),
    [`${archivedPath(4)}.zst`]: rolloutText([meta(4), userMessage("hello")]) + bad,
  });
  return discoverRollouts(folder.path).files.map((file, index) => ({ file, decodes: index % 2 === 0 }));
}

function settings(keep?: number): PassSettings {
  return { codexHome: folder.path, only: undefined, keep, maxLineBytes: undefined };
}

it.each([undefined, 2, Infinity])("what a helper posts as JSON is what this thread finds, keeping %s", (keep) => {
  const found = files();
  const here = new Findings(undefined, keep);
  const facts = passOver(found, here, { ...settings(keep), jobs: 1, advance: () => undefined });
  const there = new Findings(undefined, keep);
  const tickets = new Tickets(found.length, undefined, 1);
  const answers = [...passShare({ files: found, settings: settings(keep), tickets: tickets.memory })];
  const posted = JSON.parse(JSON.stringify(answers)) as typeof answers;
  for (const [, { share }] of posted) there.absorb(share);
  expect(there.kept).toEqual(here.kept);
  expect([...there.counts]).toEqual([...here.counts]);
  expect(there.omitted()).toEqual(here.omitted());
  expect(posted.map(([index, { facts: told }]) => ({ ...told, file: found[index]?.file }))).toEqual(facts);
  expect(here.counts.get("line-not-json")).toBe(60);
});

it("tells the bytes as they are read, archives that are not decoded left out", () => {
  const found = files().map(({ file }) => ({ file, decodes: false }));
  let bytes = 0;
  passOver(found, new Findings(undefined), { ...settings(), jobs: 1, advance: (more) => (bytes += more) });
  const plain = found.filter(({ file }) => file.path === file.logicalPath);
  expect(bytes).toBe(plain.reduce((sum, { file }) => sum + file.sizeBytes, 0));
  expect(plain.map(({ file }) => file.path)).toContain(join(folder.path, sessionPath(1)));
});
