/** Comparing what a home holds now with what its oracle says, whatever folder it lies in. */
import type { ClientThread, Row, StateRows, TestHome } from "./codex.ts";
import type { Corpus } from "./corpus.ts";

/** Replaces the folders that a home was written in and lies in now by `$DIR`, in every text of a value. */
export function withoutPlace(value: unknown, home: TestHome, corpus: Corpus): unknown {
  const text = JSON.stringify(value).replaceAll(home.root, "$DIR").replaceAll(corpus.writtenIn, "$DIR");
  return JSON.parse(text) as unknown;
}

export function placelessRows(rows: readonly Row[], home: TestHome, corpus: Corpus): readonly Row[] {
  return rows.map((row) => withoutPlace(row, home, corpus) as Row);
}

/** `threads` by id. */
export function byId(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [String(row["id"]), row]));
}

export function ids(threads: readonly ClientThread[]): readonly string[] {
  return threads.map((thread) => thread.id);
}

/** How far one set of rows is from another in one column. */
export interface Distance {
  /** Rows whose values differ. */
  readonly rows: number;
  /** Milliseconds that the values of a time lie apart, over all rows; 0 for any other column. */
  readonly ms: number;
}

/** By column; rows that only one side has are left out. */
export function distances(one: readonly Row[], other: readonly Row[]): ReadonlyMap<string, Distance> {
  const found = new Map<string, { rows: number; ms: number }>();
  const others = byId(other);
  for (const row of one) {
    const twin = others.get(String(row["id"]));
    for (const [column, value] of Object.entries(twin === undefined ? {} : row)) {
      const distance = found.get(column) ?? { rows: 0, ms: 0 };
      found.set(column, distance);
      const theirs = twin?.[column];
      if (theirs === undefined || theirs === value) continue;
      distance.rows++;
      if (column.endsWith("_ms") && typeof value === "number" && typeof theirs === "number")
        distance.ms += Math.abs(value - theirs);
    }
  }
  return found;
}

/** Migration rows as far as they do not depend on the moment. */
export function migrationFacts(rows: StateRows): readonly string[] {
  return rows.migrations.map((row) => `${String(row["version"])} ${String(row["success"])} ${String(row["checksum"])}`);
}
