/** The built program, as a user runs it. `ROLLOUT_TOOL_BIN` names another build than `dist/bin.js`. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import type { ReindexReport } from "../../src/indexer/report.ts";
import type { TestHome } from "./codex.ts";

export interface ToolRun {
  readonly exit: number | null;
  readonly report: ReindexReport;
  readonly stderr: string;
}

/** `rollout-tool reindex --codex-home <home> --json …`. @throws when it does not print a report */
export function reindex(home: TestHome, ...options: readonly string[]): ToolRun {
  const program = process.env["ROLLOUT_TOOL_BIN"] ?? join(import.meta.dirname, "../../dist/bin.js");
  const args = [program, "reindex", "--codex-home", home.path, "--json", ...options];
  const run = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1e9, timeout: 120_000 });
  if (run.status !== 0 && run.status !== 1) {
    throw new Error(`reindex ended with ${String(run.status ?? run.signal)}: ${run.stderr}`);
  }
  return { exit: run.status, report: JSON.parse(run.stdout) as ReindexReport, stderr: run.stderr };
}
