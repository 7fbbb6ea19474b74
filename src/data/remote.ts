import { AbortError, FileError } from '../core/errors.js';
import { errorCode, nodeFiles, readFileIfThere, writeAtomically } from '../storage/files.js';
import { gunzip, isGzip } from './gzip.js';

export interface DatasetOptions {
  readonly signal?: AbortSignal;
  /** Folder with one folder per set, looked in first; `$EVENKEEL_DATA` by default. */
  readonly folder?: string;
  /** Folder for downloads; `evenkeel` in `$XDG_CACHE_HOME` or `~/.cache` by default. */
  readonly cache?: string;
  /** Used for downloads; the global `fetch` by default. */
  readonly fetch?: typeof fetch;
}

/** One file of a set: the SHA-256 of its content, unpacked, because gzip wrappers of the same content differ. */
export interface RemoteFile {
  readonly file: string;
  readonly sha256: string;
  /** Where it comes from, packed or not. */
  readonly url: string;
}

/** No file of a set is larger, packed or not. */
const MAX_FILE = 64 * 2 ** 20;

const inNode = (): boolean => typeof process !== 'undefined' && process.versions?.node !== undefined;

function defaultCache(): string | undefined {
  if (!inNode()) return undefined;
  const { XDG_CACHE_HOME: cache, HOME: home, USERPROFILE: profile } = process.env;
  const base = cache || ((home ?? profile) ? `${home ?? profile}/.cache` : undefined);
  return base && `${base}/evenkeel`;
}

export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new AbortError(`loading ${what} was aborted`, {}, { cause: signal.reason });
}

async function readBody(response: Response, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) break;
    chunks.push(part.value);
    length += part.value.length;
    if (length <= MAX_FILE) continue;
    await reader?.cancel();
    throw new FileError(`${url} sends more than ${MAX_FILE} bytes; this is not the expected file`);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** @throws FileError unless the unpacked content has the checksum. */
async function verify(bytes: Uint8Array, sha256: string, name: string): Promise<void> {
  const content = Uint8Array.from(isGzip(bytes) ? gunzip(bytes, name, MAX_FILE) : bytes);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  const received = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (received === sha256) return;
  throw new FileError(
    `${name}: the content has SHA-256 ${received}, expected ${sha256}; the download is corrupt or the file was replaced. Try again later.`,
    {
      received,
      expected: sha256,
    },
  );
}

/** The file, looked for in both folders under its packed and its plain name. */
async function readLocal(set: string, file: string, folders: readonly string[]): Promise<{ bytes: Uint8Array; path: string } | undefined> {
  for (const folder of folders) {
    for (const path of [`${folder}/${set}/${file}.gz`, `${folder}/${set}/${file}`]) {
      const bytes = await readFileIfThere(path);
      if (bytes) return { bytes, path };
    }
  }
  return undefined;
}

async function keep(bytes: Uint8Array, folder: string, file: string): Promise<void> {
  const { mkdir } = await nodeFiles();
  try {
    await mkdir(folder, { recursive: true });
    await writeAtomically(`${folder}/${file}${isGzip(bytes) ? '.gz' : ''}`, bytes);
  } catch (error) {
    // The data are here and good; a cache that cannot be written only means another download next time.
    if (!(error instanceof FileError) && errorCode(error) === '') throw error;
  }
}

async function download(set: string, { file, sha256, url }: RemoteFile, options: DatasetOptions, places: string): Promise<Uint8Array> {
  const { signal, fetch: get = globalThis.fetch } = options;
  let bytes: Uint8Array;
  try {
    const response = await get(url, signal ? { signal } : {});
    if (!response.ok) throw new FileError(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    bytes = await readBody(response, url);
  } catch (cause) {
    throwIfAborted(signal, `'${set}'`);
    const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause);
    throw new FileError(
      `dataset '${set}' was not found. Looked for ${file} in ${places}, then at ${url}: ${reason}. ` +
        `Check the network connection, or put the files into a folder '${set}' and pass its parent folder in EVENKEEL_DATA or the option 'folder'.`,
      { argument: 'name', received: set },
      { cause },
    );
  }
  await verify(bytes, sha256, url);
  return bytes;
}

/**
 * A file of a set: from `options.folder`, else from the cache, packed or not, else from its home, checked by SHA-256 and kept in the cache.
 * @throws FileError if no place has it, or the content is another. @throws AbortError on `signal`.
 */
export async function readRemote(
  set: string,
  remote: RemoteFile,
  options: DatasetOptions,
): Promise<{ readonly bytes: Uint8Array; readonly path: string }> {
  throwIfAborted(options.signal, `'${set}'`);
  const folder = options.folder ?? (inNode() ? process.env.EVENKEEL_DATA : undefined);
  const cache = options.cache ?? defaultCache();
  const folders = inNode() ? ([folder, cache].filter((path) => path !== undefined && path !== '') as string[]) : [];
  const local = await readLocal(set, remote.file, folders);
  if (local) return local;
  const places = `${folder ? `'${folder}/${set}'` : '$EVENKEEL_DATA (not set)'} and ${cache ? `the cache '${cache}/${set}'` : 'the cache (this platform has none)'}`;
  const bytes = await download(set, remote, options, places);
  if (cache && inNode()) await keep(bytes, `${cache}/${set}`, remote.file);
  return { bytes, path: remote.url };
}
