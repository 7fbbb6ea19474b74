import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileError } from '#src/core/errors.js';
import { readIdx } from '#src/data/idx.js';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const small = bytes(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255);

describe('readIdx', () => {
  it('reads bytes, plain and gzipped', () => {
    for (const file of [small, gzipSync(small)]) {
      const array = readIdx(file);
      expect([array.dtype, array.toNested()]).toEqual([
        'uint8',
        [
          [1, 2, 3],
          [4, 5, 255],
        ],
      ]);
    }
  });

  it('reads every element type, big-endian', () => {
    const one = (type: number, ...value: number[]) => readIdx(bytes(0, 0, type, 1, 0, 0, 0, 1, ...value)).data[0];
    expect(one(0x09, 0xfe)).toBe(-2);
    expect(one(0x0b, 0xfe, 0xff)).toBe(-257);
    expect(one(0x0c, 0, 0, 1, 2)).toBe(258);
    expect(one(0x0d, 0x3f, 0xc0, 0, 0)).toBe(1.5);
    expect(one(0x0e, 0xc0, 4, 0, 0, 0, 0, 0, 0)).toBe(-2.5);
  });

  it('reads Buffers, which it leaves as they are', () => {
    for (const file of [Buffer.from([0, 0, 0x0b, 1, 0, 0, 0, 2, 0xfe, 0xff, 1, 0]), gzipSync(bytes(0, 0, 0x0b, 1, 0, 0, 0, 2, 0xfe, 0xff, 1, 0))]) {
      const before = [...file];
      expect([...readIdx(file).data]).toEqual([-257, 256]);
      expect([...file]).toEqual(before);
    }
  });

  it('reads from a view in the middle of a buffer', () => {
    const padded = new Uint8Array(small.length + 6);
    padded.set(small, 3);
    expect(readIdx(padded.subarray(3, 3 + small.length)).at(5)).toBe(255);
  });

  const corruptGzip = Uint8Array.from(gzipSync(small, { level: 0 }));
  corruptGzip[28] = (corruptGzip[28] ?? 0) ^ 1;
  const bomb = Uint8Array.from(gzipSync(small));
  bomb.set([0xff, 0xff, 0xff, 0x7f], bomb.length - 4);
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', bytes(), /has 0 bytes; it was truncated/],
    ['a cut header', small.slice(0, 10), /header of 2 axes needs 12 bytes, the file has 10/],
    ['cut data', small.slice(0, -2), /needs 6 bytes after the header, the file has 4; it was truncated/],
    ['appended data', bytes(...small, 0), /the file has 7; the header is corrupt, or extra data were appended/],
    ['another kind of file', bytes(0x89, 0x50, 0x4e, 0x47), /not an idx file; it starts with 89 50 4e 47/],
    ['an unknown element type', bytes(0, 0, 7, 0), /not an idx file/],
    ['a shape that overflows', bytes(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255), /claims shape \[4294967295, 4294967295\]/],
    ['255 axes of the largest length', bytes(0, 0, 8, 255, ...new Array<number>(1020).fill(255)), /at most 2147483647 fit/],
    ['a cut gzip', gzipSync(small).subarray(0, -9), /truncated or corrupt/],
    ['a gzip of few bytes', gzipSync(small).subarray(0, 12), /at least 18 bytes/],
    ['a flipped bit in a gzip', corruptGzip, /checksum does not match/],
    ['a gzip that claims too much', bomb, /claim 2147483647 bytes/],
  ])('refuses %s', (_, file, message) => {
    const read = () => readIdx(file, 'labels.idx');
    expect(read).toThrow(FileError);
    expect(read).toThrow(message);
    expect(read).toThrow(/^labels\.idx: /);
  });

  const folder = `${process.env.EVENKEEL_DATA ?? '../shared/data'}/fashion-mnist`;
  const there = existsSync(folder);
  if (!there) console.info(`skipped: the real idx files (no ${folder})`);
  it.skipIf(!there)('reads the Fashion-MNIST images, bit for bit', () => {
    const images = readIdx(readFileSync(`${folder}/t10k-images-idx3-ubyte.gz`));
    expect(images.shape).toEqual([10_000, 28, 28]);
    const header = bytes(0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28);
    // The published MD5 of the unpacked file.
    expect(createHash('md5').update(header).update(images.data).digest('hex')).toBe('8181f5470baa50b63fa0f6fddb340f0a');
  });
});
