/** The tree of threads for people. Every text from the home is escaped on its way out. */
import { escapeText } from "../io/console.ts";
import { fitText, formatCount, textWidth } from "../io/text.ts";
import { agentsBelow, type FamilyThread, type Step } from "../thread/family.ts";
import type { CommandContext } from "./command.ts";
import { uniqueLength } from "./list-text.ts";
import { oneLine, renderFields } from "./render.ts";
import { CACHE_RULES, type FollowedHistory } from "./thread-lineage.ts";
import { agentText, flagsOf, stepsOf, type TreeAnswer } from "./tree-answer.ts";

export interface TreeLook extends Pick<CommandContext, "paint" | "columns"> {
  readonly ascii: boolean;
}

interface Glyphs {
  readonly through: string;
  readonly gap: string;
  readonly branch: string;
  readonly last: string;
  readonly fork: string;
  readonly agent: string;
}

const LINES: Glyphs = { through: "│  ", gap: "   ", branch: "├─ ", last: "└─ ", fork: "⑂ ", agent: "↳ " };
const ASCII: Glyphs = { through: "|  ", gap: "   ", branch: "|- ", last: "`- ", fork: "Y ", agent: "> " };

/** Deeper than this the lines of a tree would fill the terminal; then the depth is told as a number. */
const DRAWN_DEPTH = 24;
/** A title may be a whole book: so many cells of it where the line has no end. */
const TITLE_CELLS = 120;

/** One line for each thread; empty for none. Below the tree of one thread what else is known of it. */
export function renderTree(answer: TreeAnswer, look: TreeLook): string {
  const steps = [...stepsOf(answer)];
  const ids = steps.map(({ thread }) => thread.id);
  const idLength = uniqueLength(ids, [...answer.family.threads.keys()]);
  const lines = linesOf(steps, answer, look, idLength);
  const asked = answer.asked === undefined ? undefined : answer.family.threads.get(answer.asked);
  return asked === undefined ? lines : `${lines}\n${renderAsked(asked, answer, look)}`;
}

function linesOf(steps: readonly Step[], answer: TreeAnswer, look: TreeLook, idLength: number): string {
  const glyphs = look.ascii ? ASCII : LINES;
  /** By depth, whether another branch follows further down. */
  const open: boolean[] = [];
  return steps
    .map((step) => {
      open.length = step.depth;
      open.push(!step.isLast);
      return `${lineOf(step, guides(step, open, glyphs), answer, { ...look, idLength })}\n`;
    })
    .join("");
}

function guides({ by, depth, isLast }: Step, open: readonly boolean[], glyphs: Glyphs): string {
  if (by === undefined) return "";
  const branch = isLast ? glyphs.last : glyphs.branch;
  const mark = by === "fork" ? glyphs.fork : glyphs.agent;
  if (depth > DRAWN_DEPTH) return `(${depth}) ${branch}${mark}`;
  const through = open.slice(1, depth).map((isOpen) => (isOpen ? glyphs.through : glyphs.gap));
  return through.join("") + branch + mark;
}

function lineOf(
  { thread }: Step,
  lead: string,
  answer: TreeAnswer,
  { paint, columns, idLength }: TreeLook & { readonly idLength: number },
): string {
  const parts: readonly (readonly [gap: string, text: string, brush: (text: string) => string])[] = [
    ["", lead, paint.dim],
    ["", escapeText(thread.id.slice(0, idLength)), thread.id === answer.asked ? paint.bold : paint.cyan],
    [GAP, oneLine(agentText(thread.facts), TITLE_CELLS), (text) => text],
    [GAP, flagsOf(thread, answer).join(" "), paint.yellow],
    [GAP, oneLine(answer.titles.get(thread.id) ?? "", TITLE_CELLS), (text) => text],
  ];
  let left = columns ?? Number.POSITIVE_INFINITY;
  let line = "";
  for (const [gap, text, brush] of parts) {
    if (text === "" || left <= gap.length) continue;
    const fitted = fitText(text, left - gap.length);
    left -= gap.length + textWidth(fitted);
    line += gap + brush(fitted);
  }
  return line;
}

const GAP = "  ";

function renderAsked(thread: FamilyThread, answer: TreeAnswer, { paint }: TreeLook): string {
  const { id, files, session, cacheKey, branches } = thread;
  const agents = agentsBelow(answer.family, id).length;
  const forks = branches.filter(({ by }) => by === "fork").length;
  return renderFields(
    [
      ["thread", id],
      ["root", thread.rootId === id ? undefined : thread.rootId],
      ["session", `${session.id ?? "unknown"}${session.rule === "carried" ? " (from the agent above)" : ""}`],
      ["cache key", `${cacheKey.key ?? "unknown"} (${CACHE_RULES[cacheKey.rule]})`],
      ["agents", agents === 0 ? undefined : `${formatCount(agents)} at any depth`],
      ["forks", forks === 0 ? undefined : formatCount(forks)],
      ["history", answer.history && historyText(answer.history)],
      ["file", files[0]?.path],
      [
        "older files",
        files.length < 2
          ? undefined
          : files
              .slice(1, 1 + SHOWN)
              .map(({ path }) => path)
              .join(", "),
      ],
    ],
    paint,
  );
}

function historyText(history: FollowedHistory): string {
  if (!history.ok) return `cannot be followed: ${history.message}`;
  const { length } = history.chain.segments;
  return length === 1 ? "in this file alone" : `in ${formatCount(length)} files, of which the older are shared`;
}

const SHOWN = 5;

/** Lines for stderr: what is not drawn, and what is wrong. */
export function treeMessages({ roots, leftOut, problems, indexProblem }: TreeAnswer): readonly string[] {
  const messages = [
    indexProblem !== undefined && `no usable index (${indexProblem}); threads have no titles`,
    roots.length === 0 && leftOut === 0 && "no threads",
    leftOut > 0 && `${formatCount(leftOut)} ${leftOut === 1 ? "family" : "families"} not drawn`,
    ...problems.slice(0, SHOWN).map(({ path, message }) => `not in the tree: ${path}: ${message}`),
    problems.length > SHOWN && `… and ${formatCount(problems.length - SHOWN)} more such files`,
  ];
  return messages.filter((message) => message !== false).map((message) => `${escapeText(message)}\n`);
}

/** Whether the locale that is set cannot show more than ASCII. Where none is set, as on Windows, the terminal is trusted. */
export function wantsAscii(env: CommandContext["env"]): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale !== undefined && !/utf-?8/i.test(locale);
}
