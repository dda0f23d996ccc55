/**
 * `--to paginated`: a legacy rollout with canonical items and ordinals, as 0.169.0 makes of it, without its losses: lines of any length
 * stay, and what cannot be in the new file is set aside (rollout-format §9). `canonical.ts` has the rules for records, `rollback.ts`
 * those for what was taken back.
 */
import { RolloutError } from "../errors.ts";
import { acceptedBy } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import { historyModeOf, type RecordOf, type ResponseItem, type RolloutRecord } from "../format/record.ts";
import { EMPTY_LINES } from "../thread/omission.ts";
import { isAgent } from "./agents.ts";
import { Canonicaliser } from "./canonical.ts";
import type { Conversion, ConversionProof, Judgement, KeepingSink, Source } from "./conversion.ts";
import { OddTurns } from "./odd-turns.ts";
import { paginatedProof } from "./paginated-proof.ts";
import { planRollbacks, resolved, rewrite, type RollbackPlan } from "./rollback.ts";

export const paginated: Conversion = {
  target: "paginated",
  judge,
  pathOf: ({ path }) => path,
  convert,
};

type Good = Extract<Entry, { readonly ok: true }>;
type MetaEntry = Good & { readonly record: RecordOf<"session_meta"> };

function judge(source: Source): Judgement {
  if (source.generation !== "envelope") return { kind: "not-this-form" };
  const head = headOf(source);
  if (head === undefined) return { kind: "refuse", reason: "it has no metadata" };
  const mode = historyModeOf(head.record.payload);
  if (mode === "paginated") return { kind: "already" };
  const reason = mode === undefined ? "its history mode is not known" : hindrance(source, head);
  return reason === undefined ? { kind: "convert" } : { kind: "refuse", reason };
}

/** Paginated rollouts are held to their names by whoever reads them (rollout-format §7.3). */
function hindrance({ file }: Source, { record }: MetaEntry): string | undefined {
  const id = parseUuid(record.payload.id);
  if (id === undefined) return "its metadata names no thread";
  if (!acceptedBy(record, "0.169.0")) return "its metadata is none that Codex 0.169.0 reads";
  const named = file?.name?.threadId;
  return named === undefined || named === id ? undefined : "its name is that of another thread than its metadata";
}

/** The first metadata, wherever it stands. */
function headOf(source: Source): MetaEntry | undefined {
  for (const entry of source.entries()) if (isMeta(entry)) return entry;
  return undefined;
}

function isMeta(entry: Entry): entry is MetaEntry {
  return entry.ok && entry.record.type === "session_meta";
}

/** @throws RolloutError `unsupported`, `damaged` where Codex refuses the file, too, or where a line cannot be read at all. */
function convert(source: Source, sink: KeepingSink): ConversionProof {
  const head = headOf(source);
  const threadId = parseUuid(head?.record.payload.id ?? "");
  if (head === undefined || threadId === undefined) throw new RolloutError("damaged", "the rollout has no metadata");
  const hasRollbacks = holdsRollback(source);
  const plan = hasRollbacks ? planRollbacks(() => source.entries()) : NO_ROLLBACKS;
  const odd = new OddTurns();
  const written = write({ source, head, threadId, plan }, { sink, odd });
  const { hidden } = written;
  for (const note of notesOn(plan, odd, hidden)) sink.note(note);
  return {
    ...paginatedProof({
      odd,
      isAgent: hidden !== undefined,
      isRewritten: plan.rewritten !== undefined,
      isTurnCut: plan.isTurnCut,
      hasHardBase: written.hasHardBase,
      isGone: (line) => plan.whyGone(line) !== undefined,
      anchors: plan.anchors,
    }),
    turnsBefore: hasRollbacks ? () => resolved(source.entries(), plan) : undefined,
  };
}

const NO_ROLLBACKS: RollbackPlan = {
  rollbacks: 0,
  whyGone: () => undefined,
  rewritten: undefined,
  isTurnCut: false,
  anchors: 0,
};

function holdsRollback(source: Source): boolean {
  for (const entry of source.entries(isRollback)) {
    if (entry.ok && entry.record.type === "event_msg" && isRollback(`event_msg/${entry.record.payload.type}`))
      return true;
  }
  return false;
}

function isRollback(kind: string): boolean {
  return kind === "event_msg/thread_rolled_back";
}

interface Work {
  readonly source: Source;
  readonly head: MetaEntry;
  readonly threadId: string;
  readonly plan: RollbackPlan;
}

interface Target {
  readonly sink: Pick<KeepingSink, "record" | "keep" | "aside">;
  readonly odd: OddTurns;
}

interface Written {
  /** Records that an agent begins behind; undefined for other threads. */
  readonly hidden: number | undefined;
  readonly hasHardBase: boolean;
}

function write(work: Work, target: Target): Written {
  const hidden = isAgent(work.head.record.payload) ? countRecords(work) : undefined;
  return { hidden, hasHardBase: walk(work, target, hidden) };
}

/** An agent's own history begins behind all that there is (rollout-format §9.4), which has to be known before the first line. */
function countRecords(work: Work): number {
  let count = 0;
  const add = (): void => void (count += 1);
  walk(work, { sink: { record: add, keep: add, aside: () => undefined }, odd: new OddTurns() }, 0);
  return count;
}

/** @returns whether a checkpoint is in it that cuts off what precedes it in a paginated thread alone. */
function walk({ source, head, threadId, plan }: Work, { sink, odd }: Target, hidden: number | undefined): boolean {
  let current: Good = head;
  let hasHardBase = false;
  let held: { readonly record: RolloutRecord; readonly line: Buffer } | undefined;
  const canonical = new Canonicaliser({
    threadId,
    odd,
    output: {
      keep: () => sink.keep(current.record, source.bytesOf(current)),
      hold: () => void (held = { record: current.record, line: source.bytesOf(current) }),
      release: () => {
        if (held !== undefined) sink.keep(held.record, held.line);
        held = undefined;
      },
      make: (record) => sink.record(record),
      aside: (why) => sink.aside(source.bytesOf(current), why, current.position.line),
    },
  });
  canonical.head(head.record, hidden);
  for (let at = 0; at < plan.anchors; at += 1) sink.record(anchor(head.record.timestamp));
  for (const entry of source.entries()) {
    if (entry.position.offset === head.position.offset) continue;
    const why = entry.ok ? plan.whyGone(entry.position.line) : whyUnreadable(entry);
    if (why !== undefined) sink.aside(source.bytesOf(entry), why, entry.position.line);
    else if (entry.ok) {
      current = entry;
      hasHardBase ||= isHardBase(entry.record);
      if (plan.rewritten?.line === entry.position.line) sink.record(rewritten(entry, plan.rewritten.items));
      else canonical.add(entry.record);
    }
  }
  canonical.finish();
  return hasHardBase;
}

function isHardBase({ type, payload }: RolloutRecord): boolean {
  if (type !== "compacted") return false;
  return payload.replacement_history != null && payload.window_number != null && payload.resume_metadata == null;
}

/** Undefined for a line without content. @throws RolloutError `unsupported` for one too long to be looked into. */
function whyUnreadable({ defect, position }: Extract<Entry, { readonly ok: false }>): string | undefined {
  if (EMPTY_LINES.has(defect.kind)) return undefined;
  if (defect.kind === "too-long" || defect.kind === "broken-stream")
    throw new RolloutError("unsupported", defect.message, { line: position.line, offset: position.offset });
  return defect.message;
}

/** A compaction that nothing is left of, but for its number. */
function anchor(timestamp: string): RolloutRecord {
  return { timestamp, type: "compacted", payload: { message: "", replacement_history: [] } };
}

function rewritten(entry: Good, items: readonly ResponseItem[]): RolloutRecord {
  const found = rewrite(entry, items);
  return found.ok ? found.record : entry.record;
}

function* notesOn(plan: RollbackPlan, odd: OddTurns, hidden: number | undefined): Generator<string> {
  const { rollbacks } = plan;
  if (rollbacks > 0)
    yield `${rollbacks} ${rollbacks === 1 ? "rollback" : "rollbacks"} carried out: what was rolled back is set aside`;
  if (plan.rewritten !== undefined)
    yield "a rollback reached into a compaction, which now says itself what is left of it";
  if (plan.isTurnCut) yield "a rollback went back to the middle of a turn, whose beginning stays";
  if (plan.anchors > 0) yield "a compaction that was rolled back is counted still, by an empty one at the start";
  if (hidden !== undefined) yield "an agent: clients see only what comes from now on, as with Codex's own migration";
  if (odd.newItems > 0) yield `items that clients were not shown before: ${odd.newItems}`;
  for (const [why, count] of odd.reasons()) yield `turns shown otherwise, ${why}: ${count}`;
}
