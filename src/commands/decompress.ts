/** `rollout-tool decompress`: compressed rollouts back to plain ones, or a look at whether that could be done. */
import { defineCommand } from "./command.ts";
import { SCOPE_OPTIONS } from "./options.ts";

export const command = defineCommand({
  describe:
    "Brings compressed rollouts back to their plain form, as Codex does it before it appends: time and permissions are kept, " +
    "nothing is ever overwritten, and the archive goes last. Damaged archives are told with the place where they break, and " +
    "left alone.",
  options: {
    ...SCOPE_OPTIONS,
    "verify-only": {
      type: "boolean",
      describe: "decode everything and write nothing; compare where both forms are there",
      conflicts: ["resolve-pairs", "dry-run"],
    },
    "resolve-pairs": {
      type: "boolean",
      describe: "where both forms are there, take away the one that holds nothing of its own",
    },
    "dry-run": { type: "boolean", describe: "tell what would be done" },
  },
  positionals: {
    paths: { type: "strings", describe: "rollouts in either form, or folders of them, instead of a home" },
  },
  examples: [
    ["decompress --archived", "bring the archived threads back"],
    ["decompress --all --verify-only", "check every archive of the home"],
    ["decompress --all --resolve-pairs", "tidy up after a crash"],
  ],
  async run(options, context) {
    const { runDecompress } = await import("./decompress-run.ts");
    return runDecompress(options, context);
  },
});
