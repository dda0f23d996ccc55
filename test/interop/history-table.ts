/** Tables of what was equal, for whoever asks for them. */
import { appendFileSync } from "node:fs";

/** Appends to the file that ROLLOUT_TOOL_TABLES names, if it names one. The first row is the head. */
export function writeTable(title: string, rows: readonly (readonly (string | number)[])[]): void {
  const file = process.env["ROLLOUT_TOOL_TABLES"];
  const [head = [], ...body] = rows;
  if (file === undefined || body.length === 0) return;
  const lines = [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);
  appendFileSync(file, `${title}\n\n${lines.join("\n")}\n\n`);
}
