/** Which cases of a plan are compared with which. */
import { TOOL } from "./case-context.ts";
import type { BenchCase, BenchPair } from "./results.ts";
import { nameOf } from "./suite.ts";

/** Stands for every subject but this tool. */
export const CODEX = "codex";

export interface PairRule {
  readonly case: readonly [subject: string, way: string];
  readonly against: readonly [subject: string, way: string];
}

/**
 * Pairs cases of one input and form by rules, a newer binary with an older one only; and each case on archives with the
 * same case on plain files. Labels are benchmark, input, form, subject, way.
 */
export function pairsOf(cases: readonly BenchCase[], rules: readonly PairRule[]): readonly BenchPair[] {
  const pairs: BenchPair[] = [];
  for (const [index, one] of cases.entries()) {
    for (const [place, other] of cases.entries()) {
      const [, input, form, subject = "", way = ""] = one.labels;
      const [, input2, form2, subject2 = "", way2 = ""] = other.labels;
      if (input !== input2) continue;
      const pair = { case: nameOf(one), against: nameOf(other) };
      if (form === "zst" && form2 === "plain" && subject === subject2 && way === way2) pairs.push(pair);
      if (form !== form2 || one === other) continue;
      const fits = rules.some(
        (rule) =>
          isSubject(subject, rule.case[0]) &&
          way === rule.case[1] &&
          isSubject(subject2, rule.against[0]) &&
          way2 === rule.against[1],
      );
      // Of two binaries, the one named later is compared with the one named earlier.
      if (fits && (subject === TOOL || subject2 === TOOL || place < index)) pairs.push(pair);
    }
  }
  return pairs;
}

function isSubject(subject: string, wanted: string): boolean {
  return wanted === CODEX ? subject !== TOOL : subject === wanted;
}
