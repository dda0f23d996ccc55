/** For tests that need DuckDB, which npm may have left out: they are skipped then, and say so. */
import { join } from "node:path";
import { describe } from "vitest";
import { type DuckDbModule, loadDuckDb, openDuckDb, type SqlDatabase } from "../../src/export/duckdb.ts";

const duckdb: DuckDbModule | undefined = await loadDuckDb().catch(() => undefined);

export function describeDuckDb(name: string, tests: () => void): void {
  if (duckdb !== undefined) describe(name, tests);
  else describe.skip(`${name} (SKIPPED: @duckdb/node-api does not load on this machine)`, tests);
}

/** A database that reaches `data` below the folder, and nothing else. */
export async function withDatabase<T>(folder: string, work: (database: SqlDatabase) => Promise<T>): Promise<T> {
  const database = await openDuckDb({
    memoryBytes: 256 * 1024 * 1024,
    threads: 2,
    folders: [join(folder, "data")],
    temporary: join(folder, "spill"),
  });
  try {
    return await work(database);
  } finally {
    database.close();
  }
}
