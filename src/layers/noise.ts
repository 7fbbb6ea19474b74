import type { Tensor } from '../graph/node.js';
import { add, cast, cos, greaterOrEqual, log, mul, SELU_ALPHA, SELU_LAMBDA, slice, sqrt, sub } from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { checkOptions, isNumber } from './options.js';
import { imageOf } from './windowing.js';

const isRate = isNumber(0, 1, 'high');

/** A layer that draws random numbers while training and passes its input on otherwise. */
abstract class Noise extends Layer {
  override readonly role = 'noise';
  override readonly takes = 1;

  override get repeatable(): boolean {
    return true;
  }

  /** Whether there is anything to draw. */
  protected abstract readonly active: boolean;
  protected abstract disturb(x: Tensor, context: LayerContext): Tensor;

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    return context.training && this.active ? this.disturb(x as Tensor, context) : (x as Tensor);
  }
}

/** Noise that takes a share of what it is given. */
abstract class ShareNoise extends Noise {
  readonly rate: number;

  constructor(kind: string, rate: number, options: LayerOptions) {
    checkOptions(kind, options, { rate: isRate }, { rate: rate ?? null });
    super(options);
    this.rate = rate;
  }

  config() {
    return { rate: this.rate };
  }

  protected get active(): boolean {
    return this.rate > 0;
  }
}

/** 1 where an element stays, 0 where it falls, with probability `rate`. */
function mask(x: Tensor, rate: number, context: LayerContext): Tensor {
  return cast(greaterOrEqual(context.uniform(x, 0, 1), rate), x.dtype);
}

/** Standard normal numbers from two uniform ones each: Box and Muller, "A note on the generation of random normal deviates", 1958. */
function normal(x: Tensor, context: LayerContext): Tensor {
  // 1 − u is never 0.
  const radius = sqrt(mul(log(sub(1, context.uniform(x, 0, 1))), -2));
  return mul(radius, cos(mul(context.uniform(x, 0, 1), 2 * Math.PI)));
}

/** Sets a share `rate` of its inputs to 0 while training and scales the others by 1/(1 − rate) (Srivastava 2014). */
export class Dropout extends ShareNoise {
  readonly kind = 'dropout';

  constructor(rate: number, options: LayerOptions = {}) {
    super('dropout', rate, options);
  }

  protected disturb(x: Tensor, context: LayerContext): Tensor {
    return mul(x, mul(mask(x, this.rate, context), 1 / (1 - this.rate)));
  }
}

/** Sets a share `rate` of its channels to 0 while training, whole, and scales the others by 1/(1 − rate): neighbours are too alike to be dropped alone. */
export class SpatialDropout extends ShareNoise {
  readonly kind: string;
  readonly rank: 1 | 2;

  constructor(rank: 1 | 2, rate: number, options: LayerOptions = {}) {
    const kind = `spatialDropout${rank}d`;
    super(kind, rate, options);
    this.kind = kind;
    this.rank = rank;
  }

  protected disturb(input: Tensor, context: LayerContext): Tensor {
    const { x, lengths } = imageOf(input, this.rank);
    const one = lengths.reduce((y, _, axis) => slice(y, { axis: axis + 1, start: 0, end: 1 }), x);
    return mul(x, mul(mask(one, this.rate, context), 1 / (1 - this.rate)));
  }
}

/** What SELU gives for −∞: where alpha dropout sends what falls. */
const FALLEN = -SELU_LAMBDA * SELU_ALPHA;

/**
 * Dropout that keeps mean 0 and variance 1, for SELU: a share `rate` falls to −λα, and a line brings mean and variance back.
 * Klambauer et al., "Self-normalizing neural networks", 2017, section 3.
 */
export class AlphaDropout extends ShareNoise {
  readonly kind = 'alphaDropout';

  constructor(rate: number, options: LayerOptions = {}) {
    super('alphaDropout', rate, options);
  }

  protected disturb(x: Tensor, context: LayerContext): Tensor {
    const { rate } = this;
    const slope = ((1 - rate) * (1 + rate * FALLEN ** 2)) ** -0.5;
    const kept = mask(x, rate, context);
    // slope · (x·kept + FALLEN·(1 − kept)) − slope · FALLEN · rate.
    return add(mul(mul(sub(x, FALLEN), kept), slope), slope * FALLEN * (1 - rate));
  }
}

/** Adds normal noise of mean 0 and deviation `stddev` while training. */
export class GaussianNoise extends Noise {
  readonly kind = 'gaussianNoise';
  readonly stddev: number;

  constructor(stddev: number, options: LayerOptions = {}) {
    checkOptions('gaussianNoise', options, { stddev: isNumber(0, Number.MAX_VALUE) }, { stddev: stddev ?? null });
    super(options);
    this.stddev = stddev;
  }

  config() {
    return { stddev: this.stddev };
  }

  protected get active(): boolean {
    return this.stddev > 0;
  }

  protected disturb(x: Tensor, context: LayerContext): Tensor {
    return add(x, mul(normal(x, context), this.stddev));
  }
}

/** Multiplies by normal noise of mean 1 and variance rate / (1 − rate) while training (Srivastava 2014, section 10). */
export class GaussianDropout extends ShareNoise {
  readonly kind = 'gaussianDropout';

  constructor(rate: number, options: LayerOptions = {}) {
    super('gaussianDropout', rate, options);
  }

  protected disturb(x: Tensor, context: LayerContext): Tensor {
    return mul(x, add(mul(normal(x, context), Math.sqrt(this.rate / (1 - this.rate))), 1));
  }
}
