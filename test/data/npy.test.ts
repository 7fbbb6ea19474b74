import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { type DType, dtypes } from '#src/core/dtype.js';
import { FileError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { readNpy, readNpz, writeNpy } from '#src/data/npy.js';

interface Fixture {
  readonly name: string;
  readonly bytes: string;
  readonly shape: number[];
  readonly values: string[];
  readonly dtype: string;
}
const fixtures = JSON.parse(readFileSync(new URL('../fixtures/files.json', import.meta.url), 'utf8')) as Record<string, string> & { npy: Fixture[] };
const bytesOf = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
/** float16 is read as float32. */
const known = fixtures.npy.map((one) => (one.dtype === 'float16' ? { ...one, dtype: 'float32' } : one));

describe('readNpy', () => {
  it.each(known)('reads what NumPy wrote: $name', ({ bytes, shape, values, dtype }) => {
    const array = readNpy(bytesOf(bytes));
    expect(array.shape).toEqual(shape);
    expect(array.dtype).toBe(dtype);
    expect(Array.from({ length: array.size }, (_, i) => array.at(i))).toEqual(values.map(Number));
  });

  it('reads the Buffers of files, which it leaves as they are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
    for (const { bytes, values } of known) {
      const path = join(folder, 'a.npy');
      await writeFile(path, bytesOf(bytes));
      // A small Buffer may lie within memory that others share.
      for (const file of [await readFile(path), Buffer.from(bytes, 'base64')]) {
        const array = readNpy(file);
        expect(Array.from({ length: array.size }, (_, i) => array.at(i))).toEqual(values.map(Number));
        expect(file.equals(bytesOf(bytes))).toBe(true);
      }
    }
    await rm(folder, { recursive: true });
    expect(
      readNpz(Buffer.from(fixtures.npz ?? '', 'base64'))
        .get('x')
        ?.toNested(),
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('names types that it cannot read', () => {
    for (const [kind, text] of [
      ['<U1', fixtures.text],
      ['\\|O', fixtures.object],
      ['a', fixtures.struct],
    ] as const) {
      expect(() => readNpy(bytesOf(text), 'a.npy')).toThrow(new RegExp(`^a\\.npy: elements of type .*${kind}.* cannot be read; save the array as`));
    }
  });

  it('refuses what is cut off, too long, or no npy file', () => {
    const bytes = bytesOf(known[1]?.bytes);
    for (let length = 0; length < bytes.length; length++) expect(() => readNpy(bytes.slice(0, length))).toThrow(FileError);
    expect(() => readNpy(new Uint8Array([...bytes, 0]))).toThrow(/extra data were appended/);
    expect(() => readNpy(new TextEncoder().encode('not an array'), 'x')).toThrow(/^x: not an npy file/);
    const version = bytes.slice();
    version[6] = 9;
    expect(() => readNpy(version)).toThrow(/npy version 9 is not supported/);
  });

  it('allocates nothing for a shape that no file holds', () => {
    const text = new TextDecoder('latin1').decode(bytesOf(known[1]?.bytes));
    const lie = Buffer.from(text.replace('(2, 3), }  ', '(9999999999999, 9), }').slice(0, text.length), 'latin1');
    expect(() => readNpy(new Uint8Array(lie))).toThrow(FileError);
  });
});

describe('writeNpy', () => {
  it.each(Object.keys(dtypes) as DType[])('comes back: %s', (dtype) => {
    for (const shape of [[], [3], [2, 3], [0, 4]]) {
      const array = NdArray.zeros(shape, dtype);
      for (let i = 0; i < array.size; i++) array.set(i, i % 2);
      const bytes = writeNpy(array);
      expect(readNpy(bytes)).toEqual(array);
      expect(bytes.length - array.data.byteLength).toBe(Math.ceil((bytes.length - array.data.byteLength) / 64) * 64);
    }
  });

  it('writes the bytes that NumPy writes', () => {
    const { bytes } = known.find(({ name }) => name === '<f8') as Fixture;
    expect(writeNpy(new NdArray(Float64Array.of(1, 0, 100, 7, 2, 3), [2, 3]))).toEqual(bytesOf(bytes));
  });
});

describe('readNpz', () => {
  it('reads every array of an archive, packed or not', () => {
    const arrays = readNpz(bytesOf(fixtures.npz));
    expect([...arrays.keys()]).toEqual(['x', 'y']);
    expect(arrays.get('x')?.toNested()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(readNpz(bytesOf(fixtures.npzCompressed)).get('x')?.shape).toEqual([50, 4]);
  });

  it('refuses what is no archive, what is too large, and names the array that is broken', () => {
    expect(() => readNpz(new Uint8Array(40), 'a.npz')).toThrow(/^a\.npz: not an npz file \(a zip archive\), or it is corrupt/);
    expect(() => readNpz(bytesOf(fixtures.npzCompressed), 'a.npz', 100)).toThrow(/more than 100 bytes/);
    expect(() => readNpz(zipSync({ 'x.npy': new Uint8Array(3) }), 'a.npz')).toThrow(/^a\.npz: x\.npy: not an npy file/);
  });
});
