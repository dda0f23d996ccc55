/** `rollout-tool list`: the threads of a home. The work is in `list-run.ts`. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Lists the threads of a Codex home, newest first: from the index, which is read without a trace, or from the rollouts " +
    "alone. Where the index is missing or damaged the rollouts are read, and a message says so. What Codex hides is " +
    "hidden: threads without a first message, and those attached to another. Nothing is ever written.",
  options: {
    archived: { type: "boolean", describe: "archived threads instead of active ones", conflicts: ["all"] },
    all: { type: "boolean", short: "a", describe: "active and archived threads" },
    hidden: { type: "boolean", describe: "also the threads that Codex hides" },
    parent: { type: "string", placeholder: "<thread>", describe: "only agents that this thread spawned itself" },
    ancestor: { type: "string", placeholder: "<thread>", describe: "only agents below this thread, at any depth" },
    section: { type: "string", placeholder: "<name>", describe: "only threads in this section, such as Pinned" },
    provider: { type: "strings", placeholder: "<id>", describe: "only threads of this model provider" },
    cwd: { type: "strings", placeholder: "<folder>", describe: "only threads that work in this folder" },
    source: {
      type: "strings",
      placeholder: "<kind>",
      describe: "only threads begun by cli, vscode, exec, mcp, subagent, subagent:review, custom, internal or unknown",
    },
    search: {
      type: "string",
      placeholder: "<text>",
      describe: "only threads with this in name, title or first message",
    },
    sort: {
      type: "string",
      choices: ["created", "updated", "recency"],
      default: "created",
      describe: "the time to order by; recency is the start of the newest turn",
    },
    reverse: { type: "boolean", short: "r", describe: "oldest first" },
    limit: { type: "integer", short: "n", describe: "show so many, 0 for all (default: 50, with --json all)" },
    "from-files": { type: "boolean", describe: "leave the index unread, whatever its state", conflicts: ["section"] },
  },
  positionals: {},
  examples: [
    ["list", "the newest threads"],
    ["list --cwd . --source cli --source vscode", "what Codex would offer to resume in this folder"],
    ["list --search parser --all --sort recency", "find a thread by its words"],
    ["list --ancestor 019a3edc-0d64 --hidden", "the agents below a thread"],
    ["list --from-files --json", "what the rollouts alone tell, for a script"],
  ],
  async run(options, context) {
    const { runList } = await import("./list-run.ts");
    return runList(options, context);
  },
});
