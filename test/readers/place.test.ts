import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openHome } from "../../src/readers/home.ts";
import { createPlacer, isArchivedIn } from "../../src/readers/place.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { archivedPath, rolloutText, meta, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
const text = rolloutText([meta(1)]);

describe("the place of a row's file", () => {
  it("is here in either form, the plain one first", () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: text,
      [`${sessionPath(1)}.zst`]: text,
      [`${archivedPath(2)}.zst`]: text,
    });
    const place = createPlacer(openHome({ codexHome: home }));
    const plain = join(home, sessionPath(1));
    for (const path of [plain, `${plain}.zst`, `\\\\?\\${plain}`]) {
      expect(place(path)).toEqual({ status: "here", logicalPath: plain, path: plain, isOddFolder: false });
    }
    const archived = join(home, archivedPath(2));
    expect(place(archived)).toMatchObject({ status: "here", logicalPath: archived, path: `${archived}.zst` });
    expect(place(join(home, sessionPath(3)))).toMatchObject({ status: "missing", path: undefined });
  });

  it("is moved where another folder is named and this home has the file", () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: text });
    const place = createPlacer(openHome({ codexHome: home }));
    for (const before of ["/old/.codex/", "/sessions/of/mine/", "C:\\Users\\user\\.codex\\", "relative/"]) {
      const named = before.includes("\\") ? before + sessionPath(1).replaceAll("/", "\\") : before + sessionPath(1);
      expect(place(named)).toEqual({
        status: "moved",
        logicalPath: join(home, sessionPath(1)),
        path: join(home, sessionPath(1)),
        isOddFolder: false,
      });
    }
    expect(place(`/old/.codex/${sessionPath(2)}`)).toMatchObject({ status: "elsewhere", path: undefined });
  });

  it.each([
    "",
    "sessions",
    "/sessions",
    "/sessions/",
    "/etc/passwd",
    "/x/sessions/../../etc/passwd",
    "/x/sessions//a",
    "\0",
    "a\0b",
  ])("is elsewhere for %j", (named) => {
    const home = writeHome(folder.path, { [sessionPath(1)]: text });
    expect(createPlacer(openHome({ codexHome: home }))(named)).toMatchObject({ status: "elsewhere", path: undefined });
  });

  it("is no folder, and a climb out of the home leads elsewhere", () => {
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: text });
    mkdirSync(join(home, sessionPath(2)));
    writeHome(folder.path, { "outside.jsonl": text });
    const place = createPlacer(openHome({ codexHome: home }));
    expect(place(join(home, sessionPath(2))).status).toBe("missing");
    expect(place(`${home}/sessions/../../outside.jsonl`).status).toBe("elsewhere");
  });

  it("is odd where Codex does not list from files", () => {
    const odd = [
      "sessions/rollout-a.jsonl",
      "sessions/2025/11/rollout-a.jsonl",
      "archived_sessions/x/rollout-a.jsonl",
      "sessions/2025/11/01/x/rollout-a.jsonl",
    ];
    const home = writeHome(folder.path, Object.fromEntries([...odd, archivedPath(1)].map((path) => [path, text])));
    const place = createPlacer(openHome({ codexHome: home }));
    expect(odd.map((path) => place(join(home, path)).isOddFolder)).toEqual([true, true, true, true]);
    expect(place(join(home, archivedPath(1))).isOddFolder).toBe(false);
  });

  it("is here through a link to the sessions, by either path", () => {
    const store = writeHome(join(folder.path, "store"), { "2025/11/01/rollout-a.jsonl": text });
    const home = writeHome(join(folder.path, "home"), {});
    symlinkSync(store, join(home, "sessions"));
    const place = createPlacer(openHome({ codexHome: home }));
    for (const root of [join(home, "sessions"), store]) {
      expect(place(`${root}/2025/11/01/rollout-a.jsonl`)).toMatchObject({ status: "here", isOddFolder: false });
    }
  });
});

describe("the archive", () => {
  it("holds what lies below it", () => {
    const home = openHome({ codexHome: folder.path });
    expect(isArchivedIn(home, join(folder.path, archivedPath(1)))).toBe(true);
    for (const path of [sessionPath(1), "archived_sessions_old/x", "../archived_sessions/x"]) {
      expect(isArchivedIn(home, join(folder.path, path))).toBe(false);
    }
  });
});
