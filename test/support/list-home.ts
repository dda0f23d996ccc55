/**
 * `fixtures/list/family`: a home of a dozen threads (named, paginated, compressed, agents, archived, attached, reverted,
 * hostile), unpacked with modification times like those of a live one, and indexed.
 */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { change, runReindex, setMtime } from "./homes.ts";
import { memoryHost } from "./host.ts";
import { runCli } from "../../src/cli.ts";
import { parseTimestamp } from "../../src/format/names.ts";
import { readLines } from "../../src/readers/rollout.ts";
import { ROOT } from "./sources.ts";

export const FAMILY = join(ROOT, "fixtures", "list", "family");

/** Ids of its threads, by what they are. */
export const IDS = {
  named: "019a405c-9280-7001-8000-000001234567",
  paginated: "019a41dd-1800-7002-8000-000002468ace",
  compressed: "019a435d-9d80-7003-8000-00000369d035",
  parent: "019a44de-2300-7004-8000-0000048d159c",
  child: "019a465e-a880-7005-8000-000005b05b03",
  grandchild: "019a47df-2e00-7006-8000-000006d3a06a",
  archived: "019a495f-b380-7007-8000-000007f6e5d1",
  attached: "019a4ae0-3900-7008-8000-0000091a2b38",
  hostile: "019a4c60-be80-7009-8000-00000a3d709f",
  imported: "019a4de1-4400-700a-8000-00000b60b606",
  silent: "019a4f61-c980-700b-8000-00000c83fb6d",
  reverted: "019a50e2-4f00-700c-8000-00000da740d4",
} as const;

/** The file that the revert began. */
export const SEGMENT = "019a5262-d480-700d-8000-00000eca863b";

/** Two days after the newest thread. */
export const LIST_NOW_MS = Date.parse("2025-11-07T00:00:00.000Z");

/** A copy of the home in `folder`, without an index. */
export function unpackFamily(folder: string): string {
  const home = join(folder, "family");
  cpSync(join(FAMILY, "home"), home, { recursive: true });
  for (const relative of readdirSync(home, { recursive: true, encoding: "utf8" })) {
    if (/rollout-.*\.jsonl/.test(relative)) setMtime(join(home, relative), newestLineMs(join(home, relative)));
  }
  return home;
}

function newestLineMs(path: string): number {
  let newestMs = 0;
  for (const { bytes } of readLines(path)) {
    const stamp = /"timestamp":"([^"]+)"/.exec(bytes.toString("utf8"))?.[1];
    newestMs = parseTimestamp(stamp ?? "") ?? newestMs;
  }
  return newestMs;
}

/** The same with an index that holds what only a live database would know. */
export function indexedFamily(folder: string): string {
  const home = unpackFamily(folder);
  runReindex(home);
  change(home, readFileSync(join(FAMILY, "change.sql"), "utf8"));
  return home;
}

export interface ToolAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program on a home as a user would. */
export async function runTool(
  home: string,
  argv: readonly string[],
  changes: Parameters<typeof memoryHost>[0] = {},
): Promise<ToolAnswer> {
  const host = memoryHost({ now: () => LIST_NOW_MS, cwd: home, ...changes });
  const code = await runCli([...argv, "--codex-home", home], host);
  return { code, out: host.out(), err: host.err() };
}
