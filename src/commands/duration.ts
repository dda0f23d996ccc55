/** A length of time as it is typed: a number and a unit. */
import { quote, usageError } from "./options.ts";

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `30m`, `12h`, `7d`, `2w`, `0` in milliseconds. `label` names the option in the error. Errors: `usage`. */
export function parseDuration(label: string, text: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,6})?)([smhdw])?$/.exec(text) ?? [];
  const factor = number !== undefined && Number(number) === 0 ? 1 : UNITS[unit];
  if (number === undefined || factor === undefined) {
    throw usageError(
      `${label} takes a length of time such as 12h or 7d, not ${quote(text)}`,
      "units are s, m, h, d, w",
    );
  }
  return Number(number) * factor;
}
