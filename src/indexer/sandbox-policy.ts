/**
 * The text of `threads.sandbox_policy`, from what a turn context or a settings record says (state-and-compression §2.8).
 * Which protected folders are listed depends on what exists on this machine, so the text of a rebuild may differ from the lost
 * one without harm; whoever compares must compare by meaning.
 */
import { tidyPath } from "../io/paths.ts";
import type { JsonObject, JsonValue } from "../format/record.ts";
import type { PolicyForm } from "./rules.ts";

export interface PolicySource {
  readonly permissionProfile?: JsonValue | undefined;
  readonly sandboxPolicy?: JsonValue | undefined;
  /** Its `kind` and `entries` replace the file-system part that is derived from `sandboxPolicy`. */
  readonly fileSystemPolicy?: JsonValue | undefined;
  readonly cwd: string;
}

export type PathExists = (path: string) => boolean;

/** Threads of one home have few different policies: texts by what they are made from, for each look at the file system. */
const textsByLook = new WeakMap<PathExists, Map<string, string>>();
const MAX_TEXTS = 1000;

/** Compact JSON. `undefined` as source means that no turn context could be used. */
export function sandboxPolicyText(source: PolicySource | undefined, form: PolicyForm, exists: PathExists): string {
  const texts = textsByLook.get(exists) ?? new Map<string, string>();
  textsByLook.set(exists, texts);
  const key = JSON.stringify([source ?? null, form]);
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = makeText(source, form, exists);
  if (texts.size >= MAX_TEXTS) texts.clear();
  texts.set(key, text);
  return text;
}

function makeText(source: PolicySource | undefined, form: PolicyForm, exists: PathExists): string {
  if (source === undefined) return JSON.stringify(form.whenUnknown === "read-only" ? { type: "read-only" } : READ_ROOT);
  if (form.kind === "policy" && isObject(source.sandboxPolicy)) return JSON.stringify(source.sandboxPolicy);
  if (isObject(source.permissionProfile)) return JSON.stringify(orderedProfile(source.permissionProfile, form));
  const profile = profileOf(source, form, exists);
  return JSON.stringify(
    isObject(source.fileSystemPolicy) ? withFileSystem(profile, source.fileSystemPolicy, form) : profile,
  );
}

const READ_ROOT: JsonObject = {
  type: "managed",
  file_system: { type: "restricted", entries: [{ path: special("root"), access: "read" }] },
  network: "restricted",
};

/** Keys in the stored order, unknown ones left out: type, file_system (type, entries of path and access), network. */
function orderedProfile({ type, file_system: fileSystem, network }: JsonObject, form: PolicyForm): JsonObject {
  return named({
    type,
    file_system: fileSystem === undefined ? undefined : orderedFileSystem(fileSystem, form),
    network,
  });
}

function orderedFileSystem(value: JsonValue, form: PolicyForm): JsonValue {
  if (!isObject(value)) return value;
  const { type, entries, glob_scan_max_depth: depth } = value;
  const ordered = Array.isArray(entries) ? entries.map((entry) => orderedEntry(entry, form)) : entries;
  return named({ type, entries: ordered, glob_scan_max_depth: depth ?? undefined });
}

function orderedEntry(entry: JsonValue, form: PolicyForm): JsonValue {
  if (!isObject(entry)) return entry;
  const { path, access, missing_path_behavior: behavior } = entry;
  return named({
    path: path === undefined ? undefined : orderedPath(path),
    access: access === "none" ? "deny" : access,
    missing_path_behavior: form.missingPathBehavior ? (behavior ?? undefined) : undefined,
  });
}

function orderedPath(value: JsonValue): JsonValue {
  if (!isObject(value)) return value;
  const { type, path, pattern, value: place } = value;
  if (isObject(place)) {
    const { kind, path: unknown, subpath } = place;
    return named({ type, value: named({ kind, path: unknown, subpath: subpath ?? undefined }) });
  }
  return named({ type, path: typeof path === "string" ? tidyPath(path) : path, pattern });
}

/** Without the members that are undefined. */
function named(members: { readonly [key: string]: JsonValue | undefined }): JsonObject {
  return Object.fromEntries(
    Object.entries(members).filter((member): member is [string, JsonValue] => member[1] !== undefined),
  );
}

function profileOf(source: PolicySource, form: PolicyForm, exists: PathExists): JsonObject {
  const policy = isObject(source.sandboxPolicy) ? source.sandboxPolicy : {};
  switch (policy.type) {
    case "danger-full-access":
      return { type: "disabled" };
    case "external-sandbox":
      return { type: "external", network: policy.network_access === "enabled" ? "enabled" : "restricted" };
    case "workspace-write":
      return managed(writableEntries(policy, source.cwd, form, exists), policy.network_access === true);
    default:
      return managed([{ path: special("root"), access: "read" }], policy.network_access === true);
  }
}

function managed(entries: readonly JsonObject[], network: boolean): JsonObject {
  return {
    type: "managed",
    file_system: { type: "restricted", entries },
    network: network ? "enabled" : "restricted",
  };
}

function withFileSystem(profile: JsonObject, fileSystem: JsonObject, form: PolicyForm): JsonObject {
  const { kind, entries = [], glob_scan_max_depth } = fileSystem;
  const network = profile.network ?? "enabled";
  if (kind === "external-sandbox") return { type: "external", network };
  if (kind === "unrestricted" && profile.type === "disabled") return profile;
  const part = kind === "restricted" ? named({ type: kind, entries, glob_scan_max_depth }) : named({ type: kind });
  return { type: "managed", file_system: orderedFileSystem(part, form), network };
}

/** The list of §2.8, numbered there 1 to 13. */
function writableEntries(policy: JsonObject, cwd: string, form: PolicyForm, exists: PathExists): readonly JsonObject[] {
  const roots = Array.isArray(policy.writable_roots)
    ? policy.writable_roots.filter((root): root is string => typeof root === "string").map(tidyPath)
    : [];
  const skip = form.missingPathBehavior ? { missing_path_behavior: "skip" } : {};
  const guarded = [".git", ".agents", ".codex", ...(form.protectsAws ? [".aws"] : [])];
  const readOnly = (path: JsonObject): JsonObject => ({ path, access: "read", ...skip });
  const below = (folder: string, names: readonly string[]): JsonObject[] =>
    names.map((name) => readOnly({ type: "path", path: `${folder.replace(/\/+$/, "")}/${name}` }));
  return [
    { path: special("root"), access: "read" },
    { path: special("project_roots"), access: "write" },
    ...(policy.exclude_slash_tmp === true ? [] : [{ path: special("slash_tmp"), access: "write" }]),
    ...(policy.exclude_tmpdir_env_var === true ? [] : [{ path: special("tmpdir"), access: "write" }]),
    ...roots.map((path) => ({ path: { type: "path", path }, access: "write" })),
    ...guarded.map((subpath) => readOnly(special("project_roots", subpath))),
    ...roots.flatMap((root) =>
      below(
        root,
        guarded.filter((name) => exists(`${root}/${name}`)),
      ),
    ),
    ...below(
      cwd,
      guarded.filter((name) => name === ".codex" || exists(`${cwd}/${name}`)),
    ),
  ];
}

function special(kind: string, subpath?: string): JsonObject {
  return { type: "special", value: subpath === undefined ? { kind } : { kind, subpath } };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
