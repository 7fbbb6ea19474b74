import { asFromTable, isFromTable } from '../core/catalogue.js';
import { countOf } from '../core/count.js';
import { isFloat } from '../core/dtype.js';
import { ArgumentError, show } from '../core/errors.js';
import { checkOptionNames } from '../core/expect.js';
import { suggestion } from '../core/names.js';
import { type Loss, type LossLike, resolveLoss } from '../losses.js';
import { type Metric, type MetricLike, resolveMetric } from '../metrics.js';
import type { Network } from '../network/network.js';
import { type Optimizer, type OptimizerLike, resolveOptimizer } from '../optimizers.js';

/** One value for all outputs, one per output in order, or one per output by layer name. */
export type PerOutput<T> = T | readonly T[] | Readonly<Record<string, T>>;

export interface CompileOptions {
  /** Default SGD with learning rate 0.01. */
  readonly optimizer?: OptimizerLike;
  readonly loss: PerOutput<LossLike>;
  /** Default none. A list serves every output; an object gives each output its own. */
  readonly metrics?: readonly MetricLike[] | Readonly<Record<string, readonly MetricLike[]>>;
  /** The same, with sample weights applied. */
  readonly weightedMetrics?: CompileOptions['metrics'];
  /** Weight of each output's loss in the sum; a single number if there is one output; default 1. */
  readonly lossWeights?: number | readonly number[] | Readonly<Record<string, number>>;
}

/** How a model is trained and judged. */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly losses: readonly Loss[];
  readonly lossWeights: readonly number[];
  readonly metrics: readonly (readonly Metric[])[];
}

const known = ['optimizer', 'loss', 'metrics', 'weightedMetrics', 'lossWeights'];

/** Reads the options of `compile`. @throws ArgumentError naming the option, with the nearest known name. */
export function compileOptions(network: Network, options: CompileOptions): Compiled {
  if (options !== undefined) checkOptionNames('compile', options, known);
  if (options?.loss === undefined)
    throw new ArgumentError("compile needs a loss, such as 'sparseCategoricalCrossentropy' for labels or 'mse' for numbers", { argument: 'loss' });
  for (const { dtype, call } of network.outputs) {
    if (isFloat(dtype)) continue;
    throw new ArgumentError(
      `compile: ${call.layer.title} outputs integers (${dtype}), through which no gradient can flow; end the model with a layer that has weights, such as layers.dense`,
      { argument: 'loss', layer: call.layer.title, received: dtype },
    );
  }
  const losses = perOutput(network, 'loss', options.loss, isLossRecord).map(resolveLoss);
  const lossWeights = readLossWeights(network, options.lossWeights);
  if (Array.isArray(lossWeights) && lossWeights.length > network.outputs.length) {
    throw new ArgumentError(
      `compile: lossWeights has ${countOf(lossWeights.length, 'entry', 'entries')}, the model has ${countOf(network.outputs.length, 'output')}`,
      {
        argument: 'lossWeights',
        received: lossWeights.length,
      },
    );
  }
  const weights = Array.isArray(lossWeights)
    ? network.outputs.map((_, i) => (lossWeights as readonly number[])[i] ?? 1)
    : byName(network, 'lossWeights', lossWeights as Readonly<Record<string, number>>, 1);
  for (const weight of weights) {
    if (!Number.isFinite(weight))
      throw new ArgumentError(`a loss weight must be a finite number, got ${show(weight)}`, { argument: 'lossWeights', received: weight });
  }
  const weighted = readMetrics(network, 'weightedMetrics', options.weightedMetrics, losses);
  const metrics = readMetrics(network, 'metrics', options.metrics, losses).map((list, i) => [
    ...list,
    ...(weighted[i] ?? []).map((metric) => {
      const entry = { ...metric, weighted: true };
      return isFromTable(metric) ? asFromTable(entry) : entry;
    }),
  ]);
  requireDistinct(network, metrics);
  return { optimizer: resolveOptimizer(options.optimizer ?? 'sgd'), losses, lossWeights: weights, metrics };
}

/** @throws ArgumentError where a value of training has the name of one of validation. */
function requireDistinct({ outputs }: Network, metrics: readonly (readonly Metric[])[]): void {
  const told = new Map([['loss', "'loss'"]]);
  outputs.forEach(({ call: { layer } }, i) => {
    const several = outputs.length > 1;
    const own = [...(several ? ['loss'] : []), ...(metrics[i] ?? []).map(({ name }) => name)];
    for (const name of own)
      told.set(several ? `${layer.title}_${name}` : name, several ? `the output layer '${layer.title}'` : `the metric '${name}'`);
  });
  for (const [name, owner] of told) {
    const other = name.startsWith('val_') ? told.get(name.slice('val_'.length)) : undefined;
    if (other === undefined) continue;
    throw new ArgumentError(
      `compile: '${name}' would be a value of training, of ${owner}, and one of validation, of ${other}; give ${owner} a name that does not begin with 'val'`,
      { argument: 'loss', received: name },
    );
  }
}

/** @throws ArgumentError if they are no numbers by output. */
function readLossWeights({ outputs }: Network, given: NonNullable<CompileOptions['lossWeights']> = []): Exclude<typeof given, number> {
  if (typeof given === 'number' && outputs.length === 1) return [given];
  if (typeof given === 'object' && given !== null) return given;
  const names = outputs.map(({ call }) => call.layer.title).join(', ');
  throw new ArgumentError(
    `compile: lossWeights must be a list of numbers, one for each output (${names}), or numbers by output; got ${show(given)}`,
    { argument: 'lossWeights', received: given },
  );
}

/** Metrics of each output. @throws ArgumentError */
function readMetrics(network: Network, argument: string, given: NonNullable<CompileOptions['metrics']> = [], losses: readonly Loss[]): Metric[][] {
  for (const list of Array.isArray(given) ? [given] : [given, ...Object.values(given ?? {})]) {
    if (typeof list !== 'object' || list === null || (list !== given && !Array.isArray(list))) {
      throw new ArgumentError(`compile: ${argument} must be a list, or lists by output, got ${show(list)}`, { argument, received: list });
    }
  }
  const lists = Array.isArray(given)
    ? network.outputs.map(() => given as readonly MetricLike[])
    : byName(network, argument, given as Readonly<Record<string, readonly MetricLike[]>>, []);
  return lists.map((list, i) => list.map((metric) => resolveMetric(metric, losses[i] as Loss, network.outputs[i]?.shape ?? [])));
}

function isLossRecord(value: object): boolean {
  return !('perSample' in value);
}

function perOutput<T>(network: Network, argument: string, given: PerOutput<T>, isRecord: (value: object) => boolean): T[] {
  if (Array.isArray(given)) {
    if (given.length !== network.outputs.length) {
      throw new ArgumentError(
        `compile: ${argument} has ${countOf(given.length, 'entry', 'entries')}, the model has ${countOf(network.outputs.length, 'output')}`,
        {
          argument,
          received: given.length,
        },
      );
    }
    return [...(given as readonly T[])];
  }
  if (typeof given === 'object' && given !== null && isRecord(given)) return byName(network, argument, given as Readonly<Record<string, T>>);
  return network.outputs.map(() => given as T);
}

function byName<T>(network: Network, argument: string, given: Readonly<Record<string, T>>, fallback?: T): T[] {
  const names = network.outputs.map((signal) => signal.call.layer.title);
  for (const key of Object.keys(given)) {
    if (!names.includes(key))
      throw new ArgumentError(`compile: ${argument} names '${key}', which is not an output${suggestion(key, names)}`, { argument, received: key });
  }
  return names.map((name) => {
    const value = given[name] ?? fallback;
    if (value === undefined) throw new ArgumentError(`compile: ${argument} lacks the output '${name}'`, { argument, expected: name });
    return value;
  });
}
