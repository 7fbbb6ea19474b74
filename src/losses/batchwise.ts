import { axesOption, flagOption, maker, numberOption } from '../core/catalogue.js';
import { ShapeError } from '../core/errors.js';
import { showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { alignTarget, EPSILON, kind, meanPerSample, type TargetKind } from './loss.js';

interface Overlap {
  /** Σ t y. */
  readonly both: Tensor;
  /** Σ t. */
  readonly wanted: Tensor;
  /** Σ y. */
  readonly given: Tensor;
}

/** A loss of sums over a batch, every row of which then counts the same, or over `axis` (the batch's not among them). */
function overlapLoss(owner: string, axis: readonly number[] | undefined, loss: (overlap: Overlap) => Tensor) {
  return {
    targets: 'real' as TargetKind,
    batchwise: axis === undefined,
    perSample(target: Tensor, output: Tensor): Tensor {
      const t = alignTarget(owner, target, output);
      const sum = (x: Tensor): Tensor => g.reduceSum(x, axis ? { axes: axis } : {});
      const value = loss({ both: sum(g.mul(t, output)), wanted: sum(t), given: sum(output) });
      if (axis === undefined) return g.expandLike(g.reshape(value, [1]), output.rank < 2 ? output : rowSums(output));
      if (value.shape[0] !== output.shape[0]) {
        throw new ShapeError(`${owner}: axis [${axis}] must not include the batch axis of outputs ${showShape(output.shape)}`, {
          argument: 'axis',
          received: axis,
        });
      }
      return meanPerSample(value);
    },
  };
}

function rowSums(x: Tensor): Tensor {
  return g.reduceSum(x, { axes: x.shape.slice(1).map((_, i) => i + 1) });
}

function embeddings(owner: string, target: Tensor, output: Tensor): Tensor {
  const groups = target.rank === 2 && target.shape[1] === 1 ? g.squeeze(target, [1]) : target;
  if (output.rank === 2 && groups.rank === 1) return groups;
  throw new ShapeError(
    `${owner} needs one embedding per row, outputs [N, width], and one label per row, targets [N]; got ${showShape(output.shape)} and ${showShape(target.shape)}`,
    { argument: 'target', received: target.shape },
  );
}

/** What stands for −∞ among exponents: its own slope is 0, not NaN. */
const NEVER = -1e9;

/** Losses that compare more than one row or place at a time. */
export const batchwiseLosses = {
  /** 1 − 2 Σ t y / (Σ t + Σ y), summed over the batch or over `axis`; Dice, 1945. */
  dice: maker(kind, 'dice', { axis: axesOption() }, ({ axis }) =>
    overlapLoss('dice', axis, ({ both, wanted, given }) => g.sub(1, g.div(g.mul(both, 2), g.add(g.add(wanted, given), EPSILON)))),
  ),

  /**
   * 1 − Σ t y / (Σ t y + `alpha` Σ t (1 − y) + `beta` Σ (1 − t) y), summed over the batch or over `axis`, weighted as in Keras: `alpha` is the
   * weight of what was missed, `beta` that of false alarms. Salehi et al., 2017.
   */
  tversky: maker(
    kind,
    'tversky',
    { alpha: numberOption(0.5, { from: 0 }), beta: numberOption(0.5, { from: 0 }), axis: axesOption() },
    ({ alpha, beta, axis }) =>
      overlapLoss('tversky', axis, ({ both, wanted, given }) => {
        const errors = g.add(g.mul(g.sub(wanted, both), alpha), g.mul(g.sub(given, both), beta));
        return g.sub(1, g.div(both, g.add(g.add(both, errors), EPSILON)));
      }),
  ),

  /**
   * Draws embeddings (outputs [N, width] of length 1) of equal labels together and others apart, over all pairs of a batch; the mean is over
   * all rows. Sun et al., "Circle loss", 2020.
   */
  circle: maker(
    kind,
    'circle',
    { gamma: numberOption(80, { above: 0 }), margin: numberOption(0.4, { from: 0, to: 1 }), removeDiagonal: flagOption(true) },
    ({ gamma, margin, removeDiagonal }) => ({
      targets: 'groups' as TargetKind,
      batchwise: true,
      perSample(target: Tensor, output: Tensor) {
        const groups = embeddings('circle', target, output);
        const pairs = (rows: Tensor): Tensor => g.equal(g.unsqueeze(rows, [1]), g.unsqueeze(rows, [0]));
        const same = pairs(g.cast(groups, 'int64'));
        const other = removeDiagonal ? g.and(same, g.not(pairs(g.range(g.reshape(g.dimOf(groups, 0), []), groups.shape[0])))) : same;
        const distance = g.relu(g.sub(1, g.matMul(output, g.transpose(output))));
        const near = g.mul(g.mul(g.add(distance, margin), g.sub(distance, margin)), gamma);
        const far = g.mul(g.mul(g.relu(g.sub(1 + margin, distance)), g.sub(1 - margin, distance)), gamma);
        const over = (mask: Tensor, terms: Tensor): Tensor => g.reduceLogSumExp(g.where(mask, terms, NEVER), { axes: [1] });
        return g.softplus(g.add(over(other, near), over(g.not(same), far)));
      },
    }),
  ),
};
