/**
 * Rows out of a SQLite file that SQLite itself may refuse: pages are read one by one, trees are walked as far as they
 * hold, and leaves that no tree reaches any more are offered too. Knows no table; `indexer/salvage.ts` tells whose row
 * is whose.
 *
 * Never throws on what the bytes say, and ends on any input: a page belongs to one tree or one overflow chain, and is
 * used up by the first that claims it, so work and memory are bounded by the size of the files.
 */
import { hasMagic, type SqliteImage } from "./sqlite-image.ts";
import { type Cell, type PageHeader, readCell, readPageHeader, readRecord, type RecordValue } from "./sqlite-record.ts";
import type { FrameState } from "./sqlite-wal.ts";

/** How far a copy of a page is from being the present one, best first. */
export const AGES = ["present", "freed", "older"] as const;
export type Age = (typeof AGES)[number];

export interface PageRow {
  readonly rowid: number;
  /** In physical order; rows written before a column was added have fewer. Undefined where the bytes are lost. */
  readonly values: readonly RecordValue[];
  readonly age: Age;
}

export interface TreeRows {
  readonly rows: readonly PageRow[];
  /** Every page of the tree was there and every cell could be read, overflow included. */
  readonly isComplete: boolean;
}

interface Version {
  readonly bytes: Buffer;
  readonly age: Age;
}

interface ReadablePage {
  readonly version: Version;
  readonly header: PageHeader;
}

/** Where a page number is expected: none. */
const NO_PAGE = 0;

export class PageReader {
  readonly #image: SqliteImage;
  readonly #usable: number;
  /** Copies of a page in the log: what counts before the main file's copy, and what only counts after it. */
  readonly #newer = new Map<number, Version[]>();
  readonly #older = new Map<number, Version[]>();
  readonly #mainPages: number;
  readonly #freed: ReadonlySet<number>;
  readonly #maps = new Set<number>();
  readonly #claimed = new Set<number>();
  readonly #unreadable = new Set<number>();

  constructor(image: SqliteImage) {
    this.#image = image;
    this.#mainPages = Math.ceil(image.main.length / image.pageSize);
    this.#indexFrames();
    // Bytes kept free at each page's end: none in any file that Codex made.
    const reserved = this.#fileHeader()?.[20] ?? 0;
    this.#usable = image.pageSize - (image.pageSize - reserved >= 480 ? reserved : 0);
    this.#freed = this.#freedPages();
  }

  /** Whether the log goes on past a bad frame: trees may then lead to pages whose right copy is lost. */
  get isBroken(): boolean {
    return this.#image.wal.frames.some((frame) => frame.state === "detached");
  }

  /**
   * How many pages the database has, or had before it was cut, and how many no longer read: those that are gone, those
   * that a tree led to in vain, and those that were never reached and look like nothing that SQLite writes.
   */
  countPages(): { readonly pages: number; readonly unreadablePages: number } {
    let present = 0;
    let readable = 0;
    for (const number of this.#pageNumbers()) {
      const bytes = this.#newer.get(number)?.[0]?.bytes ?? this.#mainPage(number);
      if (bytes === undefined) continue;
      present += 1;
      const isKnown = this.#claimed.has(number) || this.#freed.has(number) || this.#maps.has(number);
      const reads = isKnown || this.#headerOf(bytes, number) !== undefined;
      if (reads && !this.#unreadable.has(number)) readable += 1;
    }
    const pages = Math.max(present, this.#statedPages());
    return { pages, unreadablePages: pages - readable };
  }

  /** All rows of a table, from its root page. */
  readTable(root: number): TreeRows {
    const rows: PageRow[] = [];
    let isComplete = true;
    for (const page of this.#walk(root, "table")) {
      if (page?.version.age !== "present" || !page.header.isWhole) isComplete = false;
      if (page?.header.kind !== "table-leaf") continue;
      const found = this.#leafRows(page);
      for (const row of found.rows) rows.push(row);
      isComplete &&= found.isComplete;
    }
    return { rows, isComplete };
  }

  /** What still reads of an index, from its root page: the key columns, then the number of the row. */
  readIndex(root: number): readonly PageRow[] {
    const rows: PageRow[] = [];
    for (const page of this.#walk(root, "index")) {
      if (page === undefined) continue;
      const childBytes = page.header.kind === "index-interior" ? 4 : 0;
      for (const at of page.header.cells) rows.push(...this.#cellRows(page, at + childBytes));
    }
    return rows;
  }

  /** Rows of each table leaf that no tree has claimed, page by page. `older` copies include those of claimed pages. */
  *looseLeaves(age: Age): Generator<readonly PageRow[]> {
    for (const number of this.#pageNumbers()) {
      for (const version of this.#versions(number)) {
        if (version.age !== age || (age !== "older" && this.#claimed.has(number))) continue;
        const header = this.#headerOf(version.bytes, number);
        if (header?.kind === "table-leaf") yield this.#leafRows({ version, header }).rows;
      }
    }
  }

  #indexFrames(): void {
    const { wal, pageSize } = this.#image;
    if (wal.pageSize !== pageSize) return;
    const add = (map: Map<number, Version[]>, page: number, version: Version) => {
      const list = map.get(page);
      if (list === undefined) map.set(page, [version]);
      else list.push(version);
    };
    const ofState = (states: readonly FrameState[]) =>
      wal.frames.filter((frame) => states.includes(frame.state)).toReversed();
    for (const frame of ofState(["committed", "detached"])) {
      const bytes = wal.bytes.subarray(frame.offset, frame.offset + pageSize);
      add(this.#newer, frame.page, { bytes, age: this.#newer.has(frame.page) ? "older" : "present" });
    }
    for (const frame of [...ofState(["uncommitted"]), ...ofState(["stale"])]) {
      add(this.#older, frame.page, { bytes: wal.bytes.subarray(frame.offset, frame.offset + pageSize), age: "older" });
    }
  }

  *#pageNumbers(): Generator<number> {
    for (let number = 1; number <= this.#mainPages; number += 1) yield number;
    for (const number of new Set([...this.#newer.keys(), ...this.#older.keys()])) {
      if (number > this.#mainPages) yield number;
    }
  }

  /** Copies of a page, best first. */
  *#versions(number: number): Generator<Version> {
    const newer = this.#newer.get(number) ?? [];
    const isFreed = this.#freed.has(number);
    for (const version of newer) yield isFreed && version.age === "present" ? { ...version, age: "freed" } : version;
    const main = this.#mainPage(number);
    if (main !== undefined) yield { bytes: main, age: newer.length > 0 ? "older" : isFreed ? "freed" : "present" };
    yield* this.#older.get(number) ?? [];
  }

  #newest(number: number): Version | undefined {
    return this.#newer.get(number)?.[0] ?? versionOf(this.#mainPage(number)) ?? this.#older.get(number)?.[0];
  }

  /** The first page, if it still begins as a database does. */
  #fileHeader(): Buffer | undefined {
    const bytes = this.#newest(1)?.bytes;
    return bytes !== undefined && hasMagic(bytes) ? bytes : undefined;
  }

  /** The number of pages that the file says it has; 0 where it does not, or where the number may be outdated. */
  #statedPages(): number {
    if (this.#image.usesWal) return this.#image.pageCount;
    const header = this.#fileHeader();
    return header === undefined || header.readUInt32BE(24) !== header.readUInt32BE(92) ? 0 : header.readUInt32BE(28);
  }

  #mainPage(number: number): Buffer | undefined {
    const { main, pageSize } = this.#image;
    if (number < 1 || number > this.#mainPages) return undefined;
    const bytes = main.subarray((number - 1) * pageSize, number * pageSize);
    // A file cut in the middle of a page: the missing part reads as zeros, which no cell survives.
    return bytes.length === pageSize ? bytes : Buffer.concat([bytes], pageSize);
  }

  #headerOf(bytes: Buffer, number: number): PageHeader | undefined {
    return readPageHeader(bytes, number === 1 ? 100 : 0, this.#usable);
  }

  /** The pages of a tree, in key order as far as that goes; undefined for each page that is lost. */
  *#walk(root: number, tree: "table" | "index"): Generator<ReadablePage | undefined> {
    const stack = [root];
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      const page = this.#claim(number, tree);
      yield page;
      if (page === undefined || page.header.rightChild === NO_PAGE) continue;
      stack.push(page.header.rightChild);
      for (const at of page.header.cells.toReversed()) stack.push(page.version.bytes.readUInt32BE(at));
    }
  }

  #claim(number: number, tree: "table" | "index"): ReadablePage | undefined {
    if (this.#claimed.has(number)) return undefined;
    for (const version of this.#versions(number)) {
      const header = this.#headerOf(version.bytes, number);
      if (header?.kind.startsWith(tree) !== true) continue;
      this.#claimed.add(number);
      if (version.age === "older") this.#unreadable.add(number);
      return { version, header };
    }
    this.#unreadable.add(number);
    return undefined;
  }

  #leafRows(page: ReadablePage): TreeRows {
    const rows = page.header.cells.flatMap((at) => this.#cellRows(page, at));
    const isComplete = rows.length === page.header.cells.length && rows.every((row) => !row.values.includes(undefined));
    return { rows, isComplete };
  }

  /** The row of a cell, or none. */
  #cellRows({ version, header }: ReadablePage, at: number): PageRow[] {
    const cell = readCell(version.bytes, at, this.#usable, header.kind);
    const values = cell === undefined ? undefined : readRecord(this.#payload(cell), cell.payloadBytes);
    return cell === undefined || values === undefined ? [] : [{ rowid: cell.rowid, values, age: version.age }];
  }

  /** As much of a cell's payload as can be followed. */
  #payload(cell: Cell): Buffer {
    if (cell.overflow === NO_PAGE) return cell.local;
    const parts = [cell.local];
    const taken: number[] = [];
    let missing = cell.payloadBytes - cell.local.length;
    for (let number = cell.overflow; missing > 0;) {
      const bytes = this.#claimed.has(number) ? undefined : this.#newest(number)?.bytes;
      if (bytes === undefined) break;
      const next = bytes.readUInt32BE(0);
      const part = bytes.subarray(4, Math.min(this.#usable, 4 + missing));
      missing -= part.length;
      // The last page of a chain names no other, and every page before it does: otherwise this is no page of the chain.
      if ((next === NO_PAGE) !== (missing === 0)) {
        this.#unreadable.add(number);
        break;
      }
      this.#claimed.add(number);
      taken.push(number);
      parts.push(part);
      number = next;
    }
    return Buffer.concat(parts);
  }

  /** Pages that hold nothing any more: from the list of free pages, and from the map that incremental vacuum keeps. */
  #freedPages(): ReadonlySet<number> {
    const freed = new Set<number>();
    const header = this.#fileHeader();
    for (let trunk = header?.readUInt32BE(32) ?? 0; trunk !== NO_PAGE && !freed.has(trunk);) {
      const bytes = this.#newest(trunk)?.bytes;
      if (bytes === undefined || this.#headerOf(bytes, trunk) !== undefined) break;
      freed.add(trunk);
      const count = Math.min(bytes.readUInt32BE(4), Math.floor(this.#usable / 4) - 2);
      for (let index = 0; index < count; index += 1) freed.add(bytes.readUInt32BE(8 + 4 * index));
      trunk = bytes.readUInt32BE(0);
    }
    for (const number of this.#mappedFree()) freed.add(number);
    return freed;
  }

  /** Pages that the pointer maps call free. A map is a page of five-byte entries for the pages right after it. */
  *#mappedFree(): Generator<number> {
    const entries = Math.floor(this.#usable / 5);
    for (const map of this.#pageNumbers()) {
      const bytes = map % (entries + 1) === 2 ? this.#newest(map)?.bytes : undefined;
      const count = Math.min(entries, this.#image.pageCount - map);
      if (bytes === undefined || !isPointerMap(bytes, count)) continue;
      this.#maps.add(map);
      for (let index = 0; index < count; index += 1) {
        if (bytes[5 * index] === FREE_ENTRY) yield map + 1 + index;
      }
    }
  }
}

const FREE_ENTRY = 2;

function isPointerMap(bytes: Buffer, count: number): boolean {
  for (let index = 0; index < count; index += 1) {
    const type = bytes[5 * index] ?? 0;
    if (type < 1 || type > 5) return false;
  }
  return count > 0;
}

function versionOf(bytes: Buffer | undefined): Version | undefined {
  return bytes === undefined ? undefined : { bytes, age: "present" };
}
