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
  /** One unless given, as `fit` has it. */
  readonly epochs?: number;
}

/** The layer that a call uses. */
export const layerAt = ({ calls, layers }: ModelConfig, call: number): DescribedLayer | undefined => layers[calls[call]?.layer ?? -1];

/** Layers that several calls use, which are made once and have a name, each with the first of those calls. */
export function sharedLayers({ calls }: ModelConfig): ReadonlyMap<number, number> {
  const [used, shared] = [new Map<number, number>(), new Map<number, number>()];
  calls.forEach(({ layer }, at) => {
    const first = used.get(layer);
    if (first === undefined) used.set(layer, at);
    else shared.set(layer, first);
  });
  return shared;
}

/** The call whose output a signal is, and which of its outputs. */
export const placeOf = (signal: SignalIndex): readonly [call: number, which: number] => (typeof signal === 'number' ? [signal, 0] : signal);

/** What a signal is called: `x3`, and `x3_1` where it is not its call's first. */
export function nameOf(signal: SignalIndex): string {
  const [call, which] = placeOf(signal);
  return which === 0 ? `x${call}` : `x${call}_${which}`;
}

/** Names of as many outputs of a call. */
export const namesOf = (call: number, outputs: number): string[] => Array.from({ length: outputs }, (_, which) => nameOf([call, which]));
