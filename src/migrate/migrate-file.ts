/**
 * One rollout from its old form to its new one: converted into a file that nobody sees yet, proven by the ordinary readers, and put
 * into its place together with its row, or not at all.
 */
import { closeSync } from "node:fs";
import { basename, join } from "node:path";
import { type Look, lookAtPath } from "../compressor/files.ts";
import { encodeFrames } from "../compressor/frames.ts";
import { planFrames } from "../compressor/profile.ts";
import { assert, RolloutError } from "../errors.ts";
import type { Entry } from "../format/entry.ts";
import { compressedPath, plainPath } from "../format/names.ts";
import { lstatOrUndefined, openRegularFile } from "../io/files.ts";
import type { Staged, Step } from "../journal/types.ts";
import { type Difference, differencesOf } from "../proof/differences.ts";
import { type Proof, type ProofEntries, proofOf, summaryOf } from "../proof/proof.ts";
import type { Home } from "../readers/home.ts";
import { lineageChain, readLineage } from "../readers/lineage.ts";
import { readRollout } from "../readers/rollout.ts";
import { sideFolder } from "./candidates.ts";
import type { Conversion, ConversionProof, Source } from "./conversion.ts";
import { FileWriter, NewFile } from "./new-file.ts";
import type { Converted } from "./report.ts";
import type { Stager } from "./stager.ts";

export interface FileWork {
  readonly home: Home;
  readonly conversion: Conversion;
  readonly source: Source;
  /** Of the file, from before it was read. */
  readonly look: Look;
  readonly stager: Stager;
}

export interface Made {
  readonly converted: Converted;
  /** The new rollout. */
  readonly target: Staged;
  /** What has to happen so that the new file takes the place of the old one. */
  readonly steps: readonly Step[];
  readonly staged: readonly Staged[];
}

/**
 * Converts and proves; nothing in the home has changed afterwards.
 * @throws RolloutError as the conversion does, and `mismatch` when the proof finds what may not be: nothing is left of it then.
 */
export function makeFile(work: FileWork): Made {
  const { source, conversion, look, stager } = work;
  const isArchive = source.path.endsWith(".zst");
  const plain = plainPath(conversion.pathOf(source));
  const target = isArchive ? compressedPath(plain) : plain;
  const draft = writeDraft(work, plain, isArchive ? undefined : look);
  let made = [draft.target, draft.side];
  try {
    if (draft.file.linesAside === 0) {
      stager.discard(draft.side);
      made = [draft.target];
    }
    const packed = isArchive ? pack(stager, draft.target, target, look) : draft.target;
    if (isArchive) {
      made.push(packed);
      stager.discard(draft.target);
    }
    const side = draft.file.linesAside === 0 ? undefined : draft.side;
    const converted = proven(work, draft, { packed, side });
    const steps = stepsOf(work, packed, side);
    return { converted, target: packed, steps, staged: side === undefined ? [packed] : [packed, side] };
  } catch (error) {
    stager.discard(...made);
    throw error;
  }
}

interface Draft {
  /** Plain, in any case. */
  readonly target: Staged;
  readonly side: Staged;
  readonly file: NewFile;
  readonly proof: ConversionProof;
}

/** The new file and the side file come into being at the same time. */
function writeDraft({ home, conversion, source, stager }: FileWork, plain: string, like: Look | undefined): Draft {
  let made: Omit<Draft, "side"> | undefined;
  const side = stager.stage(sidePath(home, plain, conversion.target), (sideFd) => {
    let convertedInto: Omit<Draft, "side" | "target"> | undefined;
    const target = stager.stage(
      plain,
      (fd) => {
        const file = new NewFile({
          target: new FileWriter(fd),
          side: () => new FileWriter(sideFd),
          hasOrdinals: conversion.target === "paginated",
        });
        const proof = conversion.convert(source, file);
        file.finish();
        convertedInto = { file, proof };
      },
      like,
    );
    assert(convertedInto !== undefined, "a file that was staged was written");
    made = { target, ...convertedInto };
  });
  assert(made !== undefined, "a file that was staged was written");
  return { ...made, side };
}

/** A name that is not taken: a thread may be migrated again after an undo of which something is left. */
function sidePath(home: Home, plain: string, target: string): string {
  const stem = join(sideFolder(home), `${basename(plain, ".jsonl")}.${target}`);
  for (let number = 1; ; number += 1) {
    const path = number === 1 ? `${stem}.jsonl` : `${stem}-${number}.jsonl`;
    if (lstatOrUndefined(path) === undefined) return path;
  }
}

function pack(stager: Stager, plain: Staged, target: string, look: Look): Staged {
  const { fd } = openRegularFile(plain.temporary);
  try {
    const plan = planFrames(fd, plain.look.sizeBytes, { kind: "checkpoint" });
    return stager.stage(
      target,
      (targetFd) =>
        void encodeFrames({ fd, path: plain.temporary }, { fd: targetFd, path: target }, plan, { level: LEVEL }),
      look,
    );
  } finally {
    closeSync(fd);
  }
}

/** The default of `compress`. */
const LEVEL = 3;

function proven(
  work: FileWork,
  { target, file, proof }: Draft,
  { packed, side }: { readonly packed: Staged; readonly side: Staged | undefined },
): Converted {
  const before = proofBefore(work, proof);
  const after = proofOf((kinds) => readRollout(packed.temporary, { kinds }), proof.after);
  const differences = differencesOf(before, after, proof.allowance);
  const forbidden = differences.filter(({ allowed }) => allowed === undefined);
  if (forbidden.length > 0) throw new DifferenceError(work.source.path, forbidden);
  return {
    path: packed.path,
    bytes_before: work.look.sizeBytes,
    bytes_after: packed.look.sizeBytes,
    bytes_plain: target.look.sizeBytes,
    lines: file.lines,
    lines_aside: file.linesAside,
    side_file: side?.path,
    sha256: packed.sha256,
    notes: file.notes,
    proof: { before: summaryOf(before), after: summaryOf(after) },
    differences,
  };
}

/** A migration that would change what it may not: nothing was changed. */
export class DifferenceError extends RolloutError {
  readonly differences: readonly Difference[];

  constructor(path: string, differences: readonly Difference[]) {
    const words = differences.map((one) => `${one.view}: ${one.words}`).join("; ");
    super("mismatch", `the new file would not come to the same (${words})`, { path, hint: "the file stays as it is" });
    this.differences = differences;
  }
}

function proofBefore({ home, conversion, source }: FileWork, { before, turnsBefore }: ConversionProof): Proof {
  if (conversion.target === "legacy") return proofOf(lineageEntries(home, source.path), before);
  // Turns alone are taken from all kinds of lines.
  return proofOf((kinds) => (kinds === undefined ? turnsBefore?.() : undefined) ?? source.entries(kinds), before);
}

/** With all that the thread continues. */
function lineageEntries(home: Home, path: string): ProofEntries {
  const chain = lineageChain(home, path);
  return (kinds): Iterable<Entry> => readLineage(home, chain, kinds === undefined ? {} : { kinds });
}

function stepsOf({ source, look, conversion }: FileWork, staged: Staged, side: Staged | undefined): readonly Step[] {
  const steps: Step[] = [];
  if (staged.path === source.path) steps.push({ kind: "replace", path: source.path, look, staged });
  else {
    steps.push({ kind: "create", path: staged.path, staged });
    steps.push({ kind: "remove", path: source.path, look });
  }
  for (const path of conversion.retires?.(source) ?? []) {
    const there = lookAtPath(path);
    if (there !== undefined) steps.push({ kind: "remove", path, look: there });
  }
  if (side !== undefined) steps.push({ kind: "create", path: side.path, staged: side });
  return steps;
}
