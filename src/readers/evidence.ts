/**
 * What a home knows about its threads, asked for piece by piece and read at most once: names of files, the index, the
 * session index, and the first lines of files. `lookup.ts` decides in which order the pieces are asked.
 */
import { basename } from "node:path";
import { parseRolloutName, parseUuid } from "../format/names.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { discoverRollouts, type Discovery, type Home } from "./home.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { createPlacer, type Place } from "./place.ts";
import { readSessionNames } from "./session-index.ts";
import { readThreadIndex, type ThreadIndex } from "./thread-index.ts";

/** A file that may be the one: from discovery, or a document of the TypeScript CLI. */
export interface Candidate {
  readonly logicalPath: string;
  readonly archived: boolean;
  /** As the name says; undefined for names of other shapes. */
  readonly threadId: string | undefined;
  readonly rolloutId: string | undefined;
  /** Newer ones compare greater; active files greater than archived ones of the same name. */
  readonly rank: string;
}

export class Evidence {
  readonly home: Home;
  readonly #readIndex: () => ThreadIndex;
  #discovery: Discovery | undefined;
  #candidates: readonly Candidate[] | undefined;
  #index: ThreadIndex | undefined;
  #rows: ReadonlyMap<string, SqlRow> | undefined;
  #names: ReadonlyMap<string, string> | undefined;
  #placer: ((path: string) => Place) | undefined;
  readonly #identities = new Map<string, Identity | undefined>();

  constructor(home: Home, readIndex?: () => ThreadIndex) {
    this.home = home;
    this.#readIndex = readIndex ?? (() => readThreadIndex(home.sqliteHome));
  }

  /** @throws RolloutError when a session folder exists and cannot be listed. */
  get files(): readonly Candidate[] {
    const { files, documents } = this.#discovered;
    this.#candidates ??= [
      ...files.map(({ logicalPath, archived }) => candidateOf(logicalPath, archived)),
      ...documents.map((path) => candidateOf(path, false)),
    ];
    return this.#candidates;
  }

  /** Folders whose rollouts are unknown; 0 as long as nobody has asked for the files. */
  get hiddenFolders(): number {
    return this.#discovery?.problems.filter(({ hidesThreads }) => hidesThreads).length ?? 0;
  }

  /** The first metadata of a file; undefined when it has gone. */
  identity(logicalPath: string): Identity | undefined {
    if (!this.#identities.has(logicalPath)) this.#identities.set(logicalPath, readIdentity(logicalPath));
    return this.#identities.get(logicalPath);
  }

  /** Rows of the index whose id is one, by that id. */
  get rows(): ReadonlyMap<string, SqlRow> {
    this.#index ??= this.#readIndex();
    this.#rows ??= new Map(
      this.#index.threads.flatMap((row) => {
        const id = typeof row.id === "string" ? parseUuid(row.id) : undefined;
        return id === undefined ? [] : [[id, row] as const];
      }),
    );
    return this.#rows;
  }

  /** Names that the session index gives, by id. */
  get names(): ReadonlyMap<string, string> {
    this.#names ??= readSessionNames(this.home.codexHome).byId;
    return this.#names;
  }

  place(rolloutPath: string): Place {
    this.#placer ??= createPlacer(this.home);
    return this.#placer(rolloutPath);
  }

  get #discovered(): Discovery {
    this.#discovery ??= discoverRollouts(this.home.codexHome);
    return this.#discovery;
  }
}

const DOCUMENT = /^rollout-.*?-([0-9a-f]{8}-[0-9a-f-]{27})\.json$/i;

export function candidateOf(logicalPath: string, archived: boolean): Candidate {
  const name = basename(logicalPath);
  const parsed = parseRolloutName(name);
  const documentId = parseUuid(DOCUMENT.exec(name)?.[1] ?? "");
  return {
    logicalPath,
    archived,
    threadId: parsed?.threadId ?? documentId,
    rolloutId: parsed?.rolloutId ?? documentId,
    rank: `${parsed?.stamp ?? ""} ${parsed?.rolloutId ?? ""} ${archived ? 0 : 1}`,
  };
}
