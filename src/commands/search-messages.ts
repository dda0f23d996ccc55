/** What a search says beside its results. By itself, as results for programs need nothing of what shows them to people. */
import type { SearchReport } from "../analysis/search-types.ts";
import { escapeText } from "../io/console.ts";
import { counted, formatCount } from "../io/text.ts";

const SHOWN_PROBLEMS = 5;

/** Lines for stderr: how much was found, what is not told, and what could not be searched. */
export function searchMessages(
  { threads, isCut, hiddenThreads, problems }: SearchReport,
  copies: boolean,
): readonly string[] {
  const hits = threads.reduce((sum, thread) => sum + thread.hits.length, 0);
  const hidden = threads.reduce((sum, thread) => sum + thread.hiddenCopies, 0);
  const more = problems.length - SHOWN_PROBLEMS;
  const messages = [
    threads.length === 0 ? "nothing found" : `${counted(hits, "hit")} in ${counted(threads.length, "thread")}`,
    isCut && `there may be more: only the newest ${counted(threads.length, "thread")} (--limit 0 shows all)`,
    !copies &&
      hiddenThreads + hidden > 0 &&
      `not shown: ${counted(hidden, "copied hit")} and ${counted(hiddenThreads, "thread")} with nothing but copies (--copies shows them)`,
    ...problems
      .slice(0, SHOWN_PROBLEMS)
      .map(({ path, line, message }) => `not searched: ${path}${line === 0 ? "" : `:${line}`}: ${message}`),
    more > 0 && `… and ${formatCount(more)} more such places`,
  ];
  return messages.filter((message) => message !== false).map((message) => `${escapeText(message)}\n`);
}
