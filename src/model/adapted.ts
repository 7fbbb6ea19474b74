import type { NdArray } from '../core/ndarray.js';
import { resolveInitializer } from '../initializers.js';
import { Normalization } from '../layers/normalization.js';
import { TimeDistributed } from '../layers/wrappers.js';
import type { Layer } from '../network/layer.js';
import type { Network, Variable } from '../network/network.js';

/** The normalization layer that a layer is, or applies to every step. */
export function normalizationIn(layer: Layer): Normalization | undefined {
  if (layer instanceof TimeDistributed) return normalizationIn(layer.layer);
  return layer instanceof Normalization ? layer : undefined;
}

/** Arrays that hold what layers take from data: moments, and weights that their initializer scales by data. */
export function dataArrays({ variables }: Network): Variable[] {
  return variables.filter(
    ({ layer, initializer }) => layer.needsData && (normalizationIn(layer) !== undefined || resolveInitializer(initializer).scaledByData === true),
  );
}

/**
 * Which layers know their data, or do no more, by arrays that are set: those whose own arrays change. Mean 0 and variance 1 throughout, with which
 * a normalization layer begins, are no data's moments.
 * @param before arrays as they were, where there were any.
 */
export function toldByArrays(network: Network, entries: ReadonlyMap<string, NdArray>, before: ReadonlyMap<string, NdArray>): Map<Layer, boolean> {
  const told = new Map<Layer, boolean>();
  for (const { name, layer } of dataArrays(network)) {
    const array = entries.get(name);
    const was = before.get(name);
    if (!array || (was && equal(was, array))) continue;
    told.set(layer, !normalizationIn(layer) || !isUntouched(layer, (own) => entries.get(own) ?? before.get(own)));
  }
  return told;
}

function isUntouched({ title }: Layer, arrayOf: (name: string) => NdArray | undefined): boolean {
  const holds = (name: string, value: number): boolean => {
    const array = arrayOf(`${title}/${name}`);
    return !array || everyValue(array, (one) => one === value);
  };
  return holds('mean', 0) && holds('variance', 1);
}

function equal(a: NdArray, b: NdArray): boolean {
  return a.size === b.size && everyValue(a, (value, i) => Object.is(value, b.at(i)));
}

function everyValue(array: NdArray, test: (value: number, i: number) => boolean): boolean {
  for (let i = 0; i < array.size; i++) if (!test(array.at(i), i)) return false;
  return true;
}
