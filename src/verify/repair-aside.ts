/**
 * The side file: lines that were moved out of a file, beside it, one JSON document for each. Its name ends in `.aside`, so that neither
 * Codex nor this tool takes it for a rollout, lists, compresses or sweeps it (rollout-format §1.2, state-and-compression §4.2, §4.3).
 *
 *     {"from":"rollout-….jsonl","line":12,"offset":3456,"why":"line-nul","moved":"2026-…Z","text":"…"}
 *
 * `line` and `offset` are those that the line had. What is not UTF-8, has NUL bytes or is long stands in `base64` instead of `text`.
 */
import { closeSync } from "node:fs";
import { basename } from "node:path";
import { plainPath } from "../format/names.ts";
import { chunksOf, writeFully } from "../io/files.ts";
import { openSource } from "../compressor/files.ts";
import type { RepairableCode } from "./repairs.ts";

export function asidePath(path: string): string {
  return `${plainPath(path).replace(/\.jsonl$/, "")}.aside`;
}

export interface AsideEntry {
  readonly code: RepairableCode;
  readonly line: number;
  readonly offset: number;
}

/** Longer ones are easier to bring back as bytes. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** A multiple of three, so that pieces of base64 fit together. */
const PIECE_BYTES = 3 * 256 * 1024;

export class AsideWriter {
  readonly #fd: number;
  readonly #from: string;
  readonly #moved: string;

  constructor(fd: number, path: string, nowMs: number) {
    this.#fd = fd;
    this.#from = basename(path);
    this.#moved = new Date(nowMs).toISOString();
  }

  /** What the file already holds comes first. */
  takeOver(path: string): void {
    const { fd } = openSource(path);
    try {
      for (const bytes of chunksOf(fd, path)) this.#write(bytes);
    } finally {
      closeSync(fd);
    }
  }

  add({ code, line, offset }: AsideEntry, bytes: Buffer): void {
    const head = { from: this.#from, line, offset, why: code, moved: this.#moved };
    const text = textOf(bytes);
    if (text !== undefined) return this.#write(Buffer.from(`${JSON.stringify({ ...head, text })}\n`));
    this.#write(Buffer.from(`${JSON.stringify(head).slice(0, -1)},"base64":"`));
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#write(Buffer.from(bytes.subarray(at, at + PIECE_BYTES).toString("base64")));
    }
    this.#write(Buffer.from('"}\n'));
  }

  #write(bytes: Buffer): void {
    writeFully(this.#fd, bytes);
  }
}

const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer): string | undefined {
  if (bytes.length > MAX_TEXT_BYTES || bytes.includes(0)) return undefined;
  try {
    return fromUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}
