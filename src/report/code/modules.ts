import { isFloat } from '../../core/dtype.js';
import { isDescribed, isInside } from '../../layers/registry.js';
import { layerCall, picked, saying } from './calls.js';
import { asFloats, literal, type Noted } from './python.js';
import { bent } from './torch-activations.js';
import { attention } from './torch-attention.js';
import { convolution, depthwise, edges, sizes, transposed } from './torch-convolutions.js';
import { drawn, drawOf } from './torch-initializers.js';
import { initializerOf, type Use } from './translation.js';

type Made = string | Noted;

/** How a kind is written, and which of its options are told by it; of others it is said that PyTorch's module has them not. */
interface Kind {
  readonly knows: readonly string[];
  modules(use: Use): readonly Made[];
}

const kind = (modules: Kind['modules'], ...knows: readonly string[]): Kind => ({ modules, knows });
const lack = (note: string): Noted => ({ code: '', notes: [note] });
const weights: readonly string[] = ['kernelInitializer', 'biasInitializer', 'useBias', 'activation'];
const perChannel: readonly string[] = ['depthwiseInitializer', 'pointwiseInitializer', 'depthMultiplier'];
const windows: readonly string[] = ['strides', 'padding', 'dilationRate'];

/** Modules of layers, each as a list: some are two in PyTorch. Absent ones have none there. */
const table: Readonly<Record<string, Kind>> = {
  input: kind(() => [], 'dtype'),
  identity: kind(() => []),
  dense: kind(
    (use) => {
      const { from = 0, to, layer } = use;
      // Its activation may leave fewer: `glu` halves them.
      const units = Number(layer.config.units);
      const linear = `nn.Linear(${from}, ${units}${layer.config.useBias === false ? ', bias=False' : ''})`;
      return [drawn(linear, use, { fanIn: from, fanOut: units }), ...bent(layer.config.activation, to)];
    },
    ...weights,
  ),
  conv1d: kind((use) => convolution(use, 1), ...weights, ...windows, 'groups'),
  conv2d: kind((use) => convolution(use, 2), ...weights, ...windows, 'groups'),
  conv1dTranspose: kind((use) => transposed(use, 1), ...weights, ...windows, 'outputPadding'),
  conv2dTranspose: kind((use) => transposed(use, 2), ...weights, ...windows, 'outputPadding'),
  ...Object.fromEntries(
    (['depthwiseConv', 'separableConv'] as const).flatMap((name) =>
      ([1, 2] as const).map((rank) => [`${name}${rank}d`, kind((use) => depthwise(use, rank), ...weights, ...windows, ...perChannel)]),
    ),
  ),
  maxPooling1d: kind((use) => pooling(use, 'MaxPool1d'), 'poolSize', ...windows),
  maxPooling2d: kind((use) => pooling(use, 'MaxPool2d'), 'poolSize', ...windows),
  averagePooling1d: kind((use) => pooling(use, 'AvgPool1d'), 'poolSize', ...windows),
  averagePooling2d: kind((use) => pooling(use, 'AvgPool2d'), 'poolSize', ...windows),
  globalAveragePooling1d: kind((use) => [ofAllSteps('ChannelsLast(nn.AdaptiveAvgPool1d(1))', use), 'nn.Flatten()']),
  globalAveragePooling2d: kind(() => ['ChannelsLast(nn.AdaptiveAvgPool2d(1))', 'nn.Flatten()']),
  globalMaxPooling1d: kind(() => ['ChannelsLast(nn.AdaptiveMaxPool1d(1))', 'nn.Flatten()']),
  globalMaxPooling2d: kind(() => ['ChannelsLast(nn.AdaptiveMaxPool2d(1))', 'nn.Flatten()']),
  zeroPadding1d: kind(({ layer }) => [`ChannelsLast(nn.ConstantPad1d(${literal(edges(layer.config.padding))}, 0))`], 'padding'),
  zeroPadding2d: kind(({ layer }) => [`ChannelsLast(nn.ConstantPad2d(${literal(edges(layer.config.padding))}, 0))`], 'padding'),
  cropping1d: kind(({ layer }) => [`ChannelsLast(nn.ConstantPad1d(${literal(edges(layer.config.cropping, -1))}, 0))`], 'cropping'),
  cropping2d: kind(({ layer }) => [`ChannelsLast(nn.ConstantPad2d(${literal(edges(layer.config.cropping, -1))}, 0))`], 'cropping'),
  upSampling1d: kind(({ layer }) => [`ChannelsLast(nn.Upsample(scale_factor=${literal(layer.config.size)}))`], 'size'),
  upSampling2d: kind(({ layer }) => [`ChannelsLast(nn.Upsample(scale_factor=${literal(layer.config.size)}))`], 'size'),
  spatialDropout1d: kind(({ layer }) => [`ChannelsLast(nn.Dropout1d(${literal(layer.config.rate)}))`]),
  spatialDropout2d: kind(({ layer }) => [`ChannelsLast(nn.Dropout2d(${literal(layer.config.rate)}))`]),
  reshape: kind(({ layer }) => ['nn.Flatten()', `nn.Unflatten(1, ${literal(layer.config.targetShape)})`]),
  permute: kind(({ layer }) => [`Apply(lambda x: x.permute(${literal([0, ...sizes(layer.config.dims)])}))`]),
  repeatVector: kind(({ layer }) => [`Apply(lambda x: x.unsqueeze(1).expand(-1, ${literal(layer.config.n)}, -1))`]),
  activation: kind(({ to, layer }) => bent(layer.config.activation, to)),
  ...Object.fromEntries(
    ['relu', 'leakyRelu', 'prelu', 'rrelu', 'elu', 'thresholdedRelu', 'softmax'].map((name) => [
      name,
      kind(({ to, layer }) => bent({ name, config: layer.config }, to), 'slope', 'initial', 'shared', 'lower', 'upper', 'alpha', 'theta'),
    ]),
  ),
  flatten: kind(() => ['nn.Flatten()']),
  embedding: kind((use) => {
    const { inputDim, outputDim, embeddingsInitializer } = use.layer.config;
    const module = `nn.Embedding(${literal(inputDim)}, ${literal(outputDim)})`;
    const initializer = initializerOf(embeddingsInitializer);
    return [drawn(module, { layer: use.layer, initializer }, { fanIn: Number(inputDim), fanOut: Number(outputDim) })];
  }, 'embeddingsInitializer'),
  simpleRnn: kind((use) => recurrent(use), 'activation', ...stepping()),
  lstm: kind((use) => recurrent(use), 'unitForgetBias', ...stepping()),
  gru: kind((use) => recurrent(use), ...stepping()),
  bidirectional: kind((use) => bothWays(use), 'layer', 'backwardLayer', 'mergeMode'),
  timeDistributed: kind((use) => eachStep(use)),
  multiHeadAttention: kind(
    (use) => attention(use).map(({ code, notes }) => ({ code, notes: [...unmasked(use, 'it attends to'), ...notes] })),
    ...weights,
    'valueDim',
    'outputDim',
    'dropout',
    'causal',
  ),
  dropout: kind(({ layer }) => [`nn.Dropout(${literal(layer.config.rate)})`]),
  alphaDropout: kind(({ layer }) => [`nn.AlphaDropout(${literal(layer.config.rate)})`]),
  batchNormalization: kind(
    (use) => {
      const { to, shape, layer } = use;
      const options = `${to}, eps=${literal(layer.config.epsilon ?? 1e-3)}, momentum=${Number((1 - Number(layer.config.momentum ?? 0.99)).toPrecision(3))}`;
      const module = `nn.BatchNorm${Math.max(1, shape.length - 1)}d(${options})`;
      return [ofAllSteps(shape.length > 1 ? `ChannelsLast(${module})` : module, use)];
    },
    'epsilon',
    'momentum',
  ),
  layerNormalization: kind(({ to, layer }) => [`nn.LayerNorm(${to}, eps=${literal(layer.config.epsilon ?? 1e-3)})`], 'epsilon'),
  groupNormalization: kind(
    ({ to, layer: { config } }) => {
      // Every channel by itself, in Keras and here.
      const groups = config.groups === -1 ? to : (config.groups ?? 32);
      return [`ChannelsLast(nn.GroupNorm(${literal(groups)}, ${to}, eps=${literal(config.epsilon ?? 1e-3)}))`];
    },
    'groups',
    'epsilon',
  ),
  rmsNormalization: kind(({ to, layer }) => [`nn.RMSNorm(${to}, eps=${literal(layer.config.epsilon ?? 1e-6)})`], 'epsilon'),
  unitNormalization: kind(() => ['Apply(lambda x: nn.functional.normalize(x, dim=-1))']),
  normalization: kind((use) => [standardized(use)], 'axis', 'mean', 'variance'),
  rescaling: kind(({ layer }) => [`Rescale(${literal(layer.config.scale)}, ${literal(layer.config.offset ?? 0)})`], 'offset'),
};

function stepping(): readonly string[] {
  return ['useBias', 'returnSequences', 'returnState', 'kernelInitializer', 'recurrentInitializer'];
}

/** What is said of a module that a mask comes to: PyTorch's know none. */
const unmasked = ({ masked }: Pick<Use, 'masked'>, does: string): readonly string[] =>
  masked ? [`${does} all steps: exclude those that are masked`] : [];

/** A module that takes means over the steps. */
function ofAllSteps(code: string, use: Use): Made {
  return { code, notes: unmasked(use, 'it averages over') };
}

function pooling({ layer: { config } }: Use, module: string): readonly Made[] {
  if (config.padding === 'same') return [lack("PyTorch pools without padding 'same': pad before")];
  const strides = String(config.strides) === String(config.poolSize) || config.strides === undefined ? '' : `, stride=${literal(config.strides)}`;
  return [`ChannelsLast(nn.${module}(${literal(config.poolSize)}${strides}))`];
}

/** PyTorch's modules, and the gates whose weights stand in one array. */
const cells: Readonly<Record<string, { readonly module: string; readonly gates: number }>> = {
  simpleRnn: { module: 'RNN', gates: 1 },
  lstm: { module: 'LSTM', gates: 4 },
  gru: { module: 'GRU', gates: 3 },
};

/** How both directions are joined, unless side by side. */
const merges: Readonly<Record<string, string>> = { sum: 'a + b', ave: '(a + b) / 2', mul: 'a * b', null: '(a, b)' };

/** PyTorch's recurrent modules give all steps and their state; a row of modules needs one of them. Their weights are drawn otherwise than Keras's unless it is said. */
function recurrent({ from = 0, layer, initializer, masked }: Use, wrapped?: { readonly mergeMode: unknown }): readonly Made[] {
  const { units, activation, useBias, returnSequences, returnState, recurrentInitializer, unitForgetBias } = layer.config;
  const { module = '', gates = 1 } = cells[layer.kind] ?? {};
  const bend = isDescribed(activation) ? activation.name : 'tanh';
  const nonlinearity = layer.kind !== 'simpleRnn' || bend === 'tanh' ? '' : `, nonlinearity=${literal(bend)}`;
  if (!['tanh', 'relu'].includes(bend)) return [lack(`PyTorch has no recurrent module with '${bend}'`)];
  const fans = { fanIn: from, fanOut: gates * Number(units) };
  const call = (draw: string | undefined): string => {
    const [name, ...options] = (draw ?? '').split(', ');
    return draw === undefined ? 'None' : options.length === 0 ? String(name) : `lambda w: ${name}(w, ${options.join(', ')})`;
  };
  const [kernel, state] = [drawOf(initializer, fans), drawOf(initializerOf(recurrentInitializer), { ...fans, fanIn: Number(units) })];
  const forget = layer.kind === 'lstm' && unitForgetBias !== false && useBias !== false ? ['forget=1.0'] : [];
  const merge = merges[String(wrapped?.mergeMode)];
  const options = [
    `last=${returnSequences === true ? 'False' : 'True'}`,
    `kernel=${call(kernel)}`,
    `recurrent=${call(state)}`,
    ...forget,
    ...(wrapped && merge !== undefined ? [`merge=lambda a, b: ${merge}`] : []),
    ...(returnState === true ? ['state=True'] : []),
  ];
  const notes = [
    ...unmasked({ masked }, 'it processes'),
    ...(kernel === undefined ? [`initialized as in PyTorch, not with '${initializer?.name ?? saying(layer.config.kernelInitializer)}'`] : []),
    ...(state === undefined ? [`recurrent weights initialized as in PyTorch, not with '${saying(recurrentInitializer)}'`] : []),
  ];
  const bias = useBias === false ? ', bias=False' : '';
  const ways = wrapped ? ', bidirectional=True' : '';
  return [{ code: `Steps(nn.${module}(${from}, ${literal(units)}${nonlinearity}${bias}, batch_first=True${ways}), ${options.join(', ')})`, notes }];
}

/** The layer inside of another, as if it stood where the other does. */
function inside(use: Use, shape: Use['shape']): Use | undefined {
  const { layer } = use.layer.config;
  if (!isInside(layer)) return undefined;
  const config = layer.config ?? {};
  return { ...use, layer: { ...layer, config }, shape, initializer: initializerOf(config.kernelInitializer) };
}

function bothWays(use: Use): readonly Made[] {
  const inner = inside(use, use.shape);
  const turned = layerCall(use.layer).options.some(([key]) => key === 'backwardLayer');
  if (!inner || turned) return [lack("PyTorch's two directions have the same options")];
  return finished(inner, recurrent(inner, { mergeMode: use.layer.config.mergeMode }));
}

function eachStep(use: Use): readonly Made[] {
  const inner = inside({ ...use, masked: false }, use.shape.slice(1));
  if (!inner) return [];
  const made = modulesOf(inner);
  const codes = made.flatMap(({ code }) => (code === '' ? [] : [code]));
  if (codes.length === 0) return made;
  return [{ code: `EachStep(${codes.length === 1 ? codes[0] : `nn.Sequential(${codes.join(', ')})`})`, notes: made.flatMap(({ notes }) => notes) }];
}

/** Standardized by the moments of the rows that enter it: those of training where they are at hand, else the first that it sees. */
function standardized({ layer, shape, origin }: Use): Noted {
  const { axis = -1, mean, variance } = layer.config;
  const [given, spread] = [sizes(mean ?? []), sizes(variance ?? [])];
  if (given.length > 0) {
    const scale = spread.map((one) => (one > 0 ? 1 / Math.sqrt(one) : 1));
    // One number stands for all features.
    const length = Math.max(given.length, spread.length);
    const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i] ?? 1;
    const offset = Array.from({ length }, (_, i) => -at(given, i) * at(scale, i));
    const numbers = (list: readonly number[]): string => literal(list.length === 1 ? list[0] : list);
    return { code: `Rescale(${numbers(scale)}, ${numbers(offset)})`, notes: [] };
  }
  const rank = shape.length + 1;
  const kept = axis === null ? -1 : (Number(axis) + rank) % rank;
  const dims = literal(Array.from({ length: rank }, (_, i) => i).filter((i) => i !== kept));
  if (origin !== undefined) return { code: `Standardize(${dims}, ${origin})`, notes: [] };
  return {
    code: `Standardize(${dims})`,
    notes: ['its mean and variance are taken from the first rows that it sees: call the model with all of them before training'],
  };
}

const learns = /Linear|Conv|Norm|Embedding|Steps|PReLU/;
/** What stands still in a frozen layer besides what it learns. */
const takesStatistics = /BatchNorm/;

/** What is said of the modules of a layer: options that they lack, and that it is frozen. */
function finished({ layer, shape }: Use, made: readonly Made[]): Noted[] {
  const { knows = [] } = table[layer.kind] ?? {};
  const missing = layerCall(layer).options.filter(([key]) => !knows.includes(key) && key !== 'trainable' && key !== 'name');
  const lacks = missing.map(([key, value]) =>
    /regularizer$/i.test(key) ? `add to the loss: ${key} ${saying(value)}` : `not written: ${key} ${saying(value)}`,
  );
  const modules = made.map((one): Noted => (typeof one === 'string' ? { code: one, notes: [] } : one));
  return modules.map(({ code, notes }, i): Noted => {
    const frozen = layer.trainable === false && !code.endsWith('.requires_grad_(False)');
    // A slope for each place, of which PyTorch knows channels alone.
    const places = code.startsWith('nn.PReLU(') && !code.startsWith('nn.PReLU(1,') && shape.length > 1;
    const still = frozen && takesStatistics.test(code) ? ['frozen: keep it in eval()'] : [];
    return {
      code: `${places ? `ChannelsLast(${code})` : code}${frozen && learns.test(code) ? '.requires_grad_(False)' : ''}`,
      notes: [...notes, ...still, ...(places ? ['one slope per channel, not per position'] : []), ...(i === 0 ? lacks : [])],
    };
  });
}

/** Kinds whose modules take any numbers. */
const takeAny: ReadonlySet<string> = new Set(['rescaling', 'normalization']);

/** What makes of numbers such as PyTorch's module takes: it computes with floats alone, and looks up 32 and 64 bits alone. */
function converted({ layer, dtypes: [dtype = 'float32'], keepsIntegers }: Use): Noted[] {
  const convert = (x: string): Noted[] => [{ code: `Apply(lambda x: ${x})`, notes: [] }];
  if (layer.kind === 'embedding') return dtype === 'int32' || dtype === 'int64' ? [] : convert('x.long()');
  return isFloat(dtype) || keepsIntegers || takeAny.has(layer.kind) ? [] : convert(asFloats('x'));
}

/** A use of a layer as modules, in their order; nothing but a comment where PyTorch has none. */
export function modulesOf(use: Use): Noted[] {
  const { layer } = use;
  const known = table[layer.kind];
  if (known) {
    const made = finished(use, known.modules(use));
    return made.some(({ code }) => code !== '') ? [...converted(use), ...made] : made;
  }
  const { leads, options } = layerCall(layer);
  const settings = [...leads.map(saying), ...options.map(([key, value]) => `${key}: ${saying(value)}`)].join(', ');
  return [lack(`PyTorch has no module '${layer.kind}'${settings === '' ? '' : ` (${settings})`}`)];
}

/** A loss, or whatever else is picked by name, in words. */
export const inWords = (option: string, value: unknown): string => saying(picked(option, value));
