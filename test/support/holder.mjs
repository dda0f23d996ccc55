/**
 * A process that holds something until its stdin ends, and says "ready" once it does:
 * `flock <path>`, or `sqlite <path> [write]` for a connection, with a write transaction left open.
 */
import { openSync } from "node:fs";

const [, , what, path, mode] = process.argv;
if (what === "flock") {
  const { default: fsExt } = await import("fs-ext");
  fsExt.flockSync(openSync(path, "a"), "exnb");
} else {
  const { default: Database } = await import("better-sqlite3");
  const db = new Database(path);
  db.pragma("journal_mode = wal");
  db.prepare("select count(*) from sqlite_schema").get();
  if (mode === "write") db.exec("begin immediate; create table if not exists held (x); insert into held values (1)");
  globalThis.held = db;
}
process.stdout.write("ready\n");
process.stdin.resume();
process.stdin.on("end", () => process.kill(process.pid));
