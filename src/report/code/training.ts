import { isRecord } from '../../core/expect.js';
import { isDescribed } from '../../layers/registry.js';
import type { ModelConfig } from '../../model/config.js';
import { scheduleFromConfig } from '../../schedules.js';
import { layerAt, placeOf } from './wiring.js';

/** How a model is trained and judged, output by output. */
export interface Training {
  readonly optimizer: unknown;
  readonly losses: readonly unknown[];
  /** Undefined where all weigh 1. */
  readonly lossWeights: readonly number[] | undefined;
  readonly metrics: readonly (readonly unknown[])[];
  readonly weightedMetrics: readonly (readonly unknown[])[];
}

/** Whether it is told by the names of outputs. */
const isByName = (value: unknown): value is Readonly<Record<string, unknown>> => isRecord(value) && !isDescribed(value);

/** What is compiled, whether it was told once, in a list or by the names of outputs. */
export function trainingOf(config: ModelConfig): Training {
  const { optimizer = 'sgd', loss, lossWeights = [], metrics = [], weightedMetrics = [] } = config.compile ?? {};
  const names = outputNames(config);
  const byOutput = (value: unknown): readonly unknown[] | undefined =>
    Array.isArray(value) ? value : isByName(value) ? names.map((name) => value[name]) : undefined;
  const lists = (value: unknown): readonly (readonly unknown[])[] =>
    names.map((name) => [isByName(value) ? (value[name] ?? []) : value].flat() as readonly unknown[]);
  const weights = names.map((_, i) => Number(byOutput(lossWeights)?.[i] ?? 1));
  return {
    optimizer,
    losses: byOutput(loss) ?? names.map(() => loss),
    lossWeights: weights.every((weight) => weight === 1) ? undefined : weights,
    metrics: lists(metrics),
    weightedMetrics: lists(weightedMetrics),
  };
}

/** Layers that give the outputs, by name. */
export function outputNames(config: ModelConfig): readonly string[] {
  return config.outputs.map((signal) => {
    const layer = layerAt(config, placeOf(signal)[0]);
    return layer?.name ?? layer?.kind ?? '';
  });
}

/** One where all are alike. */
export function common(lists: readonly (readonly unknown[])[]): readonly unknown[] | undefined {
  const [first = [], ...others] = lists;
  return others.every((list) => JSON.stringify(list) === JSON.stringify(first)) ? first : undefined;
}

/** Where a schedule of that name and options starts. */
export const firstRateOf = (name: string, config: Readonly<Record<string, unknown>> = {}): number =>
  Number(scheduleFromConfig(name, config).rate(0).toPrecision(6));
