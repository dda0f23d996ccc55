/**
 * Mends that only take a name away, or give one: of pairs, of what runs of this tool left behind, of a run marker. Nothing is written
 * here, and what goes is kept by the journal.
 */
import { basename, dirname } from "node:path";
import { homeOf } from "../compressor/discover.ts";
import { COLD_MS } from "../compressor/eligibility.ts";
import { isSameFile, type Look, lookAtPath, withSources } from "../compressor/files.ts";
import { type PassingFile, parsePassing } from "../compressor/names.ts";
import { lookAtPair } from "../compressor/pairs.ts";
import { threadOf } from "../compressor/unpack.ts";
import { beginsWith, compareArchive } from "../compressor/verify.ts";
import type { Step, Unit } from "../journal/types.ts";
import { compressedPath, plainPath } from "../format/names.ts";
import type { RepairContext } from "./repair-context.ts";
import type { PlannedRepair } from "./repairs.ts";

/** Undefined when there is nothing to do, a text when nothing can be done. @throws RolloutError when a file cannot be read. */
export type FileSteps = readonly Step[] | string | undefined;

/** What `rolloutUnit` is for rollouts. */
export function fileUnit(repair: PlannedRepair, context: RepairContext): Unit | undefined {
  const steps = stepsFor(repair, context);
  if (steps === undefined || typeof steps === "string" || steps.length === 0) return undefined;
  const { path, codes, place } = repair;
  const logical = place === "leftover" ? parsePassing(dirname(path), basename(path))?.plainPath : plainPath(path);
  const threadId = place === "marker" || logical === undefined ? undefined : threadOf(path, logical);
  return {
    title: `${TITLES[place] ?? "mend"} ${basename(path)}`,
    threadIds: threadId === undefined ? [] : [threadId],
    steps,
    notes: { codes },
  };
}

const TITLES: Readonly<Partial<Record<PlannedRepair["place"], string>>> = {
  pair: "resolve the pair",
  leftover: "bring to its end",
  marker: "remove",
};

export function stepsFor({ place, path }: PlannedRepair, context: RepairContext): FileSteps {
  if (place === "pair") return pairSteps(path, context.now());
  return place === "leftover" ? leftoverSteps(path) : removal(path);
}

function removal(path: string): FileSteps {
  const look = lookAtPath(path);
  return look === undefined ? undefined : [{ kind: "remove", path, look }];
}

/** One form goes if the other holds all of it (state-and-compression §4.5); of equal ones the plain one when it is cold. */
function pairSteps(path: string, nowMs: number): FileSteps {
  const plain = plainPath(path);
  const archive = compressedPath(path);
  const [plainLook, archiveLook] = [lookAtPath(plain), lookAtPath(archive)];
  if (plainLook === undefined || archiveLook === undefined) return undefined;
  const { sizeBytes } = plainLook;
  const {
    state,
    plainBytes,
    offset = 0,
  } = lookAtPair({
    plainPath: plain,
    hasPlain: true,
    hasArchive: true,
    sizeBytes,
    codexHome: homeOf(path),
  });
  const removePlain: FileSteps = [{ kind: "remove", path: plain, look: plainLook }];
  const removeArchive: FileSteps = [{ kind: "remove", path: archive, look: archiveLook }];
  if (state === "equal") return isCold(plainLook, nowMs) ? removePlain : removeArchive;
  if (state === "plain_longer") return removeArchive;
  if (state === "archive_longer") return removePlain;
  if (state === "different") return "the two differ, and only you know which one counts";
  return offset <= plainBytes
    ? removeArchive
    : "what the archive holds before its damage is more than the plain file has";
}

function isCold({ mtimeNs }: Look, nowMs: number): boolean {
  return nowMs - Number(mtimeNs) / 1e6 >= COLD_MS;
}

/**
 * What `compress`, `decompress` and `reindex` do with it (`compressor/recover.ts`): a plain file without its name gets it back if
 * nothing else holds its lines, and all else goes.
 */
function leftoverSteps(path: string): FileSteps {
  const look = lookAtPath(path);
  if (look === undefined) return undefined;
  const passing = parsePassing(dirname(path), basename(path));
  if (passing?.kind !== "aside") return [{ kind: "remove", path, look }];
  return asideSteps(passing, look);
}

function asideSteps({ path, plainPath: plain }: PassingFile, look: Look): FileSteps {
  const plainLook = lookAtPath(plain);
  if (plainLook !== undefined) {
    const isHeld = isSameFile(plainLook, look) || isBeginningOf(path, plain);
    return isHeld ? [{ kind: "remove", path, look }] : "it holds lines that the rollout of this name does not have";
  }
  const archive = compressedPath(plain);
  const archiveLook = lookAtPath(archive);
  const bringBack: Step = { kind: "move", path, target: plain, look };
  if (archiveLook === undefined) return [bringBack];
  const kind = comparison(archive, path);
  if (kind === "equal") return [{ kind: "remove", path, look }];
  if (kind === "plain-longer" || kind === "damaged") {
    return [bringBack, { kind: "remove", path: archive, look: archiveLook }];
  }
  return [bringBack];
}

function isBeginningOf(part: string, whole: string): boolean {
  return withSources(whole, part, (a, b) => beginsWith(a, b));
}

function comparison(archive: string, plain: string): string {
  return withSources(archive, plain, (a, b) => compareArchive(a, b).kind);
}
