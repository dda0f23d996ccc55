/**
 * Work that may come to need what takes long to load: it asks by `yield`, and is given it once. So the same work runs where all is
 * loaded already, in a library, and where most calls end without it: to load what decodes rollouts takes a command as long as to
 * read 300 MB of them.
 */

export type Lazily<Result, Loaded> = Generator<undefined, Result, Loaded>;

/** Runs the work with what is there. */
export function runLoaded<Result, Loaded>(work: Lazily<Result, Loaded>, loaded: Loaded): Result {
  let step = work.next();
  while (step.done !== true) step = work.next(loaded);
  return step.value;
}

/** Runs the work, and loads only what it asks for. */
export async function runLoading<Result, Loaded>(
  work: Lazily<Result, Loaded>,
  load: () => Promise<Loaded>,
): Promise<Result> {
  let step = work.next();
  while (step.done !== true) step = work.next(await load());
  return step.value;
}
