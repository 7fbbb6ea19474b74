import { flagOption, maker, numberOption } from '../core/catalogue.js';
import { scalar, type Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { base, common, decayed, decayedSum, kind, type Rule, slot } from './optimizer.js';

/**
 * g / √(v + ε) with v = ρv + (1 − ρ)g², less the mean's square where `centered`; Tieleman and Hinton, lecture 6.5, 2012.
 * Kept as V = v / (1 − ρ), which saves a pass over memory.
 */
export const rmsprop = maker(
  kind,
  'rmsprop',
  {
    ...common(0.001),
    rho: numberOption(0.9, { from: 0, below: 1 }),
    momentum: numberOption(0, { from: 0, below: 1 }),
    epsilon: numberOption(1e-7, { above: 0 }),
    centered: flagOption(false),
  },
  ({ rho, momentum, epsilon, centered, ...settings }): Rule => {
    const bare = base(settings);
    return {
      ...bare,
      linear: false,
      slots: ['squares', ...(centered ? ['mean'] : []), ...(momentum > 0 ? ['velocity'] : [])],
      update(context) {
        const { gradient, learningRate } = context;
        const squares = decayedSum(slot(context, 'squares'), rho, g.square(gradient));
        const mean = centered ? decayedSum(slot(context, 'mean'), rho, gradient) : undefined;
        const spread = mean ? g.sub(squares, g.mul(g.square(mean), 1 - rho)) : squares;
        const scale = g.mul(learningRate, 1 / Math.sqrt(1 - rho));
        const change = g.div(g.mul(gradient, scale), g.sqrt(g.add(spread, epsilon / (1 - rho))));
        const velocity = momentum > 0 ? g.add(g.mul(slot(context, 'velocity'), momentum), change) : undefined;
        return {
          parameter: g.sub(decayed(context, bare.weightDecay), velocity ?? change),
          slots: { squares, ...(mean ? { mean } : {}), ...(velocity ? { velocity } : {}) },
        };
      },
    };
  },
);

/** g / √(Σ g² + ε); Duchi et al., "Adaptive subgradient methods", 2011. */
export const adagrad = maker(
  kind,
  'adagrad',
  { ...common(0.001), initialAccumulatorValue: numberOption(0.1, { from: 0 }), epsilon: numberOption(1e-7, { above: 0 }) },
  ({ initialAccumulatorValue, epsilon, ...settings }): Rule => {
    const bare = base(settings);
    return {
      ...bare,
      linear: false,
      slots: ['squares'],
      slotStarts: { squares: initialAccumulatorValue },
      update(context) {
        const squares = g.add(slot(context, 'squares'), g.square(context.gradient));
        const change = g.div(g.mul(context.gradient, context.learningRate), g.sqrt(g.add(squares, epsilon)));
        return { parameter: g.sub(decayed(context, bare.weightDecay), change), slots: { squares } };
      },
    };
  },
);

/** g · √(d + ε) / √(v + ε), with v and d the decaying means of g² and of the squared changes; Zeiler, "ADADELTA", 2012. */
export const adadelta = maker(
  kind,
  'adadelta',
  { ...common(0.001), rho: numberOption(0.95, { from: 0, below: 1 }), epsilon: numberOption(1e-7, { above: 0 }) },
  ({ rho, epsilon, ...settings }): Rule => {
    const bare = base(settings);
    return {
      ...bare,
      linear: false,
      slots: ['squares', 'changes'],
      update(context) {
        const { gradient, learningRate } = context;
        // Both as sums, v / (1 − ρ): their ratio is the same.
        const squares = decayedSum(slot(context, 'squares'), rho, g.square(gradient));
        const before = slot(context, 'changes');
        const floor = epsilon / (1 - rho);
        const change = g.mul(gradient, g.sqrt(g.div(g.add(before, floor), g.add(squares, floor))));
        const changes = decayedSum(before, rho, g.square(change));
        return { parameter: g.sub(decayed(context, bare.weightDecay), g.mul(change, learningRate)), slots: { squares, changes } };
      },
    };
  },
);

/** Follow the regularized leader; McMahan et al., "Ad click prediction", 2013, with l2 shrinkage as in Keras. */
export const ftrl = maker(
  kind,
  'ftrl',
  {
    ...common(0.001),
    learningRatePower: numberOption(-0.5, { to: 0 }),
    initialAccumulatorValue: numberOption(0.1, { from: 0 }),
    l1RegularizationStrength: numberOption(0, { from: 0 }),
    l2RegularizationStrength: numberOption(0, { from: 0 }),
    l2ShrinkageRegularizationStrength: numberOption(0, { from: 0 }),
    beta: numberOption(0, { from: 0 }),
  },
  ({ learningRatePower, initialAccumulatorValue, l1RegularizationStrength: l1, l2RegularizationStrength: l2, beta, ...rest }): Rule => {
    const { l2ShrinkageRegularizationStrength: shrinkage, ...settings } = rest;
    const bare = base(settings);
    const powered = (x: Tensor): Tensor => (learningRatePower === -0.5 ? g.sqrt(x) : g.pow(x, scalar(-learningRatePower, x.dtype)));
    return {
      ...bare,
      linear: false,
      slots: ['squares', 'linear'],
      slotStarts: { squares: initialAccumulatorValue },
      update(context) {
        const { gradient, learningRate } = context;
        const parameter = decayed(context, bare.weightDecay);
        const before = slot(context, 'squares');
        const squares = g.add(before, g.square(gradient));
        const [then, now] = [powered(before), powered(squares)];
        const shrunk = shrinkage > 0 ? g.add(gradient, g.mul(parameter, 2 * shrinkage)) : gradient;
        const pull = g.mul(g.div(g.sub(now, then), learningRate), parameter);
        const linear = g.sub(g.add(slot(context, 'linear'), shrunk), pull);
        const curvature = g.add(g.div(g.add(now, beta), learningRate), 2 * l2);
        const kept = l1 > 0 ? g.sub(g.clip(linear, -l1, l1), linear) : g.neg(linear);
        return { parameter: g.div(kept, curvature), slots: { squares, linear } };
      },
    };
  },
);
