/** A helper thread of `search-pass.ts`: searches the groups that it takes from the shared tickets, and posts what it finds. */
import { optimizeFrom } from "../io/optimizing.ts";
import { serveAssignment } from "../io/workers.ts";
import { type Berth, takeAssignment } from "./search-crew.ts";
import { runLoading } from "./search-lazy.ts";
import { type PassAssignment, passShare } from "./search-pass.ts";

serveAssignment(async (input, post) => {
  const berth = input as Berth;
  optimizeFrom(berth.optimizeFromMs);
  const assignment = takeAssignment(berth) as PassAssignment;
  const share = passShare(assignment, berth.tickets, (answers) => post(JSON.stringify(answers)));
  await runLoading(share, async () => (await import("./search-telling.ts")).telling);
});
