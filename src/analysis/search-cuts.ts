/** Which parts of a thread's files were taken back by reverts (rollout-format §7.4). */
import { parseUuid } from "../format/names.ts";
import type { RolloutFile } from "../readers/home.ts";
import { readIdentity } from "../readers/identity.ts";

type CutFile = Pick<RolloutFile, "path" | "name">;

/** By rollout id: where a file stops to be part of its thread. Those that still are in full are not in it. */
export type Cuts = ReadonlyMap<string, number>;

/**
 * After a revert the newest file goes on at a point of an older one. What stands behind that point, and in files that are not
 * gone back to at all, was taken back. The files of one thread, oldest first; undefined where they do not hang together.
 */
export function cutsOf(files: readonly CutFile[]): Cuts | undefined {
  const byRollout = new Map(files.map((file) => [file.name?.rolloutId ?? file.path, file]));
  const cuts = new Map([...byRollout.keys()].map((id) => [id, 0]));
  let at = files.at(-1);
  let end = Infinity;
  for (let steps = 0; at !== undefined && steps < files.length; steps += 1) {
    cuts.set(at.name?.rolloutId ?? at.path, end);
    const base = readIdentity(at.path)?.meta?.history_base;
    if (base == null) break;
    at = byRollout.get(parseUuid(base.thread_id) ?? base.thread_id);
    end = base.end_byte_offset;
  }
  // Without a chain these are just several files of one name.
  return end === Infinity ? undefined : cuts;
}
