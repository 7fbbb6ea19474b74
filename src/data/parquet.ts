import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { DataError, FileError, show } from '../core/errors.js';
import { checkBytes } from '../core/expect.js';
import type { Table } from './table.js';

/** Most cells of a table: columns of one repeated value take next to no room in a file. */
const MAX_CELLS = 2 ** 27;

/**
 * A parquet file as a table of cells, for `TableReader`: numbers, texts, booleans (`true`, `false`) and times (ISO 8601); null is a gap. All of
 * parquet's compressions are known. `name` stands for the file in messages.
 * @throws FileError for a file that is corrupt or no parquet file. @throws DataError for a column of lists or structures, and for too many cells.
 */
export async function parquetTable(bytes: Uint8Array, name = 'parquet file'): Promise<Table> {
  const file = checkBytes('parquetTable', bytes).slice().buffer;
  const metadata = read(() => parquetMetadata(file), name);
  const columns = columnsOf(metadata, name);
  const rows = Number(metadata.num_rows);
  if (!(rows * columns.length <= MAX_CELLS)) {
    throw new DataError(
      `${name}: it claims ${rows} rows of ${columns.length} columns; at most ${MAX_CELLS} cells can be read. Split it into smaller files`,
    );
  }
  // Loaded when needed: it compiles WebAssembly, which every program would wait for.
  const { compressors } = await import('hyparquet-compressors');
  let objects: readonly Record<string, unknown>[];
  try {
    objects = await parquetReadObjects({ file, metadata, compressors });
  } catch (cause) {
    throw corrupt(name, cause);
  }
  return { name, columns, rows: objects.map((row) => columns.map((column) => toCell(row[column]))) };
}

function read<T>(work: () => T, name: string): T {
  try {
    return work();
  } catch (cause) {
    throw corrupt(name, cause);
  }
}

function corrupt(name: string, cause: unknown): FileError {
  return new FileError(`${name}: not a parquet file, or it is corrupt (${cause instanceof Error ? cause.message : String(cause)})`, {}, { cause });
}

function columnsOf(metadata: FileMetaData, name: string): string[] {
  const { children } = read(() => parquetSchema(metadata), name);
  const nested = children.find(({ children: inner, element }) => inner.length > 0 || element.repetition_type === 'REPEATED');
  if (nested) {
    throw new DataError(`${name}: the column ${show(nested.element.name)} holds lists or structs; drop it, or flatten it into columns`, {
      argument: nested.element.name,
    });
  }
  return children.map(({ element }) => element.name);
}

function toCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}
