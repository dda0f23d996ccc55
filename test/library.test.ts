/** The library as a program uses it: what `docs/library.md` shows is run, and each name that it lists is there, and no other. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import * as library from "../src/index.ts";
import { temporaryFolder } from "./support/homes.ts";
import { readText, ROOT } from "./support/sources.ts";

const folder = temporaryFolder();
const BUILT = join(ROOT, "dist", "index.js");
const text = readText("docs/library.md");

function block(language: string): string {
  return new RegExp("```" + language + "\\n(.*?)```", "s").exec(text)?.[1] ?? "";
}

it("does what its document shows", () => {
  expect(existsSync(BUILT), `${BUILT} is made by "npm run build"`).toBe(true);
  const program = join(folder.path, "example.mjs");
  writeFileSync(program, block("js").replace('"rollout-tool"', JSON.stringify(pathToFileURL(BUILT).href)));
  const { stdout, stderr } = spawnSync(process.execPath, [program], { cwd: ROOT, encoding: "utf8" });
  expect([stdout, stderr]).toEqual([block("text"), ""]);
});

it("exports what its document lists, and the document lists all of it", () => {
  const listed = text.slice(text.indexOf("## Everything that is exported")).matchAll(/^\| (`[^|]*) \|/gm);
  const names = [...listed].flatMap(([, cell = ""]) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name = ""]) => name));
  const exported = [...readText("src/index.ts").matchAll(/^export (?:type )?\{(.*?)\}/gms)].flatMap(([, list = ""]) =>
    list.split(",").flatMap((name) => name.replace("type ", "").trim() || []),
  );
  expect(names.toSorted()).toEqual(exported.toSorted());
  expect(names).toEqual(expect.arrayContaining(Object.keys(library)));
});
