/** A helper thread of `crew.ts`: writes the files of the units that it takes from the shared tickets. */
import { serveAssignment } from "../io/workers.ts";
import { type CrewAssignment, doShare } from "./crew.ts";

serveAssignment(async (input, post) => {
  const assignment = input as CrewAssignment;
  const redact = assignment.settings.redacts ? (await import("./redact.ts")).createRedactor() : undefined;
  await doShare(assignment, (await redact)?.redact, (answer) => post(JSON.stringify(answer)));
});
