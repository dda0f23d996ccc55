/** Forks of one thread made by the tool and by a real release, and what that release then makes of both. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { forkThread } from "../../src/fork/fork.ts";
import type { ForkCut, ForkKind, ForkReport } from "../../src/fork/types.ts";
import { openHome } from "../../src/readers/home.ts";
import { type AppServer, type CodexBinary, type ClientThread, readThread, type TestHome, withServer } from "./codex.ts";

export interface SourceThread {
  readonly id: string;
  readonly label: string;
  readonly turns: readonly { readonly id: string; readonly status: string }[];
}

export interface ForkCase {
  readonly source: SourceThread;
  readonly title: string;
  readonly cut: ForkCut;
}

/** One side: what was made, or why not. */
export type Side = { readonly id: string; readonly path: string } | { readonly refusal: string };

export interface ForkPair extends ForkCase {
  readonly ours: Side;
  readonly report: ForkReport | undefined;
  readonly theirs: Side;
}

/** All that the release lists and can read, labels from the corpus' manifest. */
export async function sourceThreads(
  server: AppServer,
  threads: ReadonlyMap<string, string>,
): Promise<readonly SourceThread[]> {
  const found: SourceThread[] = [];
  for (const [label, id] of threads) {
    const thread = await readThread(server, id).catch(() => undefined);
    if (thread === undefined) continue;
    found.push({ id, label, turns: thread.turns as never });
  }
  return found;
}

/** Whole, and at turns: at all of them, or at one, which `rank` varies from thread to thread. */
export function casesOf(source: SourceThread, rank: number, all: boolean): readonly ForkCase[] {
  const lasts = source.turns.map(({ id }, at): Cut => [`last turn ${at}`, { lastTurn: id }]);
  const befores = source.turns.map(({ id }, at): Cut => [`before turn ${at}`, { beforeTurn: id }]);
  const one = [lasts[Math.floor(lasts.length / 2)], befores.at(-1), befores[0], lasts.at(-1)][rank % 4];
  const cuts = all ? [...lasts, ...befores] : one === undefined ? [] : [one];
  const whole: Cut = ["whole", {}];
  return [whole, ...cuts].map(([title, cut]) => ({ source, title, cut }));
}

type Cut = readonly [title: string, cut: ForkCut];

export function forkByTool(
  home: TestHome,
  { source, cut }: ForkCase,
  kind?: ForkKind,
): { side: Side; report: ForkReport | undefined } {
  try {
    const report = forkThread(openHome({ codexHome: home.path }), source.id, { ...cut, kind });
    return { side: { id: report.id ?? "", path: report.path ?? "" }, report };
  } catch (error) {
    return { side: { refusal: String(error) }, report: undefined };
  }
}

export async function forkByCodex(server: AppServer, { source, cut }: ForkCase): Promise<Side> {
  const params = {
    threadId: source.id,
    ...(cut.lastTurn === undefined ? {} : { lastTurnId: cut.lastTurn }),
    ...(cut.beforeTurn === undefined ? {} : { beforeTurnId: cut.beforeTurn }),
  };
  try {
    const { thread } = (await server.request("thread/fork", params)) as { thread: ClientThread };
    return { id: thread.id, path: thread.path ?? "" };
  } catch (error) {
    return { refusal: String(error) };
  }
}

/** The index of a copied home names files in another folder: the release makes it anew. */
export async function withFreshIndex(binary: CodexBinary, home: TestHome): Promise<void> {
  for (const file of readdirSync(home.path)) {
    if (/^state_\d+\.sqlite(?:-wal|-shm)?$/u.test(file)) rmSync(join(home.path, file));
  }
  await withServer(binary, home, () => Promise.resolve(), 120_000);
  if (!existsSync(join(home.path, "state_5.sqlite"))) throw new Error("the release made no index");
}

/** A value without what tells two forks apart: ids that each has of its own, times, and the folder of the home. */
export function anonymous(value: unknown, { id }: { readonly id: string }): unknown {
  const text = JSON.stringify(value)
    .replaceAll(id, "$FORK")
    .replaceAll(/msg_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, "$MESSAGE");
  return JSON.parse(text) as unknown;
}
