/** Before any of the interop tests: the binaries are there, so that files that run side by side do not install them twice. */
import { resolveCodex } from "../../src/bench/release.ts";

export function setup(): void {
  for (const version of ["0.142.3", "0.169.0"]) {
    try {
      resolveCodex(version, { env: process.env, cwd: process.cwd(), tell: () => undefined });
    } catch {
      // The tests that need it say so.
    }
  }
}
