/** What DuckDB writes about an error, over several lines with a drawing of the place, as one sentence. */

export interface SqlErrorPlace {
  /** One line. What it quotes of the statement is not made safe yet. */
  readonly message: string;
  /** From 1, in the statement. */
  readonly line: number | undefined;
}

const MAX_QUOTED = 40;

/**
 * `Parser Error: …\n\nLINE 2: select frm\n               ^` as `Parser Error: … (at "frm")` of line 2. A list of settings that might help is left out: statements
 * cannot change them.
 */
export function errorPlace(text: string): SqlErrorPlace {
  const [told = "", drawing] = text.split(/\n+(?=LINE \d+: )/);
  const message = told
    .replace(/\s*\bPossible solutions:[\s\S]*$/, "")
    .replace(/^Failed to extract statements: /, "")
    .replace(/\s+/g, " ")
    .trim();
  const [, line, quoted = "", spaces = ""] = /^LINE (\d+): (.*)\n( *)\^/.exec(drawing ?? "") ?? [];
  if (line === undefined) return { message, line: undefined };
  const at = quoted.slice(Math.max(0, spaces.length - `LINE ${line}: `.length)).trim();
  const place = at === "" ? "" : ` (at ${JSON.stringify(at.length > MAX_QUOTED ? `${at.slice(0, MAX_QUOTED)}…` : at)})`;
  return { message: `${message}${place}`, line: Number(line) };
}
