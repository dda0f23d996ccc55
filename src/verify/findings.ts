/**
 * What a run has found, gathered while it goes on. Of one code in one file only the first findings are kept and the rest is
 * counted: a hostile file has as many damaged lines as it likes.
 */
import type { Check, Place, Severity } from "./check.ts";
import { checkOf, type FindingCode } from "./checks.ts";

export interface Finding extends Place {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** What was met here, in words that are safe but for paths. */
  readonly message: string;
  readonly effect: Check["effect"];
  readonly mend: Check["mend"];
}

/** Findings of one code in one file that were counted, and are not among the others. */
export interface Omitted {
  readonly code: FindingCode;
  readonly path: string | undefined;
  readonly count: number;
}

/** The findings of one file, as they come from another thread. */
export interface FindingsShare {
  readonly kept: readonly { readonly code: FindingCode; readonly place: Place; readonly message: string }[];
  readonly omitted: readonly Omitted[];
}

/** Told what was found and where; `message` only where it says more than the check's own meaning. */
export type Tell = (code: FindingCode, place: Place, message?: string) => void;

const DEFAULT_KEPT = 20;

export class Findings {
  readonly #only: ReadonlySet<FindingCode> | undefined;
  readonly #keep: number;
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<FindingCode, number>();
  /** By code and path. */
  readonly #perFile = new Map<
    string,
    { readonly code: FindingCode; readonly path: string | undefined; count: number }
  >();

  constructor(only: ReadonlySet<FindingCode> | undefined, keep = DEFAULT_KEPT) {
    this.#only = only;
    this.#keep = keep;
  }

  readonly tell: Tell = (code, place, message) => {
    if (this.#only?.has(code) === false) return;
    if (this.#count(code, place.path, 1) > this.#keep) return;
    const { severity, meaning, effect, mend } = checkOf(code);
    const { path, line, offset, threadId } = place;
    this.#kept.push({ code, severity, path, line, offset, threadId, message: message ?? meaning, effect, mend });
  };

  share(): FindingsShare {
    const kept = this.#kept.map(({ code, message, path, line, offset, threadId }) => ({
      code,
      message,
      place: { path, line, offset, threadId },
    }));
    return { kept, omitted: this.omitted() };
  }

  /** Takes over what was gathered elsewhere under the same limits. */
  absorb({ kept, omitted }: FindingsShare): void {
    for (const { code, place, message } of kept) this.tell(code, place, message);
    for (const { code, path, count } of omitted) this.#count(code, path, count);
  }

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  /** How often each code was met, omitted ones included. */
  get counts(): ReadonlyMap<FindingCode, number> {
    return this.#counts;
  }

  omitted(): readonly Omitted[] {
    return [...this.#perFile.values()].flatMap(({ code, path, count }) =>
      count > this.#keep ? [{ code, path, count: count - this.#keep }] : [],
    );
  }

  /** Returns how many of this code there are by now in this file. */
  #count(code: FindingCode, path: string | undefined, more: number): number {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + more);
    const key = `${code} ${path ?? ""}`;
    const here = this.#perFile.get(key) ?? { code, path, count: 0 };
    here.count += more;
    this.#perFile.set(key, here);
    return here.count;
  }

  /** Whether any of these codes is wanted: what costs something is not looked for in vain. */
  wants(codes: readonly FindingCode[]): boolean {
    const only = this.#only;
    return only === undefined || codes.some((code) => only.has(code));
  }
}
