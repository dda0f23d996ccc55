/**
 * Threads made by chance, in shorthand: turns as releases write them, and turns as a crash, a fork or a hostile hand
 * leaves them. Rollbacks, compactions of every form, world states, agent messages, calls without outputs, torn lines.
 */
import fc from "fast-check";

const WINDOW = "019a3edc-0d64-7000-8000-0000000000";

export const SUMMARY_TEXT =
  "Another language model started to solve this problem and produced a summary of its thinking process. Here it is, " +
  "to assist with your own analysis:\nall is well";

const turnIds = fc.constantFrom("t1", "t2", "t3", "t4");
const models = fc.constantFrom("m1", "m2", "m3");
const words = fc.constantFrom("one", "two words", "zwölf Boxkämpfer", "日本語", '"line\\nbreak"', '""', "😀");

const items = fc.oneof(
  { weight: 4, arbitrary: words.map((text) => `U ${text}`) },
  { weight: 3, arbitrary: words.map((text) => `A ${text}`) },
  fc.constantFrom(
    "ENV",
    "D plain",
    "D <permissions instructions>x",
    "D <model_switch>x | plain",
    "IMG",
    "R",
    "S rules",
  ),
  fc.constantFrom(
    "U a | <skill>x</skill>",
    `U ${JSON.stringify(SUMMARY_TEXT)}`,
    "OTHER from_the_future",
    "TRIGGER",
    "GHOST",
  ),
  fc.constantFrom("AM /root/a do it", "IAC /root/a do it", "IAJ do it", "IAJ {} "),
  fc.constantFrom(
    "FC c1",
    "FO c1 out",
    "FC c2",
    "FO c3 out",
    "CC c4",
    "CO c4 out",
    "LS c5",
    "LS -",
    "TSC c6",
    "TSO c7",
  ),
  fc.nat(40_000).map((length) => `U ${"x".repeat(length)}`),
);

const replacements = fc.array(
  fc.oneof(
    items.filter((row) => !row.startsWith("IAC")),
    fc.constant("SUM"),
  ),
  { maxLength: 4 },
);

const checkpoints = fc
  .record({
    items: replacements,
    number: fc.option(fc.nat(9), { nil: undefined }),
    windowId: fc.option(
      fc.oneof(
        fc.constant("not-an-id"),
        fc.nat(9).map((n) => `${WINDOW}0${n}`),
        fc.nat(9),
      ),
      { nil: undefined },
    ),
    resume: fc.option(
      fc.record(
        { last_started_turn_id: turnIds, previous_turn_settings: fc.record({ model: models }) },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    ),
  })
  .map(({ items: list, number, windowId, resume }) => {
    const members = { window_number: number, window_id: windowId, resume_metadata: resume };
    return [`CP+ ${JSON.stringify(members)}`, ...list.map((row) => `  ${row}`)].join("\n");
  });

const compactions = fc.oneof(
  { weight: 3, arbitrary: checkpoints },
  words.map((text) => `CP- ${text}`),
  fc.constant(`CP- ${JSON.stringify(SUMMARY_TEXT)}`),
);

const states = fc
  .tuple(
    fc.boolean(),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__"), fc.constantFrom(null, 1, { c: null, d: 2 })),
  )
  .map(([full, state]) => `${full ? "WS+" : "WS~"} ${JSON.stringify(state)}`);

const rollbacks = fc.constantFrom("RB 0", "RB 1", "RB 1", "RB 2", "RB 4294967295");
const noise = fc.constantFrom(
  "SCORE",
  "AE said",
  "LINE {torn",
  "LINE ",
  "LINE null",
  'LINE {"timestamp":"","type":"new","payload":{}}',
);
const contexts = fc.tuple(fc.oneof(turnIds, fc.constant("-")), models).map(([id, model]) => `TX ${id} ${model}`);
const ends = turnIds.chain((id) => fc.constantFrom(`TC ${id}`, `TA ${id}`, "TA -"));

const anything = fc.oneof(
  { weight: 5, arbitrary: items },
  { weight: 2, arbitrary: contexts },
  turnIds.map((id) => `TS ${id}`),
  fc.constant("UE said"),
  ends,
  states,
  rollbacks,
  compactions,
  noise,
);

/** A turn in the order of a release, with something odd in it now and then. */
const turns = fc
  .record({
    id: turnIds,
    model: models,
    context: fc.boolean(),
    user: fc.boolean(),
    inside: fc.array(fc.oneof({ weight: 4, arbitrary: items }, states, compactions, contexts), { maxLength: 4 }),
    odd: fc.option(anything, { nil: undefined, freq: 4 }),
    completed: fc.boolean(),
    after: fc.option(fc.oneof(rollbacks, compactions, noise), { nil: undefined, freq: 2 }),
  })
  .map(({ id, model, context, user, inside, odd, completed, after }) => [
    `TS ${id}`,
    ...(context ? [`TX ${id} ${model}`] : []),
    ...(user ? ["UE said", "U said"] : []),
    ...inside,
    ...(odd === undefined ? [] : [odd]),
    "A done",
    ...(completed ? [`TC ${id}`] : []),
    ...(after === undefined ? [] : [after]),
  ]);

const metas = fc.tuple(fc.boolean(), fc.option(fc.nat(9), { nil: undefined })).map(([isPaginated, window]) => {
  const members =
    window === undefined ? "" : ` ${JSON.stringify({ context_window: { window_id: `${WINDOW}a${window}` } })}`;
  return `META${isPaginated ? " paginated" : ""}${members}`;
});

/** Rows of shorthand; the first one is the metadata. */
export const threads: fc.Arbitrary<readonly string[]> = fc
  .tuple(
    metas,
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: turns },
        anything.map((row) => [row]),
      ),
      { maxLength: 8 },
    ),
  )
  .map(([meta, parts]) => [meta, ...parts.flat()]);
