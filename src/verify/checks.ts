/**
 * Every check there is, by its code. Codes are for scripts and never change their meaning. docs/findings.md shows the same
 * table to users; `test/verify/checks.test.ts` compares both and has, for each code, a home that yields it and one that does not.
 */
import type { Check } from "./check.ts";
import {
  BACKFILL_CHECKS,
  DATABASE_CHECKS,
  MIGRATION_CHECKS,
  PROJECTION_CHECKS,
  ROW_CHECKS,
} from "./checks-databases.ts";
import { ARCHIVE_CHECKS, LEFTOVER_CHECKS, LOCK_CHECKS, NAME_CHECKS, PAIR_CHECKS } from "./checks-home.ts";
import { FILE_CHECKS, LINE_CHECKS, LINEAGE_CHECKS, ORDINAL_CHECKS, TURN_CHECKS } from "./checks-rollouts.ts";

export const CHECKS = {
  ...FILE_CHECKS,
  ...LINE_CHECKS,
  ...ORDINAL_CHECKS,
  ...LINEAGE_CHECKS,
  ...TURN_CHECKS,
  ...ARCHIVE_CHECKS,
  ...PAIR_CHECKS,
  ...LEFTOVER_CHECKS,
  ...LOCK_CHECKS,
  ...NAME_CHECKS,
  ...DATABASE_CHECKS,
  ...MIGRATION_CHECKS,
  ...BACKFILL_CHECKS,
  ...ROW_CHECKS,
  ...PROJECTION_CHECKS,
} as const;

export type FindingCode = keyof typeof CHECKS;

/** In the order of the table. */
export const FINDING_CODES = Object.keys(CHECKS) as readonly FindingCode[];

export function checkOf(code: FindingCode): Check {
  return CHECKS[code];
}
