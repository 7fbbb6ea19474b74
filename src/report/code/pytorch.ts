import { isFloat } from '../../core/dtype.js';
import type { SignalIndex } from '../../model/config.js';
import { inWords, modulesOf } from './modules.js';
import { asFloats, listLines, literal, type Noted, noted } from './python.js';
import { dotProduct } from './torch-attention.js';
import { helpersOf } from './torch-helpers.js';
import { heldBy, lossLines } from './torch-losses.js';
import { optimizerLines } from './torch-optimizers.js';
import { trainingOf } from './training.js';
import { OWN_INITIALIZERS, type Use, usesOf } from './translation.js';
import { isRow, layerAt, nameOf, namesOf, placeOf, sharedLayers, type Written } from './wiring.js';

type Config = Written['config'];

/** A model and its training as PyTorch code, line by line; undefined where its layers have functions of the user's own. Other functions stand under their names. */
export function pytorchLines({ config, batchSize, epochs = 1 }: Written): string[] | undefined {
  const uses = usesOf(config)?.map((use): Use => ({ ...use, origin: originOf(config, use.inputs[0]) }));
  if (!uses) return undefined;
  const training = trainingOf(config);
  const { made, logits } = headless(config, uses.map(modulesOf), training.losses);
  const ends = config.outputs.map((at, i) => ({ logits: logits[i] === true, rank: uses[placeOf(at)[0]]?.rank ?? 1 }));
  const inRow = isRow(config) && uses.every(({ gives }) => gives === 1);
  const body = inRow ? ['model = nn.Sequential(', ...listLines(made.flat()), ')'] : graphLines(config, made, uses);
  const optimizer = config.compile === undefined ? [] : optimizerLines(training.optimizer, body.join('\n'));
  const notes = [...new Set(uses.flatMap(({ initializer }) => (initializer ? (OWN_INITIALIZERS[initializer.name] ?? []) : [])))];
  const metrics = [...training.metrics, ...training.weightedMetrics].flat().map((metric) => inWords('metrics', metric));
  return [
    ...(config.dtype === 'float64' ? ['torch.set_default_dtype(torch.float64)'] : []),
    ...helpersOf([...body, ...optimizer]),
    ...body,
    ...notes.map((note) => `# PyTorch has no such initializer: ${note}`),
    ...(config.compile === undefined
      ? []
      : [
          ...optimizer,
          ...lossLines(training, ends),
          ...(metrics.length === 0 ? [] : [`# to compute yourself: ${[...new Set(metrics)].join(', ')}`]),
          `loader = torch.utils.data.DataLoader(train, batch_size=${batchSize}, shuffle=True)`,
          ...(epochs === 1 ? [] : [`# to train: ${epochs} epochs, each over the whole loader`]),
        ]),
  ];
}

/** How the rows that come out of a call follow from the training rows, where no weights are between. */
function originOf(config: Config, call: SignalIndex | undefined): string | undefined {
  if (typeof call !== 'number') return undefined;
  const place = config.inputs.indexOf(call);
  if (place >= 0) return config.inputs.length === 1 ? 'x_train' : `x_train[${place}]`;
  const before = layerAt(config, call)?.kind === 'flatten' ? originOf(config, config.calls[call]?.inputs[0]) : undefined;
  return before === undefined ? undefined : `${before}.flatten(1)`;
}

/** Modules without the activations of outputs that the losses hold already, and which outputs give logits so. */
function headless(config: Config, made: readonly Noted[][], losses: readonly unknown[]): { made: readonly Noted[][]; logits: readonly boolean[] } {
  const shared = sharedLayers(config);
  const inner = new Set(config.calls.flatMap(({ inputs }) => inputs));
  const held = config.outputs.map((at, i) => {
    const free = typeof at === 'number' && !inner.has(at) && !shared.has(config.calls[at]?.layer ?? -1);
    const holds = heldBy(losses[i]);
    return free && holds !== undefined && made[at]?.at(-1)?.code === holds ? at : undefined;
  });
  const without = made.map((list, at) => (held.includes(at) ? list.slice(0, -1) : list));
  return { made: without, logits: held.map((at) => at !== undefined) };
}

/** `ranks` counts axes of the inputs, without the batch. */
type Merge = (inputs: readonly string[], options: Readonly<Record<string, unknown>>, ranks: readonly number[]) => string;

/** What merges several: as an expression of what it is given. */
const merges: Readonly<Record<string, Merge>> = {
  add: (inputs) => inputs.join(' + '),
  multiply: (inputs) => inputs.join(' * '),
  subtract: (inputs) => inputs.join(' - '),
  average: (inputs) => `(${inputs.join(' + ')}) / ${inputs.length}`,
  maximum: ([first = '', ...others]) => others.reduce((before, next) => `torch.maximum(${before}, ${next})`, first),
  minimum: ([first = '', ...others]) => others.reduce((before, next) => `torch.minimum(${before}, ${next})`, first),
  dot: dotProduct,
  concatenate: (inputs, { axis }) => `torch.cat([${inputs.join(', ')}], dim=${literal(axis ?? -1)})`,
};

function graphLines(config: Config, made: readonly (readonly Noted[])[], uses: readonly Use[]): string[] {
  const shared = sharedLayers(config);
  /** Where a call's modules are kept: once for all calls that share them. */
  const field = (at: number): string => {
    const layer = config.calls[at]?.layer ?? -1;
    return shared.has(layer) ? `layer${layer}` : `f${at}`;
  };
  const codesOf = (at: number): readonly string[] => (made[at] ?? []).flatMap(({ code }) => (code === '' ? [] : [code]));
  const notesOf = (at: number): readonly string[] => (made[at] ?? []).flatMap(({ notes }) => notes);
  const fields = uses.flatMap(({ layer }, at): string[] => {
    const codes = codesOf(at);
    const first = shared.get(config.calls[at]?.layer ?? -1) ?? at;
    if (codes.length === 0 || merges[layer.kind] || first !== at) return [];
    return [noted(`self.${field(at)} = ${codes.length === 1 ? codes[0] : `nn.Sequential(${codes.join(', ')})`}`, notesOf(at), '        ')];
  });
  const steps = uses.flatMap(({ layer, inputs, gives, shapes, dtypes }, at): string[] => {
    const from = inputs.map(nameOf);
    if (layer.kind === 'input') return [];
    const merge = merges[layer.kind];
    if (merge)
      return [
        // Integers of few bits overflow where they are merged.
        `        x${at} = ${merge(
          from.map((name, i) => (isFloat(dtypes[i] ?? 'float32') ? name : asFloats(name))),
          layer.config,
          shapes.map(({ length }) => length),
        )}`,
      ];
    return codesOf(at).length === 0
      ? [noted(`${namesOf(at, gives).join(' = ')} = ${from[0]}`, notesOf(at), '        ')]
      : [`        ${namesOf(at, gives).join(', ')} = self.${field(at)}(${from.join(', ')})`];
  });
  return [
    'class Net(nn.Module):',
    '    def __init__(self):',
    '        super().__init__()',
    ...fields,
    `    def forward(self, ${config.inputs.map(nameOf).join(', ')}):`,
    ...steps,
    `        return ${config.outputs.map(nameOf).join(', ')}`,
    'model = Net()',
  ];
}
