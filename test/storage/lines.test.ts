import { spawn, spawnSync } from 'node:child_process';
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
      expect(String(refused)).toMatch(/a browser has no file system/);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('goes into a pipe, whose reader sees its end, and into a device; neither can be gone on with', async () => {
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    const reader = spawn('cat', [path]);
    const read = new Promise<string>((resolve) => {
      let text = '';
      reader.stdout.on('data', (part) => {
        text += String(part);
      });
      reader.once('close', () => resolve(text));
    });
    const file = await openLines(path);
    await file.add('a');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await file.add('bé');
    await file.close();
    expect(await read).toBe('a\nbé\n');
    await expect(openLines(path, { append: true })).rejects.toThrow(/cannot append to .*it is no file, but a pipe, .*leave append out/);
    const device = await openLines('/dev/null');
    await device.add('a');
    await device.close();
  });

  it('says that nobody reads a pipe any more', async () => {
    spawnSync('mkfifo', [path]);
    const reader = spawn('head', ['-n', '1', path], { stdio: 'ignore' });
    const over = new Promise((resolve) => reader.once('exit', resolve));
    const file = await openLines(path);
    await file.add('a');
    await over;
    await expect(file.add('b')).rejects.toThrow(/cannot write .*its reader has ended/);
    await file.close();
  });
});
