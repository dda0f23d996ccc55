/** A helper thread of `pass.ts`: checks the rollouts that it takes from the shared tickets, and posts their outcomes. */
import { serveAssignment } from "../io/workers.ts";
import { type PassAssignment, passShare } from "./pass.ts";

serveAssignment((input, post) => {
  for (const answer of passShare(input as PassAssignment)) post(JSON.stringify(answer));
});
