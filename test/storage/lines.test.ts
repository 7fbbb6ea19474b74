import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from 'evenkeel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLines } from '#src/storage/lines.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
  path = join(folder, 'lines.txt');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a file of lines', () => {
  it.each([
    ['whole lines', 'a\nbé\n', ['a', 'bé']],
    ['a torn last line', 'a\nbé\nc', ['a', 'bé']],
    ['nothing but a torn line', 'torn', []],
    ['line ends of Windows', 'a\r\nb\r\n', ['a', 'b']],
    ['nothing', '', []],
  ])('goes on behind %s', async (_what, text, kept) => {
    await writeFile(path, text);
    const file = await openLines(path, { append: true });
    expect(file.lines).toEqual(kept);
    await file.add('last');
    expect((await readFile(path, 'utf8')).split(/\r?\n/)).toEqual([...kept, 'last', '']);
  });

  it('begins anew, or where there was none', async () => {
    await (await openLines(path, { append: true })).add('a');
    await (await openLines(path)).add('b');
    expect(await readFile(path, 'utf8')).toBe('b\n');
  });

  it('is refused in a page, and where the folder is missing', async () => {
    await expect(openLines(join(folder, 'no', 'file'))).rejects.toThrow(/cannot write .*create the folder/);
    vi.stubGlobal('process', undefined);
    try {
      const refused = await openLines(path).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(FileError);
      expect(String(refused)).toMatch(/no file system in a page/);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
