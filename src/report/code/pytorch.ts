import type { Described } from '../../core/catalogue.js';
import { isDescribed } from '../../layers/registry.js';
import { folded } from './fold.js';
import { argumentList, literal } from './python.js';
import { OWN_INITIALIZERS, type Use, usesOf } from './translation.js';
import { isRow, type Written } from './wiring.js';

type Options = Readonly<Record<string, unknown>>;

/** Modules of activations; the output's softmax and sigmoid belong to PyTorch's losses. */
const activations: Readonly<Record<string, (options: Options) => string>> = {
  relu: () => 'nn.ReLU()',
  relu6: () => 'nn.ReLU6()',
  leakyRelu: ({ slope }) => `nn.LeakyReLU(${literal(slope ?? 0.01)})`,
  prelu: () => 'nn.PReLU()',
  rrelu: () => 'nn.RReLU()',
  elu: ({ alpha }) => (alpha === undefined || alpha === 1 ? 'nn.ELU()' : `nn.ELU(alpha=${literal(alpha)})`),
  selu: () => 'nn.SELU()',
  celu: () => 'nn.CELU()',
  gelu: () => 'nn.GELU()',
  silu: () => 'nn.SiLU()',
  mish: () => 'nn.Mish()',
  tanh: () => 'nn.Tanh()',
  sigmoid: () => 'nn.Sigmoid()',
  hardSigmoid: () => 'nn.Hardsigmoid()',
  softplus: () => 'nn.Softplus()',
  softsign: () => 'nn.Softsign()',
  softmax: () => 'nn.Softmax(dim=-1)',
};

/** How PyTorch draws a kernel. */
const draws: Readonly<Record<string, (options: Options) => string>> = {
  heNormal: () => 'nn.init.kaiming_normal_, nonlinearity="relu"',
  heUniform: () => 'nn.init.kaiming_uniform_, nonlinearity="relu"',
  lecunNormal: () => 'nn.init.kaiming_normal_, nonlinearity="linear"',
  lecunUniform: () => 'nn.init.kaiming_uniform_, nonlinearity="linear"',
  glorotNormal: () => 'nn.init.xavier_normal_',
  glorotUniform: () => 'nn.init.xavier_uniform_',
  orthogonal: ({ gain }) => `nn.init.orthogonal_${gain === undefined || gain === 1 ? '' : `, gain=${literal(gain)}`}`,
  zeros: () => 'nn.init.zeros_',
  ones: () => 'nn.init.ones_',
  normal: ({ mean, stddev }) => `nn.init.normal_, mean=${literal(mean ?? 0)}, std=${literal(stddev ?? 0.05)}`,
  truncatedNormal: ({ mean, stddev }) => `nn.init.trunc_normal_, mean=${literal(mean ?? 0)}, std=${literal(stddev ?? 0.05)}`,
  uniform: ({ minval, maxval }) => `nn.init.uniform_, a=${literal(minval ?? -0.05)}, b=${literal(maxval ?? 0.05)}`,
};

/** Modules of layers, each as a list: some are two in PyTorch. Absent ones have none there. */
const modules: Readonly<Record<string, (use: Use) => string[]>> = {
  input: () => [],
  identity: () => [],
  dense: ({ from, to, layer, initializer }) => {
    const linear = `nn.Linear(${from}, ${to}${layer.config.useBias === false ? ', bias=False' : ''})`;
    const draw = initializer && draws[initializer.name];
    return [draw ? `drawn(${linear}, ${draw(initializer.options)})` : linear, ...bent(layer.config.activation)];
  },
  activation: ({ layer }) => bent(layer.config.activation),
  ...Object.fromEntries(
    ['relu', 'leakyRelu', 'prelu', 'rrelu', 'elu', 'softmax'].map((kind) => [kind, ({ layer }: Use) => bent({ name: kind, config: layer.config })]),
  ),
  flatten: () => ['nn.Flatten()'],
  embedding: ({ layer }) => [`nn.Embedding(${literal(layer.config.inputDim)}, ${literal(layer.config.outputDim)})`],
  simpleRnn: (use) => recurrent(use, 'RNN', use.layer.config.activation),
  lstm: (use) => recurrent(use, 'LSTM'),
  gru: (use) => recurrent(use, 'GRU'),
  dropout: ({ layer }) => [`nn.Dropout(${literal(layer.config.rate)})`],
  alphaDropout: ({ layer }) => [`nn.AlphaDropout(${literal(layer.config.rate)})`],
  batchNormalization: ({ to, layer }) => [
    `nn.BatchNorm1d(${to}, eps=${literal(layer.config.epsilon ?? 1e-3)}, momentum=${Number((1 - Number(layer.config.momentum ?? 0.99)).toPrecision(3))})`,
  ],
  layerNormalization: ({ to, layer }) => [`nn.LayerNorm(${to}, eps=${literal(layer.config.epsilon ?? 1e-3)})`],
  normalization: () => ['Standardize(x_train)'],
  rescaling: ({ layer }) => [`Rescale(${literal(layer.config.scale)}, ${literal(layer.config.offset ?? 0)})`],
};

/** PyTorch's recurrent modules give all steps and their state; a row of modules needs one of them. */
function recurrent({ from, to, layer }: Use, module: string, activation?: unknown): string[] {
  const bend = isDescribed(activation) ? activation.name : 'tanh';
  const nonlinearity = bend === 'tanh' ? '' : `, nonlinearity=${literal(bend)}`;
  return [`Steps(nn.${module}(${from}, ${to}${nonlinearity}, batch_first=True), last=${layer.config.returnSequences === true ? 'False' : 'True'})`];
}

function bent(activation: unknown): string[] {
  const described = isDescribed(activation) ? activation : ({ name: String(activation ?? 'linear'), config: {} } satisfies Described);
  if (described.name === 'linear') return [];
  return [activations[described.name]?.(described.config ?? {}) ?? `# PyTorch has no module '${described.name}'`];
}

/** Lines of the classes and functions that the modules need. */
const helpers: readonly { readonly word: string; readonly lines: readonly string[] }[] = [
  {
    word: 'drawn(',
    lines: [
      'def drawn(layer, draw, **options):',
      '    draw(layer.weight, **options)',
      '    if layer.bias is not None: nn.init.zeros_(layer.bias)',
      '    return layer',
    ],
  },
  {
    word: 'Steps(',
    lines: [
      'class Steps(nn.Module):',
      '    def __init__(self, layer, last): super().__init__(); self.layer, self.last = layer, last',
      '    def forward(self, x):',
      '        steps, _ = self.layer(x)',
      '        return steps[:, -1] if self.last else steps',
    ],
  },
  {
    word: 'Standardize(',
    lines: [
      'class Standardize(nn.Module):',
      '    def __init__(self, x):',
      '        super().__init__()',
      '        self.register_buffer("mean", x.float().mean(0)); self.register_buffer("std", x.float().std(0).clamp_min(1e-7))',
      '    def forward(self, x): return (x.float() - self.mean) / self.std',
    ],
  },
  {
    word: 'Rescale(',
    lines: [
      'class Rescale(nn.Module):',
      '    def __init__(self, scale, offset): super().__init__(); self.scale, self.offset = scale, offset',
      '    def forward(self, x): return x.float() * self.scale + self.offset',
    ],
  },
];

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

function optimizerLines(given: unknown): string[] {
  const { name, config } = isDescribed(given)
    ? { name: given.name, config: (given.config ?? {}) as Options }
    : { name: 'sgd', config: {} as Options };
  const rate = typeof config.learningRate === 'number' ? literal(config.learningRate) : `${literal(0.01)}`;
  const schedule = typeof config.learningRate === 'object' ? [`# its learning rate follows a schedule: ${JSON.stringify(config.learningRate)}`] : [];
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
    const list = modules[use.layer.kind]?.(use) ?? [`# PyTorch has no module '${use.layer.kind}'`];
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
  const own = made.map((list, at) => (uses[at]?.layer.kind && merges[uses[at].layer.kind] ? [] : list));
  const steps = uses.map(({ layer, inputs }, at) => {
    const from = inputs.map((one) => `x${one}`);
    const merge = merges[layer.kind];
    if (layer.kind === 'input') return '';
    if (merge) return `        x${at} = ${merge(from)}`;
    return `        x${at} = ${(own[at] ?? []).length === 0 ? from[0] : `self.f${at}(${from.join(', ')})`}`;
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
