import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '#src/core/errors.js';
import { readCsv } from '#src/data/csv.js';
import { decodeText, invalidUtf8 } from '#src/data/text.js';

const cities = 'size,city,y\n1,Mül,0.5\n2,Möl,1.5\n3,Mül,2.5\n';
const featureNames = ['size', 'city=Mül', 'city=Möl'];

describe('bytes of a table', () => {
  it.each<[string, Uint8Array]>([
    ['UTF-8', Buffer.from(cities)],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${cities}`)],
    ['UTF-16LE with a mark', Buffer.from(`\uFEFF${cities}`, 'utf16le')],
    ['UTF-16BE with a mark', Buffer.from(`\uFEFF${cities}`, 'utf16le').swap16()],
    ['gzipped UTF-8', gzipSync(cities)],
  ])('are read as %s', (_, bytes) => {
    expect([...(readCsv(bytes).featureNames ?? [])].sort()).toEqual([...featureNames].sort());
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'Latin-1, where two cities would become one',
      Buffer.from(cities, 'latin1'),
      /^t\.csv: line 2 holds 0xFC after '1,M' \(byte 15 of the file\), which is not valid UTF-8:.*Latin-1 or Windows-1252.*iconv -f WINDOWS-1252 -t UTF-8/,
    ],
    ['UTF-16 without a mark', Buffer.from(cities, 'utf16le'), /UTF-16LE without a byte-order mark.*iconv -f UTF-16LE/],
    ['UTF-16 without a mark, the other way', Buffer.from(cities, 'utf16le').swap16(), /UTF-16BE without/],
    ['half a letter of UTF-16', Buffer.from([0xff, 0xfe, 97, 0, 98]), /its byte-order mark says UTF-16LE/],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]), /this is not a text file: byte 8 is 0/],
    ['bytes drawn by lot', Buffer.from([0x89, 0x61, 0x25, 3, 0xe3, 0x4b, 22]), /this is not a text file: it contains control characters/],
    ['a NUL among cells', Buffer.from('a,b\n1,2\u0000\n'), /this is not a text file: byte 7 is 0/],
    ['a spreadsheet', Buffer.from('PK\u0003\u0004xl/worksheets'), /a zip archive, such as Excel's \.xlsx; save the sheet as CSV/],
    ['a parquet file', Buffer.from('PAR1....PAR1'), /a parquet file/],
  ])('are refused as %s', (_, bytes, message) => {
    expect(() => readCsv(bytes, { name: 't.csv' })).toThrow(DataError);
    expect(() => readCsv(bytes, { name: 't.csv' })).toThrow(message);
  });

  it('are no UTF-8 from where the platform decodes the first letter that stands for none', () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x41, 0x80, 0xc3, 0xe0, 0xed, 0xf0, 0xf4, 0xa0, 0x9f, 0x90, 0xbf));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 8 }), fc.string({ unit: 'grapheme' }), (tail, text) => {
        const bytes = new Uint8Array([...Buffer.from(text), ...tail]);
        // U+FFFD in the text itself would hide where the decoder put its own.
        const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
        const first = text.includes('\uFFFD') ? undefined : decoded.indexOf('\uFFFD');
        if (first === undefined || Buffer.from(decoded).equals(Buffer.from(bytes))) return;
        expect(invalidUtf8(bytes)).toBe(Buffer.byteLength(decoded.slice(0, first)));
      }),
      { numRuns: 2000 },
    );
    for (const text of ['', 'abc', 'Mül', '日本語', '𝄞𝕏', '\uFFFD\uFEFF']) expect(invalidUtf8(Buffer.from(text))).toBe(-1);
  });

  it('hold a mark of their own in the middle', () => {
    expect(decodeText(Buffer.from('a\uFEFFb'), 'x')).toBe('a\uFEFFb');
  });
});
