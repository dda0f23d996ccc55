import { expect, test } from "vitest";
import type { SessionMeta } from "../../src/format/record.ts";
import { requestIdentity } from "../../src/thread/identity.ts";

const WINDOW = { number: 3, id: undefined, firstId: undefined, previousId: undefined };
const SPAWNED = { subagent: { thread_spawn: { parent_thread_id: "p", depth: 1 } } };

function identity(members: Partial<SessionMeta>, release?: "0.142.3" | "0.169.0") {
  return requestIdentity(
    { id: "a", timestamp: "", cwd: "/", originator: "", cli_version: "", ...members },
    WINDOW,
    release,
  );
}

test("a thread is known by its session", () => {
  expect(identity({ session_id: "root" })).toEqual({
    threadId: "a",
    sessionId: "root",
    promptCacheKey: "root",
    rule: "session-id",
    windowHeader: "a:3",
  });
  expect(identity({})).toMatchObject({ promptCacheKey: "a", rule: "own-id" });
  expect(identity({ source: SPAWNED, session_id: "root" })).toMatchObject({
    promptCacheKey: "root",
    rule: "session-id",
  });
});

test("an agent without a session has no key that could be known", () => {
  expect(identity({ source: SPAWNED })).toMatchObject({ promptCacheKey: undefined, rule: "made-up-at-resume" });
  expect(identity({ source: { subagent: "review" } })).toMatchObject({
    sessionId: undefined,
    rule: "made-up-at-resume",
  });
});

test("to 0.142.3 each thread has a key of its own", () => {
  expect(identity({ source: SPAWNED, session_id: "root" }, "0.142.3")).toMatchObject({
    sessionId: "root",
    promptCacheKey: "a",
    rule: "own-id",
  });
});
