/** What could be saved in a home, in words: for the page, and for `stats bytes` on a terminal. */
import type { BytesReport } from "../../analysis/bytes.ts";
import { counted, formatBytes, formatCount } from "../../io/text.ts";

/** Plain text, nothing of it from rollouts. */
export function savingsFields({
  compress,
  superseded,
  policy,
}: BytesReport["savings"]): readonly (readonly [label: string, text: string])[] {
  const about = compress.sampledBytes < compress.plainBytes ? "about " : "";
  return [
    [
      "compress",
      compress.files === 0
        ? "nothing is left to compress"
        : `would save ${about}${formatBytes(compress.savedBytes)} of ${formatBytes(compress.plainBytes)}, ` +
          `${formatBytes(compress.coldSavedBytes)} of it in files older than a week`,
    ],
    [
      "old checkpoints",
      superseded.checkpoints === 0
        ? "none that a newer one has replaced"
        : `${formatBytes(superseded.bytes)} in ${formatCount(superseded.checkpoints)} that newer ones have replaced`,
    ],
    [
      "kept",
      policy.records === 0
        ? "Codex 0.169.0 would write every line again"
        : `all but ${formatBytes(policy.bytes)} in ${counted(policy.records, "line")}, which Codex 0.169.0 would not write again`,
    ],
  ];
}
