import { type AppendHandle, fileError, nodeFiles, readFileIfThere, writeAll } from './files.js';

const NEWLINE = 10;

/** A text file that grows line by line. It is open only while a line is written, so that nothing is left open whatever happens between. */
export interface LineFile {
  /** The lines that were there, where the file goes on; a last line that was torn is none of them. */
  readonly lines: readonly string[];
  /** The line is on the disk when this is done, or, of a file that is not durable, with the operating system. @throws FileError where it cannot be written. */
  add(line: string): Promise<void>;
}

/**
 * Begins a file of lines: empty, or with `append` behind its last whole line; what a killed process left of a line is cut off.
 * Needs Node. @throws FileError with its cause and what to do, where the file cannot be written, and in a page.
 */
export async function openLines(
  path: string,
  { append = false, durable = true }: { readonly append?: boolean; readonly durable?: boolean } = {},
): Promise<LineFile> {
  const fs = await nodeFiles();
  const change = async (flags: string, work: (handle: AppendHandle) => Promise<void>): Promise<void> => {
    try {
      const handle = await fs.open(path, flags);
      try {
        await work(handle);
      } finally {
        await handle.close();
      }
    } catch (cause) {
      throw fileError(`cannot write '${path}'`, cause);
    }
  };
  const bytes = (append ? await readFileIfThere(path) : undefined) ?? new Uint8Array(0);
  const whole = bytes.lastIndexOf(NEWLINE) + 1;
  await change('a', (handle) => handle.truncate(whole));
  const text = new TextDecoder().decode(bytes.subarray(0, whole)).trimEnd();
  return {
    lines: text === '' ? [] : text.split(/\r?\n/),
    add: (line) =>
      change('a', async (handle) => {
        await writeAll(handle, new TextEncoder().encode(`${line}\n`));
        if (durable) await handle.sync();
      }),
  };
}
