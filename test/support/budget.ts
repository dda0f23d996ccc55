/** How far properties look: `ROLLOUT_TOOL_RUNS=20` makes every property look at twenty times as many cases. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: Math.ceil(count * Number(process.env["ROLLOUT_TOOL_RUNS"] ?? 1)) };
}
