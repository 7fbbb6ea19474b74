import { isDescribed } from '../../layers/registry.js';
import { folded } from './fold.js';
import { helpers, modulesOf } from './modules.js';
import { argumentList, literal } from './python.js';
import { OWN_INITIALIZERS, type Use, usesOf } from './translation.js';
import { isRow, type Written } from './wiring.js';

type Options = Readonly<Record<string, unknown>>;

const losses: Readonly<Record<string, string>> = {
  sparseCategoricalCrossentropy: 'nn.CrossEntropyLoss()',
  categoricalCrossentropy: 'nn.CrossEntropyLoss()',
  binaryCrossentropy: 'nn.BCEWithLogitsLoss()',
  meanSquaredError: 'nn.MSELoss()',
  meanAbsoluteError: 'nn.L1Loss()',
  huber: 'nn.HuberLoss()',
};

/** What the output's activation is in PyTorch's losses already. */
const inLoss: Readonly<Record<string, readonly string[]>> = {
  'nn.CrossEntropyLoss()': ['nn.Softmax(dim=-1)'],
  'nn.BCEWithLogitsLoss()': ['nn.Sigmoid()'],
};

/** Boundaries and rates of a schedule that is constant between steps. */
function piecesOf(rate: unknown): { readonly boundaries: readonly number[]; readonly values: readonly number[] } | undefined {
  return isDescribed(rate) && rate.name === 'piecewiseConstantDecay'
    ? (rate.config as { readonly boundaries: readonly number[]; readonly values: readonly number[] })
    : undefined;
}

function firstRate(rate: unknown): number {
  return typeof rate === 'number' ? rate : (piecesOf(rate)?.values[0] ?? 0.01);
}

function scheduleLines(rate: unknown): string[] {
  if (typeof rate !== 'object' || rate === null) return [];
  const pieces = piecesOf(rate);
  if (!pieces) return [`# its learning rate follows a schedule: ${JSON.stringify(rate)}`];
  const { boundaries, values } = pieces;
  const shares = values.map((value) => Number((value / firstRate(rate)).toPrecision(6)));
  const list = (numbers: readonly number[]): string => `[${numbers.map(String).join(', ')}]`;
  return [
    `shares = ${list(shares)}`,
    `schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: shares[sum(step > bound for bound in ${list(boundaries)})])`,
    '# after each step: schedule.step()',
  ];
}

function optimizerLines(given: unknown): string[] {
  const { name, config } = isDescribed(given)
    ? { name: given.name, config: (given.config ?? {}) as Options }
    : { name: 'sgd', config: {} as Options };
  const rate = literal(firstRate(config.learningRate));
  const schedule = scheduleLines(config.learningRate);
  const momentum = Number(config.momentum ?? 0) > 0 ? [['momentum', literal(config.momentum)] as const] : [];
  const decay = typeof config.weightDecay === 'number' ? [['weight_decay', literal(config.weightDecay)] as const] : [];
  const classes: Readonly<Record<string, string>> = {
    sgd: 'SGD',
    adam: 'Adam',
    adamW: 'AdamW',
    rmsprop: 'RMSprop',
    adagrad: 'Adagrad',
    adadelta: 'Adadelta',
  };
  const known = classes[name];
  const optimizer = known
    ? `optimizer = torch.optim.${known}(${argumentList(['model.parameters()'], [['lr', rate], ...momentum, ...decay])})`
    : `# PyTorch has no optimizer '${name}'`;
  const norm = config.globalClipNorm ?? config.clipNorm;
  const clips = [
    ...(norm === undefined ? [] : [`# before each step: torch.nn.utils.clip_grad_norm_(model.parameters(), ${literal(norm)})`]),
    ...(config.clipValue === undefined
      ? []
      : [`# before each step: torch.nn.utils.clip_grad_value_(model.parameters(), ${literal(config.clipValue)})`]),
  ];
  const ofLayers = config.layerClipNorm;
  if (ofLayers !== undefined)
    clips.push(`# before each step, for each layer: torch.nn.utils.clip_grad_norm_(layer.parameters(), ${literal(ofLayers)})`);
  return [optimizer, ...schedule, ...clips];
}

/** A model and its training as PyTorch code, line by line; undefined where it has functions of the user's own. */
export function pytorchLines({ config, batchSize }: Written): string[] | undefined {
  const uses = usesOf(config);
  if (!uses) return undefined;
  const given = [config.compile?.loss].flat()[0];
  const lossName = isDescribed(given) ? given.name : String(given);
  const loss = losses[lossName] ?? `# PyTorch has no loss '${lossName}'`;
  const made = uses.map((use, at) => {
    const list = modulesOf(use);
    return config.outputs.includes(at) ? list.filter((module) => !(inLoss[loss] ?? []).includes(module)) : list;
  });
  const body = isRow(config) ? rowLines(made) : graphLines(config, made, uses);
  const text = body.join('\n');
  const notes = [...new Set(uses.flatMap(({ initializer }) => (initializer ? (OWN_INITIALIZERS[initializer.name] ?? []) : [])))];
  return [
    ...helpers.filter(({ word }) => text.includes(word)).flatMap(({ lines }) => lines),
    ...body,
    ...notes.map((note) => `# PyTorch has no such initializer: ${note}`),
    ...optimizerLines(config.compile?.optimizer),
    `loss = ${loss}`,
    `loader = torch.utils.data.DataLoader(train, batch_size=${batchSize}, shuffle=True)`,
  ];
}

function rowLines(made: readonly (readonly string[])[]): string[] {
  const blocks = folded(made.flat());
  const lines = blocks.map(({ lines: block, count }) =>
    count === 1
      ? `    ${block[0]}${block[0]?.startsWith('#') ? '' : ','}`
      : `    *[layer for _ in range(${count}) for layer in (${block.join(', ')}${block.length === 1 ? ',' : ''})],`,
  );
  return ['model = nn.Sequential(', ...lines, ')'];
}

/** What merges several: as an expression of what it is given. */
const merges: Readonly<Record<string, (inputs: readonly string[]) => string>> = {
  add: (inputs) => inputs.join(' + '),
  multiply: (inputs) => inputs.join(' * '),
  subtract: (inputs) => inputs.join(' - '),
  average: (inputs) => `(${inputs.join(' + ')}) / ${inputs.length}`,
  concatenate: (inputs) => `torch.cat([${inputs.join(', ')}], dim=-1)`,
};

function graphLines(config: Written['config'], made: readonly (readonly string[])[], uses: readonly Use[]): string[] {
  const own = made.map((list, at) => (uses[at]?.layer.kind && merges[uses[at].layer.kind] ? [] : list.filter((line) => !line.startsWith('#'))));
  const steps = uses.map(({ layer, inputs }, at) => {
    const from = inputs.map((one) => `x${one}`);
    const merge = merges[layer.kind];
    if (layer.kind === 'input') return '';
    if (merge) return `        x${at} = ${merge(from)}`;
    const lack = made[at]?.find((line) => line.startsWith('#'));
    return `        x${at} = ${(own[at] ?? []).length === 0 ? from[0] : `self.f${at}(${from.join(', ')})`}${lack ? `  ${lack}` : ''}`;
  });
  const fields = own.map((list, at) =>
    list.length === 0 ? '' : `        self.f${at} = ${list.length === 1 ? list[0] : `nn.Sequential(${list.join(', ')})`}`,
  );
  const filled = (lines: readonly string[]): string[] => lines.filter((line) => line !== '');
  return [
    'class Net(nn.Module):',
    '    def __init__(self):',
    '        super().__init__()',
    ...filled(fields),
    `    def forward(self, ${config.inputs.map((at) => `x${at}`).join(', ')}):`,
    ...filled(steps),
    `        return ${config.outputs.map((at) => `x${at}`).join(', ')}`,
    'model = Net()',
  ];
}
