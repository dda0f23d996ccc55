/** A helper thread of `search-pass.ts`: searches the groups that it takes from the shared tickets, and posts what it finds. */
import { serveAssignment } from "../io/workers.ts";
import { type Berth, takeAssignment } from "./search-crew.ts";
import { type PassAssignment, passShare } from "./search-pass.ts";

serveAssignment((input, post) => {
  const berth = input as Berth;
  const assignment = takeAssignment(berth) as PassAssignment;
  for (const answers of passShare(assignment, berth.tickets)) post(JSON.stringify(answers));
});
