/** One damage, seen through: a healthy home of much user data, damaged, then healed by this tool or by Codex itself. */
import { rmSync } from "node:fs";
import { join } from "node:path";

import {
  allLists,
  copyTree,
  readThread,
  resumeThread,
  stateFile,
  withServer,
  writeCodexConfig,
  type ClientThread,
  type CodexBinary,
  type Row,
  type TestHome,
} from "./codex.ts";
import { unpackCorpus, type Corpus, type CorpusName } from "./corpus.ts";
import type { Damage, Damaged } from "./damage.ts";
import { openDatabase } from "./database.ts";
import { byId, ids } from "./oracle.ts";
import { reindex, type ToolRun } from "./tool.ts";
import { enrich, userValues, type UserValues } from "./user-data.ts";

/** A home to damage again and again: kept beside the place where it works, since its database names that place. */
export interface Patient {
  readonly corpus: Corpus;
  readonly home: TestHome;
  readonly file: string;
  readonly values: UserValues;
  readonly derived: ReadonlyMap<string, Row>;
  /** What the real binary says while all is well. */
  readonly healthy: Sight;
}

/** What a client gets to see. */
export interface Sight {
  readonly live: ReadonlySet<string>;
  readonly archived: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
  /** Thread id → its turns as text, or undefined when reading it failed. */
  readonly turns: ReadonlyMap<string, string | undefined>;
  /** Thread id → name in the lists. */
  readonly names: ReadonlyMap<string, string | null>;
}

export async function preparePatient(binary: CodexBinary, name: CorpusName): Promise<Patient> {
  const corpus = unpackCorpus(name);
  const home: TestHome = { root: corpus.folder, path: corpus.home, remove: () => corpus.remove() };
  writeCodexConfig(home.path);
  const file = stateFile(home.path);
  const database = openDatabase(join(home.path, file));
  database.run("UPDATE threads SET rollout_path = replace(rollout_path, ?, ?)", corpus.writtenIn, home.root);
  database.close();
  enrich(home.path, file);
  const derived = byId(corpus.oracle("rebuilt").threads);
  const values = userValues(join(home.path, file), derived);
  copyTree(home.path, pristine(home));
  const healthy = await look(binary, home, corpus);
  return { corpus, home, file, values, derived, healthy };
}

function pristine(home: TestHome): string {
  return join(home.root, "pristine");
}

/** Puts the healthy home back in its place and damages it. */
export function damagePatient(
  patient: Patient,
  damage: Damage,
): { readonly home: TestHome; readonly damaged: Damaged } {
  const { home, file } = patient;
  for (const path of [home.path, `${home.path}-moved`]) rmSync(path, { recursive: true, force: true });
  copyTree(pristine(home), home.path);
  const damaged = damage.apply({ home: home.path, file, database: join(home.path, file) });
  return { home: { ...home, path: damaged.home }, damaged };
}

/** The values that there were at the moment of the damage. */
export function valuesBefore(patient: Patient, damaged: Damaged): UserValues {
  const values = new Map(patient.values);
  for (const [name, value] of damaged.changed ?? []) {
    const old = values.get(name);
    if (old !== undefined) values.set(name, { ...old, value });
  }
  return values;
}

/** Of these, what the damage left readable. */
export function salvageable(patient: Patient, damaged: Damaged): UserValues {
  return new Map([...valuesBefore(patient, damaged)].filter(([, value]) => !damaged.gone(value)));
}

/** Values in the home's database now; none when it does not open. */
export function valuesNow(patient: Patient, home: TestHome): UserValues {
  try {
    return userValues(join(home.path, patient.file), patient.derived);
  } catch {
    return new Map();
  }
}

/** @throws CodexRefusal when the server does not start */
export async function look(binary: CodexBinary, home: TestHome, corpus: Corpus, resume = false): Promise<Sight> {
  return withServer(binary, home, async (server) => {
    const lists = await allLists(server);
    const turns = new Map<string, string | undefined>();
    for (const id of corpus.threads.values()) {
      // A refused resume (archived threads) is no finding; a refused read is.
      if (resume) await resumeThread(server, id).catch(() => undefined);
      const thread: ClientThread | undefined = await readThread(server, id).catch(() => undefined);
      turns.set(id, thread && JSON.stringify(thread.turns).replaceAll(home.path, "$HOME"));
    }
    const listed = [...lists.all, ...lists.archived];
    return {
      live: new Set(ids(lists.live)),
      archived: new Set(ids(lists.archived)),
      all: new Set(ids(lists.all)),
      turns,
      names: new Map(listed.map((thread) => [thread.id, thread.name])),
    };
  });
}

export interface Healed {
  readonly damaged: Damaged;
  readonly home: TestHome;
  readonly run: ToolRun;
  readonly sight: Sight;
  readonly values: UserValues;
  readonly integrity: readonly unknown[];
}

export async function healWithTool(binary: CodexBinary, patient: Patient, damage: Damage): Promise<Healed> {
  const { home, damaged } = damagePatient(patient, damage);
  const run = reindex(home);
  const values = valuesNow(patient, home);
  const database = openDatabase(join(home.path, patient.file));
  const integrity = database.all("PRAGMA integrity_check").map((row) => row["integrity_check"]);
  database.close();
  const sight = await look(binary, home, patient.corpus, damaged.turnsGone);
  return { damaged, home, run, sight, values, integrity };
}

export interface OwnRecovery {
  readonly damaged: Damaged;
  /** Undefined when it does not start; `refusal` then says what it printed. */
  readonly sight: Sight | undefined;
  readonly refusal: string;
  readonly values: UserValues;
}

/** What the real binary makes of the damage without help. */
export async function healWithCodex(binary: CodexBinary, patient: Patient, damage: Damage): Promise<OwnRecovery> {
  const { home, damaged } = damagePatient(patient, damage);
  let sight: Sight | undefined;
  let refusal = "";
  try {
    sight = await look(binary, home, patient.corpus);
  } catch (error) {
    refusal = error instanceof Error ? error.message : String(error);
  }
  return { damaged, sight, refusal, values: valuesNow(patient, home) };
}

/** Threads in both of two lists, and in the first. */
export function listedOf(healthy: Sight, sight: Sight | undefined): string {
  const wanted = [...healthy.all, ...healthy.archived];
  const back = wanted.filter((id) => sight?.all.has(id) === true || sight?.archived.has(id) === true);
  return `${String(back.length)}/${String(wanted.length)}`;
}

/** Threads that can be read with the turns they had. */
export function readableOf(healthy: Sight, sight: Sight | undefined): string {
  const wanted = [...healthy.turns].filter(([, turns]) => turns !== undefined);
  const back = wanted.filter(([id, turns]) => sight?.turns.get(id) === turns);
  return `${String(back.length)}/${String(wanted.length)}`;
}
