import { FileError } from '../core/errors.js';

/** An open file, as far as writing needs one. */
export interface FileHandle {
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file that grows by lines. */
export interface AppendHandle extends FileHandle {
  truncate(length: number): Promise<void>;
}

/** What is needed of a file system; Node's `fs/promises` is the default, tests hand in broken ones. */
export interface FileSystem {
  open(path: string, flags: string): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  realpath(path: string): Promise<string>;
  readlink(path: string): Promise<string>;
  stat(path: string): Promise<{ isFile(): boolean }>;
}

/** Whether a path leads to a pipe, a device or a folder. */
export async function isNoFile(fs: Pick<FileSystem, 'stat'>, path: string): Promise<boolean> {
  return fs.stat(path).then(
    (entry) => !entry.isFile(),
    () => false,
  );
}

/** What to do about each kind of failure that an operating system reports. */
const advice: { readonly [code: string]: string } = {
  ENOSPC: 'the disk is full; free some space or choose another disk',
  EDQUOT: 'the disk quota is used up; free some space or choose another disk',
  EFBIG: 'the file is larger than the system allows',
  ENOENT: 'the file or its folder does not exist; check the path, or create the folder first',
  EEXIST: 'a file with that name already exists; choose another path',
  ELOOP: 'the path contains a loop of symbolic links; remove it or choose another path',
  ENOTDIR: 'part of the path is a file, not a folder; check the path',
  EISDIR: 'the path is a folder; name a file in it',
  EACCES: 'permission denied; check the permissions of the file and its folder',
  EPERM: 'permission denied; check the permissions of the file and its folder',
  EROFS: 'the disk is read-only; choose another disk',
  EMFILE: 'too many files are open; close some or raise the limit',
  EIO: 'the disk reported an error; choose another disk',
  EPIPE: 'its reader has ended; start the reader again, or name a file',
  EINVAL: 'the system does not support this for what is there; name a regular file',
};

/** What differs where a file is read: nothing is to be created. */
const adviceToRead: typeof advice = { ENOENT: 'the file or its folder does not exist; check the path' };

const MAX_WRITE = 2 ** 30;

/** The error code of the operating system, '' where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The error for a failure of the operating system, with what to do about it. @param words what to do instead, by the error's code */
export function fileError(what: string, cause: unknown, words: typeof advice = {}): FileError {
  const code = errorCode(cause);
  const reason = words[code] ?? advice[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new FileError(`${what}: ${reason}`, { received: code }, { cause });
}

/** Node's file system, asked of Node itself: bundlers for a page stumble over an import of it. @throws FileError if there is none. */
export async function nodeFiles(): Promise<typeof import('node:fs/promises')> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    throw new FileError('a browser has no file system; read and write bytes instead, for example with fetch and a download link');
  }
  return process.getBuiltinModule('node:fs/promises');
}

/** Writes all bytes, however many calls that takes. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, offset, Math.min(MAX_WRITE, bytes.length - offset));
    offset += bytesWritten;
  }
}

/** A rename survives a power cut only once its folder is on the disk. Some systems cannot sync a folder; the file is whole there all the same. */
async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows, and some network disks.
  }
}

/**
 * Writes a file so that, whatever happens, its path holds either the old content or the new one, whole: the bytes go to a temporary
 * name in the same folder, reach the disk, and take the path by a rename. A link is followed, also where nothing lies at its end yet; a pipe or a device is written to
 * as it is. On failure the temporary file is removed.
 * Needs Node.
 * @throws FileError with its cause and what to do (disk full, no such folder, no permission …); the previous file is intact then.
 */
export async function writeAtomically(path: string, bytes: Uint8Array, options: { readonly fs?: FileSystem } = {}): Promise<void> {
  const fs = options.fs ?? (await nodeFiles());
  const what = `cannot write '${path}' (${bytes.length} bytes)`;
  // Asked before links are followed: that to a pipe without a name ends nowhere.
  if (await isNoFile(fs, path)) return writeThrough(fs, path, bytes, what);
  const target = await endOf(fs, path, what);
  const folder = folderOf(target);
  const temporary = `${folder}.${target.slice(folder.length)}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  let handle: FileHandle;
  try {
    handle = await fs.open(temporary, 'wx');
  } catch (cause) {
    throw fileError(what, cause);
  }
  try {
    try {
      await writeAll(handle, bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, target);
  } catch (cause) {
    await fs.unlink(temporary).catch(() => undefined);
    throw fileError(what, cause);
  }
  await syncFolder(fs, folder === '' ? '.' : folder);
}

/** A path up to its last separator; '' where it has none. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** Where a path leads, also where its links end at a file that does not exist yet. @throws FileError if links lead in a circle. */
async function endOf(fs: FileSystem, path: string, what: string): Promise<string> {
  try {
    return await fs.realpath(path);
  } catch (cause) {
    if (errorCode(cause) === 'ELOOP') throw fileError(what, cause);
    const link = await fs.readlink(path).catch(() => undefined);
    if (link === undefined) return path;
    const absolute = /^([\\/]|[A-Za-z]:)/.test(link);
    return endOf(fs, absolute ? link : `${folderOf(path)}${link}`, what);
  }
}

/** Writes into what is there, and is no file: a pipe, a terminal. */
async function writeThrough(fs: FileSystem, path: string, bytes: Uint8Array, what: string): Promise<void> {
  try {
    const handle = await fs.open(path, 'w');
    try {
      await writeAll(handle, bytes);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw fileError(what, cause);
  }
}

/** All bytes of a file. Needs Node. @throws FileError with its cause and what to do, where it is missing or cannot be read. */
export async function readFile(path: string, options: { readonly fs?: FileSystem } = {}): Promise<Uint8Array> {
  const fs = options.fs ?? (await nodeFiles());
  try {
    const buffer = await fs.readFile(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    throw fileError(`cannot read '${path}'`, cause, adviceToRead);
  }
}

/** All bytes of a file, or undefined where no file has that path. Needs Node. @throws FileError if it is there but cannot be read. */
export async function readFileIfThere(path: string, options: { readonly fs?: FileSystem } = {}): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path, options);
  } catch (error) {
    if (error instanceof FileError && ['ENOENT', 'ENOTDIR'].includes(errorCode(error.cause))) return undefined;
    throw error;
  }
}
