/**
 * The temporary folder of a run: homes copied for real binaries, synthetic rollouts, a release being installed. The run
 * removes it when it ends. One that is killed outright cannot, so every such folder carries a marker that names its process,
 * and the next run removes those whose process is gone.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { errnoOf, RolloutError } from "../errors.ts";
import { listFolder, lstatOrUndefined, statOrUndefined } from "../io/files.ts";
import { isJsonObject } from "../format/json.ts";
import { dismissStandby, killChildren, standBy } from "./children.ts";

const PREFIX = "rollout-tool-scratch-";
const MARKER = "owner.json";
const MAX_MARKER_BYTES = 4096;

/** A process, told from a later one that got the same number. */
interface Owner {
  readonly pid: number;
  /** When it started, in the system's own words. */
  readonly started: string;
  /** Its namespace of process numbers on Linux: elsewhere the same number means another process. */
  readonly space: string;
}

/** Room for `work` to write in, which is gone afterwards together with every process that was started, whatever happens. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = scratchPath(tmpdir());
  // Before there is a folder, or it would stay when this process is killed between the two.
  standBy(folder);
  try {
    makeScratchAt(folder);
    return await work(folder);
  } finally {
    killChildren();
    // Who was killed a moment ago may still be writing.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    await dismissStandby();
  }
}

/** A new folder for this process below `parent`. */
export function makeScratch(parent: string = tmpdir()): string {
  const folder = scratchPath(parent);
  makeScratchAt(folder);
  return folder;
}

/** Nobody else's: too long to be met with by chance, or to be foreseen by whoever may write there too. */
function scratchPath(parent: string): string {
  return join(parent, PREFIX + randomBytes(6).toString("hex"));
}

function makeScratchAt(folder: string): void {
  mkdirSync(folder, { mode: 0o700 });
  const owner = ownIdentity();
  // Without one nobody may ever say that its process is gone.
  if (owner !== undefined) writeFileSync(join(folder, MARKER), JSON.stringify(owner), { mode: 0o600 });
}

/**
 * Removes the folders below `parent` that `makeScratch` made for processes of this user that are gone, and says which.
 * What cannot be told for sure, and what cannot be removed, stays.
 */
export function sweepStale(parent: string = tmpdir()): readonly string[] {
  const uid = ownUid();
  if (uid === undefined || statOrUndefined(parent)?.isDirectory() !== true) return [];
  const names = listFolder(parent).map(({ name }) => name);
  return names
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(parent, name))
    .filter((folder) => isStale(folder, uid) && isRemoved(folder));
}

/** Of this process; undefined where the system knows no such thing. */
export function ownUid(): number | undefined {
  try {
    const { uid } = userInfo();
    return uid < 0 ? undefined : uid;
  } catch {
    // A user without a name, as containers have them.
    return lstatOrUndefined("/proc/self")?.uid;
  }
}

function isStale(folder: string, uid: number): boolean {
  const marker = join(folder, MARKER);
  const [folderStat, markerStat] = [lstatOrUndefined(folder), lstatOrUndefined(marker)];
  if (folderStat?.isDirectory() !== true || folderStat.uid !== uid) return false;
  if (markerStat?.isFile() !== true || markerStat.uid !== uid || markerStat.size > MAX_MARKER_BYTES) return false;
  try {
    const owner: unknown = JSON.parse(readFileSync(marker, "utf8"));
    if (!isJsonObject(owner)) return false;
    const { pid, started, space } = owner;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return false;
    return typeof started === "string" && space === ownSpace() && startOf(pid) !== started;
  } catch {
    return false;
  }
}

function isRemoved(folder: string): boolean {
  try {
    rmSync(folder, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function ownIdentity(): Owner | undefined {
  try {
    const pid = ownPid();
    const started = startOf(pid);
    return started === undefined ? undefined : { pid, started, space: ownSpace() };
  } catch {
    return undefined;
  }
}

function ownPid(): number {
  try {
    return Number(readlinkSync("/proc/self"));
  } catch {
    return Number(output("sh", ["-c", "echo $PPID"]));
  }
}

function ownSpace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** When a process started; undefined when it is gone. @throws when that cannot be told */
function startOf(pid: number): string | undefined {
  if (lstatOrUndefined("/proc/self/stat") === undefined) {
    return output("ps", ["-o", "lstart=", "-p", String(pid)]) || undefined;
  }
  let stat: string;
  try {
    stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") return undefined;
    throw error;
  }
  // The name in brackets may hold anything; behind it stands the state as the third field, the start as the 22nd.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const isOver = fields[0] === "Z" || fields[0] === "X";
  return isOver ? undefined : fields[19];
}

function output(program: string, args: readonly string[]): string {
  const { error, stdout } = spawnSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  if (error !== undefined) throw new RolloutError("unsupported", `${program} does not run here`, { cause: error });
  return stdout.trim();
}
