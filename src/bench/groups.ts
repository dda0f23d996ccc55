/** What is measured together: one input in one form, as cases of this tool and of each Codex. */
import { join } from "node:path";

import { type BenchInput, copyWithTimes, type Form, FORMS, toForm } from "./case-home.ts";

export interface Group {
  readonly input: BenchInput;
  readonly form: Form;
  /** A home that holds the input in that form; only read. */
  readonly pristine: string;
  /** For what its cases write. */
  readonly folder: string;
}

export function groupsOf(inputs: readonly BenchInput[], scratch: string): readonly Group[] {
  return inputs.flatMap((input, index) =>
    FORMS.map((form): Group => {
      const folder = join(scratch, `input-${String(index)}-${form}`);
      return {
        input,
        form,
        folder,
        pristine: form === "plain" ? input.home : archived(input, join(folder, "pristine")),
      };
    }),
  );
}

/** A copy of the input as archives. */
function archived(input: BenchInput, home: string): string {
  for (const path of input.paths) copyWithTimes(join(input.home, path), join(home, path));
  toForm(home, "zst");
  return home;
}
