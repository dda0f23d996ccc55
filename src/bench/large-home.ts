/** The home that work on whole homes is measured with. */
import type { BenchContext } from "./context.ts";
import { writeSyntheticHome } from "./synth.ts";

/** 2,000 rollouts of 2 GB in all, or a tenth of that. Returns what they are, in words. */
export function writeLargeHome(home: string, { seed, scale }: Pick<BenchContext, "seed" | "scale">): string {
  const factor = scale === "small" ? 0.1 : 1;
  const [rollouts, totalBytes] = [2_000 * factor, 2e9 * factor];
  writeSyntheticHome(home, { seed, shape: "legacy", rollouts, totalBytes });
  return `${(totalBytes / 1e6).toFixed(0)} MB in ${String(rollouts)} rollouts`;
}
