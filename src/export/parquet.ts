/**
 * Tables as Apache Parquet: INT64 times in microseconds UTC, pages compressed by Zstandard, row groups bounded in rows and in bytes,
 * so that memory is bounded however long a file becomes. The only file that knows hyparquet-writer.
 */
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { ZstdEncoder } from "../io/zstd.ts";
import type { ByteSink, Cell, FileKind, Row, RowWriter, TableFormat } from "./format.ts";
import type { Column, ColumnType } from "./schema.ts";

export interface ParquetLimits {
  /** Rows of a group. */
  readonly rows: number;
  /** Of a group, not compressed; one row may be larger. */
  readonly bytes: number;
}

const LIMITS: ParquetLimits = { rows: 50_000, bytes: 2 * 1024 * 1024 };
/** Of Zstandard. */
const PAGE_LEVEL = 1;
/** Of a page, not compressed. */
const PAGE_BYTES = 256 * 1024;
/** Bytes that are held back before they are given out. */
const HELD_BYTES = 1024 * 1024;

export const PARQUET: TableFormat = {
  extension: "parquet",
  open: (kind, sink) => parquetWriter(kind, sink),
};

export function parquetWriter(kind: FileKind, sink: ByteSink, limits: ParquetLimits = LIMITS): RowWriter {
  return new GroupWriter(kind, sink, limits);
}

/** One for all pages: a context, and a buffer of the size that a page may need at worst, for each would be garbage by the megabyte. */
let encoder: ZstdEncoder | undefined;

function compressPage(bytes: Uint8Array): Buffer {
  encoder ??= new ZstdEncoder({ level: PAGE_LEVEL });
  encoder.pledge(bytes.length);
  const parts = encoder.write(bytes);
  return Buffer.concat([...parts, ...encoder.endFrame()]);
}

class GroupWriter implements RowWriter {
  readonly #columns: readonly Column[];
  readonly #limits: ParquetLimits;
  readonly #writer: ParquetWriter;
  #cells: Cell[][];
  #rows = 0;
  #bytes = 0;

  constructor({ columns, about }: FileKind, sink: ByteSink, limits: ParquetLimits) {
    this.#columns = columns;
    this.#limits = limits;
    this.#cells = columns.map(() => []);
    this.#writer = new ParquetWriter({
      writer: new SinkWriter(sink),
      schema: [{ name: "root", num_children: columns.length }, ...columns.map(schemaOf)],
      codec: "ZSTD",
      compressors: { ZSTD: compressPage },
      createdBy: about["created_by"] ?? "rollout-tool",
      kvMetadata: Object.entries(about).map(([key, value]) => ({ key: `rollout-tool.${key}`, value })),
    });
  }

  add(row: Row): void {
    let bytes = 0;
    for (let index = 0; index < this.#columns.length; index += 1) {
      const cell = row[this.#columns[index]?.name ?? ""] ?? null;
      bytes += typeof cell === "string" ? 4 + cell.length : 8;
      this.#cells[index]?.push(cell);
    }
    this.#rows += 1;
    this.#bytes += bytes;
    if (this.#rows >= this.#limits.rows || this.#bytes >= this.#limits.bytes) this.#writeGroup();
  }

  #writeGroup(): void {
    const cells = this.#cells;
    this.#cells = this.#columns.map(() => []);
    const columnData = this.#columns.map((column, index) => chunkOf(column, cells[index] ?? []));
    const rowGroupSize = this.#rows;
    this.#rows = 0;
    this.#bytes = 0;
    void this.#writer.write({ columnData, rowGroupSize, pageSize: PAGE_BYTES });
  }

  finish(): void {
    if (this.#rows > 0) this.#writeGroup();
    void this.#writer.finish();
  }
}

function chunkOf(
  { name, type }: Column,
  cells: readonly Cell[],
): Parameters<ParquetWriter["write"]>[0]["columnData"][number] {
  // Words of people are rarely the same twice, and do not belong into the statistics of a file.
  if (type === "text") return { name, data: cells as Cell[], encoding: "PLAIN", statistics: false };
  const data = type === "int64" || type === "timestamp" ? cells.map(wide) : (cells as Cell[]);
  return { name, data };
}

/** Only now: a number takes less room while it waits. */
function wide(cell: Cell): Cell | bigint {
  return typeof cell === "number" ? BigInt(cell) : cell;
}

const STRING = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } } as const;

const TYPES: { readonly [T in ColumnType]: Omit<SchemaElement, "name"> } = {
  string: STRING,
  text: STRING,
  boolean: { type: "BOOLEAN" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  timestamp: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
};

function schemaOf({ name, type, nullable }: Column): SchemaElement {
  return { name, repetition_type: nullable ? "OPTIONAL" : "REQUIRED", ...TYPES[type] };
}

/** The package's buffer, emptied into the sink whenever enough has come together. */
class SinkWriter extends ByteWriter {
  readonly #sink: ByteSink;

  constructor(sink: ByteSink) {
    super(HELD_BYTES);
    this.#sink = sink;
  }

  override ensure(size: number): void {
    if (this.index + size > HELD_BYTES) this.flush();
    super.ensure(size);
  }

  flush(): void {
    if (this.index > 0) this.#sink(new Uint8Array(this.buffer, 0, this.index));
    this.index = 0;
    // One huge value must not keep its room for the rest of the file.
    if (this.buffer.byteLength <= 2 * HELD_BYTES) return;
    this.buffer = new ArrayBuffer(HELD_BYTES);
    this.view = new DataView(this.buffer);
  }

  override finish(): void {
    this.flush();
  }
}
