/** Temporary folders of the interop tests: whatever a failing test leaves behind goes when its file is done. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const folders = new Set<string>();

// Registered for the test file that imports this one, after its own hooks.
afterAll(() => {
  for (const folder of folders) remove(folder);
});

/** A command that a release has started, and that outlives it, may still be writing. */
function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `rollout-tool-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeScratch(folder: string): void {
  remove(folder);
  folders.delete(folder);
}
