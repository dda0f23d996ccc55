/**
 * Which rollouts still continue another one while a run turns them into full copies one by one: what was true at its beginning is
 * looked at again. For `legacy.ts`.
 */
import { discoverRollouts, type Home } from "../readers/home.ts";
import { readIdentity } from "../readers/identity.ts";

export class LiveContinuers {
  readonly #home: Pick<Home, "codexHome">;
  readonly #known: (rolloutId: string) => readonly string[];
  /** By rollout id; as the files lay when they were first asked for. */
  #paths: ReadonlyMap<string, string> | undefined;

  /** `known`: rollout ids of those that continued it at the beginning of the run. */
  constructor(home: Pick<Home, "codexHome">, known: (rolloutId: string) => readonly string[]) {
    this.#home = home;
    this.#known = known;
  }

  /** Rollout ids. One whose file cannot be read continues it until that is mended. */
  of(rolloutId: string | undefined): readonly string[] {
    if (rolloutId === undefined) return [];
    return this.#known(rolloutId).filter((id) => this.#continues(id, rolloutId));
  }

  #continues(id: string, base: string): boolean {
    this.#paths ??= new Map(
      discoverRollouts(this.#home.codexHome).files.map(({ name, logicalPath }) => [
        name?.rolloutId ?? logicalPath,
        logicalPath,
      ]),
    );
    const path = this.#paths.get(id);
    if (path === undefined) return true;
    const found = readIdentity(path);
    if (found === undefined) return false;
    return found.problem !== undefined || found.meta?.history_base?.thread_id.toLowerCase() === base;
  }
}
