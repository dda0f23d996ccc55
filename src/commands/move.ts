/** `rollout-tool move`: a home to another place, or threads to another home. */
import { CHANGE_OPTIONS } from "./archive-options.ts";
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Moves a whole Codex home to another place (--home), or threads to another home (--to-home). Codex names every rollout by its " +
    "absolute path, so that of a home that was merely moved nothing can be resumed: this brings the paths along, also " +
    "afterwards, for a home that lies at its new place already (--home with --from).",
  options: {
    home: {
      type: "string",
      placeholder: "<folder>",
      describe: "where the home is to be, or is already",
      conflicts: ["to-home"],
    },
    from: {
      type: "string",
      placeholder: "<folder>",
      describe:
        "the home lies at --home already, and was moved there from this folder: only bring its paths up to date",
      requires: ["home"],
    },
    "to-home": { type: "string", placeholder: "<folder>", describe: "the other home that the threads are to go to" },
    copy: { type: "boolean", describe: "leave the threads in their old home too", requires: ["to-home"] },
    "map-cwd": {
      type: "strings",
      placeholder: "<old=new>",
      describe: "working folders that have moved too, as two absolute paths; may be repeated",
    },
    ...CHANGE_OPTIONS,
  },
  positionals: {
    threads: { type: "strings", describe: "with --to-home: ids, the beginnings of ids, names, or paths of rollouts" },
  },
  examples: [
    ["move --home /data/codex", "take ~/.codex to another disk"],
    ["move --home ~/.codex --from /old/disk/.codex", "a home that was copied here: make it work again"],
    ["move --home ~/.codex --map-cwd /Users/me=/home/me", "the home stays, its projects have moved"],
    ["move 0199a213 --to-home /data/codex", "a thread, and all that its history is made of"],
  ],
  async run(options, context) {
    const { runMove } = await import("./move-run.ts");
    return runMove(options, context);
  },
});
