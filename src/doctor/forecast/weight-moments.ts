import { asNonlinearity } from '../../activations.js';
import type { Described } from '../../core/catalogue.js';
import { Random } from '../../core/random.js';
import type { StaticShape } from '../../core/shape.js';
import { product } from '../../core/shape.js';
import { TRUNCATED_STD } from '../../initializers/scaled.js';
import { rectifierScale } from '../../initializers/suited.js';
import { computeFans, type FanAxes, type Initializer } from '../../initializers.js';
import { criticalPoint } from '../../theory/mean-field.js';
import { type Bends, Unknown } from './lookups.js';

/** What is known of one entry of an array when it is drawn. */
export interface WeightMoments {
  readonly mean: number;
  readonly square: number;
  /** Rows or columns are orthonormal, times a factor: lengths are kept, or cut by projection, as exactly as shapes allow. */
  readonly orthogonal?: true;
  /** Not drawn, so that theory of random weights says nothing of it. */
  readonly identity?: true;
  /** Every unit gets the same weights. */
  readonly symmetric?: true;
  /** The first fit scales the sums to variance 1. */
  readonly scaledByData?: true;
}

type Config = Readonly<Record<string, unknown>>;
/** @param own axes of an array whose layer counts by others than the last two. */
type Rule = (config: Config, shape: StaticShape, own?: FanAxes) => WeightMoments;

const number = (config: Config, key: string): number => Number(config[key]);
const constant = (value: number): WeightMoments => ({ mean: value, square: value ** 2, symmetric: true });
const centred = (square: number): WeightMoments => ({ mean: 0, square });

/** Variance of a standard normal cut at ±2. */
const TRUNCATED_VARIANCE = TRUNCATED_STD ** 2;

const fan = {
  fanIn: (shape: StaticShape, axes?: FanAxes) => computeFans(shape, axes).fanIn,
  fanOut: (shape: StaticShape, axes?: FanAxes) => computeFans(shape, axes).fanOut,
};
const fans: Readonly<Record<string, (shape: StaticShape, axes?: FanAxes) => number>> = {
  ...fan,
  fanAvg: (shape, axes) => (fan.fanIn(shape, axes) + fan.fanOut(shape, axes)) / 2,
};

const scaled =
  (scale: number, mode: string): Rule =>
  (_, shape, own) =>
    centred(scale / Math.max(1, fans[mode]?.(shape, own) ?? 1));

/** Entries of a matrix with orthonormal rows or columns: rows · columns entries hold min(rows, columns) of square. */
function orthogonal(gain: number, shape: StaticShape): WeightMoments {
  const columns = shape.at(-1) ?? 1;
  const rows = product(shape.slice(0, -1));
  return { mean: 0, square: gain ** 2 / Math.max(1, rows, columns), orthogonal: true };
}

/** Exact moments of initializers whose draws are known; others are sampled. */
const rules: Readonly<Record<string, Rule>> = {
  zeros: () => constant(0),
  ones: () => constant(1),
  constant: (config) => constant(number(config, 'value')),
  uniform: (config) => {
    const [low, high] = [number(config, 'minval'), number(config, 'maxval')];
    const mean = (low + high) / 2;
    return { mean, square: mean ** 2 + (high - low) ** 2 / 12, ...(low === high ? { symmetric: true } : {}) };
  },
  normal: (config) => {
    const [mean, deviation] = [number(config, 'mean'), number(config, 'stddev')];
    return { mean, square: mean ** 2 + deviation ** 2, ...(deviation === 0 ? { symmetric: true } : {}) };
  },
  truncatedNormal: (config) => {
    const [mean, deviation] = [number(config, 'mean'), number(config, 'stddev')];
    return { mean, square: mean ** 2 + deviation ** 2 * TRUNCATED_VARIANCE, ...(deviation === 0 ? { symmetric: true } : {}) };
  },
  varianceScaling: (config, shape, own) => {
    const given = { inputAxes: axes(config.inputAxes), outputAxes: axes(config.outputAxes) };
    const counted = given.inputAxes && given.outputAxes ? given : (own ?? given);
    return centred(number(config, 'scale') / Math.max(1, fans[String(config.mode)]?.(shape, counted) ?? 1));
  },
  glorotUniform: scaled(1, 'fanAvg'),
  glorotNormal: scaled(1, 'fanAvg'),
  heUniform: scaled(2, 'fanIn'),
  heNormal: scaled(2, 'fanIn'),
  lecunUniform: scaled(1, 'fanIn'),
  lecunNormal: scaled(1, 'fanIn'),
  identity: (config, shape) => {
    const gain = number(config, 'gain');
    const longest = Math.max(1, ...shape);
    return { mean: gain / longest, square: gain ** 2 / longest, identity: true };
  },
  orthogonal: (config, shape) => orthogonal(number(config, 'gain'), shape),
  deltaOrthogonal: (config, shape) => {
    const field = product(shape.slice(0, -2));
    const { square, ...rest } = orthogonal(number(config, 'gain'), shape.slice(-2));
    return { ...rest, square: square / field };
  },
  sparse: (config, shape) => {
    const inputs = product(shape.slice(0, -1));
    const kept = inputs - Math.ceil(number(config, 'sparsity') * inputs);
    return centred((kept / Math.max(1, inputs)) * number(config, 'stddev') ** 2);
  },
  lsuv: (_, shape) => ({ ...orthogonal(1, shape), scaledByData: true }),
};

function axes(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) ? value.map(Number) : undefined;
}

/** Entries of a sample from which moments are taken. */
const SAMPLED = 1 << 16;

/**
 * Moments of what an initializer draws for an array of this shape, in a layer of this activation: exact where the table's draws are known, else from
 * a sample of it. @param counted the layer's own fan, for what is drawn by it, and axes by which scaled draws count. @throws Unknown where neither table nor lookups know the initializer, or it refuses the shape.
 */
export function weightMoments(
  described: Described,
  shape: StaticShape,
  activation: Described | undefined,
  bends: Bends,
  counted: { readonly fanIn?: number | undefined; readonly axes?: FanAxes | undefined } = {},
): WeightMoments {
  const { name, config, custom } = described;
  const initializer = bends.initializer(described);
  const own = !custom;
  const { axes, fanIn = computeFans(shape, axes).fanIn } = counted;
  if (own && name === 'critical') return critical(config, shape, activation, bends, fanIn);
  if (own && name === 'auto') return auto(shape, activation, bends, axes);
  const rule = own ? rules[name] : undefined;
  if (rule) return rule(config, shape, axes);
  return sampled(initializer, shape, activation, bends);
}

/** Whether every unit gets the same weights, as far as it is known what draws them. */
export function isSymmetric(described: Described, shape: StaticShape, activation: Described | undefined, bends: Bends): boolean {
  try {
    return weightMoments(described, shape, activation, bends).symmetric === true;
  } catch (error) {
    if (error instanceof Unknown) return false;
    throw error;
  }
}

function critical(config: Config, shape: StaticShape, activation: Described | undefined, bends: Bends, fanIn: number): WeightMoments {
  const q = number(config, 'q');
  const { weightVariance, biasVariance } = criticalPoint(bends.of(activation ?? { name: 'linear', config: {} }).phi, q);
  if (!Number.isFinite(weightVariance) || biasVariance < 0)
    throw new Unknown(`'critical' has no weights for '${activation?.name ?? 'linear'}' at q = ${q}`);
  if (shape.length < 2) return centred(biasVariance);
  return { ...centred(weightVariance / Math.max(1, fanIn)), ...(config.distribution === 'orthogonal' ? { orthogonal: true } : {}) };
}

function auto(shape: StaticShape, activation: Described | undefined, bends: Bends, counted?: FanAxes): WeightMoments {
  if (shape.length < 2) return constant(0);
  const { initializer } = activation ? bends.activation(activation) : { initializer: 'glorotUniform' };
  if (initializer === 'heNormal' && activation) return scaled(rectifierScale(bends.of(activation).phi), 'fanIn')({}, shape, counted);
  const rule = rules[initializer];
  if (!rule) throw new Unknown(`'auto' uses '${initializer}', whose moments are unknown`);
  return rule({}, shape, counted);
}

function sampled(initializer: Initializer, shape: StaticShape, activation: Described | undefined, bends: Bends): WeightMoments {
  const drawing = activation && initializer.suit ? initializer.suit(asNonlinearity(bends.activation(activation))) : initializer;
  const random = new Random(0).stream('moments');
  const [units, fewest] = [shape.at(-1) ?? 1, 64];
  let [count, total, squares, alike] = [0, 0, 0, true];
  for (let draw = 0; draw < 16 && count < SAMPLED; draw++) {
    const values = drawing.sample(shape, random);
    for (const [i, x] of values.entries()) {
      total += x;
      squares += x * x;
      if (x !== values[i - (i % units)]) alike = false;
    }
    count += values.length;
    if (values.length === 0) break;
  }
  if (count === 0) return centred(0);
  const [mean, square] = [total / count, squares / count];
  const noise = Math.sqrt(square / count);
  const symmetric: Pick<WeightMoments, 'symmetric'> = alike && units > 1 ? { symmetric: true } : {};
  // A mean within its own error is 0.
  return { mean: count >= fewest && Math.abs(mean) < 3 * noise ? 0 : mean, square, ...symmetric };
}
