import type { StaticShape } from '../core/shape.js';
import { label, scalar, type Tensor } from '../graph/node.js';
import { add, cast, div, equal, ifElse, mod, mul, sub, where } from '../graph/ops/index.js';
import type { Stored } from '../network/network.js';
import { clipGradients, type Optimizer } from '../optimizers.js';
import { rateAt } from '../schedules.js';

/** Arrays beside a trained one that no optimizer's own rule knows: its moving average, and the sum of its gradients since the last update. */
const [AVERAGE, SUM] = ['average', 'gradient_sum'];

/** Shapes of the arrays kept beside a trained array of a shape, by name. */
export function slotShapes(optimizer: Optimizer, shape: StaticShape): Map<string, StaticShape> {
  const shapes = new Map<string, StaticShape>();
  for (const name of optimizer.slots) {
    const own = optimizer.slotShape ? optimizer.slotShape(name, shape) : shape;
    if (own) shapes.set(name, own);
  }
  if (optimizer.averaging) shapes.set(AVERAGE, shape);
  if (optimizer.accumulate) shapes.set(SUM, shape);
  return shapes;
}

export function slotName(variable: string, slot: string): string {
  return `${variable}/${slot}`;
}

/** Name of a trained array's moving average in the state. */
export function averageName(variable: string): string {
  return slotName(variable, AVERAGE);
}

export function globalName(name: string): string {
  return `optimizer/${name}`;
}

/** Updates done before a step: steps, unless gradients of several are summed for one. */
export function updatesBefore({ accumulate = 1 }: Optimizer, step: number): number {
  return Math.floor(step / accumulate);
}

/**
 * Whether the backward pass may start from the learning rate: where the update is linear in lr × gradient and nothing looks at the gradient alone.
 * A rate that begins at 0 would leave nothing of the first gradients to measure.
 */
export function takesSeed(optimizer: Optimizer): boolean {
  return optimizer.linear && !clips(optimizer) && !optimizer.accumulate && rateAt(optimizer.learningRate, 0) > 0;
}

function clips({ clip }: Optimizer): boolean {
  return Object.values(clip).some((limit) => limit !== undefined);
}

export interface UpdateParts {
  readonly optimizer: Optimizer;
  readonly trained: readonly Stored[];
  /** One for each trained array; already times the learning rate where the optimizer takes a seed. */
  readonly gradients: readonly Tensor[];
  readonly learningRate: Tensor;
  /** Steps before this one. */
  readonly iterations: Tensor;
  /** Every state entry, by name. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/** Writes what trained arrays, what is kept beside them and the optimizer's scalars become, by name. */
export function writeUpdate(parts: UpdateParts): Map<string, Tensor> {
  const { optimizer, trained, gradients, iterations, values, learningRate } = parts;
  const { accumulate } = optimizer;
  const count = add(iterations, scalar(1, 'int64'));
  if (!accumulate) return updated(parts, count, gradients);
  const sums = gradients.map((gradient, i) => add(gradient, values.get(slotName(trained[i]?.name ?? '', SUM)) as Tensor));
  const names = carriedNames(parts);
  const sumOf = new Map(trained.map(({ name }, i) => [slotName(name, SUM), sums[i] as Tensor]));
  const next = ifElse(
    equal(mod(count, scalar(accumulate, 'int64')), scalar(0, 'int64')),
    () => {
      const means = sums.map((sum) => mul(sum, 1 / accumulate));
      const after = updated(parts, div(count, scalar(accumulate, 'int64')), means);
      return names.map((name) => after.get(name) ?? mul(sumOf.get(name) as Tensor, scalar(0, learningRate.dtype)));
    },
    () => names.map((name) => sumOf.get(name) ?? (values.get(name) as Tensor)),
  );
  return new Map(names.map((name, i) => [name, next[i] as Tensor]));
}

/** Names of all that an update changes. */
function carriedNames({ optimizer, trained }: UpdateParts): string[] {
  const arrays = trained.flatMap(({ name, shape }) => [name, ...[...slotShapes(optimizer, shape).keys()].map((slot) => slotName(name, slot))]);
  return [...arrays, ...Object.keys(optimizer.globals ?? {}).map(globalName)];
}

/** One update; `number` counts updates from 1. */
function updated({ optimizer, trained, values, learningRate }: UpdateParts, number: Tensor, gradients: readonly Tensor[]): Map<string, Tensor> {
  const next = new Map<string, Tensor>();
  const step = cast(number, learningRate.dtype);
  const owners = trained.map(({ kind, parts }) => ({ layer: parts[0]?.layer, stacked: kind === 'stacked' }));
  const clipped = clips(optimizer) ? clipGradients(optimizer.clip, gradients, owners) : gradients;
  const given = optimizer.linear && !takesSeed(optimizer) ? clipped.map((gradient) => mul(gradient, learningRate)) : clipped;
  const globals = Object.fromEntries(Object.keys(optimizer.globals ?? {}).map((name) => [name, values.get(globalName(name)) as Tensor]));
  trained.forEach((stored, i) => {
    const { name, shape } = stored;
    const own = [...slotShapes(optimizer, shape).keys()].filter((slot) => optimizer.slots.includes(slot));
    const slots = Object.fromEntries(own.map((slot) => [slot, values.get(slotName(name, slot)) as Tensor]));
    const parameter = values.get(name) as Tensor;
    const result = optimizer.update({ parameter, gradient: given[i] as Tensor, slots, learningRate, step, globals });
    const kept = constrained(stored, result.parameter);
    for (const slot of own) next.set(slotName(name, slot), result.slots[slot] as Tensor);
    if (optimizer.averaging) average(optimizer.averaging, stored, kept, number, step, values, next);
    else next.set(name, kept);
    label([...next.values()], `${name.slice(0, name.lastIndexOf('/'))}/update`);
  });
  for (const [name, value] of Object.entries(optimizer.advance?.(globals, step) ?? {})) next.set(globalName(name), value);
  return next;
}

/** What an array must keep to; arrays that have such a thing stand alone. */
function constrained({ parts, kind }: Stored, parameter: Tensor): Tensor {
  const constraint = kind === 'single' ? parts[0]?.constraint : undefined;
  return constraint?.constrain(parameter) ?? parameter;
}

/**
 * The moving average of a parameter, which is the parameter itself at first, and takes its place at every `overwriteEvery`-th update, made to keep to
 * what the parameter must: the mean of vectors of length 1 is shorter.
 */
function average(
  { momentum, overwriteEvery }: NonNullable<Optimizer['averaging']>,
  stored: Stored,
  parameter: Tensor,
  number: Tensor,
  step: Tensor,
  values: ReadonlyMap<string, Tensor>,
  next: Map<string, Tensor>,
): void {
  const { name } = stored;
  const share = where(equal(step, 1), 0, scalar(momentum, step.dtype));
  const mean = add(mul(values.get(averageName(name)) as Tensor, share), mul(parameter, sub(1, share)));
  next.set(averageName(name), mean);
  const taken = overwriteEvery === undefined ? undefined : equal(mod(number, scalar(overwriteEvery, 'int64')), scalar(0, 'int64'));
  next.set(name, taken ? where(taken, constrained(stored, mean), parameter) : parameter);
}
