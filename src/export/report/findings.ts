/** What `verify` found, by code, the most severe first: what it does, what mends it, and where it is. */
import { formatCount } from "../../io/text.ts";
import { countOf } from "./lineage.ts";
import { moreNote } from "./html.ts";
import type { FindingGroup, FindingPlace, FindingsView, Severity } from "./model.ts";
import { escapeHtml, recorded } from "./text.ts";

/** Of one code, before the rest is folded away. */
const OPEN_PLACES = 3;

export function findingsBody({ codes, notDecoded, scope }: FindingsView): string {
  const notes = [
    ...(codes.length === 0 ? ["Nothing is wrong with what was looked at."] : []),
    ...(notDecoded > 0
      ? [
          `${countOf(notDecoded, "archive was", "archives were")} looked at from outside only: verify --read-data all decodes them.`,
        ]
      : []),
    ...(scope === "files" ? ["Databases and names are checked for a whole home only."] : []),
  ];
  return codes.map(groupOf).join("\n") + notes.map((note) => `<p class="soft">${escapeHtml(note)}</p>`).join("");
}

function groupOf({ code, severity, meaning, effect, mend, count, places }: FindingGroup): string {
  const place = (one: FindingPlace): string => placeOf(one, meaning);
  const open = places.items.slice(0, OPEN_PLACES);
  const folded = places.items.slice(OPEN_PLACES);
  const rest =
    folded.length === 0
      ? ""
      : `<details><summary>${countOf(folded.length, "more place")}</summary><ul>${folded.map(place).join("")}</ul></details>`;
  return (
    `<article class="finding ${severity}"><h3><span class="tone">${severity}</span> <code>${escapeHtml(code)}</code> <span class="soft">× ${formatCount(count)}</span></h3>` +
    `<p>${escapeHtml(meaning)}</p><p><b>Effect:</b> ${escapeHtml(effect)}</p><p><b>Mend:</b> ${escapeHtml(mend)}</p>` +
    `<ul>${open.map(place).join("")}</ul>${rest}${moreNote(places.left, "places")}</article>`
  );
}

/** What says no more than its meaning is not said again. */
function placeOf({ path, line, threadId, message }: FindingPlace, meaning: string): string {
  const where =
    path === "" ? "" : `<code>${recorded(path, 300)}</code>${line === undefined ? "" : `:${formatCount(line)}`} `;
  const whose = threadId === undefined ? "" : ` <span class="soft">thread ${recorded(threadId, 64)}</span>`;
  return `<li>${where}${message === meaning && where + whose !== "" ? "" : recorded(message, 400)}${whose}</li>`;
}

/** The page's first sentence, and its tone. */
export function verdictOf({
  counts,
}: FindingsView): readonly [tone: "good" | "bad" | "unclear", sign: string, words: string] {
  const words = (["error", "warning", "note"] as const).map((severity) => wordsOf(severity, counts[severity]));
  const told = words.filter((word) => word !== "").join(", ");
  if (counts.error > 0) return ["bad", "✕", told];
  if (counts.warning > 0) return ["unclear", "!", told];
  return ["good", "✓", told === "" ? "nothing found that is broken" : told];
}

function wordsOf(severity: Severity, count: number): string {
  return count === 0 ? "" : countOf(count, severity);
}
