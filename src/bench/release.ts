/**
 * Finds the Codex binary that a user means by `--codex <path|version>`. A path may be an executable, an npm prefix or the
 * npm package itself; a version is looked for where an earlier run has put it, and installed by npm where it is not there:
 * then npm opens a connection, because a user asked for that release, and this tool still opens none.
 */
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";

import { errnoOf, RolloutError } from "../errors.ts";
import { isJsonObject } from "../format/json.ts";
import { escapeText } from "../io/console.ts";
import { listFolder, lstatOrUndefined, statOrUndefined } from "../io/files.ts";
import { type CodexBinary, codexEnvironment } from "./codex.ts";
import { makeScratch, ownUid } from "./scratch.ts";

const PACKAGE = "@openai/codex";
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z][0-9A-Za-z.-]*)?$/u;
/** `0.169.0-linux-x64`: the package that holds the binary for one machine. */
const MACHINE_SUFFIX = /-(?:linux|darwin|win32)-\w+$/u;

const INSTALL_TIMEOUT_MS = 300_000;
const VERSION_TIMEOUT_MS = 10_000;

export interface ReleaseOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What a relative path is relative to. */
  readonly cwd: string;
  /** Is told that something is about to be installed. */
  readonly tell: (line: string) => void;
  /** Where installed releases are kept; the system's temporary folder by default. */
  readonly temporary?: string | undefined;
}

/**
 * The binary that `text` names: an executable file, an npm prefix, a package folder, or a version such as `0.169.0`.
 *
 * A version is looked for in the prefix that the environment names (`ROLLOUT_TOOL_CODEX_0_169_0`), then in
 * `<temporary folder>/rollout-tool-codex-0.169.0`, where it is installed when neither holds it.
 *
 * @throws RolloutError `not-found`, `mismatch` (another version is there), `unsupported` (what is there does not run).
 */
export function resolveCodex(text: string, options: ReleaseOptions): CodexBinary {
  if (VERSION.test(text)) return findVersion(text, options);
  const path = resolve(options.cwd, text);
  const stat = statOrUndefined(path);
  if (stat?.isDirectory() === true) return findCodex(path);
  if (stat?.isFile() === true) return fromFile(path, options);
  const onPath = /[/\\]/u.test(text) ? undefined : searchPath(text, options.env["PATH"] ?? "");
  if (onPath !== undefined) return fromFile(onPath, options);
  throw new RolloutError("not-found", "no Codex there", {
    path,
    hint: "Give an executable file, a folder that npm installed it to, or a version such as 0.169.0.",
  });
}

/**
 * The binary for this machine below an npm prefix (`npm install --prefix <prefix> @openai/codex`), also a global one, or in
 * the package itself.
 *
 * @throws RolloutError `not-found` when there is none.
 */
export function findCodex(folder: string): CodexBinary {
  const scope = join("node_modules", "@openai", "codex");
  const packages = [join(folder, scope), join(folder, "lib", scope), folder];
  const version = packages.map(versionOfPackage);
  const index = version.findIndex((found) => found !== undefined);
  const [found, place] = [version[index], packages[index]];
  if (found === undefined || place === undefined) {
    throw new RolloutError("not-found", "no Codex package there", {
      path: folder,
      hint: `Install one with: npm install --prefix ${escapeText(folder)} ${PACKAGE}`,
    });
  }
  // Since 2026 the binary has a package of its own, beside that of the launcher or within it.
  const homes = [place, ...foldersIn(dirname(place)), ...foldersIn(join(place, "node_modules", "@openai"))];
  for (const vendor of homes.map((home) => join(home, "vendor"))) {
    for (const target of foldersIn(vendor).filter(isForThisMachine)) {
      // `bin/` since 2026, `codex/` before.
      const names = ["bin", "codex"].map((part) => join(target, part, platform() === "win32" ? "codex.exe" : "codex"));
      const path = names.find((name) => existsSync(name));
      if (path !== undefined) return { version: found, path };
    }
  }
  throw new RolloutError("not-found", "the Codex package there holds no binary for this machine", { path: folder });
}

function versionOfPackage(folder: string): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!isJsonObject(manifest)) return undefined;
    const { name, version } = manifest;
    return name === PACKAGE && typeof version === "string" ? version.replace(MACHINE_SUFFIX, "") : undefined;
  } catch {
    return undefined;
  }
}

function foldersIn(folder: string): readonly string[] {
  if (statOrUndefined(folder)?.isDirectory() !== true) return [];
  return listFolder(folder).map(({ name }) => join(folder, name));
}

/** By the folder's name, a target triple such as `x86_64-unknown-linux-musl`. */
function isForThisMachine(folder: string): boolean {
  const [cpu] = basename(folder).split("-");
  const cpus: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };
  const systems: Readonly<Record<string, string>> = { linux: "-linux-", darwin: "-darwin", win32: "-windows-" };
  return cpu === cpus[arch()] && basename(folder).includes(systems[platform()] ?? `-${platform()}-`);
}

function searchPath(name: string, path: string): string | undefined {
  const places = path.split(delimiter).filter((folder) => folder !== "");
  return places.map((folder) => join(folder, name)).find((file) => statOrUndefined(file)?.isFile() === true);
}

/** The launcher of a package stands for the binary it starts; any other file is asked for its version. */
function fromFile(path: string, { temporary = tmpdir() }: ReleaseOptions): CodexBinary {
  const folder = dirname(dirname(realpathSync(path)));
  if (versionOfPackage(folder) !== undefined) return findCodex(folder);
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    throw new RolloutError("unsupported", "that file is not executable", { path, cause: error });
  }
  const scratch = makeScratch(temporary);
  try {
    const home = join(scratch, "home");
    mkdirSync(home);
    const run = spawnSync(path, ["--version"], {
      cwd: scratch,
      env: { ...codexEnvironment(home) },
      encoding: "utf8",
      timeout: VERSION_TIMEOUT_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [version] = /\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?/u.exec(run.status === 0 ? run.stdout : "") ?? [];
    if (version !== undefined) return { version, path };
    throw new RolloutError("unsupported", `that file does not say its version: ${failureOf(run)}`, {
      path,
      hint: "Is it a Codex binary for this machine?",
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Why a program gave no answer. */
function failureOf(run: SpawnSyncReturns<string>, sayingOf = lastLine): string {
  if (errnoOf(run.error) === "ETIMEDOUT") return "it hangs";
  if (run.error !== undefined) return String(run.error);
  const said = sayingOf(run.stderr);
  const exit = `it ended with ${String(run.status ?? run.signal)}`;
  return said === "" ? exit : `${exit}: ${escapeText(said.slice(0, 500))}`;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** npm gives a code, then says what it means, then where its log lies. */
function npmSays(text: string): string {
  const lines = [...text.matchAll(/^npm (?:error|ERR!) (.+)$/gmu)].map(([, line = ""]) => line);
  return lines.length === 0 ? lastLine(text) : lines.slice(0, 2).join(": ");
}

function findVersion(version: string, options: ReleaseOptions): CodexBinary {
  const variable = `ROLLOUT_TOOL_CODEX_${version.replaceAll(/[^0-9A-Za-z]/gu, "_")}`;
  const named = options.env[variable];
  if (named !== undefined && named !== "")
    return ofVersion(version, resolve(options.cwd, named), `Set by ${variable}.`);
  const cache = join(options.temporary ?? tmpdir(), `rollout-tool-codex-${version}`);
  const stat = lstatOrUndefined(cache);
  if (stat === undefined) install(version, cache, options);
  // The temporary folder is everybody's: what somebody else put there is not run.
  else if (!stat.isDirectory() || stat.uid !== (ownUid() ?? stat.uid)) {
    throw new RolloutError("unsupported", "the folder meant for that Codex release is not this user's", {
      path: cache,
      hint: `Install the release elsewhere and set ${variable} to that folder.`,
    });
  }
  return ofVersion(version, cache, "Remove that folder to have it installed anew.");
}

function ofVersion(version: string, folder: string, hint: string): CodexBinary {
  const binary = findCodex(folder);
  if (binary.version === version) return binary;
  throw new RolloutError("mismatch", `Codex ${binary.version} is there, not ${version}`, { path: folder, hint });
}

/** Installed aside and renamed, so that two runs at once see all of it or nothing. */
function install(version: string, cache: string, options: ReleaseOptions): void {
  options.tell(`installing Codex ${version} with npm into ${escapeText(cache)}`);
  const scratch = makeScratch(dirname(cache));
  const draft = join(scratch, "prefix");
  const quiet = ["--fetch-retries=1", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  try {
    mkdirSync(draft);
    const run = spawnSync("npm", ["install", ...quiet, "--prefix", draft, `${PACKAGE}@${version}`], {
      cwd: draft,
      env: { ...options.env },
      encoding: "utf8",
      timeout: INSTALL_TIMEOUT_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (run.status !== 0) {
      throw new RolloutError("not-found", `npm could not install Codex ${version}: ${failureOf(run, npmSays)}`, {
        hint: `Install it yourself (npm install --prefix <folder> ${PACKAGE}@${version}) and give that folder.`,
      });
    }
    findCodex(draft);
    if (!existsSync(cache)) renameSync(draft, cache);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
