import type { DescribedLayer, ModelConfig, SignalIndex } from '../../model/config.js';

/** Whether each layer takes the one before alone, and the last is the output: a row, which is written without names. */
export function isRow({ calls, inputs, outputs }: ModelConfig): boolean {
  const row = calls.every(({ layer, inputs: from }, at) => layer === at && (at === 0 ? from.length === 0 : from.length === 1 && from[0] === at - 1));
  return row && inputs.length === 1 && outputs.length === 1 && outputs[0] === calls.length - 1;
}

/** A training as the three languages write it. */
export interface Written {
  readonly config: ModelConfig;
  readonly batchSize: number;
}

/** The layer that a call uses. */
export const layerAt = ({ calls, layers }: ModelConfig, call: number): DescribedLayer | undefined => layers[calls[call]?.layer ?? -1];

/** Layers that several calls use, which are made once and have a name. */
export function sharedLayers({ calls }: ModelConfig): ReadonlySet<number> {
  const used = calls.map(({ layer }) => layer);
  return new Set(used.filter((layer, at) => used.indexOf(layer) !== at));
}

/** Places of calls; undefined where an output that is not a call's first is among them, which the three languages write too differently. */
export function plainCalls(signals: readonly SignalIndex[]): readonly number[] | undefined {
  const calls = signals.filter((signal) => typeof signal === 'number');
  return calls.length === signals.length ? calls : undefined;
}
