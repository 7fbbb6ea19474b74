import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError, FileError } from '#src/core/errors.js';
import { parquetTable } from '#src/data/parquet.js';
import { TableReader } from '#src/data/table-reader.js';

const { parquet, nested } = JSON.parse(readFileSync(new URL('../fixtures/files.json', import.meta.url), 'utf8')) as {
  parquet: Record<string, string>;
  nested: string;
};
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

describe('parquetTable', () => {
  it.each(Object.entries(parquet))('reads a table packed with %s', async (_, text) => {
    const table = await parquetTable(bytesOf(text), 'homes.parquet');
    expect(table.columns).toEqual(['size', 'rooms', 'city', 'old', 'price']);
    expect(table.rows).toEqual([
      ['1.5', '3', 'Oslo', 'true', '10.5'],
      ['', '4', 'Rom', 'false', '20'],
      ['3', '5', '', '', '30'],
      ['40000000000', '6', 'Oslo', 'true', '40'],
      ['-2', '7', 'Bonn', 'true', '50.25'],
    ]);
  });

  it('reads a Buffer within memory that others share', async () => {
    const file = Buffer.from(parquet.none ?? '', 'base64');
    const shared = Buffer.alloc(file.length + 100, 7);
    file.copy(shared, 50);
    const table = await parquetTable(shared.subarray(50, 50 + file.length));
    expect(table.rows[0]).toEqual(['1.5', '3', 'Oslo', 'true', '10.5']);
  });

  it('feeds a table reader', async () => {
    const table = await parquetTable(bytesOf(parquet.zstd ?? ''));
    const reader = TableReader.fit(table, { target: 'price' });
    const { x, y } = reader.read(table);
    expect(reader.featureNames).toEqual([
      'size',
      'size missing',
      'rooms',
      'city missing',
      'city=Bonn',
      'city=Oslo',
      'city=Rom',
      'old missing',
      'old=false',
      'old=true',
    ]);
    expect(x.toNested()).toContainEqual([2.25, 1, 4, 0, 0, 0, 1, 0, 1, 0]);
    expect(y.toNested()).toEqual([[10.5], [20], [30], [40], [50.25]]);
  });

  it('refuses lists, and what is no parquet file or a corrupt one', async () => {
    await expect(parquetTable(bytesOf(nested), 'n.parquet')).rejects.toThrow(DataError);
    await expect(parquetTable(bytesOf(nested), 'n.parquet')).rejects.toThrow(/^n\.parquet: the column 'a' holds lists/);
    await expect(parquetTable(new Uint8Array(100), 'x')).rejects.toThrow(FileError);
    await expect(parquetTable(new Uint8Array(0), 'x')).rejects.toThrow(/^x: not a parquet file/);
    const bytes = bytesOf(parquet.gzip ?? '');
    bytes.fill(7, 40, 120);
    await expect(parquetTable(bytes)).rejects.toThrow(FileError);
  });
});
