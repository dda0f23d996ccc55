/**
 * `session_index.jsonl` without the lines that are no entries: they go to a side file, `session_index.aside`. The order of the others,
 * which decides what a thread is called, stays (state-and-compression §5.4).
 */
import { lookAtPath } from "../compressor/files.ts";
import { lstatOrUndefined, writeFully } from "../io/files.ts";
import type { Journal } from "../journal/journal.ts";
import type { Unit } from "../journal/types.ts";
import { openBytes } from "../readers/bytes.ts";
import { splitLines } from "../readers/lines.ts";
import { MAX_NAME_LINE_BYTES, namedThread } from "./names.ts";
import { AsideWriter, asidePath } from "./repair-aside.ts";
import { spliced } from "./repair-edits.ts";
import type { RepairContext } from "./repair-context.ts";
import { putStep } from "./repair-rollout.ts";
import type { AsideLine, PlannedRepair } from "./repairs.ts";

interface Malformed extends AsideLine {
  readonly terminated: boolean;
}

const SHOWN_LINES = 20;

/** What of the file goes aside; undefined when it is too long to be looked at as a whole. */
export function planNames(path: string): PlannedRepair["aside"] {
  const lines = malformedLines(path);
  return {
    path: asidePath(path),
    first: lines.slice(0, SHOWN_LINES).map(({ code, line, offset, bytes }) => ({ code, line, offset, bytes })),
    lines: lines.length,
    bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function malformedLines(path: string, onLine?: (line: Malformed, bytes: Buffer) => void): readonly Malformed[] {
  const found: Malformed[] = [];
  const reader = openBytes(path);
  try {
    // Whole lines also where they are too long to be names: they have to be kept.
    for (const { bytes, position, terminated } of splitLines(reader.forward(), { skipEmpty: true })) {
      const isName = bytes.length <= MAX_NAME_LINE_BYTES && namedThread(bytes.toString("utf8")) !== undefined;
      if (isName) continue;
      const { line, offset, length } = position;
      const malformed = { code: "name-malformed", line, offset, bytes: length, terminated } as const;
      found.push(malformed);
      onLine?.(malformed, bytes);
    }
  } finally {
    reader.close();
  }
  return found;
}

export function namesUnit({ path, codes }: PlannedRepair, context: RepairContext, journal: Journal): Unit | undefined {
  const look = lookAtPath(path);
  const malformed = look === undefined ? [] : malformedLines(path);
  if (look === undefined || malformed.length === 0) return undefined;
  const target = asidePath(path);
  const aside = journal.stage(
    target,
    (fd) => {
      const writer = new AsideWriter(fd, path, context.now());
      if (lstatOrUndefined(target) !== undefined) writer.takeOver(target);
      malformedLines(path, (line, bytes) => writer.add(line, bytes));
    },
    lookAtPath(target) ?? look,
  );
  const splices = malformed.map(({ offset, bytes, terminated }) => ({
    start: offset,
    end: offset + bytes + (terminated ? 1 : 0),
    put: "",
  }));
  const staged = journal.stage(
    path,
    (fd) => {
      const reader = openBytes(path);
      try {
        for (const chunk of spliced(reader.forward(), splices)) writeFully(fd, chunk, null, path);
      } finally {
        reader.close();
      }
    },
    look,
  );
  return {
    title: "mend session_index.jsonl",
    threadIds: [],
    steps: [{ kind: "replace", path, look, staged }, putStep(aside)],
    notes: { codes },
  };
}
