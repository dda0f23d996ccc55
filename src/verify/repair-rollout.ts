/**
 * One rollout mended: its file is written anew in one pass, or renamed, as one unit of the journal.
 *
 *     survey ─► edits ─► new file and side file, staged ─► proof ─► unit
 *
 * The proof: what the model is shown, the context windows and the turns are the same before and after, but for turns that had no, or
 * wrong, ordinals and were hidden.
 */
import { closeSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { type Look, lookAtPath, openSource } from "../compressor/files.ts";
import { encodeFrames } from "../compressor/frames.ts";
import { planFrames } from "../compressor/profile.ts";
import { RolloutError } from "../errors.ts";
import { compressedPath, parseRolloutName, plainPath } from "../format/names.ts";
import { copyBytes, lstatOrUndefined, openRegularFile, readAt, writeFully } from "../io/files.ts";
import type { Journal } from "../journal/journal.ts";
import type { Staged, Step, Unit } from "../journal/types.ts";
import { differencesOf } from "../proof/differences.ts";
import { proofOf, summaryOf } from "../proof/proof.ts";
import { openBytes } from "../readers/bytes.ts";
import { AsideWriter, asidePath } from "./repair-aside.ts";
import type { RepairContext } from "./repair-context.ts";
import { type Edits, editsOf, gathered, ORDINALS, spliced } from "./repair-edits.ts";
import { entriesOf, type Survey, surveyRollout } from "./repair-survey.ts";
import { type PlannedRepair, type Refusal, REPAIRABLE, type RepairableCode, REPAIRS } from "./repairs.ts";

export interface Planned {
  readonly repairs: readonly PlannedRepair[];
  readonly refusals: readonly Refusal[];
}

/** What can be done for a rollout that has these findings. @throws RolloutError when it cannot be read. */
export function planRollout(path: string, wanted: readonly RepairableCode[], context: RepairContext): Planned {
  const survey = surveyRollout(path, { numbers: isAboutNumbers(wanted) });
  const edits = editsFor(survey, path, wanted, context);
  const place = placeFor(survey, path, wanted, context);
  const codes = REPAIRABLE.filter((code) => edits.codes.includes(code) || place.codes.includes(code));
  const refused = [...edits.refused, ...place.refused];
  const told = new Set([...codes, ...refused.flatMap((one) => one.codes)]);
  const untold = wanted.filter((code) => !told.has(code));
  if (untold.length > 0)
    refused.push({ codes: untold, reason: "other rollouts continue it there, and count its bytes" });
  const refusals = refused.map((one) => ({ path, ...one }));
  if (codes.length === 0) return { repairs: [], refusals };
  const moves = place.target === path ? [] : [`give it the name ${shown(context, place.target)}`];
  const ofContent = codes.filter((code) => edits.codes.includes(code));
  const does = [...new Set(ofContent.map((code): string => REPAIRS[code].does)), ...moves];
  const { threadId } = survey;
  return {
    repairs: [
      {
        place: "rollout",
        path,
        threadId,
        codes,
        inStep: forgottenBy(survey, path, edits, context),
        does,
        aside: asideOf({ path, target: place.target }, survey, edits),
      },
    ],
    refusals,
  };
}

function isAboutNumbers(codes: readonly RepairableCode[]): boolean {
  return codes.some((code) => ORDINALS.includes(code));
}

function shown({ home }: RepairContext, path: string): string {
  return path.startsWith(home.codexHome) ? path.slice(home.codexHome.length + 1) : path;
}

const SHOWN_LINES = 20;

function asideOf(
  { path, target }: Pick<Placed, "path" | "target">,
  survey: Survey,
  { moved, codes }: Edits,
): PlannedRepair["aside"] {
  const { archiveEnd } = survey;
  const sizeBytes = lstatOrUndefined(path)?.size ?? 0;
  const trailing =
    archiveEnd === undefined || !codes.includes("archive-trailing")
      ? []
      : [{ code: "archive-trailing" as const, line: 0, offset: archiveEnd, bytes: sizeBytes - archiveEnd }];
  const lines = [...moved, ...trailing];
  if (lines.length === 0) return undefined;
  return {
    path: asidePath(target),
    first: lines.slice(0, SHOWN_LINES).map(({ code, line, offset, bytes }) => ({ code, line, offset, bytes })),
    lines: lines.length,
    bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function editsFor(survey: Survey, path: string, wanted: readonly RepairableCode[], context: RepairContext): Edits {
  const rolloutId = rolloutIdOf(survey, path);
  const claims =
    survey.isPaginated && rolloutId !== undefined ? context.claimsOn(rolloutId) : { continued: 0, projected: 0 };
  const ofContent = wanted.filter((code) => code !== "file-form" && code !== "file-odd-folder");
  return editsOf(survey, new Set(ofContent), claims);
}

function rolloutIdOf({ threadId }: Survey, path: string): string | undefined {
  return parseRolloutName(basename(path))?.rolloutId ?? threadId;
}

interface Place {
  /** The file's path afterwards. */
  readonly target: string;
  readonly codes: readonly RepairableCode[];
  readonly refused: { readonly codes: readonly RepairableCode[]; readonly reason: string }[];
}

/** Where the file belongs, as far as that was asked for. */
function placeFor(survey: Survey, path: string, wanted: readonly RepairableCode[], context: RepairContext): Place {
  const codes = wanted.filter((code) => code === "file-form" || code === "file-odd-folder");
  const stay = (reason?: string): Place => ({
    target: path,
    codes: [],
    refused: reason === undefined ? [] : [{ codes, reason }],
  });
  if (codes.length === 0) return stay();
  const logical = codes.includes("file-odd-folder") ? usualPath(path, context) : plainPath(path);
  if (logical === undefined) return stay("its name has no date, which tells the folder");
  const isPacked = codes.includes("file-form") ? survey.form === "zstd" : path.endsWith(".zst");
  const target = isPacked ? compressedPath(logical) : logical;
  const taken = [logical, compressedPath(logical)].some(
    (name) => name !== path && lstatOrUndefined(name) !== undefined,
  );
  return taken ? stay("another file has the name that it would get") : { target, codes, refused: [] };
}

function usualPath(path: string, { home }: RepairContext): string | undefined {
  const name = basename(plainPath(path));
  const archive = join(home.codexHome, "archived_sessions");
  if (path.startsWith(archive + sep)) return join(archive, name);
  const [year, month, day] = parseRolloutName(name)?.stamp.slice(0, 10).split("-") ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  return join(home.codexHome, "sessions", year, month, day, name);
}

/**
 * The unit that does what was planned; undefined when there is nothing to do any more.
 * @throws RolloutError `mismatch` when the thread would not be what it was; as reading and writing do.
 */
export function rolloutUnit(repair: PlannedRepair, context: RepairContext, journal: Journal): Unit | undefined {
  const { path, codes } = repair;
  const look = lookAtPath(path);
  if (look === undefined) return undefined;
  requireForgotten(repair, context);
  const survey = surveyRollout(path, { numbers: isAboutNumbers(codes) });
  const edits = editsFor(survey, path, codes, context);
  const { target } = placeFor(survey, path, codes, context);
  const isChanged = edits.splices.length > 0 || edits.cutArchive !== undefined;
  if (!isChanged && target === path) return undefined;
  const staged: Staged[] = [];
  try {
    const aside = stageAside(repair, survey, edits, { context, journal });
    if (aside !== undefined) staged.push(aside);
    const changed = isChanged ? stageContent({ path, target, look }, survey, edits, journal) : undefined;
    if (changed !== undefined) staged.push(changed);
    const proof = changed === undefined ? undefined : prove(path, changed.temporary, edits.isRenumbered);
    return {
      title: `mend ${basename(path)}`,
      threadIds: [survey.threadId, parseRolloutName(basename(path))?.threadId].filter((id) => id !== undefined),
      steps: [...fileSteps({ path, target, look }, changed), ...(aside === undefined ? [] : [putStep(aside)])],
      notes: { codes, ...(proof === undefined ? {} : { proof }) },
    };
  } catch (error) {
    journal.discard(...staged);
    throw error;
  }
}

/** What Codex has projected of it is of other numbers, and in other places; it goes before. */
function forgottenBy(survey: Survey, path: string, { isRenumbered }: Edits, context: RepairContext): readonly string[] {
  const rolloutId = rolloutIdOf(survey, path);
  if (!isRenumbered || rolloutId === undefined) return [];
  return context.claimsOn(rolloutId).projected > 0 ? [rolloutId] : [];
}

function requireForgotten({ inStep, path }: PlannedRepair, context: RepairContext): void {
  if (!inStep.some((rolloutId) => context.isProjectedNow(rolloutId))) return;
  throw new RolloutError("busy", "what Codex has projected of it could not be forgotten", { path });
}

interface Placed {
  readonly path: string;
  readonly target: string;
  readonly look: Look;
}

function fileSteps({ path, target, look }: Placed, changed: Staged | undefined): readonly Step[] {
  if (changed === undefined) return [{ kind: "move", path, target, look }];
  if (path === target) return [{ kind: "replace", path, look, staged: changed }];
  return [
    { kind: "remove", path, look },
    { kind: "create", path: target, staged: changed },
  ];
}

/** A new file, or a new one in the place of an old one. */
export function putStep(staged: Staged): Step {
  const look = lookAtPath(staged.path);
  if (look === undefined) return { kind: "create", path: staged.path, staged };
  return { kind: "replace", path: staged.path, look, staged };
}

function stageAside(
  { path, aside }: PlannedRepair,
  survey: Survey,
  edits: Edits,
  { context, journal }: { readonly context: RepairContext; readonly journal: Journal },
): Staged | undefined {
  if (aside === undefined) return undefined;
  const moved = new Set(edits.moved.map(({ line }) => line));
  const write = (fd: number): void => {
    const writer = new AsideWriter(fd, path, context.now());
    if (lstatOrUndefined(aside.path) !== undefined) writer.takeOver(aside.path);
    surveyRollout(path, {
      onFault: (fault, bytes) => {
        if (moved.has(fault.line)) writer.add(fault, bytes);
      },
    });
    if (survey.archiveEnd === undefined || !edits.codes.includes("archive-trailing")) return;
    const offset = survey.archiveEnd;
    writer.add({ code: "archive-trailing", line: 0, offset }, bytesFrom(path, offset));
  };
  return journal.stage(aside.path, write, lookAtPath(aside.path) ?? lookAtPath(path));
}

function bytesFrom(path: string, offset: number): Buffer {
  const { fd, stat } = openRegularFile(path);
  try {
    const bytes = Buffer.alloc(stat.size - offset);
    return bytes.subarray(0, readAt(fd, bytes, offset, path));
  } finally {
    closeSync(fd);
  }
}

function stageContent({ path, target, look }: Placed, survey: Survey, edits: Edits, journal: Journal): Staged {
  const { cutArchive, splices } = edits;
  if (cutArchive !== undefined) return journal.stage(target, (fd) => copyStart(path, cutArchive, fd), look);
  const writePlain = (fd: number): void => {
    const reader = openBytes(path);
    try {
      const chunks = gathered(spliced(reader.forward(0, survey.plainBytes), splices));
      for (const chunk of chunks) writeFully(fd, chunk, null, target);
    } finally {
      reader.close();
    }
  };
  if (survey.form === "plain") return journal.stage(target, writePlain, look);
  return stageArchive({ path, target, look }, writePlain, journal);
}

function copyStart(path: string, bytes: number, target: number): void {
  const source = openRegularFile(path);
  try {
    if (copyBytes({ fd: source.fd, path }, { fd: target }, { end: bytes }) < bytes) {
      throw new RolloutError("mismatch", "the file became shorter while it was read", { path });
    }
  } finally {
    closeSync(source.fd);
  }
}

/** Codex's own level (state-and-compression §4.4). */
const LEVEL = 3;

/** The frames have to know how much comes, so that the plain text is written first. */
function stageArchive({ path, target, look }: Placed, writePlain: (fd: number) => void, journal: Journal): Staged {
  const plain = journal.stage(plainPath(path), writePlain);
  const source = openSource(plain.temporary);
  try {
    const plan = planFrames(source.fd, source.look.sizeBytes, { kind: "checkpoint" });
    const encode = (fd: number): void => void encodeFrames(source, { fd, path: target }, plan, { level: LEVEL });
    return journal.stage(target, encode, look);
  } finally {
    closeSync(source.fd);
    journal.discard(plain);
  }
}

/** @throws RolloutError `mismatch` */
function prove(before: string, after: string, isRenumbered: boolean): unknown {
  // One after the other: of a long thread the first one's history is gone before the second is read.
  const old = proofOf((kinds) => entriesOf(before, kinds));
  const made = proofOf((kinds) => entriesOf(after, kinds));
  const differences = differencesOf(old, made, ({ view }) =>
    isRenumbered && view === "turns" ? "records without a number of their own were hidden" : undefined,
  );
  const fault = differences.find(({ allowed }) => allowed === undefined);
  if (fault !== undefined) {
    throw new RolloutError("mismatch", `the thread would not be what it was: ${fault.words}`, {
      path: before,
      hint: "nothing was changed; please report this with the output of `rollout-tool verify --json`",
    });
  }
  return { before: summaryOf(old), after: summaryOf(made), differences };
}
