import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { DataError, ShapeError } from '../core/errors.js';
import { findName } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { sameShape, showShape, sizeOf } from '../core/shape.js';
import { type TableDataset, tableFeatures } from '../data/csv.js';
import { type Dataset, datasetRows, takeRows } from '../data/dataset.js';
import { type DatasetName, datasets } from '../data/datasets.js';
import { isGzip } from '../data/gzip.js';
import { readIdx } from '../data/idx.js';
import { parquetTable } from '../data/parquet.js';
import { splitDataset } from '../data/splits.js';
import { type Known, parseTable, type Table } from '../data/table.js';
import { TableReader, type TableReadOptions } from '../data/table-reader.js';
import type { Task } from '../data/table-target.js';
import { readFile, readFileIfThere } from '../storage/files.js';
import { advising, type ColumnOptions, checkColumns, leftOut, namesOf, place, readKnown, skipped } from './columns.js';
import { missing, UsageError } from './print.js';

/** Data of a run: rows to train on, and rows to grade by where the set has them. */
export interface RunData {
  readonly train: Dataset;
  readonly test?: Dataset;
  /** Number of classes, where targets are labels. */
  readonly classes: number | undefined;
  /** How a table became numbers. */
  readonly reader?: TableReader;
}

export interface DataOptions extends ColumnOptions {
  /** What a table's target is; found by its values unless given. */
  readonly task?: Task | undefined;
  /** Reads a table as the model's own was read. */
  readonly reader?: TableReader | undefined;
  /** Share of the rows kept to grade by, where the set has none for that. */
  readonly testSplit?: number;
  /** Tables are put in an order drawn from it, since many are sorted by their target. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export interface RowOptions extends Pick<DataOptions, 'target' | 'without' | 'reader'> {
  /** What becomes of a text that the reader's table never held. */
  readonly unknown?: TableReadOptions['unknown'];
}

/** How a table's path may end. */
export const tables: readonly string[] = ['.csv', '.tsv', '.txt', '.data', '.parquet'];

/** How a table's name ends, whether it is gzipped or not. */
function endingOf(path: string): string {
  const plain = path.toLowerCase().replace(/\.gz$/, '');
  // Parquet compresses by itself.
  return plain.length < path.length && plain.endsWith('.parquet') ? '' : extname(plain);
}

/** Whether a path looks like a table's. */
export const isTable = (path: string): boolean => tables.includes(endingOf(path));
const isLabels = ({ y }: Dataset): boolean => y.shape.length === 1 && y.dtype !== 'float32' && y.dtype !== 'float64';

/** Where the data of a name or path are. @throws UsageError if there is nothing of that name. */
async function find(source: string): Promise<{ readonly kind: 'named' | 'folder' | 'table' | 'file'; readonly name: string }> {
  const name = findName(source, Object.fromEntries(datasets.names.map((known) => [known, true])));
  if (name !== undefined) return { kind: 'named', name };
  const entry = await stat(source).catch(() => undefined);
  if (!entry)
    throw new UsageError(
      `--data: ${missing(source, datasets.names).replace(/(?<!\?)$/, '.')} Expected the name of a data set, a table (${tables.join(', ')}; text also as .gz) or a folder with idx files.`,
    );
  if (entry.isDirectory() && isTable(source)) throw new UsageError(`--data: '${source}' is a folder; pass a table in it`);
  if (entry.isDirectory()) return { kind: 'folder', name: source };
  return { kind: isTable(source) ? 'table' : 'file', name: source };
}

/** Options that speak of a table's columns, and how. */
const ofTables = { target: 'names a column of a table', without: 'names columns of a table', task: 'sets the kind of target of a table' };

/** @throws UsageError if something that is no table is given an option of tables. */
function refuseTableOptions(source: string, given: Pick<DataOptions, keyof typeof ofTables>): void {
  for (const [option, says] of Object.entries(ofTables)) {
    if ([given[option as keyof typeof ofTables] ?? []].flat().length > 0) throw new UsageError(`--${option} ${says}; '${source}' is not a table`);
  }
}

/** A named set, a table, or a folder with the four idx files of MNIST. @throws UsageError if there is nothing of that name. */
export async function loadData(source: string, options: DataOptions): Promise<RunData> {
  const { seed, signal, testSplit = 0 } = options;
  const { kind, name } = await find(source);
  if (kind !== 'table') refuseTableOptions(source, options);
  if (kind === 'file') throw new UsageError(`--data: cannot tell the format of '${source}'; names of tables end in ${tables.join(', ')}`);
  if (kind === 'table') {
    const { reader, ...table } = await loadTable(name, options);
    const parts =
      testSplit > 0 ? splitDataset(table, { test: testSplit, seed: seed ?? 0 }) : { train: seed === undefined ? table : inOrder(table, seed) };
    return { ...parts, classes: classesOf(table), reader };
  }
  if (testSplit > 0) throw new UsageError(`--test-split: '${source}' has its own test rows`);
  const { train, test } = kind === 'named' ? await datasets.load(name as DatasetName, signal ? { signal } : {}) : await loadFolder(name);
  return { train, test, classes: classesOf(train) };
}

function classesOf(set: Dataset): number | undefined {
  return isLabels(set) ? (set.classNames?.length ?? largest(set.y) + 1) : undefined;
}

/** Rows to predict from: the test rows of a set, a table with or without its target, or one idx file. `shape` is what the model takes. */
export async function loadRows(
  source: string,
  shape: readonly number[],
  { target, without = [], reader, unknown = 'refuse' }: RowOptions,
): Promise<NdArray> {
  const { kind, name } = await find(source);
  if (unknown === 'zeros' && (kind !== 'table' || !reader))
    throw new UsageError(
      `--unknown: ${kind === 'table' ? 'the model was not trained on a table, so it has no texts' : `it is about texts in a table; '${source}' is not a table`}`,
    );
  if (kind === 'table') {
    const named = { target, without };
    const table = await openTable(name, reader ?? { columnNames: namesOf(named) });
    if (reader) {
      advising(table, target, () => checkColumns(reader, table, named, false));
      const way = 'encode unknown texts as zeros (--unknown zeros)';
      return fitted(
        readKnown(() => reader.readFeatures(table, { unknown }).x, way),
        shape,
      );
    }
    const read = () => tableFeatures(table, sizeOf(shape), { target: place(target ?? '-1'), without: leftOut(table, without) });
    return fitted(advising(table, target, read).x, shape);
  }
  refuseTableOptions(source, { target, without });
  if (kind === 'file') {
    const bytes = await readFile(name);
    if (!isGzip(bytes) && !(bytes[0] === 0 && bytes[1] === 0))
      throw new UsageError(`--data: '${source}' is not an idx file; names of tables end in ${tables.join(', ')}`);
    return fitted(readIdx(bytes, name), shape);
  }
  const { test } = kind === 'named' ? await datasets.load(name as DatasetName) : await loadFolder(name);
  return fitted(test.x, shape);
}

async function openTable(path: string, known: Known): Promise<Table> {
  const bytes = await readFile(path);
  return endingOf(path) === '.parquet' ? parquetTable(bytes, path) : parseTable(bytes, { name: path }, known);
}

async function loadTable(path: string, { target, without, task, reader: known }: DataOptions): Promise<TableDataset> {
  const named = { target, without };
  const table = await openTable(path, known ?? { columnNames: namesOf(named) });
  if (known) advising(table, target, () => checkColumns(known, table, named, true));
  const own = known?.classNames ? 'classification' : 'regression';
  if (known && task !== undefined && task !== own)
    throw new UsageError(`--task: the model was trained for ${own} and cannot be trained further for ${task}; train a new model`);
  const fit = (): TableReader => TableReader.fit(table, { target: place(target ?? '-1'), columns: skipped(table, named), ...(task ? { task } : {}) });
  const reader = known ?? advising(table, target, fit);
  return { ...readKnown(() => reader.read(table)), reader };
}

async function loadFolder(folder: string): Promise<{ train: Dataset; test: Dataset }> {
  const part = async (stem: string): Promise<Dataset> => {
    const open = async (kind: string): Promise<NdArray> => {
      for (const ending of ['.gz', '']) {
        const path = join(folder, `${stem}-${kind}-ubyte${ending}`);
        const bytes = await readFileIfThere(path);
        if (bytes) return readIdx(bytes, path);
      }
      throw new UsageError(`--data: the folder '${folder}' lacks ${stem}-${kind}-ubyte(.gz)`);
    };
    const set = { x: await open('images-idx3'), y: (await open('labels-idx1')).cast('int32') };
    datasetRows(set, `${basename(folder)}/${stem}`);
    return set;
  };
  return { train: await part('train'), test: await part('t10k') };
}

function largest({ size, ...array }: NdArray): number {
  let most = 0;
  for (let i = 0; i < size; i++) most = Math.max(most, Number(array.data[i]));
  return most;
}

function inOrder(set: Dataset, seed: number): Dataset {
  const order = new Random(seed).stream('rows').permutation(set.x.shape[0] ?? 0);
  return { ...set, x: takeRows(set.x, order), y: takeRows(set.y, order) };
}

/** Rows in the shape that a model takes, where the sizes agree. */
export function fitted(x: NdArray, shape: readonly number[]): NdArray {
  const own = x.shape.slice(1);
  if (sameShape(own, shape)) return x;
  if (sizeOf(own) === sizeOf(shape)) return x.reshape([x.shape[0] ?? 0, ...shape]);
  throw new ShapeError(
    `a row of the data has shape ${showShape(own)}, but the model takes ${showShape(shape)}; for these rows, begin the model with layers.input(${showShape(own)})`,
    { expected: shape, received: own },
  );
}

/** The same set with its labels counted as `classNames` count them: another table may lack a class, and would number the others anew. */
export function relabelled(set: Dataset, classNames: readonly string[]): Dataset {
  const { classNames: own, y } = set;
  if (!own || sameNames(own, classNames)) return set;
  const labels = own.map((name) => classNames.indexOf(name));
  const unknown = labels.indexOf(-1);
  if (unknown >= 0)
    throw new DataError(`the data contain the class '${own[unknown]}', which the model was not trained on; it knows ${classNames.join(', ')}`);
  const renamed = Int32Array.from({ length: y.size }, (_, row) => labels[y.at(row)] ?? -1);
  return { ...set, y: new NdArray(renamed, y.shape), classNames };
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name, i) => name === b[i]);
