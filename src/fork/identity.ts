/** Who the new thread is: its id, the time stamps that go with it, and where its file lies (rollout-format §1.2). */
import { randomBytes } from "node:crypto";
import { join } from "node:path";

export interface NewThread {
  /** UUID v7. */
  readonly id: string;
  readonly nowMs: number;
  /** RFC 3339, UTC, milliseconds: 24 characters. */
  readonly timestamp: string;
  /** Absolute folder of the day, in local time as Codex has it. */
  readonly folder: string;
  readonly path: string;
}

export function newThread(codexHome: string, nowMs: number): NewThread {
  const id = newUuidV7(nowMs);
  const { day, stamp } = localStamp(nowMs);
  const folder = join(codexHome, "sessions", ...day);
  const timestamp = new Date(nowMs).toISOString();
  return { id, nowMs, timestamp, folder, path: join(folder, `rollout-${stamp}-${id}.jsonl`) };
}

/** 48 bits of time, version 7, the rest random. */
export function newUuidV7(timeMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function localStamp(timeMs: number): { readonly day: readonly string[]; readonly stamp: string } {
  const date = new Date(timeMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
  return { day, stamp: `${day.join("-")}T${time.join("-")}` };
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
