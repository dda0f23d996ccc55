/**
 * How a rollout becomes a row: the differences between releases, and between Codex's own rebuild and ours, as data.
 * `row.ts` reads these flags; nothing else in the indexer asks which release it imitates (state-and-compression §1.13).
 */

export type RuleSetName = "codex" | "best";

export interface Rules {
  readonly name: RuleSetName;
  /** Whose idea of a well-formed record counts. */
  readonly release: "0.142.3" | "0.169.0";
  /** `item_completed` with a UserMessage counts as a user message (0.150 and later). */
  readonly itemMessages: boolean;
  /** `thread_settings_applied` overrides model, provider, effort, cwd, policy and approval (0.150 and later). */
  readonly settings: boolean;
  /** A file whose first `session_meta` has an unknown `history_mode` gives no row (0.150 and later). */
  readonly rejectsUnknownMode: boolean;
  /** User information is taken out of the git URL (0.160 and later). */
  readonly stripsCredentials: boolean;
  /** Guardian threads get fixed texts (0.160 and later). */
  readonly guardianTexts: boolean;
  /** Approval `on-failure` is stored as `on-request` (0.150 and later). */
  readonly onFailureIsOnRequest: boolean;
  readonly policy: PolicyForm;
  /** Store the path of the file that is there, `.zst` included; otherwise the plain path, which stays right for both forms. */
  readonly physicalPath: boolean;
  /** Everything of docs/reindex-rules.md: times, previews through `history_base`, names from the session index. */
  readonly best: boolean;
}

/** How `sandbox_policy` is written (state-and-compression §2.8). */
export interface PolicyForm {
  /** `policy`: the older object as it stands in the rollout; `profile`: a permission profile. */
  readonly kind: "policy" | "profile";
  readonly protectsAws: boolean;
  readonly missingPathBehavior: boolean;
  /** Stored when no turn context could be used. */
  readonly whenUnknown: "read-only" | "managed-root-read";
}

/** Highest migration level of the releases whose behaviour changes something here (state-and-compression §1.3). */
const LEVEL = { r0130: 31, r0142: 39, r0150: 51 } as const;

/**
 * The rules for a database of the given migration level. `codex` is the rebuild of the release with that level;
 * `best` reads records as the newest release does and only stores them in the form of that level.
 */
export function rulesFor(name: RuleSetName, level: number): Rules {
  const newest = name === "best";
  const after142 = newest || level > LEVEL.r0142;
  const after150 = newest || level > LEVEL.r0150;
  return {
    name,
    release: after142 ? "0.169.0" : "0.142.3",
    itemMessages: after142,
    settings: after142,
    rejectsUnknownMode: after142,
    stripsCredentials: after150,
    guardianTexts: after150,
    onFailureIsOnRequest: after142,
    policy: policyForm(level),
    physicalPath: !newest,
    best: newest,
  };
}

function policyForm(level: number): PolicyForm {
  return {
    kind: level <= LEVEL.r0130 ? "policy" : "profile",
    protectsAws: level > LEVEL.r0150,
    missingPathBehavior: level > LEVEL.r0142,
    whenUnknown: level > 58 ? "managed-root-read" : "read-only",
  };
}
