/**
 * Who else has a file open for writing, as far as the system tells. A name that no path leads to any more, and that nobody
 * holds, can never change again: what `compressor/retire.ts` waits for before it lets a file go.
 */
import { type BigIntStats, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { errnoOf } from "../errors.ts";

/** What a file is known by, whatever names it has or had. */
export function fileId({ dev, ino }: Pick<BigIntStats, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

/**
 * Those of the files that a process has open for writing. Undefined where the system has no list of open files, as elsewhere
 * than on Linux; files of processes that belong to other users are not seen either, unless one is root.
 *
 * Files are compared, not names: the list shows the name by which a file was opened, also when that one is gone.
 */
export function heldForWriting(ids: ReadonlySet<string>): ReadonlySet<string> | undefined {
  const processes = entriesOf("/proc").filter((name) => /^\d+$/.test(name));
  if (processes.length === 0) return undefined;
  const held = new Set<string>();
  if (ids.size === 0) return held;
  for (const pid of processes) {
    for (const fd of entriesOf(`/proc/${pid}/fd`)) {
      const id = openFile(`/proc/${pid}/fd/${fd}`);
      if (id !== undefined && ids.has(id) && isOpenForWriting(`/proc/${pid}/fdinfo/${fd}`)) held.add(id);
    }
  }
  return held;
}

/** A process may end at any moment: what is gone holds nothing. */
function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Pipes and sockets have no path, devices are no files. */
function openFile(link: string): string | undefined {
  try {
    const path = readlinkSync(link);
    return path.startsWith("/") && !/^\/(?:dev|proc|sys)\//.test(path)
      ? fileId(statSync(link, { bigint: true }))
      : undefined;
  } catch {
    return undefined;
  }
}

function isOpenForWriting(info: string): boolean {
  let text: string;
  try {
    text = readFileSync(info, "utf8");
  } catch (error) {
    // Closed since. Of what cannot be told the worse is assumed.
    return errnoOf(error) !== "ENOENT";
  }
  const [, flags = "1"] = /^flags:\s*([0-7]+)/m.exec(text) ?? [];
  return (Number.parseInt(flags, 8) & 3) !== 0;
}
