/**
 * Drives the conversion to legacy over a home, as the command does, but for the journal and the locks: files are simply
 * written anew, and what a conversion puts aside is told.
 */
import { rmSync, statSync, utimesSync, writeFileSync } from "node:fs";

import { encodeLine } from "../../src/format/encode.ts";
import type { HistoryBase } from "../../src/format/record.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import type { Judgement, KeepingSink, Source } from "../../src/migrate/conversion.ts";
import { legacyConversion } from "../../src/migrate/legacy.ts";
import { type Difference, differencesOf } from "../../src/proof/differences.ts";
import { type Proof, type ProofOptions, proofOf } from "../../src/proof/proof.ts";
import { discoverRollouts, type RolloutFile } from "../../src/readers/home.ts";
import { lineageChain, readLineage } from "../../src/readers/lineage.ts";

export interface Converted {
  readonly threadId: string;
  readonly before: string;
  readonly after: string;
  readonly retired: readonly string[];
  readonly asides: readonly (readonly [why: string, line: string])[];
  readonly differences: readonly Difference[];
  readonly proof: Proof;
}

export interface Drive {
  readonly converted: readonly Converted[];
  /** By path: what was not converted after all that could be. */
  readonly left: ReadonlyMap<string, Judgement>;
}

/** Round by round, until nothing can be converted any more: forks go before what they continue. */
export function convertHome(codexHome: string): Drive {
  const continuers = continuersIn(codexHome);
  const converted: Converted[] = [];
  for (;;) {
    const left = new Map<string, Judgement>();
    const retired = new Set<string>();
    for (const file of discoverRollouts(codexHome).files) {
      if (retired.has(file.path)) continue;
      const made = convertFile(codexHome, file, continuers);
      if ("kind" in made) left.set(file.path, made);
      else {
        converted.push(made);
        for (const path of made.retired) retired.add(path);
        for (const ids of continuers.values()) ids.delete(file.name?.rolloutId ?? "");
      }
    }
    if (left.size === discoverRollouts(codexHome).files.length) return { converted, left };
  }
}

/** What became of it, or why nothing did. */
function convertFile(
  codexHome: string,
  file: RolloutFile,
  continuers: ReadonlyMap<string, ReadonlySet<string>>,
): Converted | Judgement {
  const continuersOf = (id: string): readonly string[] => [...(continuers.get(id) ?? [])];
  const conversion = legacyConversion({ codexHome }, { continuersOf });
  const source = sourceAt(file);
  const isContinued = continuersOf(file.name?.rolloutId ?? "").length > 0;
  const judgement = conversion.judge(source, { isContinued });
  if (judgement.kind !== "convert") return judgement;
  const { sink, lines, asides } = collectingSink();
  const { before, after, allowance } = conversion.convert(source, sink);
  const target = conversion.pathOf(source);
  const retired = conversion.retires(source);
  const old = proofAt(codexHome, source.path, before);
  const { atime, mtime } = statSync(source.path);
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  rmSync(source.path);
  for (const path of retired) rmSync(path);
  writeFileSync(target, target.endsWith(".zst") ? compressZstd(text) : text);
  utimesSync(target, atime, mtime);
  const proof = proofAt(codexHome, target, after);
  const differences = differencesOf(old, proof, allowance);
  return {
    threadId: lineageChain({ codexHome }, target).threadId ?? "",
    before: source.path,
    after: target,
    retired,
    asides,
    differences,
    proof,
  };
}

/** Keeps what a conversion makes; lines that are kept lose their ordinal, as those of a legacy file do. */
export function collectingSink() {
  const lines: string[] = [];
  const asides: (readonly [why: string, line: string])[] = [];
  const notes: string[] = [];
  const sink: KeepingSink = {
    record: (record) => void lines.push(encodeLine(record)),
    keep: ({ ordinal: _ordinal, ...record }) => void lines.push(encodeLine(record)),
    aside: (line, why) => void asides.push([why, line.toString("utf8")]),
    note: (words) => void notes.push(words),
  };
  return { sink, lines, asides, notes };
}

export function sourceAt(file: RolloutFile): Source {
  const none = (): never => {
    throw new Error("the conversion reads the chain of its source by itself");
  };
  return {
    file,
    path: file.path,
    generation: "envelope",
    threadId: file.name?.threadId,
    entries: none,
    bytesOf: none,
  };
}

function proofAt(codexHome: string, path: string, options: ProofOptions): Proof {
  const chain = lineageChain({ codexHome }, path);
  return proofOf((kinds) => readLineage({ codexHome }, chain, { kinds }), options);
}

/** By rollout id: the rollouts that continue it. */
function continuersIn(codexHome: string): ReadonlyMap<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { path, name } of discoverRollouts(codexHome).files) {
    const base = baseOf(codexHome, path);
    if (base == null || name === undefined) continue;
    const ids = found.get(base.thread_id) ?? new Set();
    found.set(base.thread_id, ids.add(name.rolloutId));
  }
  return found;
}

function baseOf(codexHome: string, path: string): HistoryBase | null | undefined {
  for (const entry of readLineage({ codexHome }, path, { kinds: new Set(["session_meta"]) }))
    return entry.ok && entry.record.type === "session_meta" ? entry.record.payload.history_base : undefined;
  return undefined;
}
