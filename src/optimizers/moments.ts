import { flagOption, maker, numberOption } from '../core/catalogue.js';
import { scalar, type Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { base, biasOf, type CommonSettings, common, decayed, decayedSum, kind, type Rule, slot, squaredNorm } from './optimizer.js';

const adamRules = (weightDecay?: number) => ({
  ...common(0.001, weightDecay),
  beta1: numberOption(0.9, { from: 0, below: 1 }),
  beta2: numberOption(0.999, { from: 0, below: 1 }),
  epsilon: numberOption(1e-7, { above: 0 }),
  amsgrad: flagOption(false),
});

const momentRules = () => ({
  ...common(0.001),
  beta1: numberOption(0.9, { from: 0, below: 1 }),
  beta2: numberOption(0.999, { from: 0, below: 1 }),
  epsilon: numberOption(1e-7, { above: 0 }),
});

interface AdamSettings extends CommonSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly amsgrad: boolean;
}

/**
 * Adam over sums M = β₁M + g and V = β₂V + g² in place of the moments m = (1 − β₁)M and v = (1 − β₂)V: what that leaves out,
 * bias correction included, becomes one scalar a step, where the moments would cost two more passes over memory.
 */
function adamLike({ beta1, beta2, epsilon, amsgrad, ...settings }: AdamSettings): Rule {
  const bare = base(settings);
  return {
    ...bare,
    linear: false,
    slots: ['m', 'v', ...(amsgrad ? ['vMax'] : [])],
    update(context) {
      const { gradient, learningRate, step } = context;
      const m = decayedSum(slot(context, 'm'), beta1, gradient);
      const v = decayedSum(slot(context, 'v'), beta2, g.square(gradient));
      const peak = amsgrad ? g.max(slot(context, 'vMax'), v) : v;
      const bias = g.div(g.sqrt(biasOf(beta2, step)), biasOf(beta1, step));
      const scale = g.mul(g.cast(g.mul(bias, (1 - beta1) / Math.sqrt(1 - beta2)), learningRate.dtype), learningRate);
      const change = g.div(g.mul(m, scale), g.add(g.sqrt(peak), epsilon / Math.sqrt(1 - beta2)));
      return { parameter: g.sub(decayed(context, bare.weightDecay), change), slots: { m, v, ...(amsgrad ? { vMax: peak } : {}) } };
    },
  };
}

/** Kingma and Ba, "Adam: a method for stochastic optimization", 2015; `amsgrad`: Reddi et al., "On the convergence of Adam and beyond", 2018. */
export const adam = maker(kind, 'adam', adamRules(), adamLike);

/** Adam with weight decay; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. */
export const adamW = maker(kind, 'adamW', adamRules(0.004), adamLike);

/** Adam with the largest |g|, decayed, in place of the root of its mean square; Kingma and Ba, 2015, section 7.1. */
export const adamax = maker(kind, 'adamax', momentRules(), ({ beta1, beta2, epsilon, ...settings }): Rule => {
  const bare = base(settings);
  return {
    ...bare,
    linear: false,
    slots: ['m', 'u'],
    update(context) {
      const { gradient, learningRate, step } = context;
      const m = decayedSum(slot(context, 'm'), beta1, gradient);
      const u = g.max(g.mul(slot(context, 'u'), beta2), g.abs(gradient));
      const scale = g.mul(g.div(learningRate, biasOf(beta1, step)), 1 - beta1);
      return { parameter: g.sub(decayed(context, bare.weightDecay), g.div(g.mul(m, scale), g.add(u, epsilon))), slots: { m, u } };
    },
  };
});

/** Adam with Nesterov's look ahead; Dozat, "Incorporating Nesterov momentum into Adam", 2016. */
export const nadam = maker(kind, 'nadam', momentRules(), ({ beta1, beta2, epsilon, ...settings }): Rule => {
  const bare = base(settings);
  /** The momentum of a step, which grows towards beta1. */
  const momentum = (step: Tensor): Tensor => g.mul(g.sub(1, g.mul(g.pow(scalar(0.96, step.dtype), step), 0.5)), beta1);
  return {
    ...bare,
    linear: false,
    slots: ['m', 'v'],
    globals: { momentums: 1 },
    advance: ({ momentums }, step) => ({ momentums: g.mul(momentums as Tensor, momentum(step)) }),
    update(context) {
      const { gradient, learningRate, step, globals } = context;
      const [now, next] = [momentum(step), momentum(g.add(step, 1))];
      const product = g.mul(globals.momentums as Tensor, now);
      const m = decayedSum(slot(context, 'm'), beta1, gradient);
      const v = decayedSum(slot(context, 'v'), beta2, g.square(gradient));
      const ahead = g.add(
        g.mul(m, g.mul(g.div(next, g.sub(1, g.mul(product, next))), 1 - beta1)),
        g.mul(gradient, g.div(g.sub(1, now), g.sub(1, product))),
      );
      // √(v / bias) + ε, with bias moved to the scalar above.
      const bias = g.sqrt(g.div(biasOf(beta2, step), 1 - beta2));
      const change = g.div(g.mul(ahead, g.mul(learningRate, bias)), g.add(g.sqrt(v), g.mul(bias, epsilon)));
      return { parameter: g.sub(decayed(context, bare.weightDecay), change), slots: { m, v } };
    },
  };
});

/** Adam's change, as long as the parameter itself times the learning rate; You et al., "Large batch optimization for deep learning", 2020. */
export const lamb = maker(kind, 'lamb', momentRules(), ({ beta1, beta2, epsilon, ...settings }): Rule => {
  const bare = base(settings);
  return {
    ...bare,
    linear: false,
    wholeArrays: true,
    slots: ['m', 'v'],
    update(context) {
      const { gradient, learningRate, step } = context;
      const parameter = decayed(context, bare.weightDecay);
      const m = decayedSum(slot(context, 'm'), beta1, gradient);
      const v = decayedSum(slot(context, 'v'), beta2, g.square(gradient));
      const bias = g.sqrt(g.div(biasOf(beta2, step), 1 - beta2));
      const scale = g.mul(g.div(bias, biasOf(beta1, step)), 1 - beta1);
      const change = g.div(g.mul(m, scale), g.add(g.sqrt(v), g.mul(bias, epsilon)));
      const [length, reach] = [g.sqrt(squaredNorm(parameter)), g.sqrt(squaredNorm(change))];
      const both = g.and(g.greater(length, 0), g.greater(reach, 0));
      const ratio = g.where(both, g.div(length, g.where(both, reach, 1)), 1);
      return { parameter: g.sub(parameter, g.mul(change, g.mul(ratio, learningRate))), slots: { m, v } };
    },
  };
});

/** The sign of β₁m + (1 − β₁)g; Chen et al., "Symbolic discovery of optimization algorithms", 2023. */
export const lion = maker(
  kind,
  'lion',
  { ...common(0.001), beta1: numberOption(0.9, { above: 0, to: 1 }), beta2: numberOption(0.99, { from: 0, below: 1 }) },
  ({ beta1, beta2, ...settings }): Rule => {
    const bare = base(settings);
    return {
      ...bare,
      linear: false,
      slots: ['m'],
      update(context) {
        const { gradient, learningRate } = context;
        const before = slot(context, 'm');
        const direction = g.sign(g.add(g.mul(before, beta1), g.mul(gradient, 1 - beta1)));
        const m = g.add(g.mul(before, beta2), g.mul(gradient, 1 - beta2));
        return { parameter: g.sub(decayed(context, bare.weightDecay), g.mul(direction, learningRate)), slots: { m } };
      },
    };
  },
);
