/** Runs the built program as a user does: as a process. `npm test` builds it first. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./sources.ts";

/** Absolute path of the built program. */
export const BIN = join(ROOT, "dist", "bin.js");

export interface BinResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `env` replaces the environment but for PATH, so that no setting of the developer's shell leaks in. */
export function runBin(
  argv: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): BinResult {
  if (!existsSync(BIN)) throw new Error(`${BIN} is missing: run "npm run build" first`);
  const result = spawnSync(process.execPath, [BIN, ...argv], {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env["PATH"], ...options.env },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}
