import { AbortError, DataError, FileError } from '../core/errors.js';
import { lookUp } from '../core/names.js';
import { errorCode, readFileIfThere, writeAtomically } from '../storage/files.js';
import { type Dataset, datasetRows } from './dataset.js';
import { glyphs } from './glyphs.js';
import { gunzip, isGzip } from './gzip.js';
import { readIdx } from './idx.js';

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Folder with one folder per set, looked in first; `$EVENKEEL_DATA` by default. */
  readonly folder?: string;
  /** Folder for downloads; `evenkeel` in `$XDG_CACHE_HOME` or `~/.cache` by default. */
  readonly cache?: string;
  /** Used for downloads; the global `fetch` by default. */
  readonly fetch?: typeof fetch;
}

export interface TrainTest {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** One file of a set: the SHA-256 of its content, unpacked, because gzip wrappers of the same content differ. */
interface IdxFile {
  readonly file: string;
  readonly sha256: string;
}

interface IdxSet {
  readonly home: string;
  readonly classNames: readonly string[];
  readonly files: { readonly [part in 'trainX' | 'trainY' | 'testX' | 'testY']: IdxFile };
}

const idxFiles = (trainX: string, trainY: string, testX: string, testY: string): IdxSet['files'] => ({
  trainX: { file: 'train-images-idx3-ubyte', sha256: trainX },
  trainY: { file: 'train-labels-idx1-ubyte', sha256: trainY },
  testX: { file: 't10k-images-idx3-ubyte', sha256: testX },
  testY: { file: 't10k-labels-idx1-ubyte', sha256: testY },
});

const mnist: IdxSet = {
  home: 'https://storage.googleapis.com/cvdf-datasets/mnist/',
  classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  files: idxFiles(
    'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  ),
};

const fashionMnist: IdxSet = {
  home: 'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  classNames: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  files: idxFiles(
    'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  ),
};

/** No file of a set is larger, packed or not. */
const MAX_FILE = 64 * 2 ** 20;

const loaders = {
  glyphs: () => Promise.resolve<TrainTest>(glyphs()),
  mnist: (options: LoadOptions) => loadIdxSet('mnist', mnist, options),
  'fashion-mnist': (options: LoadOptions) => loadIdxSet('fashion-mnist', fashionMnist, options),
} as const;

/** The sets that `datasets.load` knows. */
export type DatasetName = keyof typeof loaders;

const inNode = (): boolean => typeof process !== 'undefined' && process.versions?.node !== undefined;

function defaultCache(): string | undefined {
  if (!inNode()) return undefined;
  const { XDG_CACHE_HOME: cache, HOME: home, USERPROFILE: profile } = process.env;
  const base = cache || ((home ?? profile) ? `${home ?? profile}/.cache` : undefined);
  return base && `${base}/evenkeel`;
}

function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new AbortError(`loading ${what} was stopped`, {}, { cause: signal.reason });
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
    throw new FileError(`${url} sends more than ${MAX_FILE} bytes; it is not the file that was expected`);
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
    `${name}: the content has SHA-256 ${received}, expected ${sha256}; the download is broken or the file was replaced. Try again later.`,
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
  const { mkdir } = await import('node:fs/promises');
  try {
    await mkdir(folder, { recursive: true });
    await writeAtomically(`${folder}/${file}${isGzip(bytes) ? '.gz' : ''}`, bytes);
  } catch (error) {
    // The data are here and good; a cache that cannot be written only means another download next time.
    if (!(error instanceof FileError) && errorCode(error) === '') throw error;
  }
}

async function download(set: string, { home, file, sha256 }: IdxFile & { home: string }, options: LoadOptions, places: string): Promise<Uint8Array> {
  const { signal, fetch: get = globalThis.fetch } = options;
  const url = `${home}${file}.gz`;
  let bytes: Uint8Array;
  try {
    const response = await get(url, signal ? { signal } : {});
    if (!response.ok) throw new FileError(`the server answers ${response.status} ${response.statusText}`.trimEnd());
    bytes = await readBody(response, url);
  } catch (cause) {
    throwIfAborted(signal, `'${set}'`);
    const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause);
    throw new FileError(
      `dataset '${set}' was not found. Looked for ${file}.gz in ${places}, then at ${url}: ${reason}. ` +
        `Connect to a network, or put the four idx files into a folder '${set}' and name its parent in EVENKEEL_DATA or the option 'folder'.`,
      { argument: 'name', received: set },
      { cause },
    );
  }
  await verify(bytes, sha256, url);
  return bytes;
}

async function loadIdxSet(set: string, { home, classNames, files }: IdxSet, options: LoadOptions): Promise<TrainTest> {
  const folder = options.folder ?? (inNode() ? process.env.EVENKEEL_DATA : undefined);
  const cache = options.cache ?? defaultCache();
  const folders = inNode() ? ([folder, cache].filter((path) => path !== undefined && path !== '') as string[]) : [];
  const places = `${folder ? `'${folder}/${set}'` : '$EVENKEEL_DATA (not set)'} and ${cache ? `the cache '${cache}/${set}'` : 'the cache (none here)'}`;
  const read = async ({ file, sha256 }: IdxFile): Promise<Dataset['x']> => {
    throwIfAborted(options.signal, `'${set}'`);
    const local = await readLocal(set, file, folders);
    if (local) return readIdx(local.bytes, local.path);
    const bytes = await download(set, { home, file, sha256 }, options, places);
    if (cache && inNode()) await keep(bytes, `${cache}/${set}`, file);
    return readIdx(bytes, `${home}${file}.gz`);
  };
  const pair = async (x: IdxFile, y: IdxFile): Promise<Dataset> => {
    const dataset = { x: await read(x), y: (await read(y)).cast('int32'), classNames };
    datasetRows(dataset, set);
    const wrong = dataset.y.data.findIndex((label: number | bigint) => Number(label) < 0 || Number(label) >= classNames.length);
    if (wrong >= 0) throw new DataError(`${set}: label ${dataset.y.at(wrong)} in row ${wrong} of ${y.file}; there are ${classNames.length} classes`);
    return dataset;
  };
  return { train: await pair(files.trainX, files.trainY), test: await pair(files.testX, files.testY) };
}

/** The data sets that come with Evenkeel, or that it knows where to find. */
export const datasets = {
  /** Names that `load` accepts. */
  names: Object.keys(loaders) as readonly DatasetName[],

  /**
   * Loads a set by name: x is uint8 [rows, 28, 28] of 0 to 255, y is int32 [rows]. `'glyphs'` is drawn on the spot; the others come
   * from `$EVENKEEL_DATA`, else from the cache, else from their public home, checked by SHA-256 and kept in the cache.
   * @throws ArgumentError for an unknown name. @throws FileError where no place has the set or a file is broken. @throws AbortError on `signal`.
   */
  async load(name: DatasetName | (string & {}), options: LoadOptions = {}): Promise<TrainTest> {
    const load = lookUp('dataset', name, loaders);
    throwIfAborted(options.signal, `'${name}'`);
    return load(options);
  },
};
