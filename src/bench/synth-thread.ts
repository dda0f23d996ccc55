/**
 * The draft of one synthetic thread: who it is, where its clock and counters stand. The two dialects (`synth-legacy.ts`,
 * `synth-paginated.ts`) turn it into lines, `synth.ts` decides how many and puts them into files.
 */
import type { Rng } from "./rng.ts";
import { noiseImage } from "./synth-image.ts";
import type { SynthText } from "./synth-text.ts";

export interface SynthIdentity {
  readonly id: string;
  readonly sessionId: string;
  readonly createdMs: number;
  readonly cwd: string;
  readonly provider: string;
  readonly model: string;
  /** Set on a fork. */
  readonly forkedFrom: SynthCut | undefined;
  /** Set on a spawned sub-agent. */
  readonly parent: { readonly id: string; readonly nickname: string; readonly depth: number } | undefined;
}

/** A place between two turns of a rollout where a fork may begin. */
export interface SynthCut {
  readonly threadId: string;
  readonly sessionId: string;
  /** 0 for a thread that nobody spawned. */
  readonly depth: number;
  /** Path of the rollout, relative to the home. */
  readonly path: string;
  readonly bytes: number;
  readonly ordinal: number;
  /** Unix milliseconds of its last line before the cut. */
  readonly clockMs: number;
}

/** How large the parts of a thread are. */
export interface SynthSizes {
  readonly instructionsBytes: number;
  readonly outputBytes: readonly [low: number, high: number];
  readonly callsPerTurn: readonly [low: number, high: number];
  readonly images?: SynthImages | undefined;
}

export interface SynthImages {
  /** Shares of the prompts that bring an image along, and of the calls that look at one, 0 … 1. */
  readonly perPrompt: number;
  readonly perCall: number;
  /** Of an image as a data URL. */
  readonly bytes: readonly [low: number, high: number];
}

/** The newest turns, as the items that a compaction carries over; older ones are forgotten turn by turn. */
export class SynthMemory {
  readonly #capacityBytes: number;
  readonly #turns: { readonly items: string[]; bytes: number }[] = [];
  #bytes = 0;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Forgets the oldest turns when there is more than it holds. */
  beginTurn(): void {
    while (this.#bytes > this.#capacityBytes) this.#bytes -= this.#turns.shift()?.bytes ?? this.#bytes;
    this.#turns.push({ items: [], bytes: 0 });
  }

  /** Payload of a `response_item`, as JSON. */
  add(item: string): void {
    const turn = this.#turns.at(-1);
    if (turn === undefined || this.#capacityBytes === 0) return;
    turn.items.push(item);
    turn.bytes += item.length;
    this.#bytes += item.length;
  }

  items(): readonly string[] {
    return this.#turns.flatMap((turn) => turn.items);
  }
}

export interface SynthThread extends SynthIdentity {
  readonly sizes: SynthSizes;
  readonly rng: Rng;
  readonly text: SynthText;
  readonly settings: SynthSettings;
  /** Unix milliseconds; every line moves it on. */
  clockMs: number;
  turns: number;
  /** The dialect with ordinals counts its lines here. */
  ordinal: number;
  /** Items of the model history so far, as the paginated dialect numbers them. */
  sequence: number;
  readonly tokens: { input: number; cached: number; output: number; reasoning: number };
  readonly memory: SynthMemory;
  /** Ids of the first and the newest context window, and how many compactions there were. */
  readonly windows: { readonly first: string; newest: string; number: number };
  /** Longest time between two turns. */
  readonly pauseMs: number;
}

export interface SynthSettings {
  readonly approval: string;
  /** Members of a `turn_context`, as JSON without the braces. */
  readonly sandbox: string;
  readonly effort: string | null;
}

/** Settings as they occur: most people trust the machine fully or not at all. */
export const SYNTH_SETTINGS: readonly SynthSettings[] = [
  {
    approval: "never",
    sandbox: `"permission_profile":{"type":"disabled"},"sandbox_policy":{"type":"danger-full-access"}`,
    effort: null,
  },
  {
    approval: "on-request",
    sandbox: `"sandbox_policy":{"type":"workspace-write","network_access":false,"exclude_tmpdir_env_var":false,"exclude_slash_tmp":false}`,
    effort: "medium",
  },
  { approval: "untrusted", sandbox: `"sandbox_policy":{"type":"read-only"}`, effort: "high" },
];

export type EmitLine = (line: string) => void;

/** One generation of the format: how a thread begins and how a turn is told (rollout-format §11). */
export interface SynthDialect {
  readonly historyMode: "legacy" | "paginated";
  meta(thread: SynthThread, emit: EmitLine): void;
  turn(thread: SynthThread, emit: EmitLine): void;
  /** A turn that does nothing but compact: it carries over what the thread remembers. */
  compaction(thread: SynthThread, emit: EmitLine): void;
}

/** Moves the clock on by up to `stepMs` and gives the time stamp of the next line. */
export function tick(thread: SynthThread, stepMs: number): string {
  thread.clockMs += thread.rng.between(1, stepMs);
  return new Date(thread.clockMs).toISOString();
}

/** Members of `session_meta` that both dialects write alike, without the braces. */
export function identityMembers(thread: SynthThread, cliVersion: string): string {
  const { id, sessionId, parent, forkedFrom } = thread;
  const source =
    parent === undefined
      ? `"source":"vscode"`
      : `"source":{"subagent":{"thread_spawn":{"parent_thread_id":"${parent.id}","depth":${String(parent.depth)},"agent_path":null,"agent_nickname":"${parent.nickname}","agent_role":"default"}}},"thread_source":"subagent","agent_nickname":"${parent.nickname}","agent_role":"default"`;
  return [
    `"session_id":"${sessionId}","id":"${id}"`,
    forkedFrom === undefined ? undefined : `"forked_from_id":"${forkedFrom.threadId}"`,
    parent === undefined ? undefined : `"parent_thread_id":"${parent.id}"`,
    `"timestamp":"${new Date(thread.createdMs).toISOString()}","cwd":"${thread.cwd}","originator":"rollout_tool_synth"`,
    `"cli_version":"${cliVersion}",${source},"model_provider":"${thread.provider}"`,
    `"base_instructions":{"text":"${thread.text.instructions(thread.sizes.instructionsBytes)}"}`,
  ]
    .filter((member) => member !== undefined)
    .join(",");
}

/** `"git":{…}` of the thread's project, the same for all threads of one directory. */
export function gitMember(thread: SynthThread): string {
  const project = thread.cwd.slice(thread.cwd.lastIndexOf("/") + 1);
  const commit = Buffer.from(project.padEnd(20, "-")).toString("hex").slice(0, 40);
  return `"git":{"commit_hash":"${commit}","branch":"main","repository_url":"https://example.invalid/dev/${project}.git"}`;
}

export interface SynthUsage {
  readonly total: string;
  readonly last: string;
}

/** Books one request of the model and gives both of its usages as JSON; `cacheWrites` adds the member that 0.163 brought. */
export function spend(thread: SynthThread, cacheWrites: boolean): SynthUsage {
  const { rng, tokens } = thread;
  const last = { input: rng.between(6_000, 90_000), cached: 0, output: rng.between(40, 1_500), reasoning: 0 };
  last.cached = Math.floor(last.input * 0.8);
  last.reasoning = Math.floor(last.output / 4);
  tokens.input += last.input;
  tokens.cached += last.cached;
  tokens.output += last.output;
  tokens.reasoning += last.reasoning;
  return { total: usageJson(tokens, cacheWrites), last: usageJson(last, cacheWrites) };
}

function usageJson(usage: SynthThread["tokens"], cacheWrites: boolean): string {
  const writes = cacheWrites ? `"cache_write_input_tokens":0,` : "";
  return `{"input_tokens":${String(usage.input)},"cached_input_tokens":${String(usage.cached)},${writes}"output_tokens":${String(usage.output)},"reasoning_output_tokens":${String(usage.reasoning)},"total_tokens":${String(usage.input + usage.output)}}`;
}

/** The developer and user messages that a first turn begins with, as two texts escaped for JSON. */
export function contextTexts(thread: SynthThread): { readonly developer: string; readonly user: string } {
  return {
    developer: `<permissions instructions>\\nApproval policy is ${thread.settings.approval}.\\n</permissions instructions>`,
    user: `<environment_context>\\n  <cwd>${thread.cwd}</cwd>\\n  <shell>bash</shell>\\n  <current_date>${new Date(thread.createdMs).toISOString().slice(0, 10)}</current_date>\\n  <timezone>Etc/UTC</timezone>\\n</environment_context>`,
  };
}

/** The text of one tool's answer, escaped for JSON. */
export function toolOutput(thread: SynthThread): string {
  const { rng, text, sizes } = thread;
  return text.output(rng, rng.logBetween(...sizes.outputBytes));
}

export interface SynthPrompt {
  /** As a JSON string. */
  readonly words: string;
  /** A data URL, or none. */
  readonly images: readonly string[];
  /** Members of the `response_item`'s content, as JSON. */
  readonly content: string;
}

export function makePrompt({ rng, text, sizes: { images } }: SynthThread): SynthPrompt {
  const words = JSON.stringify(text.prompt(rng));
  const urls = images !== undefined && rng.chance(images.perPrompt) ? [makeImage(rng, images)] : [];
  const parts = [`{"type":"input_text","text":${words}}`, ...urls.map(imageContent)];
  return { words, images: urls, content: parts.join(",") };
}

/** The image that a call looks at, or undefined when the call is a command. */
export function viewedImage({ rng, sizes: { images } }: SynthThread): string | undefined {
  return images !== undefined && rng.chance(images.perCall) ? makeImage(rng, images) : undefined;
}

export function imageContent(url: string): string {
  return `{"type":"input_image","image_url":"${url}","detail":"high"}`;
}

function makeImage(rng: Rng, { bytes }: SynthImages): string {
  return noiseImage(rng, rng.logBetween(...bytes));
}

/** Opens the next context window; gives the members of its `compacted` record without the braces (rollout-format §3.4). */
export function compactedMembers(thread: SynthThread, turnId: string): string {
  const { rng, text, windows, memory, clockMs } = thread;
  const previous = windows.newest;
  windows.newest = rng.uuid(clockMs);
  windows.number++;
  const message = text.summary(rng);
  const summary = `{"type":"message","role":"user","content":[{"type":"input_text","text":"${message}"}],"internal_chat_message_metadata_passthrough":{"turn_id":"${turnId}"}}`;
  const history = [...memory.items(), summary].join(",");
  return `"message":"${message}","replacement_history":[${history}],"window_number":${String(windows.number)},"first_window_id":"${windows.first}","previous_window_id":"${previous}","window_id":"${windows.newest}"`;
}
