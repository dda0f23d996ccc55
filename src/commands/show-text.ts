/** One thread for people: the answer of `show` in paragraphs and a table. Every text from the home is escaped. */
import { escapeText } from "../io/console.ts";
import { fitText, formatBytes, formatCount } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";
import type { ShowReport } from "./show-report.ts";
import { renderTable } from "./table.ts";
import { CACHE_RULES } from "./thread-lineage.ts";

type Look = Pick<CommandContext, "paint" | "columns">;
type Fields = readonly (readonly [label: string, value: string | number | undefined])[];

/** Cells of the headline where the line has no end of its own. */
const HEADLINE_CELLS = 200;

export function renderShow(report: ShowReport, look: Look): string {
  const parts = [
    headline(report, look),
    fields(fileFields(report), look),
    fields(threadFields(report), look),
    fields(lineageFields(report), look),
    fields(contentFields(report), look),
    kindTable(report, look),
    defectTable(report, look),
    indexPart(report, look),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function headline({ id, shown_name: name, title, preview }: ShowReport, { paint, columns }: Look): string {
  const text = [name, title, preview].find((candidate) => candidate != null && candidate.trim() !== "");
  const line = [id ?? "no thread id", text ?? ""].join("  ").trim();
  return `${paint.bold(oneLine(line, columns ?? HEADLINE_CELLS))}\n`;
}

function oneLine(text: string, cells: number): string {
  return fitText(escapeText(text.slice(0, 4 * cells).replace(/\s+/g, " ")), cells);
}

/** Paths are told whole, so that they can be copied; only what is longer than any path is cut. */
function fields(list: Fields, { paint }: Look): string {
  const lines = list.map(([label, value]) => {
    const text = typeof value === "string" ? oneLine(value, LONGEST_CELLS) : value;
    return [label.padEnd(LABEL_CELLS), text] as const;
  });
  return renderFields(lines, paint);
}

/** The longest label. */
const LABEL_CELLS = 13;
const LONGEST_CELLS = 4096;

/** Empty text says nothing, nor does null. */
function told(value: string | number | null | undefined): string | undefined {
  return value === null || value === undefined || value === "" ? undefined : String(value);
}

function fileFields({ file, found, history_mode: mode }: ShowReport): Fields {
  const sizes =
    file.form === "zstd"
      ? `${formatBytes(file.plain_bytes)}, ${formatBytes(file.disk_bytes)} on disk (${file.ratio ?? 0} to 1)`
      : formatBytes(file.disk_bytes);
  const form = [
    FORMATS[file.generation],
    file.form === "zstd" ? "zstd" : "plain",
    ...(file.archived ? ["archived"] : []),
  ];
  return [
    ["file", file.path],
    ["on disk", file.physical_path === file.path ? undefined : file.physical_path],
    ["form", [...form, mode === null ? "no session metadata" : `${mode} history`].join(", ")],
    ["size", sizes],
    ["also", file.other_files.length === 0 ? undefined : file.other_files.join(", ")],
    ["passed over", found.notes.length === 0 ? undefined : found.notes.map(({ text }) => text).join("; ")],
  ];
}

const FORMATS: Readonly<Record<ShowReport["file"]["generation"], string>> = {
  envelope: "records in envelopes",
  bare: "bare records of early 2025",
  typescript: "JSON document of the TypeScript CLI",
};

function threadFields({ times, client, settings, git }: ShowReport): Fields {
  const model = [settings.model, settings.effort].filter((part) => part !== null).join(", ");
  const { approval } = settings;
  const branch = [git.branch, git.commit?.slice(0, 12), git.repository_url].filter((part) => part != null).join(", ");
  return [
    ["created", told(times.created)],
    ["newest turn", timeText(times.newest_turn_ms)],
    ["newest line", timeText(times.last_line_ms)],
    ["modified", timeText(times.file_modified_ms)],
    ["begun by", told([client.source, client.originator, client.cli_version].filter((part) => told(part)).join(", "))],
    ["folder", told(settings.cwd)],
    ["model", told(model)],
    ["provider", told(settings.provider)],
    ["sandbox", told(settings.sandbox)],
    ["approval", approval === null ? undefined : typeof approval === "string" ? approval : JSON.stringify(approval)],
    ["git", told(branch)],
  ];
}

function timeText(timeMs: number | null): string | undefined {
  if (timeMs === null) return undefined;
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function lineageFields(report: ShowReport): Fields {
  const { id, rollout_id: rolloutId, session_id: sessionId, lineage, prompt_cache: cache } = report;
  const { history_base: base, children } = lineage;
  const agent = [lineage.agent_nickname, lineage.agent_role, lineage.agent_path]
    .filter((part) => told(part))
    .join(", ");
  const shownChildren = children.slice(0, SHOWN).map((child) => `${child.id} (${child.status})`);
  const more = children.length > SHOWN ? [`and ${children.length - SHOWN} more`] : [];
  const fork = lineage.forked_from_id;
  return [
    ["rollout", rolloutId === id ? undefined : told(rolloutId)],
    ["session", sessionId === id ? undefined : told(sessionId)],
    [
      "cache key",
      cache.rule === "no-metadata" ? undefined : `${cache.key ?? "not foretold"} (${CACHE_RULES[cache.rule]})`,
    ],
    ["parent", told(lineage.parent_thread_id)],
    ["agent", told(agent)],
    ["forked from", fork === null ? undefined : `${fork}${lineage.attached ? ", attached" : ""}`],
    [
      "continues",
      base === null
        ? undefined
        : `${base.thread_id} up to ordinal ${base.end_ordinal_exclusive}, byte ${base.end_byte_offset}`,
    ],
    ["history", historyText(lineage)],
    ["agents", children.length === 0 ? undefined : [...shownChildren, ...more].join(", ")],
  ];
}

/** One file that is continued is told above. */
function historyText({ history }: ShowReport["lineage"]): string | undefined {
  if (history === null) return undefined;
  if (history.fault !== null) return `cannot be followed: ${history.message}`;
  if (history.files.length <= 2) return undefined;
  const older = history.files.slice(0, -1).map(({ path }) => path);
  const first = older.length > SHOWN ? "…, " : "";
  return `${formatCount(history.files.length)} files: ${first}${older.slice(-SHOWN).join(", ")} and this one`;
}

/** More than this of one kind is summed up; `--json` has all that was kept. */
const SHOWN = 20;

function contentFields({ lines, content, prompt_cache: cache }: ShowReport): Fields {
  const counted: Fields = [["lines", lines === 0 ? undefined : formatCount(lines)]];
  if (content === null) return counted;
  const { turns, user_messages: messages, compactions, rollbacks, newest_window: window } = content;
  const aborted = turns.aborted === 0 ? "" : `, ${formatCount(turns.aborted)} aborted`;
  return [
    ...counted,
    ["turns", `${formatCount(turns.started)} started, ${formatCount(turns.completed)} completed${aborted}`],
    ["user messages", formatCount(messages)],
    ["compactions", formatCount(compactions)],
    ["window", windowText(window)],
    ["rollbacks", rollbacks === 0 ? undefined : formatCount(rollbacks)],
    ["tokens used", tokensText(content, cache.cached_share)],
    ["last context", contextText(content)],
  ];
}

type Content = NonNullable<ShowReport["content"]>;

/** That nothing was ever compacted goes without saying. */
function windowText(window: Content["newest_window"]): string | undefined {
  if (window === null || (window.number === 0 && window.id === null)) return undefined;
  return [formatCount(window.number), ...(window.id === null ? [] : [window.id])].join(", ");
}

function tokensText({ tokens_used: used, usage }: Content, cachedShare: number | null): string | undefined {
  if (usage === null) return used === null ? undefined : formatCount(used);
  const {
    total_tokens: all,
    input_tokens: input,
    output_tokens: output,
    reasoning_output_tokens: reasoning,
  } = usage.total;
  const cached = cachedShare === null ? "" : ` (${percent(cachedShare)} cached)`;
  const thought = reasoning === 0 ? "" : ` (${formatCount(reasoning)} of it reasoning)`;
  return `${formatCount(all)}: ${formatCount(input)} input${cached}, ${formatCount(output)} output${thought}`;
}

/** How full the model's context was at the last response. */
function contextText({ usage }: Content): string | undefined {
  if (usage === null) return undefined;
  const { last, model_context_window: size } = usage;
  const filled = size === null || size <= 0 ? "" : ` of ${formatCount(size)} (${percent(last.total_tokens / size)})`;
  return `${formatCount(last.total_tokens)} tokens${filled}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function kindTable({ records, file }: ShowReport, look: Look): string {
  const share = (bytes: number): string => percent(bytes / Math.max(1, file.plain_bytes));
  return renderTable(
    [
      { title: "kind", value: ({ kind }) => kind, flexible: true },
      { title: "records", value: ({ records: count }) => formatCount(count), align: "right" },
      { title: "bytes", value: ({ bytes }) => formatCount(bytes), align: "right" },
      { title: "share", value: ({ bytes }) => share(bytes), align: "right" },
    ],
    records,
    look,
  );
}

function defectTable({ defects }: ShowReport, look: Look): string {
  if (defects.total === 0) return "No defects.\n";
  const table = renderTable(
    [
      { title: "line", value: ({ line }) => formatCount(line), align: "right" },
      { title: "byte", value: ({ offset }) => formatCount(offset), align: "right" },
      { title: "defect", value: ({ kind }) => kind, paint: (text) => look.paint.red(text) },
      { title: "what", value: ({ message }) => message, flexible: true },
    ],
    defects.first,
    look,
  );
  const left = defects.total - defects.first.length;
  const kinds = Object.entries(defects.by_kind).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  return `${look.paint.bold("Defects")} (${kinds.join(", ")})\n${table}${left > 0 ? `… and ${formatCount(left)} more\n` : ""}`;
}

function indexPart({ index, not_indexable: reason }: ShowReport, look: Look): string {
  const lines = reason === null ? [] : [`This file gives no row in the index: ${reason}.`];
  if (index === null) return lines.map((line) => `${escapeText(line)}\n`).join("");
  if (index.state === "absent") lines.push("There is no index in this home.");
  else if (index.state !== "sound") lines.push(`There is no usable index (${index.problem ?? index.state}).`);
  else if (!index.has_row) lines.push("The index has no row for this thread.");
  else if (index.differences === null && index.names_this_file === false) {
    lines.push(`The index has another file for this thread: ${String(index.rollout_path)}`);
  } else if (index.names_this_file === false)
    lines.push(`The index names this file at another place: ${String(index.rollout_path)}`);
  const found = (index.differences ?? []).filter(({ column }) => column !== "rollout_path");
  if (index.has_row && index.differences?.length === 0) lines.push("The index agrees with this file.");
  const text = lines.map((line) => `${escapeText(line)}\n`).join("");
  const table = renderTable(
    [
      { title: "column", value: ({ column }) => column },
      { title: "in the index", value: ({ stored }) => JSON.stringify(stored), flexible: true },
      { title: "expected", value: ({ expected }) => JSON.stringify(expected), flexible: true },
    ],
    found,
    look,
  );
  return text + table;
}
