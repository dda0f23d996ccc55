/**
 * Paths of the machine that wrote a rollout: `file:` URIs to paths, and paths that are relative to others. Whether they are
 * of Windows or not is told by their looks, not by the system that this runs on. For `items-completed.ts`.
 */

const FILE_URI = /^file:(?:\/\/([^/]*))?(\/?.*)$/is;

/**
 * `file:///a%20b` → `/a b`, `file:///C:/x` → `C:\x`, `file://host/share/x` → `\\host\share\x`. Undefined for what is not such
 * a URI, and for a NUL, which no system has in a path.
 */
export function pathOfUri(uri: string): string | undefined {
  const [, host = "", path] = FILE_URI.exec(uri.replaceAll("\\", "/")) ?? [];
  if (path === undefined) return undefined;
  const text = percentDecoded(withoutDots(path));
  if (text.includes("\u0000")) return undefined;
  if (host !== "" && host.toLowerCase() !== "localhost") return `\\\\${host}${text.replaceAll("/", "\\")}`;
  return nativePath(text.replace(/^\/*/, "/"));
}

/** A path with slashes as its system writes it. */
function nativePath(path: string): string {
  const [, drive, rest] = /^\/([A-Za-z]:)(\/.*)?$/s.exec(path) ?? [];
  return drive === undefined ? path : drive.toUpperCase() + (rest ?? "/").replaceAll("/", "\\");
}

/** `.` and `..` go, also where they are escaped; what else there is stays as it is, empty parts too. */
function withoutDots(path: string): string {
  if (!/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) return path;
  const kept: string[] = [];
  const parts = path.split("/");
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (/^(?:\.|%2e){2}$/i.test(part)) {
      if (kept.length > 1) kept.pop();
      if (isLast) kept.push("");
    } else if (!/^(?:\.|%2e)$/i.test(part)) kept.push(part);
    else if (isLast) kept.push("");
  }
  return kept.join("/");
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** What is no escape stays; bytes that are not UTF-8 become the replacement character. */
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = Array.from({ length: run.length / 3 }, (_, index) =>
      Number.parseInt(run.slice(index * 3 + 1, index * 3 + 3), 16),
    );
    return utf8.decode(Uint8Array.from(bytes));
  });
}

/**
 * Where `path` leads, from the folder `base`. Both are as their system writes them. Undefined for a path on another drive
 * than `base` that does not say where on it.
 */
export function joinPath(base: string, path: string): string | undefined {
  return /^(?:[A-Za-z]:\\|\\\\)/.test(base) ? joinWindows(base, path) : nativePath(joinPosix(base, path));
}

function joinPosix(base: string, path: string): string {
  const isAbsolute = path.startsWith("/");
  const start = isAbsolute ? "" : base.replace(/\/+$/, "");
  const joined = walk(start, path.split("/"), "/");
  // A last slash stays with an absolute path, and only there.
  return isAbsolute && joined !== "" && path.endsWith("/") ? `${joined}/` : joined || "/";
}

function joinWindows(base: string, given: string): string | undefined {
  const path = given.replaceAll("/", "\\");
  const root = windowsRoot(path);
  if (root !== undefined) return underRoot(root, "", path.slice(root.length));
  const own = windowsRoot(base) ?? base;
  if (/^\\(?!\\)/.test(path)) return underRoot(own, "", path);
  const [, drive, rest] = /^([A-Za-z]:)(.*)$/s.exec(path) ?? [];
  if (drive !== undefined && drive.toUpperCase() !== own.slice(0, 2).toUpperCase()) return undefined;
  return underRoot(own, base.slice(own.length), rest ?? path);
}

/** `C:\` or `\\host\share`. */
function windowsRoot(path: string): string | undefined {
  return /^(?:[A-Za-z]:\\|\\\\[^\\]+\\[^\\]+)/.exec(path)?.[0];
}

function underRoot(root: string, start: string, path: string): string {
  const inside = walk(walk("", start.split("\\"), "\\"), path.split("\\"), "\\");
  return root.endsWith("\\") ? root + inside.slice(1) : root + inside;
}

/** Goes from `start`, which has no separator at its end, along the parts, and not above its root. */
function walk(start: string, parts: readonly string[], separator: string): string {
  const way = start === "" ? [] : start.split(separator).slice(1);
  for (const part of parts) {
    if (part === "..") way.pop();
    else if (part !== "" && part !== ".") way.push(part);
  }
  return way.length === 0 ? "" : separator + way.join(separator);
}
