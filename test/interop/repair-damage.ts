/** Ways in which the rollout of a thread gets damaged so that nothing, or one known line, is lost: what is on the disk then. */
import { compressZstd } from "../../src/io/zstd.ts";
import { linesOf } from "../thread/shorthand.ts";

/** By path relative to the home. */
export type Files = Readonly<Record<string, Buffer>>;

export interface RolloutDamage {
  readonly name: string;
  /** Which threads it is done to. Default: one of either kind. */
  readonly only?: "legacy" | "paginated";
  /** `lines` are without line ends; `path` is that of the plain file. */
  readonly damage: (lines: readonly string[], path: string) => Files;
  /** What the thread has afterwards, where a line is lost for good. */
  readonly left?: (lines: readonly string[]) => readonly string[];
}

export function textOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(""));
}

/** With bytes put in before a line. */
function before(at: number, bytes: string | Buffer): RolloutDamage["damage"] {
  return (lines, path) => ({
    [path]: Buffer.concat([textOf(lines.slice(0, at)), Buffer.from(bytes as string), textOf(lines.slice(at))]),
  });
}

function behind(bytes: string | Buffer): RolloutDamage["damage"] {
  return (lines, path) => ({ [path]: Buffer.concat([textOf(lines), Buffer.from(bytes as string)]) });
}

/** With the ordinals that a function gives; undefined: none. */
function numbered(change: (ordinal: number, count: number) => number | undefined): RolloutDamage["damage"] {
  return (lines, path) => ({
    [path]: textOf(
      lines.map((line, index) => {
        const ordinal = change(index, lines.length);
        return line.replace(/"ordinal":\d+,/, ordinal === undefined ? "" : `"ordinal":${ordinal},`);
      }),
    ),
  });
}

const HALF = '{"timestamp":"2026-11-21T00:29:50.000Z","type":"event_msg","payload":{"type":"user_mess';
const packed = (bytes: Buffer): Buffer => compressZstd(bytes, { checksum: true });
const NOT_UTF8 = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d, 0x0a]);
const LOST = 3;

export const ROLLOUT_DAMAGES: readonly RolloutDamage[] = [
  { name: "a byte order mark", damage: before(0, "\ufeff") },
  { name: "a torn last line", damage: behind(HALF) },
  { name: "a torn last line, cut within a character", damage: behind(Buffer.from([0x7b, 0x22, 0xc3])) },
  { name: "no line end", damage: (lines, path) => ({ [path]: textOf(lines).subarray(0, -1) }) },
  { name: "a line of NUL bytes", damage: before(4, `${"\0".repeat(5000)}\n`) },
  { name: "NUL bytes at the end", damage: behind("\0".repeat(4096)) },
  { name: "a line that is not UTF-8", damage: before(5, NOT_UTF8) },
  { name: "half a line", damage: before(5, `${HALF}\n`) },
  { name: "half a line in front of all", damage: before(0, `${HALF}\n`) },
  { name: "a record that was overwritten", damage: overwritten, left: (lines) => lines.toSpliced(LOST, 1) },
  {
    name: "two records on one line",
    only: "legacy",
    damage: (lines, path) => ({ [path]: textOf([...lines.slice(0, 3), `${lines[3]}${lines[4]}`, ...lines.slice(5)]) }),
    left: (lines) => lines.toSpliced(3, 2),
  },
  {
    name: "an event in front of the metadata",
    only: "legacy",
    damage: ([meta = "", begin = "", ...lines], path) => ({ [path]: textOf([begin, meta, ...lines]) }),
  },
  { name: "everything at once", damage: everything },
  { name: "the name of an archive", damage: (lines, path) => ({ [`${path}.zst`]: textOf(lines) }) },
  { name: "an archive without its name", damage: (lines, path) => ({ [path]: packed(textOf(lines)) }) },
  {
    name: "another folder",
    damage: (lines, path) => ({ [path.replace(/\/\d+\/\d+\/\d+\//, "/elsewhere/")]: textOf(lines) }),
  },
  {
    name: "bytes behind an archive",
    damage: (lines, path) => ({ [`${path}.zst`]: Buffer.concat([packed(textOf(lines)), Buffer.alloc(77)]) }),
  },
  {
    name: "a NUL line in an archive",
    damage: (lines, path) => ({ [`${path}.zst`]: packed(textOf([...lines, "\0\0\0"])) }),
  },
  {
    name: "an archive beside the same plain file",
    damage: (lines, path) => ({ [path]: textOf(lines), [`${path}.zst`]: packed(textOf(lines)) }),
  },
  {
    name: "an archive of an earlier state",
    damage: (lines, path) => ({ [path]: textOf(lines), [`${path}.zst`]: packed(textOf(lines.slice(0, -1))) }),
  },
  {
    name: "half of the plain file beside its archive",
    damage: (lines, path) => ({ [path]: textOf(lines).subarray(0, 700), [`${path}.zst`]: packed(textOf(lines)) }),
  },
  {
    name: "an empty plain file beside its archive",
    damage: (lines, path) => ({ [path]: Buffer.alloc(0), [`${path}.zst`]: packed(textOf(lines)) }),
  },
  {
    name: "a broken archive beside its plain file",
    damage: (lines, path) => ({ [path]: textOf(lines), [`${path}.zst`]: packed(textOf(lines)).subarray(0, -9) }),
  },
  {
    name: "a plain file without its name",
    damage: (lines, path) => ({ [path.replace(/\/(rollout-[^/]*)$/, "/.$1.aside.0123456789ab")]: textOf(lines) }),
  },
  {
    name: "no ordinal at the end",
    only: "paginated",
    damage: numbered((n, count) => (n === count - 1 ? undefined : n)),
  },
  { name: "ordinals missing", only: "paginated", damage: numbered((n) => (n === 4 || n === 5 ? undefined : n)) },
  { name: "an ordinal twice", only: "paginated", damage: numbered((n) => (n === 5 ? 4 : n)) },
  { name: "an ordinal far too high", only: "paginated", damage: numbered((n) => (n === 5 ? 500 : n)) },
  { name: "ordinals begun anew", only: "paginated", damage: numbered((n) => (n >= 8 ? n - 6 : n)) },
];

function overwritten(lines: readonly string[], path: string): Files {
  return { [path]: textOf(lines.with(LOST, (lines[LOST] ?? "").replaceAll(/./g, "\0"))) };
}

function everything(lines: readonly string[], path: string): Files {
  const bytes = [
    Buffer.from("\ufeff"),
    textOf(lines.slice(0, 3)),
    NOT_UTF8,
    Buffer.from("\0\0\n"),
    textOf(lines.slice(3, 6)),
    Buffer.from(`${HALF}\n`),
    textOf(lines.slice(6)),
    Buffer.from(HALF),
  ];
  return { [path]: Buffer.concat(bytes) };
}

const item = (turn: string, payload: Readonly<Record<string, unknown>>): string =>
  `RECORD ${JSON.stringify({ type: "event_msg", payload: { type: "item_completed", thread_id: "$ID", turn_id: turn, item: payload, completed_at_ms: 1 } })}`;

const LEGACY = ["META", "complete t1", "TS t2", "UE u2", "TX t2 m2", "U u2", "FC c1", "FO c1 done", "A a2", "TC t2"];
const PAGINATED = [
  "META paginated",
  ...[1, 2].flatMap((n) => [
    `TS t${n}`,
    `TX t${n} m${n}`,
    `U u${n}`,
    item(`t${n}`, { type: "UserMessage", id: `u${n}`, content: [{ type: "text", text: `u${n}`, text_elements: [] }] }),
    `A a${n}`,
    item(`t${n}`, {
      type: "AgentMessage",
      id: `a${n}`,
      content: [{ type: "Text", text: `a${n}` }],
      phase: "final_answer",
    }),
    `TC t${n}`,
  ]),
];

/** Two turns of a thread, sound. */
export function threadLines(kind: "legacy" | "paginated", threadId: string, cwd: string): readonly string[] {
  const text = (kind === "legacy" ? LEGACY : PAGINATED).join("\n").replaceAll("$ID", threadId);
  return linesOf(text, { threadId, cwd });
}
