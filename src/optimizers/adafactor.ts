import { flagOption, maker, numberOption } from '../core/catalogue.js';
import type { StaticShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { base, common, decayed, kind, type Rule, slot, type UpdateContext } from './optimizer.js';

/** Least size of a parameter's root mean square that steps go by, and a bound on the update's. */
interface Limits {
  readonly epsilon1: number;
  readonly epsilon2: number;
  readonly clipThreshold: number;
}

const meanSquare = (x: Tensor): Tensor => g.reduceMean(g.square(x));

/**
 * Steps as long as the parameter's own root mean square; the second moment of a matrix from those of its rows and columns, so that it costs no
 * memory. Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.
 */
export const adafactor = maker(
  kind,
  'adafactor',
  {
    ...common(0.001),
    beta2Decay: numberOption(-0.8, { below: 0 }),
    epsilon1: numberOption(1e-30, { above: 0 }),
    epsilon2: numberOption(1e-3, { from: 0 }),
    clipThreshold: numberOption(1, { above: 0 }),
    relativeStep: flagOption(true),
  },
  ({ beta2Decay, epsilon1, epsilon2, clipThreshold, relativeStep, ...settings }): Rule => {
    const bare = base(settings);
    const limits = { epsilon1, epsilon2, clipThreshold };
    // Keras takes a schedule as it is.
    const bounded = relativeStep && typeof settings.learningRate === 'number';
    return {
      ...bare,
      linear: false,
      wholeArrays: true,
      slots: ['r', 'c', 'v'],
      slotShape: (name, shape) => slotShapes(shape)[name],
      update(context) {
        const { step, learningRate } = context;
        const decay = g.sub(1, g.pow(step, beta2Decay));
        const limit = g.div(1, g.sqrt(step));
        const rate = g.min(bounded ? g.min(learningRate, limit) : learningRate, limit);
        return change({ ...context, learningRate: rate }, decay, limits, decayed(context, bare.weightDecay));
      },
    };
  },
);

/** Of a matrix [..., rows, columns] one number a row and one a column; of a vector one an element. */
function slotShapes(shape: StaticShape): Readonly<Record<string, StaticShape>> {
  return shape.length < 2 ? { v: shape } : { r: shape.slice(0, -1), c: [...shape.slice(0, -2), shape.at(-1) ?? 1] };
}

function change(context: UpdateContext, decay: Tensor, { epsilon1, epsilon2, clipThreshold }: Limits, parameter: Tensor) {
  const { gradient, learningRate } = context;
  const square = g.add(g.square(gradient), epsilon1);
  const mean = (name: string, next: Tensor): Tensor => g.add(g.mul(slot(context, name), decay), g.mul(next, g.sub(1, decay)));
  const { rank } = gradient;
  let slots: Record<string, Tensor>;
  let second: Tensor;
  if (rank < 2) {
    second = mean('v', square);
    slots = { v: second };
  } else {
    const r = mean('r', g.reduceMean(square, { axes: [rank - 1] }));
    const c = mean('c', g.reduceMean(square, { axes: [rank - 2] }));
    const share = g.div(r, g.reduceMean(r, { axes: [rank - 2], keepdims: true }));
    second = g.mul(g.unsqueeze(share, [rank - 1]), g.unsqueeze(c, [rank - 2]));
    slots = { r, c };
  }
  const direction = g.div(gradient, g.sqrt(second));
  const length = g.max(g.sqrt(meanSquare(parameter)), epsilon2);
  const excess = g.max(g.div(g.sqrt(meanSquare(direction)), clipThreshold), 1);
  return { parameter: g.sub(parameter, g.mul(direction, g.div(g.mul(length, learningRate), excess))), slots };
}
