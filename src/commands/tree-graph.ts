/** The tree of threads as input for programs that draw: Mermaid and Graphviz. Labels are escaped for each of them. */
import { escapeText } from "../io/console.ts";
import { fitText } from "../io/text.ts";
import type { FamilyThread } from "../thread/family.ts";
import { agentText, flagsOf, stepsOf, type TreeAnswer } from "./tree-answer.ts";

/** One box and, but for roots, the line that leads to it. Ids of threads are labels only: boxes are numbered. */
interface Box {
  readonly name: string;
  readonly lines: readonly string[];
  readonly from: string | undefined;
  readonly by: string;
  readonly look: "asked" | "archived" | "gone" | undefined;
}

function boxesOf(answer: TreeAnswer): readonly Box[] {
  const names = new Map<string, string>();
  return [...stepsOf(answer)].map(({ thread, by }) => {
    const name = `t${names.size}`;
    names.set(thread.id, name);
    const from = by === undefined || thread.stem === undefined ? undefined : names.get(thread.stem.id);
    const isAttached = by === "fork" && thread.facts?.isAttached === true;
    return {
      name,
      lines: labelOf(thread, answer),
      from,
      by: isAttached ? "attached" : (by ?? ""),
      look: lookOf(thread, answer),
    };
  });
}

const LABEL_CELLS = 48;

function labelOf(thread: FamilyThread, answer: TreeAnswer): readonly string[] {
  const texts = [
    thread.id,
    agentText(thread.facts),
    answer.titles.get(thread.id) ?? "",
    flagsOf(thread, answer).join(" "),
  ];
  return texts
    .map((text) =>
      fitText(
        escapeText(
          text
            .slice(0, 4 * LABEL_CELLS)
            .replace(/\s+/g, " ")
            .trim(),
        ),
        LABEL_CELLS,
      ),
    )
    .filter((text) => text !== "");
}

function lookOf({ id, files, facts }: FamilyThread, { asked }: TreeAnswer): Box["look"] {
  if (id === asked) return "asked";
  if (files.length === 0) return "gone";
  return facts?.archived === true ? "archived" : undefined;
}

/** https://mermaid.js.org/syntax/flowchart.html */
export function renderMermaid(answer: TreeAnswer): string {
  const lines = ["flowchart LR"];
  for (const { name, lines: label, from, by, look } of boxesOf(answer)) {
    lines.push(`  ${name}["${label.map(mermaidText).join("<br/>")}"]${look === undefined ? "" : `:::${look}`}`);
    if (from !== undefined) lines.push(`  ${from} ${by === "agent" ? "-->" : "-.->"}|${by}| ${name}`);
  }
  lines.push(
    "  classDef asked stroke-width:3px",
    "  classDef archived opacity:0.6",
    "  classDef gone stroke-dasharray:4",
  );
  return `${lines.join("\n")}\n`;
}

/** Everything but plain characters as an entity: labels are taken for Markdown and for HTML. */
function mermaidText(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:/…⑂↳-]/gu, (character) => `#${character.codePointAt(0) ?? 0};`);
}

/** https://graphviz.org/doc/info/lang.html */
export function renderDot(answer: TreeAnswer): string {
  const lines = ["digraph threads {", "  rankdir=LR;", '  node [shape=box, fontname="monospace"];'];
  for (const { name, lines: label, from, by, look } of boxesOf(answer)) {
    lines.push(
      `  ${name} [label="${label.map(dotText).join("\\n")}"${look === undefined ? "" : `, ${DOT_LOOKS[look]}`}];`,
    );
    if (from !== undefined)
      lines.push(`  ${from} -> ${name} [label="${by}"${by === "agent" ? "" : ", style=dashed"}];`);
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

const DOT_LOOKS: Readonly<Record<NonNullable<Box["look"]>, string>> = {
  asked: "penwidth=3",
  archived: "color=gray, fontcolor=gray",
  gone: "style=dashed",
};

function dotText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
