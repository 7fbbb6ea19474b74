import { type Catalogue, choiceOption, make, maker, numberOption, resolve } from './core/catalogue.js';
import { ArgumentError, ShapeError, show } from './core/errors.js';
import { showShape, sizeOf } from './core/shape.js';
import { Tensor } from './graph/node.js';
import { abs, add, div, matMul, max, mul, reduceSum, sizeAs, sqrt, square, sub, transpose } from './graph/ops/index.js';

/** A penalty on an array, added to the loss; `name` and `config` are stored in a saved model. */
export interface Regularizer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The penalty: a scalar. */
  penalty(x: Tensor): Tensor;
}

/** A custom penalty: maps an array to a scalar. */
export type RegularizerFunction = (x: Tensor) => Tensor;

/** The penalty on what a layer gives, for one row: as in Keras, its strength does not depend on how many rows a minibatch has. */
export function activityPenalty(regularizer: Regularizer, given: Tensor): Tensor {
  const ofRow = sizeOf(given.shape.slice(1) as number[]);
  return mul(div(regularizer.penalty(given), sizeAs(given, given.dtype)), ofRow);
}

type Rule = Pick<Regularizer, 'penalty'>;

const kind = 'regularizer';
const factor = (fallback: number) => numberOption(fallback, { from: 0 });
const l1Of = (x: Tensor, share: number): Tensor => mul(reduceSum(abs(x)), share);
const l2Of = (x: Tensor, share: number): Tensor => mul(reduceSum(square(x)), share);

/** The regularizers, by name; each entry creates one from its options. Rules and defaults are Keras 3's. */
export const regularizers = {
  /** l1 · Σ|x|; default 0.01. */
  l1: maker(kind, 'l1', { l1: factor(0.01) }, ({ l1 }): Rule => ({ penalty: (x) => l1Of(x, l1) })),

  /** l2 · Σx²; default 0.01. */
  l2: maker(kind, 'l2', { l2: factor(0.01) }, ({ l2 }): Rule => ({ penalty: (x) => l2Of(x, l2) })),

  /** l1 · Σ|x| + l2 · Σx²; default 0 for both. */
  l1l2: maker(kind, 'l1l2', { l1: factor(0), l2: factor(0) }, ({ l1, l2 }): Rule => ({ penalty: (x) => add(l1Of(x, l1), l2Of(x, l2)) })),

  /** factor · the mean size of the cosine between two rows (or columns) of a matrix; 0 where all are orthogonal. Default factor 0.01. */
  orthogonal: maker(
    kind,
    'orthogonal',
    { factor: factor(0.01), mode: choiceOption('rows', ['rows', 'columns']) },
    ({ factor, mode }): Rule => ({
      penalty(x) {
        const count = x.shape[mode === 'rows' ? 0 : 1];
        if (x.rank !== 2 || typeof count !== 'number') {
          throw new ShapeError(`regularizer 'orthogonal' compares the ${mode} of a matrix of known shape, got ${showShape(x.shape)}`, {
            expected: '[rows, columns]',
            received: x.shape,
          });
        }
        if (count < 2) return mul(reduceSum(x), 0);
        const rows = mode === 'rows' ? x : transpose(x);
        // The least length stands inside the root, whose slope at 0 is infinite.
        const unit = div(rows, sqrt(max(reduceSum(square(rows), { axes: [1], keepdims: true }), 1e-14)));
        // Every pair counts twice, and the diagonal holds each row's product with itself.
        const sizes = reduceSum(abs(matMul(unit, transpose(unit))));
        const own = reduceSum(square(unit));
        return mul(sub(sizes, own), factor / (count * (count - 1)));
      },
    }),
  ),
};

export type RegularizerName = keyof typeof regularizers;

/** What users may pass where a regularizer is expected. */
export type RegularizerLike = RegularizerName | (string & {}) | Regularizer | RegularizerFunction;

const catalogue: Catalogue<Regularizer> = {
  kind,
  table: regularizers,
  aliases: { orthogonalRegularizer: 'orthogonal' },
  holds: (value) => typeof (value as Partial<Regularizer>).penalty === 'function',
  fromFunction: (value, name) => ({ name, config: {}, penalty: checked(name, value as RegularizerFunction) }),
};

function checked(name: string, penalty: RegularizerFunction): RegularizerFunction {
  return (x) => {
    const result: unknown = penalty(x);
    if (result instanceof Tensor && result.rank === 0) return result;
    const received = result instanceof Tensor ? showShape(result.shape) : show(result);
    throw new ArgumentError(`${kind} '${name}' must return a scalar tensor, got ${received}; reduceSum makes one`, {
      argument: kind,
      received: result,
    });
  };
}

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no regularizer. */
export function resolveRegularizer(value: RegularizerLike): Regularizer {
  return resolve(catalogue, value);
}

/** The regularizer of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function regularizerFromConfig(name: string, config: Readonly<Record<string, unknown>>): Regularizer {
  return make(catalogue, name, config);
}
