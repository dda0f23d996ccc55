/** What `verify --repair` and `repair` say of what they do, and what can be undone. */
import { appendFileSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { cli } from "../support/cli.ts";
import { NOW_MS, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, rolloutText, sessionPath, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

const A = sessionPath(1);
const ASIDE = A.replace(/jsonl$/, "aside");

const call = (...argv: string[]) => cli(home, argv, {}, { now: () => NOW_MS, cwd: home });

const textAt = (path: string): string => readFileSync(join(home, path), "utf8");

function thread(n: number, ...more: Parameters<typeof rolloutText>[0]): string {
  return rolloutText([meta(n), userMessage("hello"), ...more]);
}

describe("repair", () => {
  it("tells what can be undone, undoes it, and leaves what has changed since", async () => {
    writeHome(home, { [A]: thread(1, "no record"), [sessionPath(2)]: thread(2, "no record") });
    const { manifest } = JSON.parse((await call("verify", "--repair", "--json")).out) as { readonly manifest: string };
    expect(JSON.parse((await call("repair", "--list", "--json")).out)).toEqual({
      runs: [{ manifest, command: "repair", started: "2025-12-01T00:00:00.000Z", units: 2, standing: 2 }],
    });
    expect((await call("repair", "--list")).out).toMatch(
      /^started +command +can be undone +folder\n2025-12-01T\S+ +repair +2 of 2 +\//,
    );
    appendFileSync(join(home, A), "since\n");
    expect(await call("repair", "--undo", manifest, "--dry-run")).toMatchObject({
      code: 1,
      out: expect.stringMatching(
        /left as it is {2}mend rollout.*\(.* was changed since.*\)\nwould be brought back {2}mend rollout.*2\.jsonl\n1 of 2 changes would/,
      ),
    });
    const undone = await call("repair", "--undo", dirname(manifest));
    expect([undone.code, undone.out]).toEqual([1, expect.stringContaining("1 of 2 changes brought back\n")]);
    expect(textAt(A)).toBe(`${thread(1)}since\n`);
    expect(textAt(sessionPath(2))).toBe(thread(2, "no record"));
  });

  it("wants to be told what to do", async () => {
    writeHome(home, {});
    expect(await call("repair")).toMatchObject({ code: 2, err: expect.stringContaining("--undo or --list") });
    expect((await call("repair", "--list")).out).toBe("no run has changed this home\n");
    expect(await call("repair", "--undo", home)).toMatchObject({ err: expect.stringContaining("not the manifest") });
  });
});

it("says what it would do, what it did, and how to undo it", async () => {
  writeHome(home, { [A]: `\ufeff${thread(1, "no record")}`, [`${sessionPath(2)}.zst`]: Buffer.from(thread(2)) });
  writeHome(home, { [sessionPath(3)]: rolloutText(["half a session_meta"]) });
  const [bom, named, lost] = [A, `${sessionPath(2)}.zst`, sessionPath(3)];
  const plan = `${named}
  file-form
  mend  give it the name ${sessionPath(2)}
${bom}
  file-bom, line-not-json
  mend  take the byte order mark off
  mend  move lines aside that are not JSON
  aside 1 line (9 B) to ${ASIDE}
${lost}
  line-not-json
  not mended  no line of it is a session_meta that can be read
`;
  const end = "2 places would be mended; nothing was changed\n";
  expect(await call("verify", "--repair", "--dry-run")).toEqual({ code: 1, out: plan + end, err: "" });
  const { code, out } = await call("verify", "--repair");
  const [undo] = /rollout-tool repair --undo \S*\/manifest\.jsonl/.exec(out) ?? [];
  const fields = ["mended  2 places", "left    1 error, 1 warning, 1 note", `undo    ${undo}`, ""].join("\n");
  expect([code, out]).toEqual([1, plan + fields]);
});
