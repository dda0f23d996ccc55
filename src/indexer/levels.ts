/**
 * Which release of Codex goes with which level of the state database. Apart from `schema.ts` so that a command line can
 * be checked without loading SQLite.
 */

/** The highest level this tool can build: that of Codex 0.169.0. */
export const KNOWN_LEVEL = 62;

/** Highest level of the releases that were looked at, generation 5 of the file, oldest first (state-and-compression §1.3). */
const RELEASES: readonly (readonly [release: string, level: number])[] = [
  ["0.105.0", 17],
  ["0.120.0", 24],
  ["0.130.0", 31],
  ["0.142.3", 39],
  ["0.150.0", 51],
  ["0.160.0", 58],
  ["0.169.0", KNOWN_LEVEL],
];

/**
 * The level a Codex release can open: that of the newest known release not above it, since a lower level is migrated
 * upwards at start. Undefined for anything older than 0.105.0 (another generation of the file) or not a version.
 */
export function levelOfRelease(release: string): number | undefined {
  const wanted = versionNumber(release);
  if (wanted === undefined) return undefined;
  return RELEASES.findLast(([known]) => (versionNumber(known) ?? Infinity) <= wanted)?.[1];
}

function versionNumber(release: string): number | undefined {
  const match = /^v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?:[-+].*)?$/.exec(release);
  if (match === null) return undefined;
  return (Number(match[1]) * 1e5 + Number(match[2])) * 1e5 + Number(match[3]);
}
