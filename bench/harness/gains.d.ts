import type { Engine, Model, NdArray, Random } from 'evenkeel';

export function drawWeights(model: Pick<Model, 'network'>, random: Random): Map<string, NdArray>;

export function normalArray(random: Random, shape: readonly number[]): NdArray;

/** Root mean squares of z and of ∂L/∂z, in the order of `uses`. */
export interface Gains {
  readonly z: readonly number[];
  readonly g: readonly number[];
}

export interface GainMeter {
  readonly uses: readonly string[];
  measure(weights: ReadonlyMap<string, NdArray>, rows: NdArray, random: Random): Promise<Gains>;
  dispose(): Promise<void>;
}

export function gainMeter(model: Pick<Model, 'network'>, engine: Engine): Promise<GainMeter>;
