/** SQLite for tests: a few lines over the driver, writable, with errors let through. */
import Database from "better-sqlite3";

export interface TestDatabase {
  all(sql: string, ...values: readonly unknown[]): readonly Readonly<Record<string, unknown>>[];
  run(sql: string, ...values: readonly unknown[]): void;
  /** Statements separated by semicolons. */
  script(sql: string): void;
  close(): void;
}

/** Opens an existing database, or makes one when `create` is set. */
export function openDatabase(path: string, options: { readonly create?: boolean } = {}): TestDatabase {
  const database = new Database(path, { fileMustExist: options.create !== true });
  return {
    all: (sql, ...values) => database.prepare(sql).all(...values) as Readonly<Record<string, unknown>>[],
    run: (sql, ...values) => void database.prepare(sql).run(...values),
    script: (sql) => void database.exec(sql),
    close: () => void database.close(),
  };
}
