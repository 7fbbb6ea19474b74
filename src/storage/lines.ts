import { FileError } from '../core/errors.js';
import { type AppendHandle, type FileHandle, fileError, isNoFile, nodeFiles, readFileIfThere, writeAll } from './files.js';

const NEWLINE = 10;

/** A text file that grows line by line. It is open only while a line is written, so that nothing is left open whatever happens between. */
export interface LineFile {
  /** The lines that were there, where the file goes on; a last line that was torn is none of them. */
  readonly lines: readonly string[];
  /** The line is on the disk when this is done, or, of a file that is not durable, with the operating system. @throws FileError if it cannot be written. */
  add(line: string): Promise<void>;
  /** Ends it, so that whoever reads a pipe knows. */
  close(): Promise<void>;
}

const asLine = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);

/**
 * Begins a file of lines: empty, or with `append` behind its last whole line; what a killed process left of a line is cut off. Into a pipe or a device
 * lines are written as they are, and there is nothing to go on with.
 * Needs Node. @throws FileError with its cause and what to do, where the file cannot be written, and in a page.
 */
export async function openLines(
  path: string,
  { append = false, durable = true }: { readonly append?: boolean; readonly durable?: boolean } = {},
): Promise<LineFile> {
  const fs = await nodeFiles();
  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw fileError(`cannot write '${path}'`, cause);
    }
  };
  if (await isNoFile(fs, path)) {
    if (append) throw new FileError(`cannot append to '${path}': it is no file, but a pipe, a device or a folder; leave append out, or name a file`);
    return openPipe(await writing(() => fs.open(path, 'w')), writing);
  }
  const change = (work: (handle: AppendHandle) => Promise<void>): Promise<void> =>
    writing(async () => {
      const handle = await fs.open(path, 'a');
      try {
        await work(handle);
      } finally {
        await handle.close();
      }
    });
  const bytes = (append ? await readFileIfThere(path) : undefined) ?? new Uint8Array(0);
  const whole = bytes.lastIndexOf(NEWLINE) + 1;
  await change((handle) => handle.truncate(whole));
  const text = new TextDecoder().decode(bytes.subarray(0, whole)).trimEnd();
  return {
    lines: text === '' ? [] : text.split(/\r?\n/),
    add: (line) =>
      change(async (handle) => {
        await writeAll(handle, asLine(line));
        if (durable) await handle.sync();
      }),
    close: async () => {},
  };
}

/** Pipes that nobody closed yet. Those of fits that failed end with the process; let go of before, Node would complain of them. */
const pipes = new Set<FileHandle>();

/** Stays open between lines: to a reader of a pipe each close is its end. */
function openPipe(handle: FileHandle, writing: (work: () => Promise<void>) => Promise<void>): LineFile {
  pipes.add(handle);
  return {
    lines: [],
    add: (line) => writing(() => writeAll(handle, asLine(line))),
    close: () => writing(async () => void (pipes.delete(handle) && (await handle.close()))),
  };
}
