import { TRUNCATED_STD } from '../../initializers/scaled.js';
import { isDescribed } from '../../layers/registry.js';
import { saying } from './calls.js';
import { literal, type Noted } from './python.js';
import type { Initializer, Use } from './translation.js';

type Options = Readonly<Record<string, unknown>>;

interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

const fixed = (value: number): string => String(Number(value.toPrecision(6)));

/** Keras cuts at two standard deviations of what is drawn, which is wider than what is left. */
const cut = (mean: number, std: number): string =>
  `nn.init.trunc_normal_, mean=${fixed(mean)}, std=${fixed(std)}, a=${fixed(mean - 2 * std)}, b=${fixed(mean + 2 * std)}`;

const distributions: Readonly<Record<string, (std: number) => string>> = {
  truncatedNormal: (std) => cut(0, std / TRUNCATED_STD),
  untruncatedNormal: (std) => `nn.init.normal_, mean=0, std=${fixed(std)}`,
  uniform: (std) => `nn.init.uniform_, a=${fixed(-Math.sqrt(3) * std)}, b=${fixed(Math.sqrt(3) * std)}`,
};

const modes: Readonly<Record<string, (fans: Fans) => number>> = {
  fanIn: ({ fanIn }) => fanIn,
  fanOut: ({ fanOut }) => fanOut,
  fanAvg: ({ fanIn, fanOut }) => (fanIn + fanOut) / 2,
};

/** How PyTorch draws a kernel; kaiming's normal ones are not cut, and have the same variance. */
const draws: Readonly<Record<string, (options: Options, fans: Fans) => string | undefined>> = {
  heNormal: () => 'nn.init.kaiming_normal_, nonlinearity="relu"',
  heUniform: () => 'nn.init.kaiming_uniform_, nonlinearity="relu"',
  lecunNormal: () => 'nn.init.kaiming_normal_, nonlinearity="linear"',
  lecunUniform: () => 'nn.init.kaiming_uniform_, nonlinearity="linear"',
  glorotNormal: () => 'nn.init.xavier_normal_',
  glorotUniform: () => 'nn.init.xavier_uniform_',
  varianceScaling: ({ scale = 1, mode = 'fanIn', distribution = 'truncatedNormal' }, fans) =>
    distributions[String(distribution)]?.(Math.sqrt(Number(scale) / Math.max(1, modes[String(mode)]?.(fans) ?? 1))),
  orthogonal: ({ gain }) => `nn.init.orthogonal_${gain === undefined || gain === 1 ? '' : `, gain=${literal(gain)}`}`,
  identity: ({ gain }) => (gain === undefined || gain === 1 ? 'nn.init.eye_' : undefined),
  zeros: () => 'nn.init.zeros_',
  ones: () => 'nn.init.ones_',
  constant: ({ value }) => `nn.init.constant_, val=${literal(value ?? 0)}`,
  normal: ({ mean, stddev }) => `nn.init.normal_, mean=${literal(mean ?? 0)}, std=${literal(stddev ?? 0.05)}`,
  truncatedNormal: ({ mean, stddev }) => cut(Number(mean ?? 0), Number(stddev ?? 0.05)),
  uniform: ({ minval, maxval }) => `nn.init.uniform_, a=${literal(minval ?? -0.05)}, b=${literal(maxval ?? 0.05)}`,
};

/** Variance scaling that PyTorch has under a name of its own, by the fans that it counts. */
const scalings: Readonly<Record<string, { readonly scale: number; readonly mode: string; readonly distribution: string }>> = {
  heNormal: { scale: 2, mode: 'fanIn', distribution: 'truncatedNormal' },
  heUniform: { scale: 2, mode: 'fanIn', distribution: 'uniform' },
  lecunNormal: { scale: 1, mode: 'fanIn', distribution: 'truncatedNormal' },
  lecunUniform: { scale: 1, mode: 'fanIn', distribution: 'uniform' },
  glorotNormal: { scale: 1, mode: 'fanAvg', distribution: 'truncatedNormal' },
  glorotUniform: { scale: 1, mode: 'fanAvg', distribution: 'uniform' },
};

/**
 * How an initializer draws, as a function with what it is given; undefined where PyTorch has none such.
 * @param counted fans that PyTorch counts in its own layout of the array.
 */
export function drawOf(initializer: Initializer | undefined, fans: Fans, counted = fans): string | undefined {
  if (!initializer) return undefined;
  const { name, options } = initializer;
  const scaling = scalings[name];
  const fan = scaling && modes[scaling.mode];
  return fan && fan(fans) !== fan(counted) ? draws.varianceScaling?.(scaling, fans) : draws[name]?.(options, fans);
}

/** What biases start at, where all do at one number. */
const starts: Readonly<Record<string, (options: Options) => unknown>> = { zeros: () => 0, ones: () => 1, constant: ({ value }) => value ?? 0 };

/** A module whose weights are drawn as the layer's kernel is, and whose bias starts as the layer's does. */
export function drawn(module: string, { layer, initializer }: Pick<Use, 'layer' | 'initializer'>, fans: Fans, counted = fans): Noted {
  const draw = drawOf(initializer, fans, counted);
  const { biasInitializer = 'zeros' } = layer.config;
  const { name, config = {} } = isDescribed(biasInitializer) ? biasInitializer : { name: String(biasInitializer) };
  const start = starts[name]?.(config);
  const notes = [
    ...(draw === undefined ? [`initialized as in PyTorch, not with '${initializer?.name ?? 'auto'}'`] : []),
    ...(start === undefined || (draw === undefined && start !== 0) ? [`not written: biasInitializer ${saying(biasInitializer)}`] : []),
  ];
  const bias = start === undefined || start === 0 ? '' : `, bias=${literal(start)}`;
  const [init, ...options] = (draw ?? '').split(', ');
  return { code: draw === undefined ? module : `drawn(${[module, init, ...options].join(', ')}${bias})`, notes };
}
