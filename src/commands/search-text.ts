/** What a search found, for people: a heading for each thread, below it its files, turns and hits. Every recorded text is escaped. */
import type { SearchHit, SearchReport, Snippet, ThreadHits } from "../analysis/search-types.ts";
import { parseTimestamp } from "../format/names.ts";
import { escapeText } from "../io/console.ts";
import { fitText, formatCount, padText, textWidth } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { ageText, shortHome } from "./list-text.ts";
import { oneLine } from "./render.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "env" | "now">;

const GAP = "  ";
const NAME_CELLS = 80;
const SPEAKER_CELLS = 16;
const ID_CELLS = 64;

/** Threads with an empty line between them; empty for none. */
export function renderSearch(
  { threads }: SearchReport,
  names: ReadonlyMap<string | undefined, string>,
  shownHits: number,
  look: Look,
): string {
  return threads.map((thread) => renderThread(thread, names.get(thread.id), shownHits, look)).join("\n");
}

function renderThread(thread: ThreadHits, name: string | undefined, shownHits: number, look: Look): string {
  const { paint } = look;
  const hits = shownHits === 0 ? thread.hits : thread.hits.slice(0, shownHits);
  const width = Math.max(0, ...hits.map(({ line }) => String(line).length));
  const speakers = Math.min(SPEAKER_CELLS, Math.max(0, ...hits.map((hit) => textWidth(speakerOf(hit)))));
  const lines = [headLine(thread, name, look)];
  let [path, turn]: (string | undefined)[] = [undefined, undefined];
  for (const hit of hits) {
    if (hit.path !== path) lines.push(paint.dim(escapeText(shortHome(hit.path, userHome(look)))));
    if (hit.turnId !== turn && hit.turnId !== undefined)
      lines.push(paint.dim(`${GAP}turn ${oneLine(hit.turnId, ID_CELLS)}`));
    ({ path, turnId: turn } = hit);
    lines.push(hitLine(hit, width, speakers, look));
  }
  const more = thread.hits.length - hits.length;
  if (more > 0) lines.push(paint.dim(`${GAP}… and ${formatCount(more)} more (--hits 0 shows all)`));
  return lines.map((line) => `${line}\n`).join("");
}

/** Name, id, folder, age and state; what does not fit is left to the next line of the terminal, since ids are for copying. */
function headLine(thread: ThreadHits, name: string | undefined, look: Look): string {
  const { paint } = look;
  const createdMs = parseTimestamp(thread.createdAt) ?? 0;
  const folder = shortHome(thread.cwd, userHome(look));
  const parts = [
    name === undefined ? "" : paint.bold(oneLine(name, NAME_CELLS)),
    thread.id === undefined ? "" : paint.cyan(oneLine(thread.id, ID_CELLS)),
    escapeText(folder),
    ageText(look.now() - createdMs, createdMs),
    thread.archived ? paint.yellow("archived") : "",
  ];
  return parts.filter((part) => part !== "").join(GAP);
}

function userHome({ env }: Look): string | undefined {
  return env["HOME"] ?? env["USERPROFILE"];
}

function hitLine(hit: SearchHit, width: number, speakers: number, { paint, columns }: Look): string {
  const place = padText(hit.line === 0 ? "" : String(hit.line), width, "right");
  const speaker = padText(fitText(speakerOf(hit), speakers), speakers);
  const flags = [hit.isCopied ? "copied" : "", hit.isReverted ? "reverted" : ""]
    .filter((flag) => flag !== "")
    .join(" ");
  const lead = `${GAP}${place}${GAP}${speaker}${GAP}${flags === "" ? "" : `${flags}${GAP}`}`;
  const cells = columns === undefined ? undefined : Math.max(20, columns - textWidth(lead));
  const told = `${GAP}${paint.cyan(place)}${GAP}${speaker}${GAP}${flags === "" ? "" : `${paint.yellow(flags)}${GAP}`}`;
  return told + snippetLine(hit.snippet, cells, paint);
}

function speakerOf({ speaker, kind }: SearchHit): string {
  const name = oneLine(speaker, SPEAKER_CELLS);
  return kind === "message" || kind === "other"
    ? name
    : kind === "reasoning"
      ? "reasoning"
      : `${name} ${kind === "output" ? ">" : "$"}`;
}

/** The match painted, and as much around it as fits: of what stands in front the end. */
function snippetLine({ text, start, end }: Snippet, cells: number | undefined, paint: Look["paint"]): string {
  const [before, match, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)].map((part) =>
    escapeText(part),
  );
  const whole = [before, match, after].join("");
  if (cells === undefined || textWidth(whole) <= cells) return `${before}${paint.red(match ?? "")}${after}`;
  const shownMatch = fitText(match ?? "", cells);
  const left = cells - textWidth(shownMatch);
  const lead = fitEnd(before ?? "", Math.min(textWidth(before ?? ""), Math.floor(left / 3)));
  return `${lead}${paint.red(shownMatch)}${fitText(after ?? "", left - textWidth(lead))}`;
}

/** The end of a text in so many cells; a cut shows as `…`. */
function fitEnd(text: string, cells: number): string {
  if (textWidth(text) <= cells) return text;
  const characters = Array.from(text);
  const at = characters.findIndex((_character, index) => textWidth(`…${characters.slice(index).join("")}`) <= cells);
  return at === -1 ? "" : `…${characters.slice(at).join("")}`;
}
