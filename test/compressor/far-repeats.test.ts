import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { estimateBytes } from "../../src/compressor/estimate.ts";
import { farRepeats } from "../../src/compressor/far-repeats.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
const MIB = 1024 * 1024;

/** Text that never repeats, with a word in it now and then that places are chosen by. */
function fresh(bytes: number, seed: number): Buffer {
  const parts: string[] = [];
  let state = seed;
  for (let length = 0; length < bytes; length += 64) {
    let text = "exp";
    while (text.length < 64) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      text += state.toString(36);
    }
    parts.push(text.slice(0, 64));
  }
  return Buffer.from(parts.join("")).subarray(0, bytes);
}

function shareOf(...pieces: readonly Buffer[]): string {
  const path = join(folder.path, "file");
  writeFileSync(path, Buffer.concat(pieces));
  const fd = openSync(path, "r");
  try {
    return farRepeats(
      fd,
      pieces.reduce((sum, { length }) => sum + length, 0),
    ).toFixed(2);
  } finally {
    closeSync(fd);
  }
}

const [first, second] = [fresh(3 * MIB, 1), fresh(3 * MIB, 2)];

it("counts what stands in a file before, far away", () => {
  expect(shareOf(first, second)).toBe("0.00");
  expect(shareOf(first, first)).toBe("0.50");
  expect(shareOf(first, second, first)).toBe("0.33");
  expect(shareOf(first, second, first, second)).toBe("0.50");
});

it("leaves to the level what repeats nearby", () => {
  const near = first.subarray(0, MIB);
  expect(shareOf(near, near, near, near)).toBe("0.00");
});

it("says nothing of what it cannot look at", () => {
  expect(shareOf(Buffer.alloc(3 * MIB, "abc "))).toBe("0.00");
  expect(shareOf(Buffer.alloc(0))).toBe("0.00");
});

it("makes the estimate of a long file as small as its archive will be", () => {
  const path = join(folder.path, "long");
  const [a, b] = [fresh(9 * MIB, 3), fresh(9 * MIB, 4)];
  writeFileSync(path, Buffer.concat([a, b]));
  const once = estimateBytes(path, 3);
  writeFileSync(path, Buffer.concat([a, b, a, b]));
  expect(estimateBytes(path, 3) / once).toBeCloseTo(1, 1);
});
