import { layers, type Model, model, NdArray, optimizers, Random, type Signal, toConfig } from 'evenkeel';
import { expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { applicable } from '#src/doctor/treatment/methods.js';
import { admit, build, type Patient } from '#src/doctor/treatment/patient.js';
import type { ModelConfig } from '#src/model/config.js';

const random = new Random(1);
const table = (mean: number, deviation: number, width = 6): NdArray =>
  new NdArray(
    Float32Array.from({ length: 32 * width }, () => random.normal(mean, deviation)),
    [32, width],
  );
const [x, y] = [[table(500, 300), table(20, 40)], table(0, 1000, 1)];

/** Two inputs far from standard size, towers of equal layers, a target far from unit size; the head has no name of its own, which what is put behind it would take over. */
function towers(shared: boolean): Model {
  const [left, right] = ['left', 'right'].map((name) => layers.input([6], { name })) as [Signal, Signal];
  const tower = (side: string) => {
    const row = [1, 2, 3].map((i) => layers.dense(6, { name: `${side}${i}`, activation: 'tanh', kernelInitializer: 'normal' }));
    return (from: Signal): Signal => row.reduce((signal, layer) => layer.apply(signal), from);
  };
  const one = tower('l');
  const both = layers.concatenate({ name: 'both' }).apply([one(left), (shared ? one : tower('r'))(right)]);
  return model({ inputs: [left, right], outputs: layers.dense(1).apply(both) }, { seed: 1 }).compile({
    optimizer: optimizers.sgd({ learningRate: 1e-3 }),
    loss: 'mse',
  });
}

/** Every way in which every remedy changes a patient. */
async function changesOf(patient: Patient) {
  const examination = new Examination(await (await build(patient, {})).examine(x, y));
  const chart = { patient, facts: examination.facts, examination, steps: 1000, random: new Random(1), keep: [] };
  return applicable.flatMap(({ hint, method }) => method.apply(chart).map((change) => ({ ...change, id: hint.id })));
}

/** The layer whose sums an activation bends, normalised or not; of all others, themselves. */
function summing({ calls, layers: all }: ModelConfig, name: string): string {
  const before = (one: string): string => {
    const [from] = calls.find(({ layer }) => all[layer]?.name === one)?.inputs ?? [];
    return (typeof from === 'number' ? all[calls[from]?.layer ?? -1]?.name : undefined) ?? one;
  };
  if (!name.startsWith('activation_')) return name;
  const bent = before(name);
  return bent.startsWith('batchNormalization_') ? before(bent) : bent;
}

/** Names of layers that a change made other, or put another behind. */
function touched(before: ModelConfig, after: ModelConfig): Set<string> {
  const known = new Map(before.layers.map(({ name = '', kind, config }) => [name, JSON.stringify([kind, config])]));
  const names = new Set<string>();
  for (const { name = '', kind, config } of after.layers) {
    const was = known.get(name);
    if (was !== undefined && was !== JSON.stringify([kind, config])) names.add(summing(after, name));
  }
  for (const { layer, inputs } of after.calls) {
    const [from] = inputs;
    if (known.has(after.layers[layer]?.name ?? '') || typeof from !== 'number') continue;
    const behind = after.layers[after.calls[from]?.layer ?? -1]?.name ?? '';
    if (known.has(behind)) names.add(summing(after, behind));
  }
  return names;
}

/** Names in what is said of a change; of `a to c (3 layers)` the ends, and how many. */
function said(what: string, { layers: all }: ModelConfig): { readonly names: string[]; readonly count: number } {
  const names = all.flatMap(({ name = '' }) => (new RegExp(`\\b${name}\\b`).test(what) ? [name] : []));
  const [, count] = /\((\d+) layers\)/.exec(what) ?? [];
  return { names, count: Number(count ?? names.length) };
}

/** What is told to be changed, and that it is a network. */
async function checkChange({ config }: Patient, { patient, what, id }: Awaited<ReturnType<typeof changesOf>>[number]): Promise<void> {
  const made = toConfig(await build(patient, {}));
  // Places in what is described are places in the network.
  expect(patient.config.calls.map(({ layer }) => patient.config.layers[layer]?.name)).toEqual(
    made.calls.map(({ layer }) => made.layers[layer]?.name),
  );
  if (id === 'residual') return;
  const [is, told] = [touched(config, patient.config), said(what, config)];
  // Batch normalisation takes the place of a bias, and the code of revived units is as it was.
  if (id === 'revive-units') return;
  expect({ what, count: is.size }).toEqual({ what, count: told.count });
  expect({ what, names: told.names.filter((name) => !is.has(name)) }).toEqual({ what, names: [] });
}

it.each([
  ['two towers', false],
  ['one tower used twice', true],
])('what a remedy says that it changes is what it changes, behind any other: %s', async (_, shared) => {
  const start = await admit(towers(shared), 32);
  const firsts = await changesOf(start);
  expect(firsts.map(({ id }) => id)).toEqual(expect.arrayContaining(['standardize-inputs', 'scale-targets', 'change-activation', 'residual']));
  for (const first of firsts) {
    await checkChange(start, first);
    // Rates and weights leave places as they are.
    if (JSON.stringify(first.patient.config.calls) === JSON.stringify(start.config.calls)) continue;
    for (const second of await changesOf(first.patient)) await checkChange(first.patient, second);
  }
});
