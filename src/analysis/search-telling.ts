/**
 * What a search needs once something is found: all that reads and decodes rollouts. Loaded by itself (`search-lazy.ts`), by whoever
 * needs it first.
 */
import { statOrUndefined } from "../io/files.ts";
import { type Cuts, cutsOf } from "./search-cuts.ts";
import { FileTeller } from "./search-file.ts";
import { patternsOf } from "./search-patterns.ts";
import type { Input } from "./search-plain.ts";
import { FileScanner } from "./search-scan.ts";
import { TimeLimit } from "./search-time.ts";
import type { FileOutcome, SearchQuery } from "./search-types.ts";

/** Tells what is in a file, as `FileTeller` does. */
export type Teller = (path: string, opened: Input | undefined) => FileOutcome;

export interface Telling {
  readonly tellerOf: (query: SearchQuery, scanner: FileScanner) => Teller;
  readonly cutsOf: (files: Parameters<typeof cutsOf>[0]) => Cuts | undefined;
}

export const telling: Telling = { tellerOf, cutsOf };

/** An expression of the user's may take forever on a text; a text that is looked for as it is cannot. */
function tellerOf(query: SearchQuery, scanner: FileScanner): Teller {
  const teller = new FileTeller(query, scanner);
  if (!query.isRegex) return (path, opened) => teller.tell(path, opened);
  const limit = new TimeLimit();
  return (path, opened) => {
    const bytes = statOrUndefined(path)?.size ?? 0;
    const told = limit.run(LEAST_LIMIT_MS + Math.ceil(bytes / BYTES_PER_MS), () => teller.tell(path, opened));
    if (told !== undefined) return told;
    opened?.close();
    // Once more, each match on its own: what takes too long is passed over, and told.
    const guarded = new FileTeller(query, new FileScanner(patternsOf(query)), (work) => limit.run(TEXT_LIMIT_MS, work));
    return guarded.tell(path, undefined);
  };
}

/** Far more than a file takes on a busy machine: with an expression that does no harm, too short a time only costs time. */
const LEAST_LIMIT_MS = 5000;
const BYTES_PER_MS = 10_000;
const TEXT_LIMIT_MS = 1000;
