import { DataError } from '../core/errors.js';
import { checkOptionNames } from '../core/expect.js';
import { lookUp } from '../core/names.js';
import { readCsv } from './csv.js';
import { type Dataset, datasetRows } from './dataset.js';
import { glyphs } from './glyphs.js';
import { gunzip, isGzip } from './gzip.js';
import { readIdx } from './idx.js';
import { type DatasetOptions, readRemote, throwIfAborted } from './remote.js';
import { splitDataset } from './splits.js';

export interface TrainTest {
  readonly train: Dataset;
  readonly test: Dataset;
}

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

/** Géron's version of Pace and Barry's table, 1997: raw columns, with gaps and a column of text. */
const housing = {
  file: 'housing.csv',
  sha256: '8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e',
  url: 'https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing/housing.csv',
};

const loaders = {
  glyphs: () => Promise.resolve<TrainTest>(glyphs()),
  mnist: (options: DatasetOptions) => loadIdxSet('mnist', mnist, options),
  'fashion-mnist': (options: DatasetOptions) => loadIdxSet('fashion-mnist', fashionMnist, options),
  'california-housing': loadHousing,
} as const;

/** The sets that `datasets.load` knows. */
export type DatasetName = keyof typeof loaders;

async function loadIdxSet(set: string, { home, classNames, files }: IdxSet, options: DatasetOptions): Promise<TrainTest> {
  const read = async (file: IdxFile): Promise<Dataset['x']> => {
    const { bytes, path } = await readRemote(set, { ...file, url: `${home}${file.file}.gz` }, options);
    return readIdx(bytes, path);
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

async function loadHousing(options: DatasetOptions): Promise<TrainTest> {
  const { bytes, path } = await readRemote('california-housing', housing, options);
  return splitDataset(readCsv(isGzip(bytes) ? gunzip(bytes, path) : bytes, { name: path, target: 'median_house_value' }));
}

/** The data sets that are built into Evenkeel or that it can download. */
export const datasets = {
  /** Names that `load` accepts. */
  names: Object.keys(loaders) as readonly DatasetName[],

  /**
   * Loads a set by name. Images: x is uint8 [rows, 28, 28] of 0 to 255, y is int32 [rows]. `'california-housing'`: x is float32 [rows, 14], gaps filled and
   * texts as flags, y is float32 [rows, 1] in dollars; a fifth of the rows are for testing. `'glyphs'` is generated; the others come from
   * `$EVENKEEL_DATA`, else from the cache, else from their public home, checked by SHA-256 and kept in the cache.
   * @throws ArgumentError for an unknown name. @throws FileError if no place has the set or a file is broken. @throws AbortError on `signal`.
   */
  async load(name: DatasetName | (string & {}), options: DatasetOptions = {}): Promise<TrainTest> {
    const load = lookUp('dataset', name, loaders);
    checkOptionNames('datasets.load', options, ['signal', 'folder', 'cache', 'fetch']);
    throwIfAborted(options.signal, `'${name}'`);
    return load(options);
  },
};
