import { sameShape } from '../core/shape.js';
import type { Layer, LayerCall, Signal } from './layer.js';

/**
 * Shortest row of equal layers that becomes a loop. Below it the unrolled graph runs as fast and keeps a name for every operator;
 * above it the graph stays small and every layer costs the same, however many there are.
 */
export const SHORTEST_RUN = 48;

/** Equal layers in a row: each has the same options and shapes, and only the next one uses its output. */
export interface Run {
  readonly calls: readonly LayerCall[];
  /** `dense_2..dense_1001`. */
  readonly name: string;
}

/** Rows of equal layers of at least `shortest` that a network can run as a loop. */
export function findRuns(calls: readonly LayerCall[], outputs: readonly Signal[], shortest = SHORTEST_RUN): Run[] {
  const users = new Map<Signal, number>();
  const use = (signal: Signal): void => {
    users.set(signal, (users.get(signal) ?? 0) + 1);
  };
  for (const call of calls) call.inputs.forEach(use);
  outputs.forEach(use);
  const times = new Map<Layer, number>();
  for (const { layer } of calls) times.set(layer, (times.get(layer) ?? 0) + 1);
  const runs: Run[] = [];
  let row: LayerCall[] = [];
  const close = (): void => {
    if (row.length >= shortest) runs.push({ calls: row, name: `${row[0]?.layer.title}..${row[row.length - 1]?.layer.title}` });
    row = [];
  };
  let [key, last]: [string, LayerCall | undefined] = ['', undefined];
  for (const call of calls) {
    const watched = [...call.layer.weights.values()].some(({ regularizer, constraint }) => regularizer !== undefined || constraint !== undefined);
    const fits = !watched && call.layer.repeatable && !call.layer.hasSideEffects && times.get(call.layer) === 1 && keepsShape(call);
    const own = fits ? describeLayer(call.layer) : '';
    const follows = last !== undefined && call.inputs[0] === last.output && users.get(last.output) === 1;
    if (!fits || own !== key || !follows) close();
    if (fits) row.push(call);
    [key, last] = [own, call];
  }
  close();
  return runs;
}

function keepsShape({ inputs, output }: LayerCall): boolean {
  const [input] = inputs;
  return inputs.length === 1 && input !== undefined && input.dtype === output.dtype && sameShape(input.shape, output.shape);
}

/** What two layers share that compute the same function of their input and weights. */
function describeLayer(layer: Layer): string {
  return JSON.stringify([
    layer.kind,
    layer.trainable,
    layer.config(),
    [...layer.weights].map(([name, { shape, trainable }]) => [name, shape, trainable]),
  ]);
}
