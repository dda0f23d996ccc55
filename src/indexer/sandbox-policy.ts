/**
 * The text of `threads.sandbox_policy`, from what a turn context or a settings record says (state-and-compression §2.8).
 * Which protected folders are listed depends on what exists on this machine, so the text of a rebuild may differ from the lost
 * one without harm; whoever compares must compare by meaning.
 */
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

/** Compact JSON. `undefined` as source means that no turn context could be used. */
export function sandboxPolicyText(source: PolicySource | undefined, form: PolicyForm, exists: PathExists): string {
  if (source === undefined) return JSON.stringify(form.whenUnknown === "read-only" ? { type: "read-only" } : READ_ROOT);
  if (form.kind === "policy" && isObject(source.sandboxPolicy)) return JSON.stringify(source.sandboxPolicy);
  if (isObject(source.permissionProfile)) return JSON.stringify(orderedProfile(source.permissionProfile));
  const profile = profileOf(source, form, exists);
  return JSON.stringify(isObject(source.fileSystemPolicy) ? withFileSystem(profile, source.fileSystemPolicy) : profile);
}

const READ_ROOT: JsonObject = {
  type: "managed",
  file_system: { type: "restricted", entries: [{ path: special("root"), access: "read" }] },
  network: "restricted",
};

/** Keys in the stored order: type, file_system (type, entries of path and access), network. Unknown keys keep their place. */
function orderedProfile(profile: JsonObject): JsonObject {
  const { type, file_system: fileSystem, network, ...others } = profile;
  const rest = type === "managed" || type === "external" ? {} : others;
  return {
    ...(type === undefined ? {} : { type }),
    ...(fileSystem === undefined ? {} : { file_system: orderedFileSystem(fileSystem) }),
    ...(network === undefined ? {} : { network }),
    ...rest,
  };
}

function orderedFileSystem(value: JsonValue): JsonValue {
  if (!isObject(value) || !Array.isArray(value.entries)) return value;
  const { type, entries, ...others } = value;
  return { ...(type === undefined ? {} : { type }), entries: entries.map((entry) => orderedEntry(entry)), ...others };
}

function orderedEntry(entry: JsonValue): JsonValue {
  if (!isObject(entry)) return entry;
  const { path, access, ...others } = entry;
  return { ...(path === undefined ? {} : { path }), ...(access === undefined ? {} : { access }), ...others };
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

function withFileSystem(profile: JsonObject, fileSystem: JsonObject): JsonObject {
  if (profile.type !== "managed") return profile;
  const { kind, entries } = fileSystem;
  const part = { ...(kind === undefined ? {} : { type: kind }), ...(entries === undefined ? {} : { entries }) };
  return { ...profile, file_system: orderedFileSystem(part) };
}

/** The list of §2.8, numbered there 1 to 13. */
function writableEntries(
  policy: JsonObject,
  cwd: string,
  form: PolicyForm,
  exists: PathExists,
): readonly JsonObject[] {
  const roots = Array.isArray(policy.writable_roots)
    ? policy.writable_roots.filter((root): root is string => typeof root === "string")
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
    ...roots.flatMap((root) => below(root, guarded.filter((name) => exists(`${root}/${name}`)))),
    ...below(cwd, guarded.filter((name) => name === ".codex" || exists(`${cwd}/${name}`))),
  ];
}

function special(kind: string, subpath?: string): JsonObject {
  return { type: "special", value: subpath === undefined ? { kind } : { kind, subpath } };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
