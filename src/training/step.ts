import { baseKey } from '../core/counter-hash.js';
import type { DType } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import type { StaticShape } from '../core/shape.js';
import { adjoints, gradientIn } from '../graph/gradients.js';
import { constant, input, label, named, scalar, type Tensor } from '../graph/node.js';
import { add, cast, concat, gather, mul, reduceMean, reduceSum, reshape } from '../graph/ops/index.js';
import { stepKey, uniformLike } from '../graph/random.js';
import { type InitializerLike, initializers } from '../initializers.js';
import type { Loss } from '../losses.js';
import { isMean, type Metric } from '../metrics.js';
import { BATCH, type Signal } from '../network/layer.js';
import type { UniformSource } from '../network/loops.js';
import { type ForwardResult, type Layout, type Network, type Stored, withPieces } from '../network/network.js';
import type { SignalTap } from '../network/taps.js';
import type { Optimizer } from '../optimizers.js';
import type { VitalsRequest } from '../vitals/request.js';
import type { LogEntry } from './history.js';
import { type Entries, entriesOf, meanLoss, shareOf } from './masked.js';
import { averageName, globalName, slotName, slotShapes, takesSeed, writeUpdate } from './update.js';

/** Name of the state's step counter. */
export const ITERATIONS = 'iterations';

/** Element type and shape of one instance, without the batch axis. */
export interface InstanceType {
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/** Everything that makes a training step. */
export interface StepSpec {
  readonly network: Network;
  readonly optimizer: Optimizer;
  /** One per output of the network. */
  readonly losses: readonly Loss[];
  /** Weight of each loss in the sum. */
  readonly lossWeights: readonly number[];
  /** Metrics of each output. */
  readonly metrics: readonly (readonly Metric[])[];
  readonly seed: number;
  readonly layout: Layout;
  /** Whether the graph itself must keep denormal numbers out. */
  readonly flush: boolean;
  readonly inputs: readonly InstanceType[];
  readonly targets: readonly InstanceType[];
  /** Sample weights: none, one for all outputs, or one for each. */
  readonly weights?: readonly InstanceType[];
  /** What is measured beside the training; nothing unless given. */
  readonly vitals?: VitalsRequest;
}

/** One of several arrays in an entry. */
export interface EntryPart {
  readonly name: string;
  readonly shape: StaticShape;
  readonly initializer: InitializerLike;
  /** The array, of an entry before this one, whose value it begins with instead. */
  readonly startsAs?: string;
}

/** An array that training carries from step to step or reads. */
export interface StateEntry {
  readonly name: string;
  /** The arrays that lie in it, one behind the other. */
  readonly parts?: readonly EntryPart[];
  readonly shape: StaticShape;
  readonly dtype: DType;
  readonly initializer: InitializerLike;
  /** As of a part. */
  readonly startsAs?: string;
}

/** The network's arrays as entries of a state. */
export function networkEntries(network: Network, layout: Layout): StateEntry[] {
  return network.storage(layout).map(storedEntry);
}

function storedEntry({ name, shape, dtype, kind, parts }: Stored): StateEntry {
  const initializer = parts[0]?.initializer ?? initializers.zeros();
  return { name, shape, dtype, initializer, ...(kind === 'single' ? {} : { parts }) };
}

/** What the state of a training holds: the network's arrays, the optimizer's slots, the step counter. */
export function stateEntries(network: Network, optimizer: Optimizer, layout: Layout): StateEntry[] {
  const slots = network
    .storage(layout)
    .filter((stored) => stored.trainable)
    .flatMap((stored) => {
      const { parts, ...entry } = storedEntry(stored);
      return [...slotShapes(optimizer, stored.shape)].map(([slot, shape]): StateEntry => {
        const initializer = initializers.constant({ value: optimizer.slotStarts?.[slot] ?? 0 });
        const origin = (array: string) => (slotName(array, slot) === averageName(array) ? { startsAs: array } : {});
        const rows = parts
          ? { parts: parts.map((part) => ({ name: slotName(part.name, slot), shape: part.shape, initializer, ...origin(part.name) })) }
          : origin(entry.name);
        return { ...entry, name: slotName(entry.name, slot), shape, initializer, ...rows };
      });
    });
  const globals = Object.entries(optimizer.globals ?? {}).map(
    ([name, value]): StateEntry => ({ name: globalName(name), shape: [], dtype: network.dtype, initializer: initializers.constant({ value }) }),
  );
  return [
    ...networkEntries(network, layout),
    ...slots,
    ...globals,
    { name: ITERATIONS, shape: [], dtype: 'int64', initializer: initializers.zeros() },
  ];
}

/**
 * How the arrays of a training lie: vectors end to end where an optimizer has several operators for each array, and none of them looks
 * at an array as a whole. One that subtracts the gradient and no more does so inside the product that makes it.
 */
export function layoutFor(optimizer: Optimizer | undefined): Layout {
  const whole = optimizer?.wholeArrays === true;
  const packed =
    optimizer !== undefined && optimizer.slots.length > 0 && optimizer.clip.norm === undefined && optimizer.clip.layerNorm === undefined && !whole;
  return { loops: !whole, packed };
}

/** What a step reports, in order: `loss`, each output's loss where there are several, metrics. */
export function logEntries(spec: Pick<StepSpec, 'network' | 'losses' | 'metrics' | 'targets' | 'weights'>): LogEntry[] {
  const { network, losses, metrics } = spec;
  const several = losses.length > 1;
  const prefix = (i: number): string => (several ? `${network.outputs[i]?.call.layer.title}_` : '');
  const taken = new Set<string>();
  const unique = (name: string, weighted: boolean): string => {
    const wanted = taken.has(name) && weighted ? `weighted_${name}` : name;
    let [free, count] = [wanted, 0];
    while (taken.has(free)) free = `${wanted}_${++count}`;
    taken.add(free);
    return free;
  };
  const names = ['loss', ...(several ? losses.map((_, i) => `${prefix(i)}loss`) : [])].map((name) => ({ name: unique(name, false), width: 1 }));
  const { targets, weights } = minibatchInputs({ ...spec, inputs: [] });
  return [
    ...names,
    ...metrics.flatMap((list, i) =>
      list.map((metric): LogEntry => {
        const name = unique(`${prefix(i)}${metric.name}`, metric.weighted === true);
        const { shape, masked } = network.outputs[i] as Signal;
        const mask = masked ? input('mask', shape.slice(0, 2), 'bool') : undefined;
        const entries = entriesOf(targets[i] as Tensor, input('output', shape, network.dtype), mask);
        const weight = shareOf(entries, weightOf(metric, weights, i, network.dtype));
        if (isMean(metric))
          return weight ? { name, width: 2, result: ([sum = 0, weights = 0]) => (weights === 0 ? 0 : sum / weights) } : { name, width: 1 };
        const width = Number(metric.sums(entries.target, entries.output, weight).shape[0]);
        return { name, width, combine: metric.combine, result: metric.result };
      }),
    ),
  ];
}

function weightOf(metric: Metric, weights: readonly Tensor[], i: number, dtype: DType): Tensor | undefined {
  const weight = metric.weighted ? (weights[i] ?? weights[0]) : undefined;
  return weight && cast(weight, dtype);
}

/** Scalar mean, or vector of sums, of one metric over a batch; over the steps that count where a mask says which. */
function measure(metric: Metric, entries: Entries, rows: Tensor | undefined): Tensor {
  const { target, output } = entries;
  const weight = shareOf(entries, rows);
  if (!isMean(metric)) return metric.sums(target, output, weight);
  const values = metric.perSample(target, output);
  if (!weight) return reduceMean(values);
  return stackScalars([reduceSum(mul(values, weight)), reduceSum(weight)]);
}

/** Tensors that hold one minibatch. */
export interface Minibatch {
  readonly inputs: readonly Tensor[];
  readonly targets: readonly Tensor[];
  readonly weights: readonly Tensor[];
}

/** Names under which the arrays of a minibatch are fed: inputs, targets, sample weights. */
export function feedNames({ inputs, targets, weights = [] }: Pick<StepSpec, 'inputs' | 'targets' | 'weights'>): string[] {
  const numbered = (kind: string) => (_: unknown, i: number) => `${kind}_${i}`;
  return [...inputs.map(numbered('x')), ...targets.map(numbered('y')), ...weights.map(numbered('w'))];
}

/** The tensors of a minibatch, in the order of `feedNames`. */
export function tensorsOf({ inputs, targets, weights }: Minibatch): Tensor[] {
  return [...inputs, ...targets, ...weights];
}

/** Inputs for one minibatch of the given types, with leading axes such as the chunk's. */
export function minibatchInputs(spec: Pick<StepSpec, 'inputs' | 'targets' | 'weights'>, leading: readonly string[] = []): Minibatch {
  const make = (kind: string) => (type: InstanceType, i: number) => input(`${kind}_${i}`, [...leading, BATCH, ...type.shape], type.dtype);
  return { inputs: spec.inputs.map(make('x')), targets: spec.targets.map(make('y')), weights: (spec.weights ?? []).map(make('w')) };
}

/** The network on data: floats of another width are cast, whole numbers stay until a layer computes with them. */
export function feedNetwork(network: Network, inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((tensor) => (tensor.dtype === 'float32' || tensor.dtype === 'float64' ? cast(tensor, network.dtype) : tensor));
}

export interface Evaluation {
  /** Total loss: mean over the batch, summed over outputs by weight. */
  readonly loss: Tensor;
  /** Values by `logEntries`: scalar means over the batch, or vectors of sums. */
  readonly logs: readonly Tensor[];
}

/** Losses and metrics of the network's outputs. */
export function evaluateOutputs(
  spec: Pick<StepSpec, 'losses' | 'lossWeights' | 'metrics'>,
  { outputs, masks }: Pick<ForwardResult, 'outputs' | 'masks'>,
  { targets, weights }: Pick<Minibatch, 'targets' | 'weights'>,
  penalty?: Tensor,
): Evaluation {
  const entries = outputs.map((output, i) => entriesOf(targets[i] as Tensor, output, masks[i]));
  const each = spec.losses.map((loss, i) => named(meanLoss(loss, entries[i] as Entries, weights[i] ?? weights[0]), 'loss/mean'));
  const weighted = each.map((value, i) => (spec.lossWeights[i] === 1 ? value : mul(value, spec.lossWeights[i] ?? 1)));
  const loss = [...weighted, ...(penalty ? [penalty] : [])].reduce((sum, next) => add(sum, next));
  const metrics = spec.metrics.flatMap((list, i) =>
    list.map((metric) => measure(metric, entries[i] as Entries, weightOf(metric, weights, i, (outputs[i] as Tensor).dtype))),
  );
  label([loss, ...each], 'loss');
  label(metrics, 'metrics');
  return { loss, logs: [loss, ...(each.length > 1 ? each : []), ...metrics] };
}

/** The sum of what regularizers ask of trained arrays, and of what layers add to the loss; undefined where there is nothing. */
export function penaltyOf({ variables }: Network, values: ReadonlyMap<string, Tensor>, added: readonly Tensor[]): Tensor | undefined {
  const penalties = variables.flatMap(({ name, trainable, regularizer }) =>
    trainable && regularizer ? [regularizer.penalty(values.get(name) as Tensor)] : [],
  );
  penalties.push(...added);
  label(penalties, 'loss');
  return penalties.length === 0 ? undefined : penalties.reduce((sum, next) => add(sum, next));
}

export interface Step {
  /** Value of every state entry after the step; entries that stay as they are are left out. */
  readonly next: ReadonlyMap<string, Tensor>;
  /** Vector of the values that `logEntries` describes; where vital signs are taken, what is added to the loss comes behind them. */
  readonly logs: Tensor;
  /** What may be looked at. */
  readonly seen: StepInside;
}

/** Tensors inside a step, for those who measure. */
export interface StepInside {
  readonly loss: Tensor;
  readonly taps: readonly SignalTap[];
  /** Gradients of the loss, as the backward pass found them: times the learning rate where the optimizer takes a seed. */
  readonly found: ReadonlyMap<Tensor, Tensor>;
  readonly trained: readonly Stored[];
  /** One for each trained array, likewise. */
  readonly gradients: readonly Tensor[];
  /** Every array of the network by name. */
  readonly values: ReadonlyMap<string, Tensor>;
  /** What regularizers and layers add to the loss; undefined where nothing does. */
  readonly penalty: Tensor | undefined;
}

/** Random numbers that depend on the seed, the place and the step alone. */
export function uniformSource(seed: number, iterations: Tensor): UniformSource {
  const step = cast(iterations, 'uint32');
  const keyOf = (path: string): number => baseKey(seed, path);
  return (like, path) => {
    if (typeof path === 'string') return uniformLike(like, stepKey(keyOf(path), step));
    const keys = constant(new NdArray(Uint32Array.from(path.paths, keyOf), [path.paths.length]));
    return uniformLike(like, stepKey(gather(keys, path.at), step));
  };
}

/** Writes one training step: forward, backward, update. `values` holds every state entry. */
export function writeStep(spec: StepSpec, batch: Minibatch, learningRate: Tensor, values: ReadonlyMap<string, Tensor>): Step {
  const { network, optimizer } = spec;
  const iterations = values.get(ITERATIONS) as Tensor;
  const stored = network.storage(spec.layout);
  const pieces = withPieces(stored, values);
  const result = network.forward(feedNetwork(network, batch.inputs), {
    training: true,
    values: pieces,
    uniform: uniformSource(spec.seed, iterations),
    flush: spec.flush,
    observe: spec.vitals !== undefined,
  });
  const { updates, taps, penalties } = result;
  const penalty = penaltyOf(network, values, penalties);
  const { loss, logs } = evaluateOutputs(spec, result, batch, penalty);

  const trained = stored.filter(({ trainable }) => trainable);
  const rate = cast(learningRate, network.dtype);
  // Scaling by the learning rate costs nothing at the head of the backward pass.
  const arrays = trained.map(({ name }) => values.get(name) as Tensor);
  const found = adjoints(loss, arrays, takesSeed(optimizer) ? { seeds: [rate] } : {});
  const gradients = arrays.map((array) => gradientIn(found, array));
  gradients.forEach((gradient, i) => {
    gradient.name ??= `${trained[i]?.name}/gradient`;
  });
  const update = writeUpdate({ optimizer, trained, gradients, learningRate: rate, iterations, values });
  const next = new Map<string, Tensor>([...updates, ...update]);
  next.set(ITERATIONS, add(iterations, scalar(1, 'int64')));
  const told = spec.vitals && penalty ? [...logs, penalty] : logs;
  return { next, logs: stackScalars(told), seen: { loss, taps, found, trained, gradients, values: pieces, penalty } };
}

/** Scalars, and vectors between them, as one vector. */
export function stackScalars(values: readonly Tensor[]): Tensor {
  return concat(
    values.map((value) => {
      const item = cast(value, values[0]?.dtype ?? 'float32');
      return item.rank === 1 ? item : reshape(item, [1]);
    }),
    0,
  );
}
