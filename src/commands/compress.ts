/** `rollout-tool compress`: rollouts that nobody has written to for a while, in a fraction of their size. */
import { defineCommand } from "./command.ts";
import { SCOPE_OPTIONS } from "./options.ts";

export const command = defineCommand({
  describe:
    "Compresses rollouts that have not changed for a week (archived ones first), in a form that every Codex since 0.138 " +
    "reads. Each archive is read back and compared byte by byte before its plain file goes; time and permissions are kept. " +
    "Threads that are open are left alone, and what is appended meanwhile is never lost. Codex need not be stopped for it.",
  options: {
    ...SCOPE_OPTIONS,
    "older-than": {
      type: "string",
      default: "7d",
      placeholder: "<age>",
      describe: "leave alone what has changed within this time: 30m, 12h, 7d, 0",
    },
    frames: {
      type: "string",
      default: "checkpoint",
      placeholder: "<profile>",
      describe: "checkpoint: a resume decodes only the end; single: one frame; seekable=<MiB>: equal frames",
    },
    level: { type: "integer", default: 3, min: 1, placeholder: "<n>", describe: "Zstandard's level, 1 to 19" },
    keep: { type: "boolean", describe: "leave the plain files beside their archives" },
    "dry-run": { type: "boolean", describe: "tell what would be compressed, and why not the others" },
    estimate: {
      type: "boolean",
      describe: "as --dry-run, and predict the sizes from samples",
      conflicts: ["dry-run", "keep"],
    },
    force: { type: "boolean", describe: "run although another run began within the last six hours" },
  },
  positionals: {
    paths: { type: "strings", describe: "rollouts, or folders of them, instead of a home" },
  },
  examples: [
    ["compress --archived", "compress the archived threads of ~/.codex"],
    ["compress --all --estimate", "how much room that would give back"],
    ["compress --all --older-than 30d --jobs 2", "all threads that rested for a month, with two workers"],
    ["compress --older-than 0 old-laptop/sessions", "everything below a folder"],
  ],
  async run(options, context) {
    const { runCompress } = await import("./compress-run.ts");
    return runCompress(options, context);
  },
});
