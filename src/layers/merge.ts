import { ShapeError } from '../core/errors.js';
import { normalizeAxis, showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { add, concat } from '../graph/ops/index.js';
import { Layer, type LayerOptions } from '../network/layer.js';
import { checkOptions, isWhole } from './options.js';

function several(inputs: readonly Tensor[]): void {
  if (inputs.length < 2)
    throw new ShapeError(`merges at least two inputs, got ${inputs.length}; apply it to a list: .apply([a, b])`, {
      expected: 2,
      received: inputs.length,
    });
}

/** Sum of its inputs: a skip connection. Shapes must be equal or broadcast. */
export class Add extends Layer {
  readonly kind = 'add';

  constructor(options: LayerOptions = {}) {
    checkOptions('add', { ...options }, {});
    super(options);
  }

  config() {
    return {};
  }

  call(inputs: readonly Tensor[]): Tensor {
    several(inputs);
    return inputs.reduce((sum, next) => add(sum, next));
  }
}

export interface ConcatenateOptions extends LayerOptions {
  /** Axis to join along; default the last. */
  readonly axis?: number;
}

/** Its inputs joined along an axis. */
export class Concatenate extends Layer {
  readonly kind = 'concatenate';
  readonly axis: number;

  constructor(options: ConcatenateOptions = {}) {
    checkOptions('concatenate', { ...options }, { axis: isWhole });
    super(options);
    this.axis = options.axis ?? -1;
  }

  config() {
    return { axis: this.axis };
  }

  call(inputs: readonly Tensor[]): Tensor {
    several(inputs);
    const axis = normalizeAxis(this.axis, inputs[0]?.rank ?? 0);
    if (axis === 0) throw new ShapeError(`cannot join along the batch axis of ${inputs.map((x) => showShape(x.shape)).join(' and ')}`);
    return concat(inputs, axis);
  }
}
