import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { showShape } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import { cast, equal, greaterOrEqual, reduceMax, reduceSum, unsqueeze } from '../graph/ops/index.js';
import { Layer, type LayerOptions } from '../network/layer.js';
import { checkOptions, isCount, type OptionCheck } from './options.js';

/** Layers that turn whole numbers into features, and numbers into whole numbers. */

const modes = ['oneHot', 'multiHot', 'count'] as const;
/** How a row of whole numbers becomes features. */
export type EncodingMode = (typeof modes)[number];

const isMode: OptionCheck = (value) => {
  const known = typeof value === 'string' && modes.some((mode) => mode.toLowerCase() === value.replace('_', '').toLowerCase());
  return known ? undefined : `must be 'oneHot', 'multiHot' or 'count', got ${show(value)}`;
};

export interface CategoryEncodingOptions extends LayerOptions {
  /** Number of categories: inputs are whole numbers in [0, numTokens), and the result has numTokens features. */
  readonly numTokens: number;
  /** `multiHot` (default): 1 for each number that occurs in the row; `count`: how often; `oneHot`: a row of features for each number. */
  readonly outputMode?: EncodingMode | 'one_hot' | 'multi_hot';
}

/** Features from rows of whole numbers [N, length]: [N, numTokens], or for `oneHot` [N, …, numTokens]. A number out of range counts for nothing. */
export class CategoryEncoding extends Layer {
  readonly kind = 'categoryEncoding';
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly numTokens: number;
  readonly outputMode: EncodingMode;

  constructor(options: CategoryEncodingOptions) {
    checkOptions('categoryEncoding', options, { numTokens: isCount, outputMode: isMode }, { numTokens: options?.numTokens ?? null });
    super(options);
    this.numTokens = options.numTokens;
    const wanted = (options.outputMode ?? 'multiHot').replace('_', '').toLowerCase();
    this.outputMode = modes.find((mode) => mode.toLowerCase() === wanted) ?? 'multiHot';
  }

  config() {
    return { numTokens: this.numTokens, outputMode: this.outputMode };
  }

  call([x]: readonly Tensor[]): Tensor {
    const tokens = constant(
      new NdArray(
        BigInt64Array.from({ length: this.numTokens }, (_, i) => BigInt(i)),
        [this.numTokens],
      ),
    );
    const source = x as Tensor;
    // A last axis of length 1 holds one number a row, as in Keras.
    const single = source.rank > 1 && source.shape.at(-1) === 1 && this.outputMode === 'oneHot';
    const hits = cast(equal(single ? cast(source, 'int64') : unsqueeze(cast(source, 'int64'), [source.rank]), tokens), 'float32');
    if (this.outputMode === 'oneHot') return hits;
    if (source.rank === 1) return hits;
    if (source.rank !== 2) throw new ShapeError(`'${this.outputMode}' takes rows of whole numbers, [N, length], got ${showShape(source.shape)}`);
    return this.outputMode === 'count' ? reduceSum(hits, { axes: [1] }) : reduceMax(hits, { axes: [1] });
  }
}

export interface DiscretizationOptions extends LayerOptions {
  /** Boundaries of the bins, in ascending order: [0, 1, 2] makes four of them, (−∞, 0), [0, 1), [1, 2), [2, ∞). */
  readonly binBoundaries: readonly number[];
}

/** The number of the bin that each number lies in: int64, of the input's shape. Nothing is learned through it. */
export class Discretization extends Layer {
  readonly kind = 'discretization';
  override readonly takes = 1;
  readonly binBoundaries: readonly number[];

  /** @throws ArgumentError unless the boundaries rise. */
  constructor(options: DiscretizationOptions) {
    const rising: OptionCheck = (value) =>
      Array.isArray(value) && value.length > 0 && value.every((one, i) => Number.isFinite(one) && (i === 0 || one > value[i - 1]))
        ? undefined
        : `must be a list of numbers in ascending order, got ${show(value)}`;
    checkOptions('discretization', options, { binBoundaries: rising }, { binBoundaries: options?.binBoundaries ?? null });
    super(options);
    this.binBoundaries = [...options.binBoundaries];
  }

  config() {
    return { binBoundaries: this.binBoundaries };
  }

  call([x]: readonly Tensor[]): Tensor {
    const source = x as Tensor;
    if (source.rank < 1) throw new ArgumentError('discretization takes arrays with a batch axis');
    const bounds = NdArray.zeros([this.binBoundaries.length], source.dtype === 'float64' ? 'float64' : 'float32');
    this.binBoundaries.forEach((bound, i) => {
      bounds.set(i, bound);
    });
    return reduceSum(cast(greaterOrEqual(unsqueeze(source, [source.rank]), constant(bounds)), 'int64'), { axes: [source.rank] });
  }
}
