/** The thread that `follow.ts` starts: compares what has been written so far, and answers once. */
import { serveAssignment } from "../io/workers.ts";
import { growingChunks, type Pursuit } from "./follow.ts";
import { compareChunks } from "./verify.ts";

serveAssignment((input, post) => {
  const pursuit = input as Pursuit;
  post(JSON.stringify(compareChunks(growingChunks(pursuit), pursuit.plain)));
});
