/** A helper thread of `run.ts`: compresses what it takes from the shared counter, and tells what came of it as it goes. */
import { serveAssignment, Tickets } from "../io/workers.ts";
import { compressFiles } from "./compress.ts";
import type { Assignment, Message } from "./run.ts";

/** Progress is told in pieces of at least this size. */
const TOLD_BYTES = 4 * 1024 * 1024;

serveAssignment((input, post) => {
  const { candidates, tickets, options } = input as Assignment;
  const tell = (message: Message): void => post(JSON.stringify(message));
  let bytes = 0;
  const advance = (more: number): void => {
    bytes += more;
    if (bytes < TOLD_BYTES) return;
    tell({ bytes });
    bytes = 0;
  };
  const indexes = new Tickets(candidates.length, tickets, 1).take();
  for (const [index, report] of compressFiles(candidates, indexes, { ...options, clock: Date.now, advance })) {
    tell({ index, report });
  }
  tell({ bytes });
});
