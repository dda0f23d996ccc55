/**
 * The facts of all rollouts of a home from which `thread/family.ts` makes the graph of threads: of each file no more is read
 * than its first metadata.
 */
import { basename } from "node:path";
import { RolloutError } from "../errors.ts";
import { parseRolloutName, plainPath } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import type { Discovery, DiscoveryProblem, RolloutFile } from "../readers/home.ts";
import { readRollout } from "../readers/rollout.ts";
import { type FileFacts, factsOf } from "../thread/family-facts.ts";

export interface FamilySurvey {
  readonly facts: readonly FileFacts[];
  /** Files and folders that could not be read, and files that do not tell whose they are. */
  readonly problems: readonly SurveyProblem[];
}

export interface SurveyProblem {
  readonly path: string;
  /** One clause, safe to print. */
  readonly message: string;
  /** Threads may be missing from the graph because of it. */
  readonly isLoss: boolean;
}

export interface SurveyOptions {
  /** Told of each file that is done. */
  readonly advance?: ((files: number) => void) | undefined;
}

/** Reads the heads of all rollouts that `discoverRollouts` has found. Never throws for what is wrong with one of them. */
export function surveyFamilies(discovery: Discovery, options: SurveyOptions = {}): FamilySurvey {
  const facts: FileFacts[] = [];
  const problems: SurveyProblem[] = discovery.problems.map(hiddenProblem);
  for (const file of discovery.files) {
    const found = surveyFile(file);
    if ("message" in found) problems.push(found);
    else facts.push(found);
    options.advance?.(1);
  }
  return { facts, problems };
}

function hiddenProblem({ path, message, hidesThreads }: DiscoveryProblem): SurveyProblem {
  return { path, message, isLoss: hidesThreads };
}

function surveyFile(file: RolloutFile): FileFacts | SurveyProblem {
  const { logicalPath } = file;
  try {
    const { archived, name, path } = file;
    const place = { path: logicalPath, archived, name, isCompressed: path.endsWith(".zst") };
    const facts = factsOf(place, firstMeta(path));
    return facts ?? { path: logicalPath, message: "neither its name nor a record says whose it is", isLoss: false };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { path: logicalPath, message: error.message, isLoss: true };
  }
}

/** The facts of one file, wherever it lies. Undefined when nothing tells whose it is. */
export function fileFacts(path: string, archived: boolean, meta: SessionMeta | undefined): FileFacts | undefined {
  const name = parseRolloutName(basename(path));
  return factsOf({ path: plainPath(path), archived, name, isCompressed: path.endsWith(".zst") }, meta);
}

const META: ReadonlySet<string> = new Set(["session_meta"]);
/** Enough for the first record of nearly all files. */
const HEAD_BYTES = 64 * 1024;

function firstMeta(path: string): SessionMeta | undefined {
  for (const entry of readRollout(path, { kinds: META, chunkBytes: HEAD_BYTES })) {
    if (entry.ok && entry.record.type === "session_meta") return entry.record.payload;
  }
  return undefined;
}
