/** Options and arguments that `archive`, `unarchive`, `delete` and `move` share. */
import type { OptionSpecs, PositionalSpecs } from "./command.ts";

export const CHANGE_OPTIONS = {
  "dry-run": { type: "boolean", describe: "tell what would be done, file by file" },
  force: {
    type: "boolean",
    describe: "go on although Codex seems to be running; threads that it has open stay as they are",
  },
} as const satisfies OptionSpecs;

export const THREADS = {
  type: "strings",
  required: true,
  describe: "ids, the first 4 or more characters of one, names, or paths of rollouts in this home",
} as const satisfies PositionalSpecs[string];
