import { randomBytes } from 'node:crypto';
import { gzipSync, gunzipSync as zlibGunzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileError } from '#src/core/errors.js';
import { gunzip } from '#src/data/gzip.js';

const text = (...words: string[]): Buffer => Buffer.from(words.join(''));
const zeros = (count: number): Buffer => Buffer.alloc(count);
const noise = randomBytes(100_000);
/** The empty member that ends every file of bgzip, from its specification (SAM/BAM, section 4.1.2). */
const bgzipEnd = Buffer.from('1f8b08040000000000ff0600424302001b0003000000000000000000', 'hex');
const members = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, i) => gzipSync(text(`${i},`))));

describe('gunzip', () => {
  it.each<[string, Buffer]>([
    ['one member', gzipSync(text('one'))],
    ['nothing', gzipSync(zeros(0))],
    ['two members', Buffer.concat([gzipSync(text('one,')), gzipSync(text('two'))])],
    ['the same member twice', Buffer.concat([gzipSync(text('one,')), gzipSync(text('one,'))])],
    ['a member and an empty one', Buffer.concat([gzipSync(text('one')), gzipSync(zeros(0))])],
    ['an empty member and another', Buffer.concat([gzipSync(zeros(0)), gzipSync(text('one'))])],
    ['what bgzip writes', Buffer.concat([gzipSync(text('one,')), gzipSync(text('two')), bgzipEnd])],
    ['large members, packed and not', Buffer.concat([gzipSync(noise), gzipSync(noise, { level: 0 }), gzipSync(zeros(300_000)), gzipSync(noise)])],
    ['many small members', members(20_000)],
    ['a member that holds a gzip file', gzipSync(gzipSync(noise), { level: 0 })],
    ...[1, 2, 3, 4, 7, 8, 9, 512].flatMap((count): [string, Buffer][] => [
      [`${count} zeros behind one member`, Buffer.concat([gzipSync(text('one')), zeros(count)])],
      [`${count} zeros behind 65,536 bytes`, Buffer.concat([gzipSync(zeros(65_536)), zeros(count)])],
      [`${count} zeros behind several`, Buffer.concat([gzipSync(noise), gzipSync(text('two')), zeros(count)])],
      [`${count} zeros behind nothing`, Buffer.concat([bgzipEnd, zeros(count)])],
    ]),
  ])('reads %s as zlib does', (_, file) => {
    expect(Buffer.compare(gunzip(file, 'a.gz'), zlibGunzip(file))).toBe(0);
  });

  const two = Buffer.concat([gzipSync(text('the first member, ')), gzipSync(noise.subarray(0, 40))]);
  const first = gzipSync(text('the first member, ')).length;
  it('refuses members that are cut off, or altered', () => {
    for (let length = 0; length < two.length; length++) {
      if (length === first) continue;
      expect(() => gunzip(two.subarray(0, length), 'a.gz'), `${length} bytes`).toThrow(FileError);
      // Zeros put back the last bytes of a member's length.
      const isPutBack = two.subarray(length, length < first ? first : two.length).every((byte) => byte === 0);
      const padded = Buffer.concat([two.subarray(0, length), zeros(20)]);
      if (!isPutBack) expect(() => gunzip(padded, 'a.gz'), `${length} bytes and zeros`).toThrow(FileError);
    }
    for (const at of [first - 8, first - 1, two.length - 8, two.length - 20]) {
      const altered = Buffer.from(two);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => gunzip(altered, 'a.gz')).toThrow(/^a\.gz: the gzip data is truncated or corrupt/);
    }
    expect(() => gunzip(Buffer.concat([two, text('appended')]), 'a.gz')).toThrow(FileError);
  });

  it('stops where members hold more than was expected', () => {
    const bomb = Buffer.concat(Array.from({ length: 20 }, () => gzipSync(zeros(1_000_000))));
    expect(() => gunzip(bomb, 'a.gz', 5_000_000)).toThrow(/^a\.gz: decompresses to \d+ bytes; at most 5000000 were expected/);
  });
});
