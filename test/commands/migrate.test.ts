/** `migrate` on the command line: what it prints, and its exit codes. */
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { MigrateReport } from "../../src/migrate/report.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { event, meta, rolloutText, sessionPath, threadId, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  const rolledBack = [meta(2), userMessage("a"), event("thread_rolled_back", { num_turns: 1 }), userMessage("b")];
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: rolloutText([meta(1), userMessage("hello")]),
    [sessionPath(2)]: rolloutText(rolledBack),
  });
});

const WEIRD = rolloutText([meta(3), { type: "response_item", payload: { type: "\u001b[31m" } }]);

test("tells what would become of each rollout, and what was decided", async () => {
  const { code, out } = await cli(home, ["migrate", "--to", "paginated"]);
  expect(code).toBe(0);
  expect(out).toContain("Would migrate; nothing was written (--apply does it) to paginated\n");
  expect(out).toContain(sessionPath(2));
  expect(out).toMatch(/rollouts +2 would-migrate\n/u);
  expect(out).toMatch(/side files +1 to be put into rollout-tool\/aside\n/u);
  expect(out).toContain("  1 rollback carried out: what was rolled back is set aside\n");
});

test("migrates, and tells how to undo it", async () => {
  const { code, out } = await cli(home, ["migrate", "--to", "paginated", "--apply"]);
  expect(code).toBe(0);
  expect(out).toMatch(/undo +repair --undo .*manifest\.jsonl\n/u);
  expect(out).toMatch(/side files +1 in rollout-tool\/aside\n/u);
  expect((await cli(home, ["migrate", "--to", "paginated", "--apply"])).out).toMatch(/rollouts +2 already\n/u);
});

test("fails with 1 for a rollout that cannot be migrated, whose name and text are escaped", async () => {
  writeHome(home, { [sessionPath(3)]: WEIRD });
  const { code, out } = await cli(home, ["migrate", "--to", "paginated", "--apply"]);
  expect(code).toBe(1);
  expect(out).toContain("Not migrated\n  refused  ");
  expect(out).not.toContain("\u001b");
  const quiet = await cli(home, ["migrate", "--to", "paginated", "--quiet"]);
  expect([quiet.code, quiet.out.split("\n").length]).toEqual([1, 3]);
});

test("gives a report for scripts", async () => {
  const { code, out } = await cli(home, ["migrate", threadId(2), "--to", "paginated", "--json"]);
  const report = JSON.parse(out) as MigrateReport;
  expect(code).toBe(0);
  expect(report).toMatchObject({ target: "paginated", action: "would-migrate", totals: { "would-migrate": 1 } });
  expect(report.files[0]?.result).toMatchObject({ lines: 4, lines_aside: 2 });
  expect(report.files[0]?.result?.proof.before.history).toEqual(report.files[0]?.result?.proof.after.history);
});

test("wants to know the form, and a thread that is there", async () => {
  expect(await cli(home, ["migrate"])).toMatchObject({ code: 2, out: "" });
  expect(await cli(home, ["migrate", "01234567", "--to", "paginated"])).toMatchObject({ code: 2, out: "" });
  expect((await cli(home, ["migrate", "--to", "paginated", "--force"])).code).toBe(2);
});
