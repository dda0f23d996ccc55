/** `sandbox_policy` by state-and-compression §2.8; the texts were made by 0.169.0 and 0.142.3. */
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../../src/format/record.ts";
import { rulesFor } from "../../src/indexer/rules.ts";
import { type PolicySource, sandboxPolicyText } from "../../src/indexer/sandbox-policy.ts";

const NEWEST = rulesFor("codex", 62).policy;
const OLDER = rulesFor("codex", 39).policy;
const OLDEST = rulesFor("codex", 31).policy;

function policy(
  source: Omit<PolicySource, "cwd"> | undefined,
  options: { existing?: readonly string[]; form?: typeof NEWEST } = {},
) {
  const { existing = [], form = NEWEST } = options;
  const text = sandboxPolicyText(source === undefined ? undefined : { ...source, cwd: "/p" }, form, (path) =>
    existing.includes(path),
  );
  return JSON.parse(text) as {
    type: string;
    network?: string;
    file_system?: { type: string; entries: readonly unknown[] };
  };
}

const READ_ROOT = { path: { type: "special", value: { kind: "root" } }, access: "read" };
const managed = (entries: readonly unknown[], network = "restricted") => ({
  type: "managed",
  file_system: { type: "restricted", entries },
  network,
});
const path = (text: string) => ({ path: { type: "path", path: text }, access: "read", missing_path_behavior: "skip" });

describe("a policy", () => {
  test.each<[string, JsonValue, unknown]>([
    ["read-only", { type: "read-only" }, managed([READ_ROOT])],
    ["read-only with network", { type: "read-only", network_access: true }, managed([READ_ROOT], "enabled")],
    ["danger-full-access", { type: "danger-full-access" }, { type: "disabled" }],
    ["external", { type: "external-sandbox" }, { type: "external", network: "restricted" }],
    [
      "external with network",
      { type: "external-sandbox", network_access: "enabled" },
      { type: "external", network: "enabled" },
    ],
  ])("%s", (_, sandboxPolicy, expected) => {
    expect(policy({ sandboxPolicy })).toEqual(expected);
  });

  test("workspace-write lists what may be written, and what stays protected, as far as it exists", () => {
    const sandboxPolicy = { type: "workspace-write", writable_roots: ["/w/", "/v"], network_access: true };
    const special = (kind: string, subpath?: string) => ({
      type: "special",
      value: subpath === undefined ? { kind } : { kind, subpath },
    });
    const guard = (name: string) => ({
      path: special("project_roots", name),
      access: "read",
      missing_path_behavior: "skip",
    });
    expect(policy({ sandboxPolicy }, { existing: ["/w/.git", "/v/.aws", "/p/.agents"] })).toEqual(
      managed(
        [
          READ_ROOT,
          { path: special("project_roots"), access: "write" },
          { path: special("slash_tmp"), access: "write" },
          { path: special("tmpdir"), access: "write" },
          { path: { type: "path", path: "/w" }, access: "write" },
          { path: { type: "path", path: "/v" }, access: "write" },
          ...[".git", ".agents", ".codex", ".aws"].map(guard),
          path("/w/.git"),
          path("/v/.aws"),
          path("/p/.agents"),
          path("/p/.codex"),
        ],
        "enabled",
      ),
    );
  });

  test("what exists is looked up anew for each home", () => {
    const source = { sandboxPolicy: { type: "workspace-write" } };
    const entries = (existing: readonly string[]) => policy(source, { existing }).file_system?.entries.length;
    expect([entries([]), entries(["/p/.git"]), entries([])]).toEqual([9, 10, 9]);
  });

  test("0.142.3 protects less and says less; 0.130 stores the policy itself", () => {
    const sandboxPolicy = { type: "workspace-write", exclude_slash_tmp: true, exclude_tmpdir_env_var: true };
    expect(policy({ sandboxPolicy }, { existing: ["/p/.aws"], form: OLDER })).toEqual(
      managed([
        READ_ROOT,
        { path: { type: "special", value: { kind: "project_roots" } }, access: "write" },
        ...[".git", ".agents", ".codex"].map((subpath) => ({
          path: { type: "special", value: { kind: "project_roots", subpath } },
          access: "read",
        })),
        { path: { type: "path", path: "/p/.codex" }, access: "read" },
      ]),
    );
    expect(policy({ sandboxPolicy }, { form: OLDEST })).toEqual(sandboxPolicy);
  });

  test("none at all is read-only", () => {
    expect(policy(undefined)).toEqual(managed([READ_ROOT]));
    expect(policy(undefined, { form: OLDER })).toEqual({ type: "read-only" });
  });
});

describe("a file system policy beside it", () => {
  const fileSystemPolicy = {
    kind: "restricted",
    entries: [{ access: "none", path: { pattern: "**/.env", type: "glob_pattern" } }],
  };
  const denied = { path: { type: "glob_pattern", pattern: "**/.env" }, access: "deny" };

  test.each<[string, JsonValue, JsonValue, unknown]>([
    ["replaces the derived entries", { type: "read-only" }, fileSystemPolicy, managed([denied])],
    [
      "makes an external one managed",
      { type: "external-sandbox", network_access: "enabled" },
      fileSystemPolicy,
      managed([denied], "enabled"),
    ],
    ["limits full access", { type: "danger-full-access" }, fileSystemPolicy, managed([denied], "enabled")],
    ["without entries allows nothing", { type: "read-only" }, { kind: "restricted" }, managed([])],
    [
      "may be open",
      { type: "read-only" },
      { kind: "unrestricted" },
      { type: "managed", file_system: { type: "unrestricted" }, network: "restricted" },
    ],
    [
      "open beside full access changes nothing",
      { type: "danger-full-access" },
      { kind: "unrestricted" },
      { type: "disabled" },
    ],
    [
      "may be somebody else's",
      { type: "read-only" },
      { kind: "external-sandbox", entries: [] },
      { type: "external", network: "restricted" },
    ],
  ])("%s", (_, sandboxPolicy, beside, expected) => {
    expect(policy({ sandboxPolicy, fileSystemPolicy: beside })).toEqual(expected);
  });
});

describe("a permission profile", () => {
  const entries = [
    {
      missing_path_behavior: "skip",
      access: "read",
      path: { value: { subpath: ".git", kind: "project_roots" }, type: "special" },
      note: 1,
    },
    { path: { path: "/w/../x/", type: "path" }, access: "write", missing_path_behavior: null },
  ];
  const permissionProfile = {
    network: "enabled",
    file_system: { glob_scan_max_depth: 3, entries, type: "restricted" },
    type: "managed",
    note: 1,
  };
  const ordered = (skip: string) =>
    `{"type":"managed","file_system":{"type":"restricted","entries":[{"path":{"type":"special","value":{"kind":"project_roots","subpath":".git"}},"access":"read"${skip}},{"path":{"type":"path","path":"/x"},"access":"write"}],"glob_scan_max_depth":3},"network":"enabled"}`;

  test("wins, with its keys in the stored order and unknown ones left out", () => {
    const source = { permissionProfile, sandboxPolicy: { type: "read-only" }, cwd: "/p" };
    expect(sandboxPolicyText(source, NEWEST, () => false)).toBe(ordered(',"missing_path_behavior":"skip"'));
    expect(sandboxPolicyText(source, OLDER, () => false)).toBe(ordered(""));
  });

  test.each([
    { type: "disabled" },
    { type: "external", network: "restricted" },
    { type: "managed", file_system: { type: "unrestricted" }, network: "enabled" },
  ])("%j stays as it is", (profile) => expect(policy({ permissionProfile: profile })).toEqual(profile));
});
