/**
 * A real Codex as a contender: one binary, on a copy of a home, asked for one thread again and again, by a process of its own
 * for each time or by one that has done it before.
 */
import { join } from "node:path";

import { isJsonObject } from "../format/json.ts";
import { AppServer, type ProcessAccount } from "./app-server.ts";
import type { CaseContext } from "./case-context.ts";
import { type BenchInput, CaseHome, type Form } from "./case-home.ts";
import { type CodexBinary, codexLabels, CodexRefusal, writeCodexConfig } from "./codex.ts";
import type { Group } from "./groups.ts";
import type { BenchCase, BenchSample } from "./results.ts";
import { LeftOut } from "./suite.ts";

/** What a Codex is asked for in a benchmark. */
export interface CodexRequest {
  readonly benchmark: string;
  readonly method: string;
  /** Beside the thread's id. */
  readonly ways: readonly {
    readonly name: string;
    readonly isCold: boolean;
    /** Not on archives: it is done to a file that is plain after the first time. */
    readonly plainOnly?: boolean;
    readonly params: Readonly<Record<string, unknown>>;
  }[];
  /** Whether the thread must not be loaded when it is asked. */
  readonly unloads: boolean;
  /** Takes what has to be known to read the figures, each sentence once. */
  readonly notes: Set<string>;
}

/** One case for each binary and way. */
export function codexCases(
  { benchmark, method, ways, unloads, notes }: CodexRequest,
  { input, form, pristine, folder }: Group,
  { binaries, timeoutMs }: CaseContext,
): readonly BenchCase[] {
  const subjects = codexLabels(binaries);
  const possible = ways.filter(({ plainOnly }) => form === "plain" || plainOnly !== true);
  return binaries.flatMap((binary, number) =>
    possible.map(({ name, isCold, params }): BenchCase => {
      const { threadId } = input;
      const subject = subjects[number] ?? binary.version;
      const note = (): void => {
        const what = `${subject} answers for ${input.name} as if it were a legacy thread: it knows no paginated ones`;
        notes.add(`${what}, and its figures are those of other work`);
      };
      const place = { folder: join(folder, subject, name, "home"), pristine, form, input };
      const contender = new CodexContender(binary, place, { timeoutMs, noteForeign: note });
      return {
        labels: [benchmark, input.name, form, subject, name],
        prepare: () => contender.prepare(isCold, unloads),
        run: () => contender.ask(method, { threadId, ...params }, isCold),
        release: () => contender.release(),
      };
    }),
  );
}

interface ContenderPlace {
  readonly folder: string;
  readonly pristine: string;
  readonly form: Form;
  readonly input: BenchInput;
}

interface ContenderOptions {
  readonly timeoutMs: number;
  /** Told when the binary does not know threads of this kind, though it answers. */
  readonly noteForeign: () => void;
}

/** One binary on a home of its own, which is as it was before each sample, but for what the binary has learnt in its databases. */
class CodexContender {
  readonly #binary: CodexBinary;
  readonly #place: ContenderPlace;
  readonly #options: ContenderOptions;
  #home: CaseHome | undefined;
  #server: AppServer | undefined;
  #isForeign = false;

  constructor(binary: CodexBinary, place: ContenderPlace, options: ContenderOptions) {
    this.#binary = binary;
    this.#place = place;
    this.#options = options;
  }

  /** Brings about a server: a new one, or the one that was there before, with the thread unloaded or not. */
  async prepare(isCold: boolean, unloads: boolean): Promise<void> {
    const { form } = this.#place;
    const home = (this.#home ??= await this.#begin(isCold));
    if (isCold) {
      home.restore();
      await this.#start();
      return;
    }
    if (unloads) await this.#unload();
    // A plain file may have grown, and its server has noted how far it has read.
    if (form === "zst") home.restore();
    else home.removeNew();
  }

  /** Archiving is what unloads a thread at once. @throws LeftOut */
  async #unload(): Promise<void> {
    const { threadId } = this.#place.input;
    try {
      await this.#request("thread/archive", { threadId });
      await this.#request("thread/unarchive", { threadId });
    } catch (error) {
      if (!this.#isForeign || !(error instanceof CodexRefusal)) throw error;
      throw new LeftOut(`Codex ${this.#binary.version} knows no paginated threads, and cannot unload one`);
    }
  }

  /** The first process makes the databases, and the first resume what they hold of the thread. */
  async #begin(isCold: boolean): Promise<CaseHome> {
    const { folder, pristine, form, input } = this.#place;
    const home = new CaseHome(folder, pristine);
    this.#home = home;
    writeCodexConfig(folder);
    await this.#start();
    const answer = await this.#request("thread/resume", { threadId: input.threadId, excludeTurns: true });
    this.#isForeign = input.historyMode === "paginated" && historyModeIn(answer) !== "paginated";
    if (this.#isForeign) this.#options.noteForeign();
    if (isCold) {
      await this.#stop();
      home.capture(form);
    }
    return home;
  }

  /** From the writing of the request to its answer. */
  async ask(method: string, params: unknown, isCold: boolean): Promise<BenchSample> {
    const before = this.#server?.account();
    const started = performance.now();
    await this.#request(method, params);
    const wallMs = performance.now() - started;
    const account = this.#server?.account();
    if (isCold) await this.#stop();
    return { wallMs, ...grown(before, account) };
  }

  async release(): Promise<void> {
    await this.#stop();
    this.#home?.remove();
  }

  async #start(): Promise<void> {
    await this.#stop();
    const server = new AppServer(this.#binary, this.#place.folder);
    this.#server = server;
    await this.#orKill(() => server.initialize(this.#options.timeoutMs));
  }

  async #stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async #request(method: string, params: unknown): Promise<unknown> {
    return this.#orKill(async () => this.#server?.request(method, params, this.#options.timeoutMs));
  }

  /** It may hang, and keep a processor busy; whoever failed is not asked again. */
  async #orKill<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      await this.#server?.kill();
      throw error;
    }
  }
}

/** Of the thread that a server tells about; releases that know only one kind do not say it. */
function historyModeIn(answer: unknown): unknown {
  const thread = isJsonObject(answer) ? answer["thread"] : undefined;
  return isJsonObject(thread) ? thread["historyMode"] : undefined;
}

/** What a request added to a process's account; the peak is of its whole life. */
function grown(before: ProcessAccount | undefined, after: ProcessAccount | undefined): Partial<BenchSample> {
  if (before === undefined || after === undefined) return {};
  return {
    peakBytes: after.peakBytes,
    readBytes: after.readBytes - before.readBytes,
    writtenBytes: after.writtenBytes - before.writtenBytes,
  };
}
