import { type Constraint, type ConstraintLike, resolveConstraint } from '../constraints.js';
import { describeEntry } from '../core/catalogue.js';
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js';
import type { WeightSpec } from '../network/layer.js';
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js';
import { type OptionChecks, resolves } from './options.js';

/** What users say of a layer's array `name`: `nameInitializer`, `nameRegularizer` (a penalty in the loss), `nameConstraint` (what it becomes after each update). */
export type WeightOptions<Name extends string> = { readonly [K in `${Name}Initializer`]?: InitializerLike } & {
  readonly [K in `${Name}Regularizer`]?: RegularizerLike;
} & { readonly [K in `${Name}Constraint`]?: ConstraintLike };

/** One array's settings, ready to be asked for with its shape. */
export type WeightSettings = Pick<WeightSpec, 'regularizer' | 'constraint'> & { readonly initializer: Initializer };

/** Checks for the options of some arrays. */
export function weightChecks(...names: readonly string[]): OptionChecks {
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name}Initializer`, resolves(resolveInitializer)],
      [`${name}Regularizer`, resolves(resolveRegularizer)],
      [`${name}Constraint`, resolves(resolveConstraint)],
    ]),
  );
}

/** What options say of the array `name`; `fallback` draws it unless they do. */
export function readWeight<Name extends string>(name: Name, options: WeightOptions<Name>, fallback: InitializerLike): WeightSettings {
  const given = options as Readonly<Record<string, unknown>>;
  const [initializer, regularizer, constraint] = [given[`${name}Initializer`], given[`${name}Regularizer`], given[`${name}Constraint`]];
  return {
    initializer: resolveInitializer((initializer ?? fallback) as InitializerLike),
    regularizer: regularizer === undefined ? undefined : resolveRegularizer(regularizer as RegularizerLike),
    constraint: constraint === undefined ? undefined : resolveConstraint(constraint as ConstraintLike),
  };
}

/** What a saved model keeps of it. */
export function describeWeight(name: string, { initializer, regularizer, constraint }: WeightSettings): Readonly<Record<string, unknown>> {
  const described = (kind: string, entry: Regularizer | Constraint | undefined) => (entry ? { [`${name}${kind}`]: describeEntry(entry) } : {});
  return { [`${name}Initializer`]: describeEntry(initializer), ...described('Regularizer', regularizer), ...described('Constraint', constraint) };
}
