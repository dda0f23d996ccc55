/** What the texts of all three answers of `stats` share. */
import type { UnreadableFile } from "../analysis/inherited.ts";
import { escapeText } from "../io/console.ts";
import type { CommandContext } from "./command.ts";
import { shortPath } from "./compress-text.ts";

/** So many are named; `--json` has all of them. */
const SHOWN_UNREADABLE = 10;

/** What could not be read, one a line; empty where everything could. */
export function renderUnreadable(
  { unreadable }: { readonly unreadable: readonly UnreadableFile[] },
  look: Pick<CommandContext, "paint" | "cwd">,
): string {
  const lines = unreadable.slice(0, SHOWN_UNREADABLE).map(({ path, message }) => {
    return `${look.paint.yellow("not counted")}  ${escapeText(shortPath(path, look))}: ${escapeText(message)}\n`;
  });
  const more = unreadable.length - lines.length;
  return lines.join("") + (more > 0 ? `… and ${more} more (--json lists them)\n` : "");
}

/** A share of 0 to 1; empty where there is none. */
export function formatShare(share: number | null): string {
  return share === null ? "" : `${(share * 100).toFixed(1)} %`;
}
