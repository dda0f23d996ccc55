/** Which time stamps Codex's migration takes (rollout-format §9.2): RFC 3339, a little more freely than other readers. */

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-](\d{2}):(\d{2}))$/;

/** As every release writes it, but for the last days of a month. */
const USUAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

export function isMigrationTime(text: string): boolean {
  if (USUAL.test(text)) return true;
  const [, year, month, day, hour, minute, second, zoneHour = 0, zoneMinute = 0] =
    RFC3339.exec(text)?.map(Number) ?? [];
  if (year === undefined) return false;
  const limits: readonly (readonly [value: number | undefined, least: number, most: number])[] = [
    [month, 1, 12],
    [day, 1, daysIn(year, month ?? 0)],
    [hour, 0, 23],
    [minute, 0, 59],
    // A leap second passes.
    [second, 0, 60],
    [zoneHour || 0, 0, 23],
    [zoneMinute || 0, 0, 59],
  ];
  return limits.every(([value = -1, least, most]) => value >= least && value <= most);
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}
