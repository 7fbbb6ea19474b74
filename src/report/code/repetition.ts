import type { ModelConfig } from '../../model/config.js';
import { layerCall } from './calls.js';
import { layerAt, placeOf } from './wiring.js';

/** Equal blocks that `layers.repeat` made, one behind the other. */
export interface Repetition {
  /** Its first call, calls of one block, and blocks. */
  readonly start: number;
  readonly size: number;
  readonly count: number;
  readonly remat: boolean;
  /** Whether each call of a block takes the one before alone. */
  readonly inRow: boolean;
}

/** Repetitions by their first call. What was changed within some blocks alone is none any more: it is written block by block. */
export function repetitionsOf(config: ModelConfig): ReadonlyMap<number, Repetition> {
  const found = (config.rows ?? []).map((row, i) => repetitionOf(config, i, row.remat)).filter((one) => one !== undefined);
  return new Map(found.map((one) => [one.start, one]));
}

function repetitionOf(config: ModelConfig, row: number, remat: boolean): Repetition | undefined {
  const { calls } = config;
  const places = calls.flatMap(({ block }, at) => (block?.[0] === row ? [at] : []));
  const [start] = places;
  if (start === undefined) return undefined;
  const count = 1 + Math.max(...places.map((at) => calls[at]?.block?.[1] ?? 0));
  const size = places.length / count;
  const end = start + places.length;
  const [entry] = calls[start]?.inputs ?? [];
  /** A call's inputs as seen from its block: −1 is what enters the block. */
  const seen = (at: number): string => {
    const first = at - ((at - start) % size);
    const enters = first === start ? entry : first - 1;
    const inputs = calls[at]?.inputs.map((from) => {
      const [call, which] = placeOf(from);
      return from === enters ? -1 : call >= first ? [call - first, which] : 'elsewhere';
    });
    const layer = layerAt(config, at);
    return JSON.stringify([inputs, layer && layerCall(layer)]);
  };
  const views = places.map(seen);
  const outside = [...calls.flatMap(({ inputs }, at) => (at >= start && at < end ? [] : inputs)), ...config.outputs].map((from) => placeOf(from)[0]);
  const whole =
    typeof entry === 'number' &&
    places.every((at, i) => at === start + i && calls[at]?.block?.[1] === Math.floor(i / size)) &&
    views.every((view, i) => !view.includes('elsewhere') && view === views[i % size]) &&
    new Set(places.map((at) => calls[at]?.layer)).size === places.length &&
    outside.every((from) => from < start || from >= end - 1);
  const inRow = Array.from({ length: size }, (_, i) => calls[start + i]?.inputs).every(
    (inputs, i) => inputs?.length === 1 && (i === 0 || inputs[0] === start + i - 1),
  );
  return whole ? { start, size, count, remat, inRow } : undefined;
}
