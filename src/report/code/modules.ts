import type { Described } from '../../core/catalogue.js';
import { isDescribed } from '../../layers/registry.js';
import { literal } from './python.js';
import type { Use } from './translation.js';

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
const table: Readonly<Record<string, (use: Use) => string[]>> = {
  input: () => [],
  identity: () => [],
  dense: ({ from, to, layer, initializer }) => {
    const linear = `nn.Linear(${from}, ${to}${layer.config.useBias === false ? ', bias=False' : ''})`;
    return [drawn(linear, initializer), ...bent(layer.config.activation)];
  },
  conv1d: (use) => convolution(use, 1),
  conv2d: (use) => convolution(use, 2),
  maxPooling1d: (use) => pooling(use, 'MaxPool1d'),
  maxPooling2d: (use) => pooling(use, 'MaxPool2d'),
  averagePooling1d: (use) => pooling(use, 'AvgPool1d'),
  averagePooling2d: (use) => pooling(use, 'AvgPool2d'),
  globalAveragePooling1d: () => ['ChannelsLast(nn.AdaptiveAvgPool1d(1))', 'nn.Flatten()'],
  globalAveragePooling2d: () => ['ChannelsLast(nn.AdaptiveAvgPool2d(1))', 'nn.Flatten()'],
  globalMaxPooling1d: () => ['ChannelsLast(nn.AdaptiveMaxPool1d(1))', 'nn.Flatten()'],
  globalMaxPooling2d: () => ['ChannelsLast(nn.AdaptiveMaxPool2d(1))', 'nn.Flatten()'],
  reshape: ({ layer }) => ['nn.Flatten()', `nn.Unflatten(1, ${literal(layer.config.targetShape)})`],
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
  batchNormalization: ({ to, shape, layer }) => {
    const options = `${to}, eps=${literal(layer.config.epsilon ?? 1e-3)}, momentum=${Number((1 - Number(layer.config.momentum ?? 0.99)).toPrecision(3))}`;
    const module = `nn.BatchNorm${Math.max(1, shape.length - 1)}d(${options})`;
    return [shape.length > 1 ? `ChannelsLast(${module})` : module];
  },
  layerNormalization: ({ to, layer }) => [`nn.LayerNorm(${to}, eps=${literal(layer.config.epsilon ?? 1e-3)})`],
  normalization: ({ layer }) => [layer.config.axis === null ? 'Standardize(x_train)' : 'Standardize(x_train, dim=0)'],
  rescaling: ({ layer }) => [`Rescale(${literal(layer.config.scale)}, ${literal(layer.config.offset ?? 0)})`],
};

/** A module whose weights are drawn as the layer's kernel is. */
function drawn(module: string, initializer: Use['initializer']): string {
  const draw = initializer && draws[initializer.name];
  return draw ? `drawn(${module}, ${draw(initializer.options)})` : module;
}

const sizes = (value: unknown): readonly number[] => (Array.isArray(value) ? value.map(Number) : [Number(value)]);

/** Zeros before and after each side, the last side first, as PyTorch's padding takes them, by which strides keep every place as Keras has them. */
function samePadding({ shape, layer }: Use, kernel: readonly number[]): readonly number[] | undefined {
  const strides = sizes(layer.config.strides ?? 1);
  const dilation = sizes(layer.config.dilationRate ?? 1);
  const pads = kernel.map((size, i) => {
    const [length, stride = 1] = [shape[i], strides[i]];
    if (typeof length !== 'number') return undefined;
    const reach = (size - 1) * (dilation[i] ?? 1) + 1;
    const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return pads.every((pair) => pair !== undefined) ? [...pads].reverse().flat() : undefined;
}

function convolution(use: Use, dimensions: 1 | 2): string[] {
  const { from, to, layer, initializer } = use;
  const { kernelSize, strides, padding, dilationRate, groups, useBias } = layer.config;
  const kernel = sizes(kernelSize);
  const one = (value: unknown): boolean => value === undefined || sizes(value).every((size) => size === 1);
  const pads = padding === 'same' && !one(strides) ? samePadding(use, kernel) : undefined;
  if (padding === 'causal' || (padding === 'same' && !one(strides) && !pads)) return [`# PyTorch has no padding '${String(padding)}' of this kind`];
  const options = [
    ...(one(strides) ? [] : [`stride=${literal(strides)}`]),
    ...(padding === 'same' && !pads ? ['padding="same"'] : []),
    ...(one(dilationRate) ? [] : [`dilation=${literal(dilationRate)}`]),
    ...(one(groups) ? [] : [`groups=${literal(groups)}`]),
    ...(useBias === false ? ['bias=False'] : []),
  ];
  const module = drawn(`nn.Conv${dimensions}d(${[from, to, literal(kernelSize), ...options].join(', ')})`, initializer);
  const padded = pads ? `nn.Sequential(nn.ConstantPad${dimensions}d(${literal(pads)}, 0), ${module})` : module;
  return [`ChannelsLast(${padded})`, ...bent(layer.config.activation)];
}

function pooling({ layer: { config } }: Use, module: string): string[] {
  if (config.padding === 'same') return ["# PyTorch pools without padding 'same': pad before"];
  const strides = String(config.strides) === String(config.poolSize) || config.strides === undefined ? '' : `, stride=${literal(config.strides)}`;
  return [`ChannelsLast(nn.${module}(${literal(config.poolSize)}${strides}))`];
}

/** PyTorch's recurrent modules give all steps and their state; a row of modules needs one of them. Their weights are drawn otherwise than Keras's unless it is said. */
function recurrent({ from, to, layer, initializer }: Use, module: string, activation?: unknown): string[] {
  const { returnSequences, recurrentInitializer, unitForgetBias } = layer.config;
  const bend = isDescribed(activation) ? activation.name : 'tanh';
  const nonlinearity = bend === 'tanh' ? '' : `, nonlinearity=${literal(bend)}`;
  const own = isDescribed(recurrentInitializer) ? recurrentInitializer : undefined;
  const kernel = initializer && draws[initializer.name]?.(initializer.options);
  const state = own?.name === 'identity' ? 'nn.init.eye_' : own && draws[own.name]?.(own.config ?? {});
  const call = (draw: string | undefined): string => {
    const [name, ...options] = (draw ?? '').split(', ');
    return draw === undefined ? 'None' : options.length === 0 ? String(name) : `lambda w: ${name}(w, ${options.join(', ')})`;
  };
  const drawing = [`kernel=${call(kernel)}`, `recurrent=${call(state)}`, ...(module === 'LSTM' && unitForgetBias !== false ? ['forget=1.0'] : [])];
  const last = returnSequences === true ? 'False' : 'True';
  return [`Steps(nn.${module}(${from}, ${to}${nonlinearity}, batch_first=True), last=${last}, ${drawing.join(', ')})`];
}

function bent(activation: unknown): string[] {
  const described = isDescribed(activation) ? activation : ({ name: String(activation ?? 'linear'), config: {} } satisfies Described);
  if (described.name === 'linear') return [];
  return [activations[described.name]?.(described.config ?? {}) ?? `# PyTorch has no module '${described.name}'`];
}

/** A use of a layer as modules, in their order; a comment where PyTorch has none. */
export function modulesOf(use: Use): string[] {
  return table[use.layer.kind]?.(use) ?? [`# PyTorch has no module '${use.layer.kind}'`];
}

/** Lines of the classes and functions that modules need, by the word that shows it. */
export const helpers: readonly { readonly word: string; readonly lines: readonly string[] }[] = [
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
      '    def __init__(self, layer, last, kernel=None, recurrent=None, forget=0.0):',
      '        super().__init__()',
      '        self.layer, self.last = layer, last',
      '        for name, array in layer.named_parameters():',
      '            draw = kernel if "weight_ih" in name else recurrent if "weight_hh" in name else nn.init.zeros_',
      '            if draw is not None: draw(array)',
      '        # gates stand in the order input, forget, cell, output',
      '        if forget: nn.init.constant_(layer.bias_ih_l0[layer.hidden_size : 2 * layer.hidden_size], forget)',
      '    def forward(self, x):',
      '        steps, _ = self.layer(x)',
      '        return steps[:, -1] if self.last else steps',
    ],
  },
  {
    word: 'ChannelsLast(',
    lines: [
      'class ChannelsLast(nn.Module):',
      '    def __init__(self, layer): super().__init__(); self.layer = layer',
      '    def forward(self, x): return self.layer(x.movedim(-1, 1)).movedim(1, -1)',
    ],
  },
  {
    word: 'Standardize(',
    lines: [
      'class Standardize(nn.Module):',
      '    def __init__(self, x, dim=None):',
      '        super().__init__()',
      '        self.register_buffer("mean", x.float().mean(dim)); self.register_buffer("std", x.float().std(dim).clamp_min(1e-7))',
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
