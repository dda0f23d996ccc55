/** A helper thread of `scan.ts`: reads the rollouts that it takes from the shared tickets, and answers with their outcomes. */
import { serveAssignment } from "../io/workers.ts";
import { type ScanAssignment, scanShare } from "./scan.ts";

serveAssignment((input) => JSON.stringify(scanShare(input as ScanAssignment)));
