/** The list of threads for people. Every text from the home is escaped on its way out. */
import { type ListedThread, sortTimeMs } from "../indexer/thread-query.ts";
import { escapeText } from "../io/console.ts";
import { fitText } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import type { ListAnswer, ShownThread } from "./list-answer.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "env" | "now">;

/** A first message may be a whole book: so many cells of it where the line has no end. */
const TITLE_CELLS = 120;
const FOLDER_CELLS = 30;

/** One line for each thread; empty for none. */
export function renderList(answer: ListAnswer, look: Look): string {
  const idLength = uniqueLength(
    answer.shown.map(({ thread }) => thread.id),
    answer.listing.threads.map(({ id }) => id),
  );
  const userHome = look.env["HOME"] ?? look.env["USERPROFILE"];
  const columns: readonly Column<ShownThread>[] = [
    { title: "id", value: ({ thread }) => thread.id.slice(0, idLength), paint: (text) => look.paint.cyan(text) },
    {
      title: answer.sort === "recency" ? "active" : answer.sort,
      value: ({ thread }) => ageText(look.now() - sortTimeMs(thread, answer.sort), sortTimeMs(thread, answer.sort)),
      align: "right",
    },
    { title: "folder", value: ({ thread }) => shortFolder(thread.cwd, userHome), flexible: true, min: 12 },
    { title: "flags", value: ({ flags }) => flags.filter(isTold).join(" "), paint: (text) => look.paint.yellow(text) },
    { title: "thread", value: ({ thread }) => titleOf(thread), flexible: true, min: 20 },
  ];
  const hasFlags = answer.shown.some(({ flags }) => flags.some(isTold));
  return renderTable(
    columns.filter(({ title }) => hasFlags || title !== "flags"),
    answer.shown,
    look,
  );
}

/** After a move every line would have this flag: a message says it once. */
function isTold(flag: string): boolean {
  return flag !== "moved";
}

/** Name, else title, else first message, on one line. */
function titleOf({ name, title, preview }: ListedThread): string {
  const text = [name ?? "", title, preview].find((candidate) => candidate.trim() !== "") ?? "(no message)";
  return fitText(
    escapeText(
      text
        .slice(0, 4 * TITLE_CELLS)
        .replace(/\s+/g, " ")
        .trim(),
    ),
    TITLE_CELLS,
  );
}

/** Characters of an id that tell it from every other id of the home; at least 8, and never a trailing hyphen. */
export function uniqueLength(shown: readonly string[], all: readonly string[]): number {
  const sorted = [...new Set(all)].toSorted();
  const at = new Map(sorted.map((id, index) => [id, index]));
  let length = 8;
  for (const id of shown) {
    const index = at.get(id) ?? 0;
    for (const neighbour of [sorted[index - 1], sorted[index + 1]])
      length = Math.max(length, commonLength(id, neighbour) + 1);
  }
  return HYPHENS.has(length - 1) ? length + 1 : Math.min(length, ID_LENGTH);
}

const ID_LENGTH = 36;
const HYPHENS: ReadonlySet<number> = new Set([8, 13, 18, 23]);

function commonLength(a: string, b = ""): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago; the date (UTC) where that is more than a month, or in the future by more than a day. */
export function ageText(ageMs: number, timeMs: number): string {
  if (timeMs <= 0) return "";
  if (ageMs < -DAY_MS || ageMs >= 30 * DAY_MS) return dateText(timeMs);
  if (ageMs < MINUTE_MS) return "now";
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min`;
  return ageMs < 2 * DAY_MS ? `${Math.floor(ageMs / HOUR_MS)} h` : `${Math.floor(ageMs / DAY_MS)} d`;
}

function dateText(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10);
}

/** `/home/user/a` → `~/a`; of a long folder the last parts. */
export function shortFolder(cwd: string, userHome: string | undefined): string {
  const text = shortHome(cwd, userHome);
  if (text.length <= FOLDER_CELLS) return text;
  const parts = text.split(/[/\\]/);
  let tail = parts.pop() ?? "";
  for (let part = parts.pop(); part !== undefined && tail.length + part.length < FOLDER_CELLS - 2; part = parts.pop()) {
    tail = `${part}/${tail}`;
  }
  return `…/${tail}`;
}

export function shortHome(path: string, userHome: string | undefined): string {
  if (userHome === undefined || userHome === "") return path;
  if (path === userHome) return "~";
  return path.startsWith(`${userHome}/`) ? `~${path.slice(userHome.length)}` : path;
}

/** Lines for stderr: where the list comes from if not from the index, what is not shown, and what is wrong. */
export function listMessages(answer: ListAnswer): readonly string[] {
  const { listing, shown, matched, hidden, breaking } = answer;
  const count = (flag: string): number => shown.filter(({ flags }) => flags.includes(flag)).length;
  const more = matched - shown.length;
  const messages = [
    listing.databaseProblem !== undefined &&
      `no usable index (${listing.databaseState}: ${listing.databaseProblem}); this list comes from the rollouts. rollout-tool reindex makes one`,
    matched === 0 && hidden === 0 && "no thread matches",
    more > 0 && `… and ${more} more ${threads(more)} (--limit 0 shows all)`,
    hidden > 0 &&
      `${hidden} ${threads(hidden)} hidden as in Codex: no first message, or attached to another (--hidden shows them)`,
    ...listing.rejected.slice(0, SHOWN_REJECTED).map(({ path, reason }) => `not usable as a whole: ${path}: ${reason}`),
    listing.rejected.length > SHOWN_REJECTED && `… and ${listing.rejected.length - SHOWN_REJECTED} more such files`,
    count("moved") > 0 &&
      `the index names ${count("moved")} files of another folder, as after a move; rollout-tool reindex puts it right`,
    count("missing") + count("elsewhere") > 0 &&
      `${count("missing") + count("elsewhere")} of these threads have no rollout where the index says`,
    breaking > 0 &&
      `${breaking} ${breaking === 1 ? "row makes" : "rows make"} Codex refuse its whole list (--all --hidden --json: flag breaks-codex)`,
  ];
  return messages.filter((message) => message !== false).map((message) => `${escapeText(message)}\n`);
}

const SHOWN_REJECTED = 5;

function threads(count: number): string {
  return count === 1 ? "thread" : "threads";
}
