import { type Catalogue, flagOption, make, maker, numberOption, resolve } from './core/catalogue.js';
import type { Tensor } from './graph/node.js';
import * as g from './graph/ops/index.js';
import { adafactor } from './optimizers/adafactor.js';
import { adadelta, adagrad, ftrl, rmsprop } from './optimizers/adaptive.js';
import { adam, adamax, adamW, lamb, lion, nadam } from './optimizers/moments.js';
import { base, type Clip, common, decayed, kind, type Optimizer, type Rule, slot, squaredNorm } from './optimizers/optimizer.js';

export type { Clip, Optimizer, Update, UpdateContext } from './optimizers/optimizer.js';

/**
 * The optimizers, by name; each entry creates one from its options. Rules and defaults are Keras 3's. Schedules and `useEma` count updates, each of which
 * `gradientAccumulationSteps` minibatches make; in Keras they count minibatches.
 */
export const optimizers = {
  /** w − lr · g; with momentum μ: v = μv − lr · g, w + v, or w + μv − lr · g (Nesterov, 1983). */
  sgd: maker(
    kind,
    'sgd',
    { ...common(0.01), momentum: numberOption(0, { from: 0, below: 1 }), nesterov: flagOption(false) },
    ({ momentum, nesterov, ...settings }): Rule => {
      const bare = base(settings);
      return {
        ...bare,
        linear: true,
        // Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of stability", equation 1.
        stableProduct: (2 + 2 * momentum) / (nesterov ? 1 + 2 * momentum : 1),
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

  adam,
  adamW,
  adamax,
  nadam,
  lamb,
  lion,
  rmsprop,
  adagrad,
  adadelta,
  ftrl,
  adafactor,
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

/** Whose gradient one is. */
export interface GradientOwner {
  /** The same for all gradients of a layer, or of a row of layers that are stacked. */
  readonly layer: unknown;
  /** Whether each row of the first axis is the gradient of another layer. */
  readonly stacked: boolean;
}

/**
 * Gradients within an optimizer's bounds; shorter ones, of norm 0 too, stay as they are.
 * @param owners one for each gradient; unless given, each is a layer's own.
 */
export function clipGradients(
  { norm, value, layerNorm, globalNorm }: Clip,
  gradients: readonly Tensor[],
  owners: readonly GradientOwner[] = [],
): Tensor[] {
  const squares = (i: number): Tensor => {
    const gradient = gradients[i] as Tensor;
    return owners[i]?.stacked ? rowNorms(gradient) : squaredNorm(gradient);
  };
  if (norm !== undefined) return gradients.map((gradient, i) => shorten(gradient, spread(squares(i), gradient), norm));
  if (layerNorm !== undefined) {
    const ofLayers = new Map<unknown, Tensor>();
    const keyOf = (i: number): unknown => owners[i]?.layer ?? i;
    gradients.forEach((_, i) => {
      const before = ofLayers.get(keyOf(i));
      ofLayers.set(keyOf(i), before ? g.add(before, squares(i)) : squares(i));
    });
    return gradients.map((gradient, i) => shorten(gradient, spread(ofLayers.get(keyOf(i)) as Tensor, gradient), layerNorm));
  }
  if (value !== undefined) return gradients.map((gradient) => g.clip(gradient, -value, value));
  const [first, ...rest] = gradients.map(squaredNorm);
  if (globalNorm === undefined || !first) return [...gradients];
  const total = rest.reduce((sum, next) => g.add(sum, next), first);
  return gradients.map((gradient) => shorten(gradient, total, globalNorm));
}

/** Squared norm of every row: [n]. */
function rowNorms(gradient: Tensor): Tensor {
  const squares = g.square(gradient);
  return gradient.rank === 1 ? squares : g.reduceSum(squares, { axes: gradient.shape.slice(1).map((_, i) => i + 1) });
}

/** Numbers of rows, with axes of length 1 for what the rows hold; one number as it is. */
function spread(rows: Tensor, gradient: Tensor): Tensor {
  return rows.rank === 0 || gradient.rank <= 1 ? rows : g.reshape(rows, [Number(rows.shape[0]), ...gradient.shape.slice(1).map(() => 1)]);
}

function shorten(gradient: Tensor, squared: Tensor, limit: number): Tensor {
  return g.mul(gradient, g.div(limit, g.max(g.sqrt(squared), limit)));
}
