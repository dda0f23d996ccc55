import { describe, expect, it } from "vitest";

import { rolloutsBelow } from "../../src/bench/case-home.ts";
import { groupsOf } from "../../src/bench/groups.ts";
import { benchInput } from "../support/bench-inputs.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

describe("groups", () => {
  it("are one input in both forms, with no place in common", () => {
    const groups = groupsOf(
      [benchInput(folder.path, "legacy:30kB"), benchInput(folder.path, "paginated:30kB")],
      folder.path,
    );
    expect(groups.map(({ form }) => form)).toEqual(["plain", "zst", "plain", "zst"]);
    expect(new Set(groups.map((group) => group.folder)).size).toBe(4);
    const forms = groups.map(({ pristine }) => rolloutsBelow(pristine).map((path) => path.endsWith(".zst")));
    expect(forms).toEqual([[false], [true], [false], [true]]);
  });
});
