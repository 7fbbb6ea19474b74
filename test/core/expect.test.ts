import {
  ArgumentError,
  classWeights,
  DataError,
  datasets,
  doctor,
  fromConfig,
  layers,
  load,
  type Model,
  model,
  NdArray,
  parquetTable,
  patchOf,
  readCsv,
  readIdx,
  readNpy,
  readNpz,
  sequential,
  splitDataset,
  TableReader,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';

/** Calls as plain JavaScript makes them. */
type Loose = (...values: unknown[]) => unknown;
const loose = (call: unknown): Loose => call as Loose;

const net = (): Model => sequential([layers.input([2]), layers.dense(1)]).compile({ optimizer: 'sgd', loss: 'mse' });
const x = NdArray.zeros([4, 2]);
const y = NdArray.zeros([4, 1]);
const quiet = { verbose: 0 } as const;

async function refused(call: () => unknown, message: RegExp, type: typeof ArgumentError | typeof DataError = ArgumentError): Promise<void> {
  const error = await (async () => call())().then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(type);
  expect((error as Error).message).toMatch(message);
}

describe('arguments of another kind are refused with what is taken', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['save()', () => loose((path: string) => net().save(path))(), /^save: expected the path of a file, .* got undefined$/],
    ['save(5)', () => loose((path: string) => net().save(path))(5), /^save: expected the path of a file, .* got 5$/],
    ['treat()', () => loose(doctor.treat)(), /^treat: expected a compiled model, .* got undefined$/],
    ['forecast()', () => loose(doctor.forecast)(), /^forecast: expected a model, .* got undefined$/],
    ['forecast({})', () => loose(doctor.forecast)({}), /^forecast: expected a model, .* got \{\}$/],
    ['patchOf()', () => loose(patchOf)(), /^patchOf: expected a treatment, as returned by doctor\.treat, got undefined$/],
    ['patchOf({})', () => loose(patchOf)({}), /^patchOf: expected a treatment/],
    ['sequential()', () => loose(sequential)(), /^sequential: expected a list of layers, .* got undefined$/],
    ['model()', () => loose(model)(), /^model: expected \{ inputs, outputs \}/],
    ['new NdArray()', () => loose((data: Float32Array) => new NdArray(data))(), /^NdArray: expected a typed array, .* got undefined$/],
    [
      'new NdArray(list)',
      () => loose((data: Float32Array) => new NdArray(data))([1, 2]),
      /^NdArray: expected a typed array, .*ndarray\(\[\[1, 2\]\]\)/,
    ],
    ['zeros of another type', () => loose(NdArray.zeros)([2], 'float'), /^NdArray: unknown dtype 'float'; did you mean 'float\d\d'/],
    ['splitDataset()', () => loose(splitDataset)(), /^splitDataset: expected a set \{ x, y \} of NdArrays, got undefined$/],
    ['splitDataset of lists', () => loose(splitDataset)({ x: [[1]], y: [1] }), /^splitDataset: expected a set/],
    ['datasets.load()', () => loose(datasets.load)(), /^expected the name of a dataset, got undefined; known: glyphs, mnist/],
    ['classWeights()', () => loose(classWeights)(), /^classWeights: expected labels as an NdArray, .* got undefined$/],
    ['readNpy()', () => loose(readNpy)(), /^readNpy: expected the bytes of a file as a Uint8Array.*got undefined$/],
    ['readNpz(path)', () => loose(readNpz)('a.npz'), /^readNpz: expected the bytes of a file as a Uint8Array.*readFile\(path\).*got 'a\.npz'$/],
    ['readIdx(path)', () => loose(readIdx)('x'), /^readIdx: expected the bytes of a file/],
    ['parquetTable()', () => loose(parquetTable)(), /^parquetTable: expected the bytes of a file/],
    ['custom that is no record', () => loose(fromConfig)({ layers: [] }, { custom: 5 }), /^fromConfig: expected custom functions .* got 5$/],
    ['the same where a file is loaded', () => loose(load)('none.safetensors', { custom: 5 }), /^load: expected custom functions .* got 5$/],
  ])('%s', (_, call, message) => refused(call, message));
});

describe('options that are misspelt or impossible are refused', () => {
  const table = 'a,b\n1,2\n2,3';
  const begun = (options: object) => net().fit(x, y, { ...quiet, ...options });
  it.each<[string, () => unknown, RegExp]>([
    ['readCsv', () => loose(readCsv)(table, { targt: 'b' }), /^readCsv: unknown option 'targt'; did you mean 'target'\?$/],
    ['its task', () => loose(readCsv)(table, { task: 'regresion' }), /'classification' or 'regression', got 'regresion'$/],
    ['TableReader.fit', () => loose(TableReader.fit)(table, { indicator: true }), /did you mean 'indicators'\?$/],
    ['watch', () => loose(doctor.watch)({ evry: 1 }), /^watch: unknown option 'evry'; did you mean 'every'\?$/],
    ['steps between looks', () => doctor.watch({ every: -3 }), /^watch: every must be a whole number of steps ≥ 1, got -3$/],
    ['datasets.load', () => loose(datasets.load)('glyphs', { flder: 1 }), /^datasets\.load: unknown option 'flder'; did you mean 'folder'\?$/],
    ['load', () => loose(load)('none.safetensors', { thread: 1 }), /^load: unknown option 'thread'; did you mean 'threads'\?$/],
    [
      'a word where treat takes a list',
      () => loose(doctor.treat)(net(), { x, y }, { keep: 'architecture' }),
      /^treat: keep must be a list, such as \['architecture'\], got 'architecture'$/,
    ],
    [
      'what cannot be kept',
      () => loose(doctor.treat)(net(), { x, y }, { keep: ['architectur'] }),
      /^treat: there is no 'architectur' to keep; did you mean 'architecture'\?$/,
    ],
    [
      'an epoch to begin with behind the last',
      () => begun({ epochs: 2, initialEpoch: 5 }),
      /^fit: initialEpoch must be below epochs, 2, got 5: nothing would be trained/,
    ],
    ['an epoch to begin with that is the end', () => begun({ epochs: 2, initialEpoch: 2 }), /^fit: initialEpoch must be below epochs/],
    [
      'a weight for a class that nothing has',
      () => begun({ classWeight: { 0: 1, 9: 1 } }),
      /^fit: classWeight has a weight for class 9, which no row has; the network has 2 classes/,
    ],
    [
      'options where targets belong',
      () => loose((first: unknown, second: unknown) => net().fit(first as NdArray, second as NdArray))(x, { epochs: 1 }),
      /^fit needs targets: fit\(x, y, options\)/,
    ],
    [
      'the same of evaluate',
      () => loose((first: unknown, second: unknown) => net().evaluate(first as NdArray, second as NdArray))(x, { batchSize: 2 }),
      /^evaluate needs targets/,
    ],
  ])('%s', (_, call, message) => refused(call, message));

  it('of diagnose', async () => {
    const trace = await net().examine(x, y);
    await refused(() => loose(doctor.diagnose)(trace, { ingore: ['saturation'] }), /^diagnose: unknown option 'ingore'; did you mean 'ignore'\?$/);
    await refused(() => loose(doctor.diagnose)(trace, { ignore: 'saturation' }), /^diagnose: ignore must be a list, such as \['saturation'\]/);
  });

  it('no rows are the cause, not their shape', () =>
    refused(() => net().fit([], [], quiet), /^x has no rows\. Did a filter remove all of them, or was a file empty\?$/, DataError));

  it('a class that other minibatches may have, and an epoch that is left, are taken', async () => {
    const three = sequential([layers.input([2]), layers.dense(3, { activation: 'softmax' })]).compile({
      optimizer: 'sgd',
      loss: 'sparseCategoricalCrossentropy',
    });
    const labels = new NdArray(Uint8Array.of(0, 1, 1, 0));
    await three.trainOnBatch(x, labels, { classWeight: { 2: 5 } });
    expect((await three.fit(x, labels, { ...quiet, epochs: 3, initialEpoch: 2, classWeight: [1, 2, 3] })).epoch).toEqual([2]);
  });
});
