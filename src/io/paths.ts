/** Questions to the file system about paths that stand in a rollout. Nothing here opens or changes anything. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { platform } from "node:os";
import { isAbsolute, resolve } from "node:path";

export function pathExists(path: string): boolean {
  return existsSync(path);
}

/** An existing folder's real path, links and `..` resolved; undefined when there is no such folder. */
export function resolveFolder(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? realpathSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** An absolute path without `.`, `..` and a slash at its end, whatever exists; any other path as it is. */
export function tidyPath(path: string): string {
  return isAbsolute(path) ? resolve(path) : path;
}

/** True on Windows, whose builds of Codex carry other migration checksums. */
export function isWindows(): boolean {
  return platform() === "win32";
}
