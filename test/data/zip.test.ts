import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { FileError } from '#src/core/errors.js';
import { unzip } from '#src/data/zip.js';

const { npz, npzCompressed } = JSON.parse(readFileSync(new URL('../fixtures/files.json', import.meta.url), 'utf8')) as Record<string, string>;
const bytesOf = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const all = (bytes: Uint8Array, ending = ''): Map<string, Uint8Array> => unzip(bytes, ending, 'a.zip', 1e6);
const letters = new TextEncoder().encode('abcdefgh');

describe('unzip', () => {
  it('reads what NumPy and others wrote, with comments and extra fields', () => {
    expect([...all(bytesOf(npz), '.npy').keys()]).toEqual(['x.npy', 'y.npy']);
    expect([...all(bytesOf(npzCompressed)).keys()]).toContain('x.npy');
    const archive = zipSync({ 'é.txt': letters, 'b.npy': [letters, { comment: 'second', extra: { 7: Uint8Array.of(1, 2) } }], c: new Uint8Array(0) });
    expect(all(archive)).toEqual(new Map(Object.entries({ 'é.txt': letters, 'b.npy': letters, c: new Uint8Array(0) })));
    expect([...all(archive, '.npy').keys()]).toEqual(['b.npy']);
  });

  it('refuses contents that do not fit their checksum, and names the file', () => {
    const archive = zipSync({ a: Uint8Array.of(1), 'b.npy': letters }, { level: 0 });
    const at = Buffer.from(archive).indexOf('abcdefgh');
    for (let i = 0; i < letters.length; i++) {
      const altered = archive.slice();
      altered[at + i] = (altered[at + i] ?? 0) ^ 4;
      expect(() => all(altered)).toThrow(FileError);
      expect(() => all(altered)).toThrow(/^a\.zip: b\.npy is corrupt: its checksum does not match\. Download or copy the file again\.$/);
    }
    const cut = archive.slice(0, -30);
    expect(() => all(cut)).toThrow(/^a\.zip: not an npz file \(a zip archive\)/);
  });
});
