/** Converts one rollout without the driver: nothing is proved, locked or kept but what a test looks at. */
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { encodeLine } from "../../src/format/encode.ts";
import type { Entry } from "../../src/format/entry.ts";
import type { RolloutRecord } from "../../src/format/record.ts";
import type { Conversion, ConversionProof, Source } from "../../src/migrate/conversion.ts";
import { differencesOf, type Difference } from "../../src/proof/differences.ts";
import { proofOf } from "../../src/proof/proof.ts";
import { openBytes } from "../../src/readers/bytes.ts";
import { GENERATION_HEAD_BYTES, generationOf } from "../../src/readers/generation.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";

export interface Converted {
  readonly target: string;
  readonly records: readonly RolloutRecord[];
  readonly aside: readonly { readonly line: Buffer; readonly why: string }[];
  readonly notes: readonly string[];
  readonly differences: readonly Difference[];
}

export function sourceAt(codexHome: string, path: string): Source {
  const file = discoverRollouts(codexHome).files.find((one) => one.path === path);
  return {
    file,
    path,
    generation: path.endsWith(".json") ? "document" : generationOf(bytesAt(path, 0, GENERATION_HEAD_BYTES)),
    threadId: undefined,
    entries: () => readRollout(path),
    bytesOf: ({ position }: Entry) => bytesAt(path, position.offset, position.offset + position.length),
  };
}

function bytesAt(path: string, from: number, to: number): Buffer {
  const reader = openBytes(path);
  try {
    return Buffer.concat(Array.from(reader.forward(from, to), (chunk) => Buffer.from(chunk)));
  } finally {
    reader.close();
  }
}

/** Writes the new file in the place of the old one, with its times. Undefined when it is refused. */
export function convertFile(codexHome: string, path: string, conversion: Conversion): Converted | undefined {
  const source = sourceAt(codexHome, path);
  if (conversion.judge(source, { isContinued: false }).kind !== "convert") return undefined;
  const target = conversion.pathOf(source);
  const records: RolloutRecord[] = [];
  const aside: Converted["aside"][number][] = [];
  const notes: string[] = [];
  const judged = conversion.convert(source, {
    record: (record) => void records.push(record),
    keep: (record) => void records.push(record),
    aside: (line, why) => void aside.push({ line, why }),
    note: (words) => void notes.push(words),
  });
  const { mtimeMs } = statSync(path);
  const before = proofOf(() => source.entries(), judged.before);
  rmSync(path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, records.map((record) => `${encodeLine(record)}\n`).join(""));
  utimesSync(target, mtimeMs / 1000, mtimeMs / 1000);
  const differences = differencesOf(before, afterOf(target, judged), judged.allowance);
  return { target, records, aside, notes, differences };
}

function afterOf(target: string, { after }: ConversionProof) {
  return proofOf((kinds) => readRollout(target, { kinds }), after);
}
