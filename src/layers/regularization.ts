import type { Tensor } from '../graph/node.js';
import { cast, greaterOrEqual, mul } from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { checkOptions, isNumber } from './options.js';

const isRate = isNumber(0, 1, 'high');

/** Sets a share `rate` of its inputs to 0 while training and scales the others by 1/(1 − rate) (Srivastava 2014). */
export class Dropout extends Layer {
  readonly kind = 'dropout';
  override readonly takes = 1;
  readonly rate: number;

  constructor(rate: number, options: LayerOptions = {}) {
    checkOptions('dropout', { ...options, rate: rate ?? null }, { rate: isRate });
    super(options);
    this.rate = rate;
  }

  config() {
    return { rate: this.rate };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    const tensor = x as Tensor;
    if (!context.training || this.rate === 0) return tensor;
    const kept = cast(greaterOrEqual(context.uniform(tensor, 0, 1), this.rate), tensor.dtype);
    return mul(tensor, mul(kept, 1 / (1 - this.rate)));
  }
}
