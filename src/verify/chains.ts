/**
 * What copy-on-write forks and reverts continue: every hop of every chain, by the rules under which `readers/lineage.ts` follows one
 * (rollout-format §7.3). Works on what the pass over the files has told, so that a home with thousands of forks opens no file twice.
 */
import { RolloutError } from "../errors.ts";
import { parseUuid } from "../format/names.ts";
import type { HistoryBase } from "../format/record.ts";
import type { LineageFault } from "../readers/lineage.ts";
import { openRollout } from "../readers/rollout.ts";
import type { FindingCode } from "./checks.ts";
import type { FileFacts } from "./file-check.ts";
import type { Tell } from "./findings.ts";

/** The rollout of that id, if the home has it. */
export type FindSource = (rolloutId: string) => FileFacts | undefined;

interface Fault {
  readonly fault: LineageFault;
  readonly message?: string;
}

/** Undefined: sound as far as it could be seen. */
type Verdict = Fault | undefined;

/** A finder over all files of a home; of copies an active file comes before an archived one (rollout-format §1.3). */
export function sourcesOf(all: readonly FileFacts[]): FindSource {
  const byId = new Map<string, FileFacts>();
  for (const facts of all) {
    const id = facts.file.name?.rolloutId;
    if (id !== undefined && (!facts.file.archived || !byId.has(id))) byId.set(id, facts);
  }
  return (id) => byId.get(id);
}

export function checkChains(files: readonly FileFacts[], find: FindSource, tell: Tell): void {
  const verdicts = new Map<FileFacts, Verdict>();
  for (const facts of files) {
    if (facts.mode !== "paginated") continue;
    const place = { path: facts.file.path, threadId: facts.threadId };
    const named = facts.file.name?.threadId;
    if (named !== undefined && named !== facts.threadId) tell("lineage-identity", place);
    const found = judge(facts, find, verdicts);
    if (found !== undefined) tell(codeOf(found.fault), place, found.message);
    else checkCut(facts, find, tell);
  }
}

const codeOf = (fault: LineageFault): FindingCode => `lineage-${fault}`;

const idOf = (base: HistoryBase): string => parseUuid(base.thread_id) ?? base.thread_id.toLowerCase();

/** Goes towards the root until something is known, and gives the verdict to all that were met on the way. */
function judge(start: FileFacts, find: FindSource, verdicts: Map<FileFacts, Verdict>): Verdict {
  const way: FileFacts[] = [];
  const met = new Set<FileFacts>();
  let verdict: Verdict;
  for (let at = start; ;) {
    if (verdicts.has(at)) {
      verdict = verdicts.get(at);
      break;
    }
    way.push(at);
    met.add(at);
    const { base } = at;
    if (base === undefined) break;
    const source = find(idOf(base));
    verdict = hopFault(base, source, met);
    if (verdict !== undefined || source === undefined) break;
    at = source;
  }
  for (const facts of way) verdicts.set(facts, verdict);
  return verdict;
}

function hopFault(base: HistoryBase, source: FileFacts | undefined, met: ReadonlySet<FileFacts>): Verdict {
  const id = parseUuid(base.thread_id) ?? "of an id that is none";
  if (base.end_ordinal_exclusive < 1) return { fault: "cuts-metadata" };
  if (source === undefined) return { fault: "missing-source", message: `the rollout ${id} is not in the home` };
  if (met.has(source)) return { fault: "cycle", message: `the history comes to ${id} twice` };
  if (source.mode === undefined) return { fault: "no-metadata", message: `the rollout ${id} has no session_meta` };
  if (source.mode === "unknown") return { fault: "unknown-mode" };
  if (source.mode === "legacy") return { fault: "not-paginated", message: `the rollout ${id} is not paginated` };
  const { plainBytes = Infinity } = source;
  if (plainBytes >= base.end_byte_offset) return undefined;
  const message = `the rollout ${id} is continued from byte ${base.end_byte_offset} on, and has only ${plainBytes}`;
  return { fault: "past-end", message };
}

/** The byte before the cut ends a line. Of an archive that is not decoded nothing is known. */
function checkCut(facts: FileFacts, find: FindSource, tell: Tell): void {
  const { base } = facts;
  const source = base === undefined ? undefined : find(idOf(base));
  if (base === undefined || source?.wasRead !== true || base.end_byte_offset < 1) return;
  const end = base.end_byte_offset;
  if (byteAt(source.file.path, end - 1) === NEWLINE) return;
  const message = `it continues ${source.file.name?.rolloutId ?? "a rollout"} from byte ${end} on, which begins no line`;
  tell("lineage-cut-in-line", { path: facts.file.path, threadId: facts.threadId }, message);
}

const NEWLINE = 10;

/** Undefined where it cannot be read; what is wrong with the file has been told. */
function byteAt(path: string, offset: number): number | undefined {
  try {
    const reader = openRollout(path);
    try {
      for (const chunk of reader.forward(offset, offset + 1)) return chunk[0];
      return undefined;
    } finally {
      reader.close();
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return undefined;
  }
}
