/**
 * Makes fixtures/homes/demo, the small home that README's first line works on: threads of both history modes, forks, agents,
 * names, an archive, a compressed rollout, a torn line, and an index with a broken page in the middle.
 * Run it after `npm run build`: node test/support/make-demo-home.mjs <folder>
 */
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import Database from "better-sqlite3";
import { writeSyntheticHome } from "../../dist/bench/synth.js";
import { reindex } from "../../dist/indexer/reindex.js";
import { compressZstd } from "../../dist/io/zstd.js";
import { openHome } from "../../dist/readers/home.js";

const NOW_MS = Date.UTC(2026, 10, 1, 12);
const SECTION = "019e0000-0000-7000-8000-00000000d350";
const folder = process.argv[2] ?? "fixtures/homes/demo";

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const shared = { days: 40, archived: 0, provider: "openai" };
const old = writeSyntheticHome(folder, {
  ...shared,
  seed: 11,
  shape: "small",
  rollouts: 5,
  forks: 0.2,
  subAgents: 0.2,
});
const paginated = {
  ...shared,
  seed: 14,
  shape: "paginated",
  rollouts: 6,
  totalBytes: 200_000,
  forks: 0.3,
  subAgents: 0.2,
};
const threads = [...old.rollouts, ...writeSyntheticHome(folder, paginated).rollouts];

const REQUESTS = [
  "Why does the parser drop the last field of a CSV row?",
  "Write release notes for 2.4",
  "The nightly build fails on Windows only",
  "Move the retry logic into one place",
  "Add a dark theme to the settings page",
  "Find out what makes start-up slow",
  "Review the open pull request about caching",
  "Make the export resumable",
  "Upgrade the linter and fix what it finds",
  "Explain how sessions expire",
  "Rename the config keys, keep the old ones working",
];

// The generator's words make no sense; requests of the same length in bytes do, and every offset stays true.
const texts = new Map();
for (const [index, { path }] of threads.entries()) {
  const words = firstMessage(readFileSync(join(folder, path), "utf8"));
  if (words !== undefined && !texts.has(words)) texts.set(words, REQUESTS[index % REQUESTS.length]);
}
for (const { path } of threads) {
  let text = readFileSync(join(folder, path), "utf8");
  for (const [words, request] of texts) text = text.replaceAll(words, fitted(request, Buffer.byteLength(words)));
  writeFileSync(join(folder, path), text);
}

/** The first thing a person said, as it stands in the file, escapes included. */
function firstMessage(text) {
  return /"type":"user_message","message":"((?:[^"\\]|\\.)*)"|"type":"UserMessage".*?"text":"((?:[^"\\]|\\.)*)"/
    .exec(text)
    ?.slice(1)
    .find(Boolean);
}

/** Followed by blanks, which Codex trims; or cut. */
function fitted(request, bytes) {
  return request.slice(0, bytes).padEnd(bytes);
}

const [first, second] = threads;
const named = threads.find(({ kind, path }) => kind === "root" && path.startsWith("sessions/") && path !== first.path);
const line = (thread, name, time) => JSON.stringify({ id: thread.threadId, thread_name: name, updated_at: time });
writeFileSync(
  join(folder, "session_index.jsonl"),
  `${line(first, "Parser clean-up", "2026-10-20T09:00:00Z")}\n${line(named, "Release notes", "2026-10-21T10:30:00Z")}\n`,
);

// One rollout in its compressed form, one with a line that a crash cut off.
const cold = join(folder, second.path);
writeFileSync(`${cold}.zst`, compressZstd(readFileSync(cold)));
rmSync(cold);
const torn = threads.findLast(({ kind, path }) => kind === "root" && path !== first.path && path !== second.path);
appendFileSync(join(folder, torn.path), '{"timestamp":"2026-10-31T23:59:58.001Z","type":"event_m');

// One archived, as Codex does it: a plain move.
const done = threads.findLast((thread) => thread.kind === "root" && ![first, second, named, torn].includes(thread));
mkdirSync(join(folder, "archived_sessions"), { recursive: true });
renameSync(join(folder, done.path), join(folder, "archived_sessions", basename(done.path)));

// An index as it was in use, then with two pages overwritten.
const home = openHome({ codexHome: folder });
const options = { rules: "best", mode: "write", lineEnds: "lf", now: () => NOW_MS, level: undefined };
reindex(home, { ...options, force: false, rebuild: false, prune: false, allDatabases: false, thorough: false });
const path = join(folder, "state_5.sqlite");
const db = new Database(path);
db.prepare("update threads set rollout_path = replace(rollout_path, ?, '/home/dev/.codex')").run(home.codexHome);
db.prepare("insert into thread_sections (id, name) values (?, 'This week')").run(SECTION);
db.prepare(
  "update threads set thread_section_id = ?, section_position = 1000000, section_entered_at_ms = ? where id = ?",
).run(SECTION, NOW_MS, named.threadId);
db.prepare("update thread_spawn_edges set status = 'closed' where rowid = 1").run();
const root = db.prepare("select rootpage from sqlite_schema where name = 'idx_threads_updated_at_ms'").pluck().get();
db.pragma("wal_checkpoint(truncate)");
db.pragma("journal_mode = delete");
db.close();
rmSync(join(folder, ".tmp"), { recursive: true, force: true });
rmSync(join(folder, "rollout-tool"), { recursive: true, force: true });
rmSync(join(folder, "db-backups"), { recursive: true, force: true });
const file = openSync(path, "r+");
for (const page of [1, root])
  writeSync(file, Buffer.alloc(page === 1 ? 100 : 4096, "damaged "), 0, page === 1 ? 100 : 4096, (page - 1) * 4096);
closeSync(file);
