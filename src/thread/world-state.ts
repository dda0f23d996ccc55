/**
 * What the model was told about its surroundings: snapshots, and RFC 7386 merge patches upon them (rollout-format §3.5).
 * A patch comes from an untrusted file, so it may be as deep as the decoder lets through, and its keys may be those of
 * `Object.prototype`.
 */
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from "../format/json.ts";

type Draft = Record<string, JsonValue>;

/** One record of `world_state`. */
export interface WorldStateStep {
  readonly full: boolean;
  readonly state: JsonObject;
}

/**
 * The state after these records, oldest first: a full one replaces what was, a patch changes it. Undefined when there
 * was nothing to patch. The result shares nothing with its input and is frozen throughout; its objects have no prototype.
 */
export function worldStateAfter(steps: readonly WorldStateStep[]): JsonObject | undefined {
  const base = steps.findLastIndex(({ full }) => full);
  if (base === -1) return undefined;
  const state = copyOf((steps[base] as WorldStateStep).state, "objects");
  for (let at = base + 1; at < steps.length; at += 1) applyPatch(state, (steps[at] as WorldStateStep).state);
  return copyOf(state, "frozen");
}

/** RFC 7386: null deletes, objects merge, everything else replaces. Neither argument is changed. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const state = copyOf(target, "objects");
  applyPatch(state, patch);
  return copyOf(state, "frozen");
}

/** Costs what the patch is long. Arrays of the patch are taken as they are; `copyOf` comes after. */
function applyPatch(state: Draft, patch: JsonObject): void {
  // Pairs still to be merged, instead of a recursion that a deep patch could exhaust.
  const open: [into: Draft, from: JsonObject][] = [[state, patch]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [into, from] = pair;
    for (const key of Object.keys(from)) {
      const value = from[key] as JsonValue;
      if (value === null) {
        delete into[key];
      } else if (isJsonObject(value)) {
        const known = into[key];
        // All objects of a draft are its own, so they may be changed in place.
        const merged = known !== undefined && isJsonObject(known) ? known : emptyObject();
        into[key] = merged;
        open.push([merged, value]);
      } else {
        into[key] = value;
      }
    }
  }
}

/** Without a prototype, `__proto__` is a key like any other. */
function emptyObject(): Draft {
  return Object.create(null) as Draft;
}

/** A copy of all objects that are reached through objects alone, or a frozen one of arrays and what they hold too. */
function copyOf(value: JsonObject, how: "objects" | "frozen"): Draft {
  const root = emptyObject();
  const made: (Draft | JsonValue[])[] = [root];
  const open: [into: Draft | JsonValue[], from: JsonObject | JsonArray][] = [[root, value]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [into, from] = pair as [Draft, JsonObject];
    for (const key of Object.keys(from)) {
      const member = from[key] as JsonValue;
      if (typeof member !== "object" || member === null || (how === "objects" && Array.isArray(member))) {
        into[key] = member;
        continue;
      }
      const inner = Array.isArray(member) ? [] : emptyObject();
      into[key] = inner;
      made.push(inner);
      open.push([inner, member]);
    }
  }
  if (how === "frozen") for (const container of made) Object.freeze(container);
  return root;
}
