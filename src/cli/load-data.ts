import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { findName, suggestion } from '../core/names.js';
import { readCsv } from '../data/csv.js';
import { type Dataset, datasetRows } from '../data/dataset.js';
import { type DatasetName, datasets } from '../data/datasets.js';
import { readIdx } from '../data/idx.js';
import { UsageError } from './print.js';

/** Data of a run: rows to train on, and rows to grade by where the set has them. */
export interface RunData {
  readonly train: Dataset;
  readonly test?: Dataset;
}

const names = (): string[] => [...datasets.names];

/** A named set, a CSV file, or a folder with idx files. @throws UsageError where there is nothing of that name. */
export async function loadData(source: string, target: string | undefined, signal?: AbortSignal): Promise<RunData> {
  const name = findName(source, Object.fromEntries(names().map((known) => [known, true])));
  if (name !== undefined) return datasets.load(name as DatasetName, signal ? { signal } : {});
  const kind = await stat(source).catch(() => undefined);
  if (!kind)
    throw new UsageError(
      `no data set and no file is called '${source}'${suggestion(source, names())}. A CSV file or a folder with idx files will do as well`,
    );
  if (kind.isDirectory()) return loadFolder(source);
  if (['.csv', '.tsv', '.txt', '.data'].includes(extname(source).toLowerCase())) {
    const column = target !== undefined && /^\d+$/.test(target) ? Number(target) : target;
    return { train: readCsv(await readFile(source), { name: source, ...(column === undefined ? {} : { target: column }) }) };
  }
  throw new UsageError(`cannot tell what '${source}' holds; give a .csv or .tsv file, a folder with idx files, or one of ${names().join(', ')}`);
}

async function loadFolder(folder: string): Promise<RunData> {
  const part = async (stem: string): Promise<Dataset> => {
    const open = async (kind: string) => {
      for (const ending of ['.gz', '']) {
        const path = join(folder, `${stem}-${kind}-ubyte${ending}`);
        const bytes = await readFile(path).catch(() => undefined);
        if (bytes) return readIdx(bytes, path);
      }
      throw new UsageError(`folder '${folder}' lacks ${stem}-${kind}-ubyte(.gz)`);
    };
    const set = { x: await open('images-idx3'), y: await open('labels-idx1') };
    datasetRows(set, folder);
    return set;
  };
  return { train: await part('train'), test: await part('t10k') };
}
