import type { ModelConfig } from '../../model/config.js';

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
