/** The key `sqlite_home` of a home's configuration, when it names a folder of the home by its absolute path (§1.2). */
import { join } from "node:path";
import { lookAtPath } from "../compressor/files.ts";
import { lstatOrUndefined, readWholeFile, writeFully } from "../io/files.ts";
import type { Journal } from "../journal/journal.ts";
import type { Step } from "../journal/types.ts";
import { type FolderPair, rebased } from "./cwd-map.ts";

const KEY = /^([ \t]*sqlite_home[ \t]*=[ \t]*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*')/m;

/** The configuration with the new path in place of the old one; undefined when it says nothing of the old home. */
export function movedConfig(text: string, moved: FolderPair): string | undefined {
  const table = /^\s*\[/m.exec(text);
  const match = KEY.exec(table === null ? text : text.slice(0, table.index));
  const [whole = "", key = "", literal = ""] = match ?? [];
  if (match === null) return undefined;
  const target = rebased(valueOf(literal), moved);
  if (target === undefined) return undefined;
  return text.slice(0, match.index) + key + JSON.stringify(target) + text.slice(match.index + whole.length);
}

function valueOf(literal: string): string {
  if (literal.startsWith("'")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return "";
  }
}

/** Of a home that lies at its new place. */
export function configSteps(journal: Journal, codexHome: string, moved: FolderPair): readonly Step[] {
  const path = join(codexHome, "config.toml");
  if (lstatOrUndefined(path)?.isFile() !== true) return [];
  const text = movedConfig(readWholeFile(path).toString("utf8"), moved);
  const look = lookAtPath(path);
  if (text === undefined || look === undefined) return [];
  const staged = journal.stage(path, (fd) => writeFully(fd, Buffer.from(text), null, path), look);
  return [{ kind: "replace", path, look, staged }];
}
