import { type Catalogue, flagOption, make, maker, numberOption, optionalNumber, resolve } from './core/catalogue.js';
import { ArgumentError } from './core/errors.js';
import { scalar, type Tensor } from './graph/node.js';
import * as g from './graph/ops/index.js';
import { learningRateOption, type Schedule } from './schedules.js';

/** What an optimizer sees of one parameter at one step. */
export interface UpdateContext {
  readonly parameter: Tensor;
  /** The gradient; where the optimizer is `linear`, already multiplied by the learning rate. */
  readonly gradient: Tensor;
  /** Arrays kept beside the parameter, by the optimizer's names for them. */
  readonly slots: Readonly<Record<string, Tensor>>;
  /** Scalar of the parameter's dtype. */
  readonly learningRate: Tensor;
  /** Float scalar, 1 at the first update. */
  readonly step: Tensor;
}

export interface Update {
  readonly parameter: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

/** Bounds on gradients; at most one is set. */
export interface Clip {
  /** Longest L2 norm of each gradient. */
  readonly norm?: number;
  /** Largest size of each element. */
  readonly value?: number;
  /** Longest L2 norm of all gradients taken together. */
  readonly globalNorm?: number;
}

/** How gradients change parameters; `name` and `config` are what a saved model keeps. */
export interface Optimizer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** One number, or how it changes with the step. */
  readonly learningRate: number | Schedule;
  /** The update depends linearly on learning rate × gradient, so the loss's gradient may be seeded with the learning rate. */
  readonly linear: boolean;
  readonly clip: Clip;
  /** Share of each parameter, times the learning rate, that `update` takes away first, apart from the gradient. */
  readonly weightDecay?: number;
  /** Names of the arrays kept beside each parameter, all starting at zeros. */
  readonly slots: readonly string[];
  /** The parameter and its slots after one step. Pure: tensors in, tensors out. */
  update(context: UpdateContext): Update;
}

/** Options that every optimizer takes. */
const common = (learningRate: number, weightDecay?: number) => ({
  learningRate: learningRateOption(learningRate),
  weightDecay: { ...optionalNumber({ from: 0 }), fallback: weightDecay },
  clipNorm: optionalNumber({ above: 0 }),
  clipValue: optionalNumber({ above: 0 }),
  globalClipNorm: optionalNumber({ above: 0 }),
});

interface CommonSettings {
  readonly learningRate: number | Schedule;
  readonly weightDecay: number | undefined;
  readonly clipNorm: number | undefined;
  readonly clipValue: number | undefined;
  readonly globalClipNorm: number | undefined;
}

const kind = 'optimizer';

/** The common part of an optimizer. @throws ArgumentError where more than one bound is set. */
function base({ learningRate, weightDecay, clipNorm, clipValue, globalClipNorm }: CommonSettings) {
  const bounds = Object.entries({ clipNorm, clipValue, globalClipNorm }).filter(([, limit]) => limit !== undefined);
  if (bounds.length > 1) {
    const names = bounds.map(([name]) => name);
    throw new ArgumentError(`an optimizer clips gradients in one way, got ${names.join(' and ')}; keep one of them`, {
      argument: names[1] ?? 'clip',
      received: names,
    });
  }
  const clip: Clip = {
    ...(clipNorm === undefined ? {} : { norm: clipNorm }),
    ...(clipValue === undefined ? {} : { value: clipValue }),
    ...(globalClipNorm === undefined ? {} : { globalNorm: globalClipNorm }),
  };
  return { learningRate, clip, ...(weightDecay === undefined ? {} : { weightDecay }) };
}

/** w − w · decay · learning rate, apart from the gradient; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. */
function decayed({ parameter, learningRate }: UpdateContext, weightDecay = 0): Tensor {
  return weightDecay === 0 ? parameter : g.mul(parameter, g.sub(1, g.mul(learningRate, weightDecay)));
}

function slot({ slots }: UpdateContext, name: string): Tensor {
  const tensor = slots[name];
  if (!tensor) throw new ArgumentError(`the optimizer's array '${name}' is missing`, { argument: name, expected: Object.keys(slots) });
  return tensor;
}

/** 1 − decay^step. */
function biasOf(decay: number, step: Tensor): Tensor {
  return g.sub(1, g.pow(scalar(decay, step.dtype), step));
}

const adamRules = (weightDecay?: number) => ({
  ...common(0.001, weightDecay),
  beta1: numberOption(0.9, { from: 0, below: 1 }),
  beta2: numberOption(0.999, { from: 0, below: 1 }),
  epsilon: numberOption(1e-7, { above: 0 }),
  amsgrad: flagOption(false),
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
function adamLike({ beta1, beta2, epsilon, amsgrad, ...settings }: AdamSettings): Omit<Optimizer, 'name' | 'config'> {
  const bare = base(settings);
  return {
    ...bare,
    linear: false,
    slots: ['m', 'v', ...(amsgrad ? ['vMax'] : [])],
    update(context) {
      const { gradient, learningRate, step } = context;
      const m = g.add(g.mul(slot(context, 'm'), beta1), gradient);
      const v = g.add(g.mul(slot(context, 'v'), beta2), g.square(gradient));
      const peak = amsgrad ? g.max(slot(context, 'vMax'), v) : v;
      const bias = g.div(g.sqrt(biasOf(beta2, step)), biasOf(beta1, step));
      const scale = g.mul(g.cast(g.mul(bias, (1 - beta1) / Math.sqrt(1 - beta2)), learningRate.dtype), learningRate);
      const change = g.div(g.mul(m, scale), g.add(g.sqrt(peak), epsilon / Math.sqrt(1 - beta2)));
      return { parameter: g.sub(decayed(context, bare.weightDecay), change), slots: { m, v, ...(amsgrad ? { vMax: peak } : {}) } };
    },
  };
}

/** The optimizers, by name; each entry makes one from its options. Rules and defaults are Keras 3's. */
export const optimizers = {
  /** w − lr · g; with momentum μ: v = μv − lr · g, w + v, or w + μv − lr · g (Nesterov, 1983). */
  sgd: maker(
    kind,
    'sgd',
    { ...common(0.01), momentum: numberOption(0, { from: 0, below: 1 }), nesterov: flagOption(false) },
    ({ momentum, nesterov, ...settings }): Omit<Optimizer, 'name' | 'config'> => {
      const bare = base(settings);
      return {
        ...bare,
        linear: true,
        slots: momentum === 0 ? [] : ['velocity'],
        update(context) {
          const { gradient } = context;
          const parameter = decayed(context, bare.weightDecay);
          if (momentum === 0) return { parameter: g.sub(parameter, gradient), slots: {} };
          const before = slot(context, 'velocity');
          const kept = g.mul(before, momentum);
          const velocity = g.sub(kept, gradient);
          // The gradient is used once, so that it never leaves the product that makes it: −lr·g is v' − μv.
          const look = nesterov ? g.sub(g.mul(velocity, 1 + momentum), kept) : velocity;
          return { parameter: g.add(parameter, look), slots: { velocity } };
        },
      };
    },
  ),

  /** Kingma and Ba, "Adam: a method for stochastic optimization", 2015; `amsgrad`: Reddi et al., "On the convergence of Adam and beyond", 2018. */
  adam: maker(kind, 'adam', adamRules(), adamLike),

  /** Adam with weight decay; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. */
  adamW: maker(kind, 'adamW', adamRules(0.004), adamLike),
};

export type OptimizerName = keyof typeof optimizers;

/** What users may pass where an optimizer is expected. */
export type OptimizerLike = OptimizerName | (string & {}) | Optimizer;

const catalogue: Catalogue<Optimizer> = {
  kind,
  table: optimizers,
  holds: (value) => typeof (value as Partial<Optimizer>).update === 'function',
};

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no optimizer. */
export function resolveOptimizer(value: OptimizerLike): Optimizer {
  return resolve(catalogue, value);
}

/** The optimizer of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function optimizerFromConfig(name: string, config: Readonly<Record<string, unknown>>): Optimizer {
  return make(catalogue, name, config);
}

/**
 * Gradients within an optimizer's bounds; shorter ones, of norm 0 too, stay as they are.
 * @param stacked which of them hold one gradient in each row of their first axis.
 */
export function clipGradients({ norm, value, globalNorm }: Clip, gradients: readonly Tensor[], stacked: readonly boolean[] = []): Tensor[] {
  if (norm !== undefined) return gradients.map((gradient, i) => shorten(gradient, stacked[i] ? rowNorms(gradient) : squaredNorm(gradient), norm));
  if (value !== undefined) return gradients.map((gradient) => g.clip(gradient, -value, value));
  const [first, ...rest] = gradients.map(squaredNorm);
  if (globalNorm === undefined || !first) return [...gradients];
  const total = rest.reduce((sum, next) => g.add(sum, next), first);
  return gradients.map((gradient) => shorten(gradient, total, globalNorm));
}

function squaredNorm(gradient: Tensor): Tensor {
  return g.reduceSum(g.square(gradient));
}

/** Squared norm of every row, with axes of length 1 for the rest. */
function rowNorms(gradient: Tensor): Tensor {
  return g.reduceSum(g.square(gradient), { axes: gradient.shape.slice(1).map((_, i) => i + 1), keepdims: true });
}

function shorten(gradient: Tensor, squared: Tensor, limit: number): Tensor {
  return g.mul(gradient, g.div(limit, g.max(g.sqrt(squared), limit)));
}
