/** A helper thread of `scan.ts`: reads the rollouts that it takes from the shared tickets, and posts their outcomes. */
import { serveAssignment } from "../io/workers.ts";
import { type ScanAssignment, scanShare } from "./scan.ts";

serveAssignment((input, post) => {
  for (const share of scanShare(input as ScanAssignment)) post(JSON.stringify(share));
});
