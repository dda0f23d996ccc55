/** That this process takes its children with it when it ends regularly; what happens when it is killed is seen in test/faults/bench.test.ts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { dismissStandby, killChildren, standBy, track } from "../../src/bench/children.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

it("kills what is still running, and nothing that has ended", async () => {
  const short = spawn(process.execPath, ["-e", ""]);
  const long = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"]);
  track(short);
  track(long);
  expect(await once(short, "close")).toEqual([0, null]);
  killChildren();
  expect(await once(long, "close")).toEqual([null, "SIGKILL"]);
});

it.skipIf(process.platform === "win32")(
  "has the shell see to it that the folder is gone, and waits for it to end",
  async () => {
    const path = join(folder.path, "with a 'quote");
    mkdirSync(path);
    writeFileSync(join(path, "file"), "");
    standBy(path);
    await dismissStandby();
    expect(existsSync(path)).toBe(false);
    await dismissStandby();
  },
);
