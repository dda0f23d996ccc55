/**
 * The units of an export, done by this thread and by helpers that take them from a shared counter, the largest first. A helper writes
 * the files of its units itself, and tells in text what it wrote; what it took and did not tell of is done here.
 */
import { type Helper, helperCount, startHelper, Tickets } from "../io/workers.ts";
import { type FormatName, formatNamed } from "./formats.ts";
import type { PartPlace } from "./part-folder.ts";
import type { Redactor } from "./redactor.ts";
import type { TableName } from "./schema.ts";
import type { PlainPlaces } from "./threads.ts";
import { type ExportUnit, exportUnit, type UnitReport, type UnitSettings } from "./unit.ts";

/** What helpers have to know of the settings, in a form that can be given to them. */
export interface CrewSettings {
  readonly tables: readonly TableName[];
  readonly content: boolean;
  readonly place: PartPlace;
  readonly about: Readonly<Record<string, string>>;
  readonly format: FormatName;
  readonly rawCsv: boolean;
  /** Whether texts go through the redactor of `redact.ts`. */
  readonly redacts: boolean;
}

export interface Crew {
  /** Threads to use, this one included. */
  readonly jobs: number | undefined;
  readonly format: FormatName;
  readonly rawCsv: boolean;
  readonly redacts: boolean;
}

export interface CrewAssignment {
  readonly units: readonly ExportUnit[];
  readonly places: PlainPlaces;
  readonly settings: CrewSettings;
  readonly tickets: SharedArrayBuffer;
}

/** Each has row groups of its own: more than two of them would take more than 250 MiB. */
const USUAL_JOBS = 2;
/** Three halves of what `letYoungGenerationGrow` gives. */
const YOUNG_MIB = 6;
/** Below this a helper costs more than it brings. */
const MIN_BYTES_FOR_HELPERS = 32 * 1024 * 1024;

export interface UnitWork {
  readonly units: readonly ExportUnit[];
  readonly places: PlainPlaces;
  readonly settings: UnitSettings;
  /** Undefined: by this thread alone. */
  readonly crew: Crew | undefined;
  readonly advance: (bytes: number) => void;
}

/** Does all units; the reports come in their order. @throws RolloutError as `exportUnit`; files that are whole by then stay. */
export async function exportUnits(work: UnitWork): Promise<readonly UnitReport[]> {
  const { units, places, settings, advance } = work;
  const sorted = units.toSorted((a, b) => b.bytes - a.bytes);
  const tickets = new Tickets(sorted.length, undefined, 1);
  const helpers = startHelpers(work, sorted, tickets.memory);
  const reports = new Map<ExportUnit, UnitReport>();
  const receive = (texts: readonly string[]): void => {
    for (const text of texts) {
      const [index, told] = JSON.parse(text) as CrewAnswer;
      const unit = sorted[index];
      if (typeof told === "number") advance(told);
      else if (unit !== undefined) reports.set(unit, told);
    }
  };
  const own = async (unit: ExportUnit): Promise<UnitReport> =>
    exportUnit(unit, places, settings, (bytes) => {
      advance(bytes);
      for (const helper of helpers) receive(helper.collect());
    });
  try {
    for (const index of tickets.take()) {
      const unit = sorted[index];
      if (unit !== undefined) reports.set(unit, await own(unit));
    }
  } finally {
    // Whatever happened here, helpers take nothing new, and end what they have begun.
    Atomics.store(new Int32Array(tickets.memory), 0, sorted.length);
    for (const helper of helpers) receive(helper.finish());
  }
  return completed(units, reports, async (unit) => exportUnit(unit, places, settings, () => undefined));
}

async function completed(
  units: readonly ExportUnit[],
  reports: ReadonlyMap<ExportUnit, UnitReport>,
  again: (unit: ExportUnit) => Promise<UnitReport>,
): Promise<readonly UnitReport[]> {
  const all: UnitReport[] = [];
  for (const unit of units) all.push(reports.get(unit) ?? (await again(unit)));
  return all;
}

function startHelpers(
  { places, settings, crew }: UnitWork,
  units: readonly ExportUnit[],
  tickets: SharedArrayBuffer,
): readonly Helper[] {
  const bytes = units.reduce((sum, unit) => sum + unit.bytes, 0);
  if (crew === undefined || units.length < 2 || bytes < MIN_BYTES_FOR_HELPERS) return [];
  const { tables, content, place, about } = settings;
  const { format, rawCsv, redacts, jobs = USUAL_JOBS } = crew;
  const told: CrewSettings = { tables, content, place, about, format, rawCsv, redacts };
  const assignment: CrewAssignment = { units, places, settings: told, tickets };
  const module = new URL("crew-worker.js", import.meta.url);
  const count = Math.min(helperCount(jobs), units.length - 1);
  return Array.from({ length: count }, () => startHelper(module, assignment, { youngMib: YOUNG_MIB }));
}

/** The index of a unit, and its report, or bytes that are done of it. */
export type CrewAnswer = readonly [number, UnitReport | number];

/** A helper's part of the work. */
export async function doShare(
  { units, places, settings, tickets }: CrewAssignment,
  redact: Redactor | undefined,
  tell: (answer: CrewAnswer) => void,
): Promise<void> {
  const { format, rawCsv } = settings;
  const own: UnitSettings = { ...settings, redact, format: formatNamed(format, { rawCsv }) };
  for (const index of new Tickets(units.length, tickets, 1).take()) {
    const unit = units[index];
    if (unit === undefined) continue;
    const report = await exportUnit(unit, places, own, (bytes) => tell([index, bytes]));
    tell([index, report]);
  }
}
