import { maker, numberOption } from '../core/catalogue.js';
import type { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { comparing, ofDirections, ofHot, ofMargins, ofNumbers, ofShares } from './chance.js';
import { alignTarget, EPSILON, kind, type Loss, meanPerSample, type TargetKind } from './loss.js';

/** A loss of numbers compared one by one. */
const elementwise = (
  name: string,
  compare: (target: Tensor, output: Tensor) => Tensor,
  facts: Pick<Loss, 'takes' | 'compares' | 'chance' | 'apart' | 'grows'> = {},
) =>
  maker(kind, name, {}, () => ({
    targets: 'real' as TargetKind,
    ...facts,
    perSample: (target: Tensor, output: Tensor) => meanPerSample(compare(alignTarget(name, target, output), output)),
  }));

/** Labels 0 and 1 as −1 and 1; other labels stay, as in Keras, which looks at the whole batch. */
function signs(target: Tensor): Tensor {
  const binary = g.reduceMin(g.cast(g.or(g.equal(target, 0), g.equal(target, 1)), target.dtype));
  return g.add(target, g.mul(g.sub(target, 1), binary));
}

const shortfall = (target: Tensor, output: Tensor): Tensor => g.relu(g.sub(1, g.mul(signs(target), output)));

/** The same of numbers, of all targets. */
function signsOf(targets: ArrayLike<number>): ArrayLike<number> {
  for (let i = 0; i < targets.length; i++) if (targets[i] !== 0 && targets[i] !== 1) return targets;
  return Float64Array.from(targets, (target) => 2 * target - 1);
}

const bySigns = { read: signsOf, best: 'searched' } as const;
const logOf = (number: number): number => Math.log1p(Math.max(number, EPSILON));
/** Outputs below 0 count as none. */
const countsApart = (target: number, output: number): number => Math.max(output, 0) - target * Math.log(Math.max(output, 0) + EPSILON);

/** Rows of length 1 along the last axis; rows shorter than 1e-7 stay short, as in Keras. */
function direction(x: Tensor): Tensor {
  return g.div(x, g.sqrt(g.max(g.reduceSum(g.square(x), { axes: [-1], keepdims: true }), EPSILON ** 2)));
}

/** Cosines of the angles between rows of the last axis, averaged over the axes between it and the batch. */
export function cosines(owner: string, target: Tensor, output: Tensor): Tensor {
  const product = g.mul(direction(alignTarget(owner, target, output)), direction(output));
  return meanPerSample(g.reduceSum(product, { axes: [-1] }));
}

/** Losses of numbers against numbers. */
export const distances = {
  meanSquaredError: elementwise(
    'meanSquaredError',
    (target, output) => g.square(g.sub(output, target)),
    comparing((target, output) => (target - output) ** 2),
  ),

  meanAbsoluteError: elementwise('meanAbsoluteError', (target, output) => g.abs(g.sub(output, target)), {
    grows: 'linearly',
    ...comparing((target, output) => Math.abs(target - output), { best: 'searched' }),
  }),

  /** e² / 2 for errors up to `delta`, delta · (|e| − delta / 2) beyond; Huber, "Robust estimation of a location parameter", 1964. */
  huber: maker(kind, 'huber', { delta: numberOption(1, { above: 0 }) }, ({ delta }) => ({
    targets: 'real' as TargetKind,
    grows: 'linearly' as const,
    ...comparing(
      (target, output) => {
        const size = Math.abs(target - output);
        const near = Math.min(size, delta);
        return near ** 2 / 2 + (size - near) * delta;
      },
      { best: 'searched' },
    ),
    perSample(target: Tensor, output: Tensor) {
      const size = g.abs(g.sub(output, alignTarget('huber', target, output)));
      const near = g.min(size, delta);
      return meanPerSample(g.add(g.mul(g.square(near), 0.5), g.mul(g.sub(size, near), delta)));
    },
  })),

  /** 100 |e| / |t|, |t| at least 1e-7. */
  meanAbsolutePercentageError: elementwise(
    'meanAbsolutePercentageError',
    (target, output) => g.mul(g.div(g.abs(g.sub(target, output)), g.max(g.abs(target), EPSILON)), 100),
    {
      grows: 'linearly',
      chance: ofNumbers((target, output) => (100 * Math.abs(target - output)) / Math.max(Math.abs(target), EPSILON), { best: 'searched' }),
    },
  ),

  /** (log(1 + y) − log(1 + t))²; both count as 1e-7 at least. */
  meanSquaredLogarithmicError: elementwise(
    'meanSquaredLogarithmicError',
    (target, output) => g.square(g.sub(g.log(g.add(g.max(output, EPSILON), 1)), g.log(g.add(g.max(target, EPSILON), 1)))),
    { chance: ofNumbers((target, output) => (logOf(target) - logOf(output)) ** 2, { best: 'searched' }) },
  ),

  /** log cosh e: e² / 2 near 0, |e| − log 2 far from it. */
  logCosh: elementwise(
    'logCosh',
    (target, output) => {
      const error = g.sub(output, target);
      return g.sub(g.add(error, g.softplus(g.mul(error, -2))), Math.LN2);
    },
    {
      grows: 'linearly',
      ...comparing(
        (target, output) => {
          const size = Math.abs(target - output);
          return size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
        },
        { best: 'searched' },
      ),
    },
  ),

  /** y − t log y, for counts: the Poisson distribution's −log p but for a constant. */
  poisson: elementwise('poisson', (target, output) => g.sub(output, g.mul(target, g.log(g.add(output, EPSILON)))), {
    takes: { from: 0, to: Number.POSITIVE_INFINITY },
    ...comparing(countsApart, { least: countsApart, undecided: null }),
  }),

  /** max(0, 1 − t y) for labels −1 and 1; 0 and 1 are read as such. */
  hinge: elementwise('hinge', shortfall, {
    compares: 'signs',
    grows: 'linearly',
    chance: ofNumbers((target, output) => Math.max(0, 1 - target * output), bySigns),
  }),

  /** max(0, 1 − t y)² for labels −1 and 1; 0 and 1 are read as such. */
  squaredHinge: elementwise('squaredHinge', (target, output) => g.square(shortfall(target, output)), {
    compares: 'signs',
    chance: ofNumbers((target, output) => Math.max(0, 1 - target * output) ** 2, bySigns),
  }),

  /** max(0, 1 + the highest score of a wrong class − the right one's), targets one-hot. */
  categoricalHinge: maker(kind, 'categoricalHinge', {}, () => ({
    targets: 'oneHot' as TargetKind,
    grows: 'linearly' as const,
    chance: ofHot(ofMargins),
    perSample(target: Tensor, output: Tensor) {
      const t = alignTarget('categoricalHinge', target, output);
      const right = g.reduceSum(g.mul(t, output), { axes: [-1] });
      const wrong = g.reduceMax(g.mul(g.sub(1, t), output), { axes: [-1] });
      return meanPerSample(g.relu(g.add(g.sub(wrong, right), 1)));
    },
  })),

  /** Σ t log(t / p) over the last axis, both kept in [1e-7, 1]; Kullback and Leibler, 1951. */
  klDivergence: maker(kind, 'klDivergence', {}, () => ({
    targets: 'real' as TargetKind,
    chance: ofShares(0, true),
    perSample(target: Tensor, output: Tensor) {
      const t = g.clip(alignTarget('klDivergence', target, output), EPSILON, 1);
      const p = g.clip(output, EPSILON, 1);
      return meanPerSample(g.reduceSum(g.mul(t, g.sub(g.log(t), g.log(p))), { axes: [-1] }));
    },
  })),

  /** Minus the cosine of the angle between target and output along the last axis: −1 for one direction, 0 at right angles, 1 for opposites. */
  cosineSimilarity: maker(kind, 'cosineSimilarity', {}, () => ({
    targets: 'real' as TargetKind,
    compares: 'directions' as const,
    chance: ofDirections,
    perSample: (target: Tensor, output: Tensor) => g.neg(cosines('cosineSimilarity', target, output)),
  })),
};
