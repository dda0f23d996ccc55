/**
 * `search` beside `thread/search` of the real 0.169.0, on homes that real releases wrote: every thread that it finds is found,
 * with the same snippet.
 */
import { describe, expect, it } from "vitest";

import { runCli } from "../../src/cli.ts";
import { writeHome } from "../support/homes.ts";
import { memoryHost } from "../support/host.ts";
import { event, type LineRecord, meta, responseItem, rolloutText, sessionPath, userMessage } from "../support/lines.ts";
import {
  ALL_SOURCES,
  type AppServer,
  type ClientThread,
  describeWithCodex,
  takeDatabasesAway,
  testHome,
  withServer,
} from "./codex.ts";
import { CORPUS_NAMES, corpusFolder, unpackCorpus } from "./corpus.ts";

interface Found {
  readonly thread: ClientThread;
  readonly snippet: string;
}

async function threadSearch(server: AppServer, searchTerm: string, archived: boolean): Promise<readonly Found[]> {
  const found: Found[] = [];
  let cursor: string | null = null;
  do {
    const query = { searchTerm, archived, sourceKinds: ALL_SOURCES, includeAttachedThreads: true, limit: 100, cursor };
    const page = (await server.request("thread/search", query)) as {
      readonly data: readonly Found[];
      readonly nextCursor: string | null;
    };
    found.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

interface OurThread {
  readonly id: string;
  readonly snippet: string;
  readonly hits: readonly { readonly path: string; readonly snippet: string; readonly conversation: boolean }[];
}

async function ourSearch(home: string, text: string): Promise<readonly OurThread[]> {
  const host = memoryHost();
  await runCli(["search", "--json", "--copies", "--codex-home", home, "--", text], host);
  return (JSON.parse(host.out()) as { readonly threads: readonly OurThread[] }).threads;
}

/** The beginning of a message, a piece of its middle, and single words of it in other cases. */
function termsOf(text: string): readonly string[] {
  const words = text.split(/\s+/).filter((word) => word.length > 3);
  const [word = "", other = ""] = [words.at(0), words.at(Math.floor(words.length / 2))];
  return [text.slice(0, 12), text.slice(20, 60), word.toUpperCase(), other, text.slice(-9)]
    .map((term) => term.trim())
    .filter((term) => term.length > 1 && !/[\n\r]|\s\s/.test(term));
}

const ALWAYS = ["e", "THE", "<environment_context>", "</cwd>", '"', "\\", "nothing of this kind anywhere", "İ", "ſ"];

describe.skipIf(corpusFolder() === undefined).each(CORPUS_NAMES)("the home of %s", (name) => {
  describeWithCodex("0.169.0", "searched", (binary) => {
    it("is found what thread/search finds", { timeout: 300_000 }, async () => {
      const corpus = unpackCorpus(name);
      const home = testHome(corpus.home);
      // They name the files where they lay when they were written; the binary makes new ones.
      takeDatabasesAway(home);
      try {
        const everything = await ourSearch(corpus.home, " ");
        const said = everything.flatMap(({ hits }) =>
          hits.map(({ snippet }) => snippet.replace(/^\.\.\. | \.\.\.$/g, "")),
        );
        const terms = [...new Set([...ALWAYS, ...said.flatMap(termsOf)])].slice(0, 40);
        expect(terms.length).toBeGreaterThan(ALWAYS.length);
        await withServer(binary, home, async (server) => {
          let compared = 0;
          for (const term of terms) {
            const theirs = [...(await threadSearch(server, term, false)), ...(await threadSearch(server, term, true))];
            const ours = new Map((await ourSearch(home.path, term)).map((thread) => [thread.id, thread]));
            for (const { thread, snippet } of theirs) {
              const inFile = ours.get(thread.id)?.hits.find((hit) => hit.conversation && hit.path === thread.path);
              expect([term, thread.id, inFile?.snippet]).toEqual([term, thread.id, snippet]);
              compared += 1;
            }
          }
          expect(compared).toBeGreaterThan(0);
        });
      } finally {
        home.remove();
        corpus.remove();
      }
    });
  });
});

/** Messages of one thread each, after a first one that makes it a thread. Most of them lie at the edge of some rule. */
const EDGES: Readonly<Record<string, readonly LineRecord[]>> = {
  fits: [userMessage(`${"a".repeat(49)}needle${"b".repeat(96)}`)],
  cut: [userMessage(`${"a".repeat(50)}needle${"b".repeat(97)}`)],
  blanks: [userMessage(`${"a ".repeat(25)}needle${" b".repeat(60)}`)],
  collapsed: [event("agent_message", { message: `${"ab\n\t  c ".repeat(40)}needle  \n${"xy  z ".repeat(40)}` })],
  astral: [userMessage(`${"😀".repeat(60)}needle${"😀".repeat(120)}`)],
  marker: [userMessage("needle before ## My request for Codex:\n needle behind")],
  before: [userMessage("needle before ## My request for Codex:\n behind")],
  item: [responseItem("needle before ## My request for Codex:\n behind")],
  developer: [responseItem("a needle", "developer")],
  pieces: [pieces("one", "a needle", "three")],
  torn: [pieces("one nee", "dle two")],
  across: [pieces("part one", "needle")],
  order: [responseItem("first needle"), userMessage("second needle")],
  later: [event("agent_reasoning", { text: "needle thought" }), userMessage("needle said")],
  folded: [userMessage("the taſk of the NEEDLE, in GRÖSSE")],
  spaces: [userMessage("x\u00a0\u2003needle\u0085y\u200bz"), userMessage("\ufeff needle")],
  lines: [userMessage("foo\nbar, foo bar needle")],
  quoted: [userMessage('say "needle" C:\\temp')],
  context: [responseItem("<environment_context>\n needle</environment_context>")],
};

function pieces(...texts: readonly string[]): LineRecord {
  return {
    type: "response_item",
    payload: { type: "message", role: "user", content: texts.map((text) => ({ type: "input_text", text })) },
  };
}

describeWithCodex("0.169.0", "messages at the edges of the rules", (binary) => {
  it("are found and shown alike", { timeout: 120_000 }, async () => {
    const home = testHome();
    try {
      const cases = Object.entries(EDGES).map(([name, lines], n) => {
        const first = userMessage("first words");
        return [sessionPath(n), rolloutText([meta(n, { originator: name }), first, ...lines])] as const;
      });
      writeHome(home.path, Object.fromEntries(cases));
      await withServer(binary, home, async (server) => {
        for (const term of [
          "needle",
          "NEEDLE",
          "task",
          "größe",
          "foo bar",
          "one needle",
          '"needle"',
          "c:\\TEMP",
          "a n",
        ]) {
          const theirs = await threadSearch(server, term, false);
          const ours = new Map((await ourSearch(home.path, term)).map((thread) => [thread.id, thread]));
          for (const { thread, snippet } of theirs) {
            const found = ours.get(thread.id)?.hits.find((hit) => hit.conversation);
            expect([term, thread.id, found?.snippet]).toEqual([term, thread.id, snippet]);
          }
          const conversations = [...ours.values()].filter(({ hits }) => hits.some((hit) => hit.conversation));
          expect([term, conversations.map(({ id }) => id).toSorted()]).toEqual([
            term,
            theirs.map(({ thread }) => thread.id).toSorted(),
          ]);
        }
      });
    } finally {
      home.remove();
    }
  });
});
