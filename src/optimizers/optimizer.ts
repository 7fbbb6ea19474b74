import { flagOption, numberOption, optionalNumber, optionalWhole } from '../core/catalogue.js';
import { ArgumentError } from '../core/errors.js';
import type { StaticShape } from '../core/shape.js';
import { scalar, type Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { learningRateOption, type Schedule } from '../schedules.js';

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
  /** Scalars that the optimizer keeps once for all parameters, as they were before this step. */
  readonly globals: Readonly<Record<string, Tensor>>;
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
  /** Longest L2 norm of a layer's gradients taken together, each of a repetition's layers by itself. */
  readonly layerNorm?: number;
  /** Longest L2 norm of all gradients taken together. */
  readonly globalNorm?: number;
}

/** How gradients change parameters; `name` and `config` are stored in a saved model. */
export interface Optimizer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** A number, or a schedule over steps. */
  readonly learningRate: number | Schedule;
  /** The update depends linearly on learning rate × gradient, so the loss's gradient may be seeded with the learning rate. */
  readonly linear: boolean;
  readonly clip: Clip;
  /** Learning rate × curvature up to which steps on a quadratic converge; absent where gradients are divided by their size. */
  readonly stableProduct?: number;
  /** Share of each parameter, times the learning rate, that `update` takes away first, apart from the gradient. */
  readonly weightDecay?: number;
  /** Names of the arrays kept beside each parameter. */
  readonly slots: readonly string[];
  /** Shape of a slot beside a parameter of a shape, or nothing where that parameter needs none; the parameter's own unless given. Goes with `wholeArrays`. */
  slotShape?(slot: string, shape: StaticShape): StaticShape | undefined;
  /** What slots start at; 0 unless given. */
  readonly slotStarts?: Readonly<Record<string, number>>;
  /** Scalars kept once for all parameters, with what they start at. */
  readonly globals?: Readonly<Record<string, number>>;
  /** The scalars after a step. */
  advance?(globals: Readonly<Record<string, Tensor>>, step: Tensor): Readonly<Record<string, Tensor>>;
  /** The update looks at a parameter as a whole, at its norm for example, and not only at each element by itself. */
  readonly wholeArrays?: boolean;
  /** A moving average of every parameter is kept, and becomes the parameter at the end of a fit, or every so many updates. */
  readonly averaging?: { readonly momentum: number; readonly overwriteEvery?: number };
  /** Steps whose gradients are summed for one update, by their mean; absent where every step is one. */
  readonly accumulate?: number;
  /** The parameter and its slots after one step. Pure: tensors in, tensors out. */
  update(context: UpdateContext): Update;
}

/** What a table's entry builds. */
export type Rule = Omit<Optimizer, 'name' | 'config'>;

/** Options that every optimizer takes. Schedules and means of weights count updates, each of which `gradientAccumulationSteps` minibatches make. */
export const common = (learningRate: number, weightDecay?: number) => ({
  learningRate: learningRateOption(learningRate),
  weightDecay: { ...optionalNumber({ from: 0 }), fallback: weightDecay },
  clipNorm: optionalNumber({ above: 0 }),
  clipValue: optionalNumber({ above: 0 }),
  layerClipNorm: optionalNumber({ above: 0 }),
  globalClipNorm: optionalNumber({ above: 0 }),
  useEma: flagOption(false),
  emaMomentum: numberOption(0.99, { from: 0, to: 1 }),
  emaOverwriteFrequency: optionalWhole(1),
  gradientAccumulationSteps: optionalWhole(2),
});

export interface CommonSettings {
  readonly learningRate: number | Schedule;
  readonly weightDecay: number | undefined;
  readonly clipNorm: number | undefined;
  readonly clipValue: number | undefined;
  readonly layerClipNorm: number | undefined;
  readonly globalClipNorm: number | undefined;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | undefined;
  readonly gradientAccumulationSteps: number | undefined;
}

/** Options that bound gradients. */
export const clipOptions: readonly string[] = ['clipNorm', 'clipValue', 'layerClipNorm', 'globalClipNorm'];

/** Whether an optimizer of these options bounds its gradients. */
export function isClipped(config: Readonly<Record<string, unknown>>): boolean {
  return clipOptions.some((option) => typeof config[option] === 'number');
}

/** The word for one in messages. */
export const kind = 'optimizer';

/** The common part of an optimizer. @throws ArgumentError if more than one bound is set. */
export function base({ learningRate, weightDecay, clipNorm, clipValue, layerClipNorm, globalClipNorm, ...rest }: CommonSettings) {
  const bounds = Object.entries({ clipNorm, clipValue, layerClipNorm, globalClipNorm }).filter(([, limit]) => limit !== undefined);
  if (bounds.length > 1) {
    const names = bounds.map(([name]) => name);
    throw new ArgumentError(`only one way of clipping gradients can be set, got ${names.join(' and ')}`, {
      argument: names[1] ?? 'clip',
      received: names,
    });
  }
  const clip: Clip = {
    ...(clipNorm === undefined ? {} : { norm: clipNorm }),
    ...(clipValue === undefined ? {} : { value: clipValue }),
    ...(layerClipNorm === undefined ? {} : { layerNorm: layerClipNorm }),
    ...(globalClipNorm === undefined ? {} : { globalNorm: globalClipNorm }),
  };
  const { useEma, emaMomentum: momentum, emaOverwriteFrequency: overwriteEvery, gradientAccumulationSteps: accumulate } = rest;
  return {
    learningRate,
    clip,
    ...(weightDecay === undefined ? {} : { weightDecay }),
    ...(useEma ? { averaging: { momentum, ...(overwriteEvery === undefined ? {} : { overwriteEvery }) } } : {}),
    ...(accumulate === undefined ? {} : { accumulate }),
  };
}

/** w − w · decay · learning rate, apart from the gradient; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. */
export function decayed({ parameter, learningRate }: UpdateContext, weightDecay = 0): Tensor {
  return weightDecay === 0 ? parameter : g.mul(parameter, g.sub(1, g.mul(learningRate, weightDecay)));
}

export function slot({ slots }: UpdateContext, name: string): Tensor {
  const tensor = slots[name];
  if (!tensor) throw new ArgumentError(`the optimizer's array '${name}' is missing`, { argument: name, expected: Object.keys(slots) });
  return tensor;
}

/** 1 − decay^step. */
export function biasOf(decay: number, step: Tensor): Tensor {
  return g.sub(1, g.pow(scalar(decay, step.dtype), step));
}

/** decay · sum + next: (1 − decay) of it is the decaying mean, without a pass over memory for the factor. */
export function decayedSum(sum: Tensor, decay: number, next: Tensor): Tensor {
  return g.add(g.mul(sum, decay), next);
}

/** Squared L2 norm. */
export function squaredNorm(gradient: Tensor): Tensor {
  return g.reduceSum(g.square(gradient));
}
