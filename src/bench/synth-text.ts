/**
 * The words of synthetic rollouts: prompts, answers, commands, and terminal output.
 *
 * Lines and sentences are put together from pieces of some twenty letters, of which there are thousands: a text packs about as
 * well as a real one, and what repeats over a long distance in a rollout is what was repeated on purpose. All pieces are made once
 * per seed, are plain ASCII, and hold nothing that JSON would escape, so that a text is made by joining them.
 */
import { Rng } from "./rng.ts";

/** A power of two, so that the low bits of a random number choose. */
const PIECES = 4096;
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
  /** Terminal output of about that many bytes, at most half a mebibyte of them, whole lines, escaped for JSON. */
  output(rng: Rng, bytes: number): string;
  /** Opaque text of that many base64 letters (or up to three more), as encrypted reasoning is stored. */
  blob(rng: Rng, bytes: number): string;
  /** A shell command; holds no character that JSON would escape. */
  command(rng: Rng): string;
  /** What a user asks, unescaped; now and then longer than a line, and not always in ASCII. */
  prompt(rng: Rng): string;
  /** A few sentences, escaped for JSON. */
  answer(rng: Rng): string;
  /** What a compaction leaves of a long talk, escaped for JSON. */
  summary(rng: Rng): string;
  /** Instructions of about that many bytes, the same for all rollouts of a seed; escaped for JSON. */
  instructions(bytes: number): string;
}

/** What stands in the files of the project that everything is about. */
const PROJECT_BYTES = 1024 * 1024;
/** Share of the outputs that show a piece of it; all others are new. */
const SHOWN_AGAIN = 0.1;

export function synthText(seed: number): SynthText {
  const rng = new Rng(seed);
  const lines = lineMakers(rng);
  const clauses = pieces(() => [0, 1, 2].map(() => rng.pick(VOCABULARY)).join(" "));
  const prose = (random: Rng, low: number, high: number): string =>
    Array.from({ length: random.between(low, high) }, () => sentence(random, clauses)).join(" ");
  const fresh = (random: Rng, bytes: number): string => {
    const parts: string[] = [];
    for (let length = 0; length < bytes;) {
      const bits = random.bits();
      const line = (lines[(bits >>> 24) % lines.length] ?? brief)(bits, random);
      parts.push(line, BREAK);
      length += line.length + BREAK.length;
    }
    return parts.join("");
  };
  const project = fresh(rng, PROJECT_BYTES);
  return {
    output: (random, bytes) => (random.chance(SHOWN_AGAIN) ? cut(project, random, bytes) : fresh(random, bytes)),
    blob,
    command: (random) => fill(random.pick(COMMANDS), random),
    prompt: (random) =>
      random.chance(1 / 16)
        ? `Prüfe bitte »${random.pick(VOCABULARY)}« – ça marche? ✓\n${sentence(random, clauses)}`
        : prose(random, 1, 4),
    answer: (random) =>
      `${prose(random, 1, 12)}${BREAK}${BREAK}\`\`\`sh${BREAK}${fill(random.pick(COMMANDS), random)}${BREAK}\`\`\``,
    summary: (random) => `${SUMMARY_PREFIX}${BREAK}${prose(random, 20, 60)}`,
    instructions: (bytes) => project.slice(0, project.indexOf(BREAK, bytes) + BREAK.length),
  };
}

/** How Codex begins each summary (rollout-format §5.6). */
const SUMMARY_PREFIX =
  "Another language model started to solve this problem and produced a summary of its thinking process. You also have access to the state of the tools that were used by that language model. Use this to build on the work that has already been done and avoid duplicating work. Here is the summary produced by the other language model, use the information in this summary to assist with your own analysis:";

/** Makes a line of 24 random bits and as many more as it likes. */
type MakeLine = (bits: number, rng: Rng) => string;

const brief: MakeLine = () => "ok";

/** Lines as tools print them: matches with their place, listings, log lines with a clock, test results, diffs. */
function lineMakers(rng: Rng): readonly MakeLine[] {
  const word = (): string => rng.pick(VOCABULARY);
  const two = (low: number, high: number): string => String(rng.between(low, high)).padStart(2, "0");
  const paths = pieces(() => `src/${word()}/${word()}_${word()}.rs`);
  const calls = pieces(() => `${word()}.${word()}(${word()})`);
  const names = pieces(() => `${word()}::${word()}_${word()}`);
  const clocks = pieces(() => `${two(1, 28)}T${two(0, 23)}:${two(0, 59)}:${two(0, 59)}`);
  const numbers = pieces(() => String(rng.between(1, 9_999)));
  const digits = pieces(() => rng.hex(8));
  const first = (table: readonly string[], bits: number): string => table[bits & (PIECES - 1)] ?? "";
  const second = (table: readonly string[], bits: number): string => table[(bits >>> 12) & (PIECES - 1)] ?? "";
  return [
    (bits, more) => {
      const rest = more.bits();
      return `${first(paths, bits)}:${second(numbers, bits)}:    let ${first(names, rest)} = ${second(calls, rest)}?;`;
    },
    (bits, more) => {
      const rest = more.bits();
      return `-rw-r--r-- 1 dev dev ${first(numbers, bits).padStart(6)} Oct ${second(clocks, bits)} ${first(paths, rest)}`;
    },
    (bits, more) => {
      const rest = more.bits();
      return `[2026-10-${first(clocks, bits)}Z INFO  ${second(names, bits)}] ${first(calls, rest)} ${second(digits, rest)} in ${first(numbers, rest >>> 20)} ms`;
    },
    (bits) => `test ${first(names, bits)}_${second(numbers, bits)} ... ok`,
    (bits, more) => {
      const rest = more.bits();
      return `${rest >>> 31 === 1 ? "+" : "-"}        ${first(calls, bits)}, ${second(calls, bits)}, 0x${first(digits, rest)};`;
    },
  ];
}

function cut(text: string, rng: Rng, bytes: number): string {
  const from = text.indexOf(BREAK, rng.between(0, Math.max(0, text.length - bytes - 4096))) + BREAK.length;
  return text.slice(from, text.indexOf(BREAK, from + bytes) + BREAK.length);
}

function pieces(make: () => string): readonly string[] {
  return Array.from({ length: PIECES }, make);
}

function fill(template: string, rng: Rng): string {
  return template.replace(/%[sd]/gu, (hole) => (hole === "%d" ? String(rng.between(1, 9)) : rng.pick(VOCABULARY)));
}

function sentence(rng: Rng, clauses: readonly string[]): string {
  const text = Array.from({ length: rng.between(2, 6) }, () => rng.pick(clauses)).join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function blob(rng: Rng, bytes: number): string {
  const noise = Buffer.allocUnsafe(Math.ceil(bytes / 4) * 3);
  const words = noise.length >>> 2;
  for (let word = 0; word < words; word++) noise.writeUInt32LE(rng.bits(), word * 4);
  for (let at = words * 4; at < noise.length; at++) noise[at] = rng.bits();
  return noise.toString("base64");
}
