/** Executable files that behave like a Codex binary, or misbehave in a known way. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import type { CodexBinary } from "../../src/bench/codex.ts";

/** Lines of JSON from stdin go to `answer`; `out` writes one. */
const FRAME = `
const out = (message) => process.stdout.write(JSON.stringify(message) + "\\n");
let rest = "", onEnd = () => process.exit(0);
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\\n");
  rest = lines.pop();
  for (const line of lines) answer(JSON.parse(line));
});
process.stdin.on("end", () => onEnd());
setInterval(() => undefined, 1000);
`;

/** A program that runs under this Node. */
export function writeExecutable(path: string, script: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!${process.execPath}\n${script}`);
  chmodSync(path, 0o755);
  return path;
}

/** A server; `script` holds `function answer({ id, method, params })`, async or not. */
export function fakeServer(path: string, script: string): CodexBinary {
  return { version: "0.0.0", path: writeExecutable(path, FRAME + script) };
}
