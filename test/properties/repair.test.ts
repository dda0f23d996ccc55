/** Several damages at once, by chance: what is left is refused with a reason, the thread is what it was, and undoing is exact. */
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { runCli } from "../../src/cli.ts";
import { openHome } from "../../src/readers/home.ts";
import { isRepairable } from "../../src/verify/repairs.ts";
import type { FindingCode } from "../../src/verify/checks.ts";
import { memoryHost } from "../support/host.ts";
import { NOW_MS, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { sessionPath, threadId } from "../support/lines.ts";
import { threadLines } from "../interop/repair-damage.ts";

const folder = temporaryFolder();
const A = sessionPath(1);

/** Each takes the lines of a file and a number below 1. */
const DAMAGES: readonly ((lines: string[], at: number) => void)[] = [
  (lines, at) => void lines.splice(at, 0, "\0".repeat(20)),
  (lines, at) => void lines.splice(at, 0, '{"half'),
  (lines, at) => void lines.splice(at, 0, "\xff\xfe"),
  (lines, at) => void lines.splice(at, 0, "  "),
  (lines, at) => void (lines[at] = (lines[at] ?? "").replace(/"ordinal":\d+,/, "")),
  (lines, at) => void (lines[at] = (lines[at] ?? "").replace(/"ordinal":\d+,/, '"ordinal":3,')),
  (lines) => void (lines[0] = `\xef\xbb\xbf${lines[0] ?? ""}`),
];

const damage = fc.tuple(fc.nat(DAMAGES.length - 1), fc.integer({ min: 1, max: 9 }));
const tail = fc.constantFrom("\n", "", '\n{"torn', "\n\0\0\0", "\n\xe2\x82");

interface Answer {
  readonly manifest?: string;
  readonly repairs: readonly { readonly outcome: string }[];
  readonly refusals: readonly { readonly codes: readonly string[] }[];
  readonly after: { readonly codes: Readonly<Partial<Record<FindingCode, number>>> };
}

async function call(home: string, ...argv: string[]): Promise<unknown> {
  const host = memoryHost({ env: {}, now: () => NOW_MS });
  await runCli([...argv, "--json", "--codex-home", home], host);
  expect(host.err()).toBe("");
  return JSON.parse(host.out());
}

function rollouts(home: string): Readonly<Record<string, string>> {
  return snapshot(join(home, "sessions"));
}

it("is mended, and can be undone", async () => {
  let count = 0;
  const kinds = fc.constantFrom("legacy" as const, "paginated" as const);
  await fc.assert(
    fc.asyncProperty(kinds, fc.array(damage, { maxLength: 5 }), tail, async (kind, damages, end) => {
      const home = join(folder.path, String((count += 1)));
      const sound = threadLines(kind, threadId(1), "/");
      const lines = [...sound];
      for (const [which, at] of damages) DAMAGES[which]?.(lines, at);
      writeHome(home, { [A]: Buffer.from(lines.join("\n") + end, "latin1") });
      const before = rollouts(home);
      const { manifest, repairs, refusals, after } = (await call(home, "verify", "--repair")) as Answer;
      expect(repairs.filter(({ outcome }) => outcome !== "done")).toEqual([]);
      const refused = new Set(refusals.flatMap(({ codes }) => codes));
      const left = (Object.keys(after.codes) as FindingCode[]).filter(
        (code) => isRepairable(code) && !refused.has(code),
      );
      expect(left).toEqual([]);
      const items = openThread(openHome({ codexHome: home }), threadId(1)).history().state.history;
      const wanted = join(folder.path, `${String(count)}-sound`);
      writeHome(wanted, { [A]: sound.map((line) => `${line}\n`).join("") });
      expect(items.map(({ item }) => item)).toEqual(
        openThread(openHome({ codexHome: wanted }), threadId(1))
          .history()
          .state.history.map(({ item }) => item),
      );
      if (manifest !== undefined) await call(home, "repair", "--undo", manifest);
      expect(rollouts(home)).toEqual(before);
    }),
    { numRuns: 25 },
  );
});
