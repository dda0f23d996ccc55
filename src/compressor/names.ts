/**
 * Names of the files that a run makes beside a rollout for a while. They begin with a dot, so that nobody takes them for
 * rollouts, never end in `.tmp`, which Codex sweeps away (state-and-compression §4.3), and tell a later run whose they were.
 */
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";

/** `packing` and `unpacking`: a form being written. `aside`: the plain file between its archive's publication and its end. */
export type PassingKind = "packing" | "unpacking" | "aside";

export interface PassingFile {
  readonly kind: PassingKind;
  readonly path: string;
  /** Of the rollout that it was made for. */
  readonly plainPath: string;
}

const NAME = /^\.(rollout-.*\.jsonl)\.(packing|unpacking|aside)\.[0-9a-f]{12}(?:\.partial)?$/;

/** A name for the plain file while it waits; nobody else has ever used it. */
export function asidePath(plainPath: string): string {
  return join(dirname(plainPath), `.${basename(plainPath)}.aside.${randomBytes(6).toString("hex")}`);
}

/** What `createTemporary` of io makes its name from. */
export function temporaryBase(plainPath: string, kind: "packing" | "unpacking"): string {
  return `${plainPath}.${kind}`;
}

/** What a name tells, or undefined for all files that no run of this tool has made. */
export function parsePassing(folder: string, name: string): PassingFile | undefined {
  const [, plainName, kind] = NAME.exec(name) ?? [];
  if (plainName === undefined) return undefined;
  return { kind: kind as PassingKind, path: join(folder, name), plainPath: join(folder, plainName) };
}
