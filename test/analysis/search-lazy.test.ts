import { expect, it } from "vitest";

import { type Lazily, runLoaded, runLoading } from "../../src/analysis/search-lazy.ts";

function* work(needs: boolean): Lazily<string, string> {
  return needs ? `with ${yield}` : "without";
}

it("loads only what is asked for", async () => {
  let loads = 0;
  const load = (): Promise<string> => {
    loads += 1;
    return Promise.resolve("it");
  };
  expect(await runLoading(work(false), load)).toBe("without");
  expect(loads).toBe(0);
  expect(await runLoading(work(true), load)).toBe("with it");
  expect(loads).toBe(1);
});

it("runs at once with what is loaded", () => {
  expect([runLoaded(work(false), "it"), runLoaded(work(true), "it")]).toEqual(["without", "with it"]);
});
