import { product } from '../../core/shape.js';
import { cutOf } from '../../layers/convolution.js';
import { type Padding, padded } from '../../layers/windowing.js';
import { literal, type Noted } from './python.js';
import { bent } from './torch-activations.js';
import { drawn } from './torch-initializers.js';
import { initializerOf, type Use } from './translation.js';

type Dimensions = 1 | 2;

/** One size for each axis, told once or one by one. */
export const sizes = (value: unknown): readonly number[] => (Array.isArray(value) ? value.map(Number) : [Number(value)]);

/** Zeros before and after each side, the last side first, as PyTorch's padding takes them. */
export function edges(value: unknown, sign = 1): readonly number[] {
  const sides = Array.isArray(value) && value.some(Array.isArray) ? value : [value];
  return [...sides].reverse().flatMap((side) => sizes(side).map((size) => sign * size));
}

const isOne = (value: unknown): boolean => value === undefined || sizes(value).every((size) => size === 1);

/** Sizes of the kernel, and what of the windows is told as PyTorch's convolutions are. */
function windowsOf({ shape, layer: { config } }: Use) {
  const kernel = sizes(config.kernelSize);
  const each = (value: unknown): readonly number[] => kernel.map((_, axis) => sizes(value ?? 1)[axis] ?? 1);
  return {
    kernel,
    field: product(kernel),
    lengths: kernel.map((_, axis) => shape[axis] ?? 1),
    strides: each(config.strides),
    dilations: each(config.dilationRate),
    padding: String(config.padding ?? 'valid') as Padding,
    stepping: [
      ...(isOne(config.strides) ? [] : [`stride=${literal(config.strides)}`]),
      ...(isOne(config.dilationRate) ? [] : [`dilation=${literal(config.dilationRate)}`]),
    ],
    bias: config.useBias === false ? ['bias=False'] : [],
  };
}

type WindowsOf = ReturnType<typeof windowsOf>;

/** What each side gains, or loses, in a module of its own. */
const edged = (sides: readonly (readonly number[])[], dimensions: Dimensions): readonly string[] =>
  sides.flat().every((size) => size === 0) ? [] : [`nn.ConstantPad${dimensions}d(${literal(edges(sides))}, 0)`];

/** Zeros by which windows keep every place as Keras has them: a module before the convolution, or PyTorch's own where it has the same. */
function zeros(
  { kernel, lengths, strides, dilations, padding }: WindowsOf,
  dimensions: Dimensions,
): { before: readonly string[]; options: string[] } {
  if (padding === 'valid') return { before: [], options: [] };
  if (padding === 'same' && isOne(strides)) return { before: [], options: ['padding="same"'] };
  const none = kernel.map(() => 0);
  const { before, after } = padded(padding, lengths, { kernel, strides, dilations, before: none, after: none });
  return {
    before: edged(
      before.map((size, axis) => [size, after[axis] ?? 0]),
      dimensions,
    ),
    options: [],
  };
}

/** Modules in a row that want channels first. */
function channelsLast(modules: readonly (string | Noted)[]): Noted {
  const codes = modules.map((one) => (typeof one === 'string' ? one : one.code));
  const notes = modules.flatMap((one) => (typeof one === 'string' ? [] : one.notes));
  return { code: `ChannelsLast(${codes.length === 1 ? codes[0] : `nn.Sequential(${codes.join(', ')})`})`, notes };
}

const call = (module: string, dimensions: Dimensions, ...given: readonly unknown[]): string => `nn.${module}${dimensions}d(${given.join(', ')})`;

export function convolution(use: Use, dimensions: Dimensions): readonly Noted[] {
  const { from = 0, to, layer } = use;
  const { kernelSize, groups = 1, activation } = layer.config;
  const [at, filters] = [windowsOf(use), Number(layer.config.filters)];
  const { before, options } = zeros(at, dimensions);
  const parts = isOne(groups) ? [] : [`groups=${literal(groups)}`];
  const module = call('Conv', dimensions, from, filters, literal(kernelSize), ...options, ...at.stepping, ...parts, ...at.bias);
  const fans = { fanIn: (at.field * from) / Number(groups), fanOut: at.field * filters };
  return [channelsLast([...before, drawn(module, use, fans)]), ...bent(activation, to)];
}

/** Every channel by itself, and where there are filters its channels mixed at each place. */
export function depthwise(use: Use, dimensions: Dimensions): readonly Noted[] {
  const { from = 0, to, layer } = use;
  const { kernelSize, depthMultiplier = 1, filters, depthwiseInitializer, pointwiseInitializer, activation } = layer.config;
  const [at, inner] = [windowsOf(use), from * Number(depthMultiplier)];
  const { before, options } = zeros(at, dimensions);
  const mixes = filters !== undefined;
  const bias = mixes ? ['bias=False'] : at.bias;
  const module = call('Conv', dimensions, from, inner, literal(kernelSize), ...options, ...at.stepping, `groups=${from}`, ...bias);
  const each = drawn(
    module,
    { layer: mixes ? { ...layer, config: {} } : layer, initializer: initializerOf(depthwiseInitializer) },
    { fanIn: at.field * from, fanOut: at.field * Number(depthMultiplier) },
    { fanIn: at.field, fanOut: at.field * inner },
  );
  const mixing = { layer, initializer: initializerOf(pointwiseInitializer) };
  const mixed = mixes ? [drawn(call('Conv', dimensions, inner, filters, 1, ...at.bias), mixing, { fanIn: inner, fanOut: Number(filters) })] : [];
  return [channelsLast([...before, each, ...mixed]), ...bent(activation, to)];
}

/** PyTorch cuts off as much behind as before, less what it is told to add; the rest is cut by itself. */
export function transposed(use: Use, dimensions: Dimensions): readonly Noted[] {
  const { from = 0, to, layer } = use;
  const { kernelSize, outputPadding, activation } = layer.config;
  const [at, filters] = [windowsOf(use), Number(layer.config.filters)];
  const cuts = at.kernel.map((size, axis) => {
    const [stride = 1, dilation = 1] = [at.strides[axis], at.dilations[axis]];
    const extra = outputPadding === undefined ? undefined : sizes(outputPadding)[axis];
    return cutOf({ reach: (size - 1) * dilation + 1, stride, padding: at.padding, extra });
  });
  const told = (name: string, list: readonly number[]): readonly string[] => (list.some((size) => size > 0) ? [`${name}=${literal(list)}`] : []);
  const options = [
    ...at.stepping,
    ...told(
      'padding',
      cuts.map(({ before }) => before),
    ),
    ...told(
      'output_padding',
      cuts.map(({ before, after }) => Math.max(0, before - after)),
    ),
    ...at.bias,
  ];
  const rest = cuts.map(({ before, after }) => [0, Math.min(0, before - after)] as const);
  // PyTorch counts the fans of these as Keras does.
  const fans = { fanIn: at.field * filters, fanOut: at.field * from };
  const module = call('ConvTranspose', dimensions, from, filters, literal(kernelSize), ...options);
  return [channelsLast([drawn(module, use, fans), ...edged(rest, dimensions)]), ...bent(activation, to)];
}
