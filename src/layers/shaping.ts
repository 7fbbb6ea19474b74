import { countOf } from '../core/count.js';
import { ShapeError, show } from '../core/errors.js';
import { showShape, sizeOf } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { cast, concat, gather, reshape, transpose, unsqueeze } from '../graph/ops/index.js';
import { BATCH, Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { checkOptions, isBoolean, isCount, type OptionCheck } from './options.js';
import { describeWeight, readWeight, type WeightOptions, type WeightSettings, weightChecks } from './weight-options.js';

/** Lengths of all axes but the batch's. @throws ShapeError if one is not known. */
function knownLengths(x: Tensor): number[] {
  return x.shape.slice(1).map((dim) => {
    if (typeof dim !== 'number') throw new ShapeError(`needs known lengths for all axes but the batch's, got ${showShape(x.shape)}`);
    return dim;
  });
}

/** All axes but the batch's in one. */
export class Flatten extends Layer {
  readonly kind = 'flatten';
  override readonly role = 'shape';
  override readonly takes = 1;
  override readonly keepsIntegers = true;

  constructor(options: LayerOptions = {}) {
    checkOptions('flatten', options, {});
    super(options);
  }

  config() {
    return {};
  }

  call([x]: readonly Tensor[]): Tensor {
    return reshape(x as Tensor, [x?.shape[0] ?? BATCH, sizeOf(knownLengths(x as Tensor))]);
  }
}

const isTarget: OptionCheck = (value) => {
  const fits =
    Array.isArray(value) && value.every((dim) => Number.isInteger(dim) && (dim >= 1 || dim === -1)) && value.filter((dim) => dim === -1).length <= 1;
  return fits ? undefined : `must be a list of lengths ≥ 1, one of which may be -1, got ${show(value)}`;
};

/** The same numbers in another shape (of one instance, without the batch axis); one length may be -1: what is left. */
export class Reshape extends Layer {
  readonly kind = 'reshape';
  override readonly role = 'shape';
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly targetShape: readonly number[];

  constructor(targetShape: readonly number[], options: LayerOptions = {}) {
    checkOptions('reshape', options, { targetShape: isTarget }, { targetShape: targetShape ?? null });
    super(options);
    this.targetShape = [...targetShape];
  }

  config() {
    return { targetShape: this.targetShape };
  }

  call([x]: readonly Tensor[]): Tensor {
    const size = sizeOf(knownLengths(x as Tensor));
    const fixed = this.targetShape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
    const shape = this.targetShape.map((dim) => (dim === -1 ? size / fixed : dim));
    if (!shape.every(Number.isInteger) || sizeOf(shape) !== size) {
      throw new ShapeError(`cannot turn ${countOf(size, 'number')} into the shape ${showShape(this.targetShape)}`, {
        expected: this.targetShape,
        received: x?.shape,
      });
    }
    return reshape(x as Tensor, [x?.shape[0] ?? BATCH, ...shape]);
  }
}

const isPermutation: OptionCheck = (value) => {
  const fits = Array.isArray(value) && value.length > 0 && [...value].sort((a, b) => a - b).every((axis, i) => axis === i + 1);
  return fits ? undefined : `must contain each axis exactly once, counted from 1 (the first after the batch's), such as [2, 1], got ${show(value)}`;
};

/** Axes in another order; they count from 1, since the batch stays first. */
export class Permute extends Layer {
  readonly kind = 'permute';
  override readonly role = 'shape';
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly dims: readonly number[];

  constructor(dims: readonly number[], options: LayerOptions = {}) {
    checkOptions('permute', options, { dims: isPermutation }, { dims: dims ?? null });
    super(options);
    this.dims = [...dims];
  }

  config() {
    return { dims: this.dims };
  }

  call([x]: readonly Tensor[]): Tensor {
    if (x?.rank !== this.dims.length + 1) {
      throw new ShapeError(`permutes ${countOf(this.dims.length, 'axis', 'axes')} after the batch's, got ${showShape(x?.shape ?? [])}`, {
        expected: this.dims.length + 1,
        received: x?.rank,
      });
    }
    return transpose(x, [0, ...this.dims]);
  }
}

/** Each row [features] n times: [n, features]. */
export class RepeatVector extends Layer {
  readonly kind = 'repeatVector';
  override readonly role = 'shape';
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly n: number;

  constructor(n: number, options: LayerOptions = {}) {
    checkOptions('repeatVector', options, { n: isCount }, { n: n ?? null });
    super(options);
    this.n = n;
  }

  config() {
    return { n: this.n };
  }

  call([x]: readonly Tensor[]): Tensor {
    if (x?.rank !== 2) throw new ShapeError(`takes rows of features, [N, features], got ${showShape(x?.shape ?? [])}`, { received: x?.shape });
    return concat(new Array<Tensor>(this.n).fill(unsqueeze(x, [1])), 1);
  }
}

/** `embeddingsInitializer` is uniform in ±0.05 unless given. */
export interface EmbeddingOptions extends LayerOptions, WeightOptions<'embeddings'> {
  /** Treat index 0 as padding, which later layers skip; default false. */
  readonly maskZero?: boolean;
}

/** A learned vector for each whole number in [0, inputDim): [N, …] becomes [N, …, outputDim]. Data with other numbers are refused where they come from an input as they are, flattened or joined at most. */
export class Embedding extends Layer {
  readonly kind = 'embedding';
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly inputDim: number;
  readonly outputDim: number;
  readonly embeddings: WeightSettings;
  readonly maskZero: boolean;

  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    const checks = { inputDim: isCount, outputDim: isCount, maskZero: isBoolean, ...weightChecks('embeddings') };
    checkOptions('embedding', options, checks, { inputDim: inputDim ?? null, outputDim: outputDim ?? null });
    super(options);
    this.inputDim = inputDim;
    this.outputDim = outputDim;
    this.embeddings = readWeight('embeddings', options, 'uniform');
    this.maskZero = options.maskZero ?? false;
  }

  config() {
    return { inputDim: this.inputDim, outputDim: this.outputDim, maskZero: this.maskZero, ...describeWeight('embeddings', this.embeddings) };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    const table = context.parameter('embeddings', { shape: [this.inputDim, this.outputDim], ...this.embeddings });
    return gather(table, cast(x as Tensor, 'int64'));
  }

  override mask([x]: readonly Tensor[]): Tensor | undefined {
    return this.maskZero ? cast(cast(x as Tensor, 'int64'), 'bool') : undefined;
  }
}
