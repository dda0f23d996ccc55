/** How far the thread history has gone in each rollout, against how long that is (state-and-compression §3.7). */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { SqliteDatabase } from "../io/sqlite.ts";
import { readImage } from "../io/sqlite-image.ts";
import type { FindSource } from "./chains.ts";
import type { Tell } from "./findings.ts";

const HISTORY_DB = "thread_history_1.sqlite";
/** A larger file is not read into memory for this. */
const MAX_BYTES = 256 * 1024 * 1024;

/** A database that is absent or damaged gives nothing here; `databases.ts` tells of it. */
export function checkProjection(sqliteHome: string, find: FindSource, tell: Tell): void {
  const path = join(sqliteHome, HISTORY_DB);
  let db: SqliteDatabase | undefined;
  try {
    const bytes = readImage(path, { maxBytes: MAX_BYTES }).toBuffer();
    if (bytes.length === 0) return;
    db = SqliteDatabase.fromImage(bytes, path);
    const states = db.all("select thread_id, next_rollout_byte_offset as next from thread_history_projection_state");
    for (const { thread_id: id, next } of states) {
      const facts = typeof id === "string" ? find(id) : undefined;
      if (facts === undefined) tell("projection-no-rollout", { path });
      else if (Number(next) > (facts.plainBytes ?? Infinity)) {
        const message = `it has gone to byte ${Number(next)}, and the rollout has ${facts.plainBytes}`;
        tell("projection-past-end", { path: facts.file.path, threadId: facts.threadId }, message);
      }
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
  } finally {
    db?.close();
  }
}
