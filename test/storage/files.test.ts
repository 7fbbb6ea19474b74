import { spawn, spawnSync } from 'node:child_process';
import * as node from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '#src/core/errors.js';
import { type FileSystem, readFile, readFileIfThere, writeAtomically } from '#src/storage/files.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await node.mkdtemp(join(tmpdir(), 'evenkeel-'));
  path = join(folder, 'model.safetensors');
});
afterEach(() => node.rm(folder, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const fault = (code: string): Error => Object.assign(new Error(`${code}: simulated`), { code });

/** Node's file system with a fault: `write` lets half of each write through, then fails. */
function failing(at: 'write' | 'sync' | 'close' | 'rename', code: string): FileSystem {
  return {
    ...node,
    rename: async (from, to) => (at === 'rename' ? Promise.reject(fault(code)) : node.rename(from, to)),
    open: async (name, flags) => {
      const handle = await node.open(name, flags);
      return {
        write: async (data, offset, length) => {
          if (at !== 'write') return handle.write(data, offset, length);
          await handle.write(data, offset, length >> 1);
          throw fault(code);
        },
        sync: async () => (at === 'sync' ? Promise.reject(fault(code)) : handle.sync()),
        close: async () => {
          await handle.close();
          if (at === 'close') throw fault(code);
        },
      };
    },
  };
}

describe('writeAtomically', () => {
  it('writes a new file and replaces an old one, leaving nothing else', async () => {
    await writeAtomically(path, bytes('first, and longer'));
    await writeAtomically(path, bytes('second'));
    expect(await node.readFile(path, 'utf8')).toBe('second');
    await writeAtomically(path, new Uint8Array(0));
    expect((await node.readFile(path)).length).toBe(0);
    expect(await node.readdir(folder)).toEqual(['model.safetensors']);
  });

  it('takes a path without a folder', async () => {
    const local = relative(process.cwd(), path);
    await writeAtomically(local, bytes('here'));
    expect(await node.readFile(path, 'utf8')).toBe('here');
    const name = `.evenkeel-test-${process.pid}`;
    try {
      await writeAtomically(name, bytes('bare'));
      expect(await node.readFile(name, 'utf8')).toBe('bare');
    } finally {
      await node.rm(name, { force: true });
    }
  });

  it.skipIf(process.platform === 'win32')('writes into a pipe and leaves it one', async () => {
    spawnSync('mkfifo', [path]);
    const reader = node.readFile(path, 'utf8');
    await writeAtomically(path, bytes('through'));
    expect(await reader).toBe('through');
    expect((await node.stat(path)).isFIFO()).toBe(true);
    expect(await node.readdir(folder)).toEqual(['model.safetensors']);
  });

  it.skipIf(process.platform !== 'linux')('writes into a pipe without a name, whose link ends nowhere', () => {
    const script = `import { writeAtomically } from '${fileURLToPath(new URL('../../dist/storage/files.js', import.meta.url))}';
      await writeAtomically('/dev/stdout', new TextEncoder().encode('through'));`;
    const { stdout, stderr } = spawnSync('sh', ['-c', '"$1" --input-type=module -e "$2" | cat', 'sh', process.execPath, script], {
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual(['through', '']);
  });

  it('names a folder in the place of a file', async () => {
    await expect(writeAtomically(folder, bytes('x'))).rejects.toThrow(/the path is a folder; name a file in it/);
  });

  it('goes on where the system wrote only part', async () => {
    const short: FileSystem = {
      ...node,
      open: async (name, flags) => {
        const handle = await node.open(name, flags);
        return {
          write: (data, offset, length) => handle.write(data, offset, Math.min(2, length)),
          sync: () => handle.sync(),
          close: () => handle.close(),
        };
      },
    };
    await writeAtomically(path, bytes('abcdefg'), { fs: short });
    expect(await node.readFile(path, 'utf8')).toBe('abcdefg');
  });

  it('follows links that end at no file yet, and refuses a circle of them', async () => {
    await node.mkdir(join(folder, 'runs'));
    await node.symlink('runs/first', join(folder, 'latest'));
    await node.symlink(join(folder, 'latest'), join(folder, 'best'));
    await writeAtomically(join(folder, 'best'), bytes('new'));
    expect(await node.readFile(join(folder, 'runs', 'first'), 'utf8')).toBe('new');
    expect((await node.lstat(join(folder, 'latest'))).isSymbolicLink()).toBe(true);
    expect((await node.lstat(join(folder, 'best'))).isSymbolicLink()).toBe(true);
    const [one, other] = [join(folder, 'one'), join(folder, 'other')];
    await node.symlink(one, other);
    await node.symlink(other, one);
    await expect(writeAtomically(one, bytes('lost'))).rejects.toThrow(/loop of symbolic links/);
    await node.symlink('nowhere/file', join(folder, 'astray'));
    await expect(writeAtomically(join(folder, 'astray'), bytes('lost'))).rejects.toThrow(/the file or its folder does not exist/);
  });

  it('follows a link instead of replacing it', async () => {
    const link = join(folder, 'latest');
    await node.writeFile(path, 'old');
    await node.symlink(path, link);
    await writeAtomically(link, bytes('new'));
    expect(await node.readFile(path, 'utf8')).toBe('new');
    expect((await node.lstat(link)).isSymbolicLink()).toBe(true);
  });

  it.each([
    ['write', 'ENOSPC', /disk is full; free some space/],
    ['sync', 'EIO', /the disk reported an error/],
    ['close', 'EDQUOT', /quota is used up/],
    ['rename', 'EACCES', /permission denied/],
  ] as const)('keeps the previous file whole when %s fails with %s', async (at, code, message) => {
    await node.writeFile(path, 'previous');
    const write = writeAtomically(path, bytes('the next one'), { fs: failing(at, code) });
    await expect(write).rejects.toThrow(FileError);
    await expect(write).rejects.toThrow(message);
    await expect(write).rejects.toMatchObject({ cause: { code } });
    expect(await node.readFile(path, 'utf8')).toBe('previous');
    expect(await node.readdir(folder)).toEqual(['model.safetensors']);
  });

  it('says so where the folder is missing, or the path is a folder', async () => {
    await expect(writeAtomically(join(folder, 'none', 'x'), bytes('a'))).rejects.toThrow(
      /cannot write '.*none\/x' \(1 bytes\): .*create the folder first/,
    );
    await node.mkdir(path);
    await expect(writeAtomically(path, bytes('a'))).rejects.toThrow(/the path is a folder/);
    expect(await node.readdir(folder)).toEqual(['model.safetensors']);
  });

  it('leaves the previous file whole when the process is killed in the middle of a write', async () => {
    await node.writeFile(path, 'previous');
    const files = new URL('../../dist/storage/files.js', import.meta.url).href;
    const script = `
      import * as node from 'node:fs/promises';
      import { writeAtomically } from ${JSON.stringify(files)};
      const open = async (name, flags) => {
        const handle = await node.open(name, flags);
        return { ...handle, write: async (data, offset, length) => {
          await handle.write(data, offset, length >> 1);
          process.stdout.write('half');
          return new Promise(() => setInterval(() => {}, 1000));
        } };
      };
      await writeAtomically(${JSON.stringify(path)}, new Uint8Array(1 << 20), { fs: { ...node, open } });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect(await node.readFile(path, 'utf8')).toBe('previous');
    await writeAtomically(path, bytes('next'));
    expect(await node.readFile(path, 'utf8')).toBe('next');
  });

  it('shows a reader one content or the other, wherever a kill falls', async () => {
    const size = 1 << 20;
    await node.writeFile(path, new Uint8Array(size).fill(1));
    const files = new URL('../../dist/storage/files.js', import.meta.url).href;
    const script = `
      import { writeAtomically } from ${JSON.stringify(files)};
      process.stdout.write('go');
      for (let i = 2; ; i = (i % 200) + 1) await writeAtomically(${JSON.stringify(path)}, new Uint8Array(${size}).fill(i));`;
    for (const delay of [3, 17, 41]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill('SIGKILL');
      await ended;
      const content = await node.readFile(path);
      expect(content.length).toBe(size);
      expect(content.equals(Buffer.alloc(size, content[0]))).toBe(true);
    }
  });
});

describe('readFile', () => {
  it('gives the bytes', async () => {
    await node.writeFile(path, 'abc');
    expect(await readFile(path)).toEqual(bytes('abc'));
    expect((await readFile(fileURLToPath(import.meta.url))).length).toBeGreaterThan(1000);
  });

  it('says what is wrong where there is no file', async () => {
    await expect(readFile(join(folder, 'none'))).rejects.toThrow(FileError);
    await expect(readFile(join(folder, 'none'))).rejects.toThrow(/cannot read '.*none': the file or its folder does not exist; check the path$/);
    await expect(readFile(folder)).rejects.toThrow(/the path is a folder/);
  });

  it('readFileIfThere gives undefined only where there is no file', async () => {
    expect(await readFileIfThere(join(folder, 'none'))).toBeUndefined();
    await node.writeFile(path, 'abc');
    expect(await readFileIfThere(path)).toEqual(bytes('abc'));
    await expect(readFileIfThere(folder)).rejects.toThrow(FileError);
  });
});
