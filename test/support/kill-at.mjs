/**
 * Loaded into a process before its program (`node --import`): ends it with SIGKILL just before its n-th change to the file
 * system, n from `KILL_AT`. Without that the process lives, and says on stderr how many changes it made.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const at = Number(process.env.KILL_AT ?? 0);
let count = 0;

const CHANGES = [
  "renameSync",
  "unlinkSync",
  "linkSync",
  "rmdirSync",
  "rmSync",
  "mkdirSync",
  "copyFileSync",
  "writeSync",
  "fsyncSync",
  "ftruncateSync",
  "fchmodSync",
  "futimesSync",
];

for (const name of CHANGES) {
  const original = fs[name];
  fs[name] = (...args) => {
    // What goes to the terminal is no change to a file.
    if (!(name === "writeSync" && args[0] <= 2)) {
      count += 1;
      if (count === at) process.kill(process.pid, "SIGKILL");
    }
    return original(...args);
  };
}
syncBuiltinESMExports();
process.on("exit", () => fs.writeSync(2, `CHANGES ${count}\n`));
