/**
 * The words of synthetic rollouts: prompts, answers, commands, and one large pool of terminal output to cut pieces from.
 *
 * Everything is made once per seed and already escaped for JSON, so that a rollout of any size is put together by cutting and
 * joining strings. The pool is plain ASCII without backslashes but for its line breaks: any piece that begins after one break
 * and ends with another is valid inside a JSON string, and costs one byte a character.
 */
import { Rng } from "./rng.ts";

const POOL_BYTES = 2 * 1024 * 1024;
const BLOB_BYTES = 512 * 1024;
/** A line break as it stands inside a JSON string. */
const BREAK = "\\n";

const WORDS =
  "parser index reader writer buffer offset record thread window turn token cache frame chunk header footer schema column " +
  "table query cursor page commit branch merge patch build test bench lint types module import export config option flag path " +
  "folder file link mode owner time size count limit error warning retry signal process worker queue socket stream client server";
const VOCABULARY = WORDS.split(" ");

const COMMANDS = [
  "rg -n '%s' src",
  "sed -n '1,%d0p' src/%s/%s.rs",
  "cargo test -p %s -- %s",
  "git log --oneline -%d -- %s",
  "npm run %s -- --%s",
  "ls -la src/%s",
  "cat docs/%s.md",
  "git diff --stat HEAD~%d",
];

export interface SynthText {
  /** A piece of terminal output of about that many bytes, whole lines, escaped for JSON. */
  output(rng: Rng, bytes: number): string;
  /** Opaque text in base64 letters, as encrypted reasoning is stored. */
  blob(rng: Rng, bytes: number): string;
  /** A shell command; holds no character that JSON would escape. */
  command(rng: Rng): string;
  /** What a user asks, unescaped; now and then longer than a line, and not always in ASCII. */
  prompt(rng: Rng): string;
  /** A few sentences, escaped for JSON. */
  answer(rng: Rng): string;
  /** Instructions of about that many bytes, the same for all rollouts of a seed; escaped for JSON. */
  instructions(bytes: number): string;
}

export function synthText(seed: number): SynthText {
  const rng = new Rng(seed);
  const pool = makePool(rng);
  const blobs = makeBlob(rng);
  const answers = Array.from({ length: 256 }, () => makeAnswer(rng));
  const prompts = Array.from({ length: 256 }, (_, index) => makePrompt(rng, index));
  return {
    output: (random, bytes) => cut(pool, random, bytes),
    blob: (random, bytes) => {
      const from = random.between(0, BLOB_BYTES - bytes);
      return blobs.slice(from, from + bytes);
    },
    command: (random) => fill(random.pick(COMMANDS), random),
    prompt: (random) => `${random.pick(prompts)} (${random.hex(6)})`,
    answer: (random) => random.pick(answers),
    instructions: (bytes) => pool.slice(0, pool.indexOf(BREAK, bytes) + BREAK.length),
  };
}

function cut(pool: string, rng: Rng, bytes: number): string {
  const from = pool.indexOf(BREAK, rng.between(0, POOL_BYTES - bytes - 4096)) + BREAK.length;
  return pool.slice(from, pool.indexOf(BREAK, from + bytes) + BREAK.length);
}

function fill(template: string, rng: Rng): string {
  return template.replace(/%[sd]/gu, (hole) => (hole === "%d" ? String(rng.between(1, 9)) : rng.pick(VOCABULARY)));
}

/** Lines as tools print them: listings, matches with their place, log lines with a clock, diffs. */
function makePool(rng: Rng): string {
  const lines: string[] = [];
  for (let bytes = 0; bytes < POOL_BYTES;) {
    const line = makeLine(rng);
    lines.push(line);
    bytes += line.length + BREAK.length;
  }
  return lines.join(BREAK) + BREAK;
}

function makeLine(rng: Rng): string {
  const word = (): string => rng.pick(VOCABULARY);
  const place = `src/${word()}/${word()}_${word()}.rs`;
  switch (rng.between(0, 4)) {
    case 0:
      return `${place}:${String(rng.between(1, 2000))}:    let ${word()} = ${word()}.${word()}(${word()})?;`;
    case 1:
      return `-rw-r--r-- 1 dev dev ${String(rng.between(100, 90_000)).padStart(6)} Oct ${String(rng.between(1, 28))} 10:${String(rng.between(10, 59))} ${word()}.${word()}`;
    case 2:
      return `[2026-10-${String(rng.between(10, 28))}T10:${String(rng.between(10, 59))}:${String(rng.between(10, 59))}Z INFO  ${word()}::${word()}] ${word()} ${word()} ${rng.hex(12)} in ${String(rng.between(1, 900))} ms`;
    case 3:
      return `test ${word()}::${word()}_${word()}_${word()} ... ok`;
    default:
      return `${rng.chance(0.5) ? "+" : "-"}        ${word()}.${word()}(${word()}, ${word()}, 0x${rng.hex(8)});`;
  }
}

function makeBlob(rng: Rng): string {
  const bytes = Buffer.allocUnsafe((BLOB_BYTES / 4) * 3);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(rng.bits(), at);
  return bytes.toString("base64");
}

function sentence(rng: Rng): string {
  const words = Array.from({ length: rng.between(6, 18) }, () => rng.pick(VOCABULARY));
  const text = words.join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function makeAnswer(rng: Rng): string {
  const text = Array.from({ length: rng.between(1, 12) }, () => sentence(rng)).join(" ");
  return JSON.stringify(`${text}\n\n\`\`\`sh\n${fill(rng.pick(COMMANDS), rng)}\n\`\`\``).slice(1, -1);
}

function makePrompt(rng: Rng, index: number): string {
  if (index % 16 === 0) return `Prüfe bitte »${rng.pick(VOCABULARY)}« – ça marche? ✓\n${sentence(rng)}`;
  return Array.from({ length: rng.between(1, 4) }, () => sentence(rng)).join(rng.chance(0.3) ? "\n" : " ");
}
