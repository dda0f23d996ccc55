/** The search of a home for who has everything loaded, as a library has; the command loads what it comes to need. */
import type { Home } from "../readers/home.ts";
import { searchThrough } from "./search-home.ts";
import { runLoaded } from "./search-lazy.ts";
import { telling } from "./search-telling.ts";
import type { SearchOptions, SearchQuery, SearchReport } from "./search-types.ts";

/** @throws RolloutError `usage` when the query is none; `unreadable` when a session folder cannot be listed. */
export function searchHome(home: Home, query: SearchQuery, options: SearchOptions): SearchReport {
  return runLoaded(searchThrough(home, query, options), telling);
}
