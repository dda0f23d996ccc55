import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fileFacts, surveyFamilies } from "../../src/indexer/family-facts.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { archivedPath, meta, responseItem, rolloutText, sessionPath, threadId } from "../support/lines.ts";

const folder = temporaryFolder();

function survey(files: Parameters<typeof writeHome>[1]): ReturnType<typeof surveyFamilies> {
  return surveyFamilies(discoverRollouts(writeHome(join(folder.path, "home"), files)));
}

describe("surveyFamilies", () => {
  it("takes the first metadata of each file, whatever its form and place", () => {
    const { facts, problems } = survey({
      [archivedPath(1)]: rolloutText([meta(1), meta(8)]),
      [`${sessionPath(2)}.zst`]: rolloutText([responseItem("first"), meta(2, { session_id: threadId(1) })]),
      [sessionPath(3, { segment: 4 })]: rolloutText(["garbage", meta(3)]),
    });
    expect(
      facts.map(({ threadId: id, rolloutId, archived, isCompressed, hasMeta }) => [
        id,
        rolloutId,
        archived,
        isCompressed,
        hasMeta,
      ]),
    ).toEqual([
      [threadId(1), threadId(1), true, false, true],
      [threadId(3), threadId(4), false, false, true],
      [threadId(2), threadId(2), false, true, true],
    ]);
    expect(facts[2]?.path.endsWith(".jsonl")).toBe(true);
    expect(problems).toEqual([]);
  });

  it("goes by the name of a file without metadata, and says of which it knows nothing", () => {
    const { facts, problems } = survey({
      [sessionPath(1)]: "",
      [`${sessionPath(2)}.zst`]: compressZstd(Buffer.from(rolloutText([meta(2)]))).subarray(0, 20),
      "sessions/rollout-foo.jsonl": rolloutText([responseItem("x")]),
    });
    expect(facts.map(({ threadId: id, hasMeta }) => [id, hasMeta])).toEqual([
      [threadId(2), false],
      [threadId(1), false],
    ]);
    expect(problems.map(({ message, isLoss }) => [message, isLoss])).toEqual([
      ["neither its name nor a record says whose it is", false],
    ]);
  });

  it("goes on after a file that cannot be read, and counts it as a loss", () => {
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: rolloutText([meta(1)]) });
    const { files } = discoverRollouts(home);
    const [file] = files;
    if (file === undefined) throw new Error("no file");
    const gone = { ...file, path: join(home, "gone"), logicalPath: join(home, "gone") };
    let done = 0;
    const discovery = {
      files: [gone, file],
      documents: [],
      problems: [{ path: join(home, "sessions/x"), message: "permission denied", hidesThreads: true }],
    };
    const found = surveyFamilies(discovery, { advance: (count) => void (done += count) });
    expect(found.facts).toHaveLength(1);
    expect(found.problems.map(({ isLoss }) => isLoss)).toEqual([true, true]);
    expect(done).toBe(2);
  });
});

describe("fileFacts", () => {
  it("is nothing where neither name nor metadata tell", () => {
    expect(fileFacts("/x/copy.jsonl", false, undefined)).toBeUndefined();
    expect(fileFacts(`/x/${sessionPath(1)}.zst`, false, undefined)).toMatchObject({
      threadId: threadId(1),
      isCompressed: true,
    });
  });
});
