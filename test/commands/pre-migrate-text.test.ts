import { expect, it } from "vitest";
import { renderPreMigrate } from "../../src/commands/pre-migrate-text.ts";
import { createPaint } from "../../src/io/console.ts";
import type { PreMigrateReport } from "../../src/migrate/pre-migrate-types.ts";

const REPORT: PreMigrateReport = {
  codexHome: "/home",
  release: "0.169.0",
  files: [
    {
      path: "/home/sessions/a.jsonl",
      threadId: "a",
      archived: false,
      compressed: false,
      status: "migrated",
      failure: undefined,
      lost: [{ line: 8, offset: 900, bytes: 100, kind: "dropped-event", what: "event_msg/error" }],
      losses: { "dropped-event": { lines: 3, bytes: 300 } },
    },
    {
      path: "/home/sessions/b\u001b.jsonl",
      threadId: "b",
      archived: false,
      compressed: false,
      status: "failed",
      failure: { reason: "legacy_rollout_conversion_failed", message: "a thing", line: 4, offset: 200 },
      lost: [],
      losses: {},
    },
  ],
  counts: { migrated: 2, already_paginated: 0, skipped_empty: 1, failed: 1 },
  losses: { "dropped-event": { lines: 3, bytes: 300 } },
  unharmed: 2,
};

it("shows what each rollout loses, what fails, and the sums", () => {
  expect(renderPreMigrate(REPORT, { paint: createPaint(false), cwd: "/" })).toBe(
    [
      "sessions/a.jsonl",
      "  loses  dropped-event: event_msg/error (line 8, byte 900, 100 B)",
      "  … and 2 more of dropped-event",
      "sessions/b\\x1b.jsonl",
      "  fails  legacy_rollout_conversion_failed: a thing (line 4, byte 200)",
      "",
      "dropped-event: an event that paginated rollouts do not keep",
      "  3 lines, 300 B",
      "",
      "release            0.169.0",
      "would be migrated  2, 1 of them with losses",
      "would fail         1",
      "empty              1",
      "lose nothing       2",
      "",
    ].join("\n"),
  );
});

it("shows only what fails when it is to be quiet", () => {
  expect(renderPreMigrate(REPORT, { paint: createPaint(false), cwd: "/", quiet: true })).toBe(
    "sessions/b\\x1b.jsonl\n  fails  legacy_rollout_conversion_failed: a thing (line 4, byte 200)\n",
  );
});
