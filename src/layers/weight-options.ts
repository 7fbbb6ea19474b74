import { type Constraint, type ConstraintLike, resolveConstraint } from '../constraints.js';
import { describeEntry } from '../core/catalogue.js';
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js';
import type { WeightSpec } from '../network/layer.js';
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js';
import { type OptionCheck, type OptionChecks, resolves } from './options.js';

/** What users say of a layer's array `name`: `nameInitializer`, `nameRegularizer` (a penalty in the loss), `nameConstraint` (what it becomes after each update). */
export type WeightOptions<Name extends string> = { readonly [K in `${Name}Initializer`]?: InitializerLike } & {
  readonly [K in `${Name}Regularizer`]?: RegularizerLike;
} & { readonly [K in `${Name}Constraint`]?: ConstraintLike };

/** One array's settings, ready to be asked for with its shape. */
export type WeightSettings = Pick<WeightSpec, 'regularizer' | 'constraint'> & { readonly initializer: Initializer };

/** An initializer that the array's shape and the layer's activation are enough for. */
const isDrawn: OptionCheck = (value, all) => {
  const mistake = resolves(resolveInitializer)(value, all);
  if (mistake !== undefined) return mistake;
  const { name, scaledByData } = resolveInitializer(value as InitializerLike);
  if (!scaledByData) return undefined;
  return `cannot be '${name}', which works only for kernels of dense and convolutional layers (it scales their outputs in the first fit); use 'orthogonal', the initializer that ${name} starts from, or 'zeros' for a bias`;
};

/** Checks for the options of some arrays. */
export function weightChecks(...names: readonly string[]): OptionChecks {
  return checksOf(names, isDrawn);
}

/** The same for kernels in which the layer's sums are linear, so that the first fit may scale these. */
export function sumChecks(...names: readonly string[]): OptionChecks {
  return checksOf(names, resolves(resolveInitializer));
}

/** Names of the kernel and the bias where the first fit is to scale the kernel's sums. */
export function scaledArrays(kernel: string, { initializer }: WeightSettings): readonly string[] {
  return initializer.scaledByData ? [kernel, 'bias'] : [];
}

function checksOf(names: readonly string[], isInitializer: OptionCheck): OptionChecks {
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name}Initializer`, isInitializer],
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

/** What options say of the biases that are added to the sums of the array `kernel`; unless they say, its initializer draws them too, or they are 0. */
export function readBias(options: WeightOptions<'bias'>, kernel: string): WeightSettings {
  const given = (options as Readonly<Record<string, unknown>>)[`${kernel}Initializer`] ?? 'zeros';
  const initializer = resolveInitializer(given as InitializerLike);
  return readWeight('bias', options, initializer.drawsBiases ? initializer : 'zeros');
}

/** What a saved model keeps of it. */
export function describeWeight(name: string, { initializer, regularizer, constraint }: WeightSettings): Readonly<Record<string, unknown>> {
  const described = (kind: string, entry: Regularizer | Constraint | undefined) => (entry ? { [`${name}${kind}`]: describeEntry(entry) } : {});
  return { [`${name}Initializer`]: describeEntry(initializer), ...described('Regularizer', regularizer), ...described('Constraint', constraint) };
}
