/**
 * Compares an archive with its source while it is still being written, on a thread of its own (`follow-worker.ts`): for a large
 * file, reading back then takes hardly any time beyond writing. What is compared, and how, is `verify.ts` all the same.
 */
import { fdatasyncSync } from "node:fs";
import { readAt } from "../io/files.ts";
import { startHelper } from "../io/workers.ts";
import { type Comparison, compareArchive, type OpenPart } from "./verify.ts";

/** What the other thread is given; descriptors are the process's. */
export interface Pursuit {
  readonly archive: OpenPart;
  readonly plain: OpenPart;
  /** Of two 64-bit numbers: bytes of the archive that can be read, and whether there will be more (0) or not (1). */
  readonly progress: SharedArrayBuffer;
}

const WRITTEN = 0;
const ENDED = 1;

export interface Follower {
  /** So many more bytes of the archive are in the file. */
  wrote(bytes: number): void;
  /** There will be no more: waits for the comparison. */
  finish(): Comparison;
  /** What was written is not wanted any more. */
  abandon(): void;
}

/** @throws RolloutError from `finish`, when a file cannot be read. */
export function startFollower(archive: OpenPart, plain: OpenPart): Follower {
  const progress = new SharedArrayBuffer(16);
  const state = new BigInt64Array(progress);
  const part = ({ fd, path }: OpenPart): OpenPart => ({ fd, path });
  const pursuit: Pursuit = { archive: part(archive), plain: part(plain), progress };
  const helper = startHelper(new URL("follow-worker.js", import.meta.url), pursuit);
  const end = (): readonly string[] => {
    Atomics.store(state, ENDED, 1n);
    Atomics.notify(state, WRITTEN);
    return helper.finish();
  };
  return {
    wrote(bytes) {
      Atomics.add(state, WRITTEN, BigInt(bytes));
      Atomics.notify(state, WRITTEN);
    },
    finish() {
      const [answer] = end();
      // A thread that did not start, or broke, has said nothing: whatever it was, it shows here again, or it does not matter.
      return answer === undefined ? compareArchive(archive, plain) : (JSON.parse(answer) as Comparison);
    },
    abandon: () => void end(),
  };
}

const CHUNK_BYTES = 256 * 1024;
/** In milliseconds; a wake-up that was missed costs no more than this. */
const LONGEST_NAP_MS = 100;

/** So much is brought to the disk at a time while there is more to come, so that little is left to wait for at the end. */
const SYNCED_BYTES = 8 * 1024 * 1024;

/** The archive as it grows, each chunk valid until the next one is asked for; ends where the writer said that it does. */
export function* growingChunks({ archive, progress }: Pursuit): Generator<Buffer> {
  const state = new BigInt64Array(progress);
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let synced = 0;
  for (let offset = 0; ;) {
    // In this order: what was written before the end is seen with it.
    const hasEnded = Atomics.load(state, ENDED) === 1n;
    const written = Atomics.load(state, WRITTEN);
    const ready = Math.min(buffer.length, Number(written) - offset);
    if (ready > 0) {
      const count = readAt(archive.fd, buffer.subarray(0, ready), offset, archive.path);
      if (count === 0) return;
      yield buffer.subarray(0, count);
      offset += count;
      if (offset - synced >= SYNCED_BYTES) {
        fdatasyncSync(archive.fd);
        synced = offset;
      }
    } else if (hasEnded) {
      return;
    } else {
      Atomics.wait(state, WRITTEN, written, LONGEST_NAP_MS);
    }
  }
}
