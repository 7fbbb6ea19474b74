import { type Catalogue, make, maker, numberOption, type Option, resolve } from './core/catalogue.js';
import { ArgumentError, show } from './core/errors.js';
import { sameShape, showShape } from './core/shape.js';
import { Tensor } from './graph/node.js';
import { add, clip, div, mul, reduceSum, relu, sqrt, square } from './graph/ops/index.js';

/** Projects an array after each update, so that it keeps a property; `name` and `config` are stored in a saved model. */
export interface Constraint {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The nearest array of the same shape that has the property. */
  constrain(x: Tensor): Tensor;
}

/** A custom constraint: maps an array to one of the same shape. */
export type ConstraintFunction = (x: Tensor) => Tensor;

type Rule = Pick<Constraint, 'constrain'>;

const kind = 'constraint';

/** Added to norms before something is divided by them, as in Keras. */
const EPSILON = 1e-7;

const isAxes = (value: unknown): value is readonly number[] => Array.isArray(value) && value.length > 0 && value.every(Number.isInteger);

/** One axis or several; 0, the inputs of a dense kernel, unless given. */
const axis: Option<number | readonly number[]> = {
  fallback: 0,
  expected: 'an axis or a list of axes',
  accepts: (value) => Number.isInteger(value) || isAxes(value),
};

const limit = (fallback: number) => numberOption(fallback, { from: 0 });

function normsOf(x: Tensor, axis: number | readonly number[]): Tensor {
  return sqrt(reduceSum(square(x), { axes: typeof axis === 'number' ? [axis] : axis, keepdims: true }));
}

/** x with norms of `desired` in place of `norms`. */
function rescaled(x: Tensor, desired: Tensor | number, norms: Tensor): Tensor {
  return mul(x, div(desired, add(norms, EPSILON)));
}

/** The constraints, by name; each entry creates one from its options. Rules and defaults are Keras 3's. */
export const constraints = {
  /** Norms along `axis` of at most `maxValue` (default 2); Srivastava et al., "Dropout", 2014. */
  maxNorm: maker(
    kind,
    'maxNorm',
    { maxValue: limit(2), axis },
    ({ maxValue, axis }): Rule => ({
      constrain(x) {
        const norms = normsOf(x, axis);
        return rescaled(x, clip(norms, 0, maxValue), norms);
      },
    }),
  ),

  /** No element below 0. */
  nonNeg: maker(kind, 'nonNeg', {}, (): Rule => ({ constrain: relu })),

  /** Norms along `axis` of 1. */
  unitNorm: maker(kind, 'unitNorm', { axis }, ({ axis }): Rule => ({ constrain: (x) => rescaled(x, 1, normsOf(x, axis)) })),

  /** Norms along `axis` from `minValue` (default 0) to `maxValue` (default 1); each update moves the fraction `rate` (default 1) of the way there. */
  minMaxNorm: maker(
    kind,
    'minMaxNorm',
    { minValue: limit(0), maxValue: limit(1), rate: numberOption(1, { from: 0, to: 1 }), axis },
    ({ minValue, maxValue, rate, axis }): Rule => {
      if (minValue > maxValue) {
        throw new ArgumentError(`constraint 'minMaxNorm': minValue must not be above maxValue, got ${minValue} and ${maxValue}`, {
          argument: 'minValue',
          received: minValue,
          expected: maxValue,
        });
      }
      return {
        constrain(x) {
          const norms = normsOf(x, axis);
          const within = clip(norms, minValue, maxValue);
          return rescaled(x, rate === 1 ? within : add(mul(within, rate), mul(norms, 1 - rate)), norms);
        },
      };
    },
  ),
};

export type ConstraintName = keyof typeof constraints;

/** What users may pass where a constraint is expected. */
export type ConstraintLike = ConstraintName | (string & {}) | Constraint | ConstraintFunction;

const catalogue: Catalogue<Constraint> = {
  kind,
  table: constraints,
  holds: (value) => typeof (value as Partial<Constraint>).constrain === 'function',
  fromFunction: (value, name) => ({ name, config: {}, constrain: checked(name, value as ConstraintFunction) }),
};

function checked(name: string, constrain: ConstraintFunction): ConstraintFunction {
  return (x) => {
    const result: unknown = constrain(x);
    if (result instanceof Tensor && result.dtype === x.dtype && sameShape(result.shape, x.shape)) return result;
    const received = result instanceof Tensor ? `${result.dtype} ${showShape(result.shape)}` : show(result);
    throw new ArgumentError(`${kind} '${name}' must return a tensor of the array's own type, ${x.dtype} ${showShape(x.shape)}, got ${received}`, {
      argument: kind,
      received: result,
    });
  };
}

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no constraint. */
export function resolveConstraint(value: ConstraintLike): Constraint {
  return resolve(catalogue, value);
}

/** The constraint of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function constraintFromConfig(name: string, config: Readonly<Record<string, unknown>>): Constraint {
  return make(catalogue, name, config);
}
