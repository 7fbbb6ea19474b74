import { countOf } from '../core/count.js';
import { ArgumentError, DataError } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import type { Network } from '../network/network.js';
import type { Feeds, Resident, Session } from '../runtime/index.js';
import { nextName, type Program } from '../training/program.js';
import type { State } from '../training/state.js';
import { inferenceRows } from './feeding.js';

/** Rows that every minibatch of a network must have, because layers keep a state for each; undefined where any number will do. */
export function fixedBatch({ layers }: Network): number | undefined {
  const keepers = layers.filter(({ batchSize }) => batchSize !== undefined);
  const [first] = keepers;
  const other = keepers.find(({ batchSize }) => batchSize !== first?.batchSize);
  if (first && other) {
    throw new ArgumentError(
      `${first.title} keeps a state for ${countOf(first.batchSize, 'row')} and ${other.title} for ${other.batchSize}; all stateful layers of a model need the same batchSize`,
      { layer: other.title, argument: 'batchSize', expected: first.batchSize, received: other.batchSize },
    );
  }
  return first?.batchSize;
}

/** @throws ArgumentError, DataError if minibatches of `size` rows would not all have the rows that stateful layers keep a state for. */
export function checkBatches(network: Network, rows: number, size: number): void {
  const wanted = fixedBatch(network);
  if (wanted === undefined) return;
  const layer = keeperOf(network);
  if (Math.min(size, rows) !== wanted) {
    throw new ArgumentError(
      `${layer} keeps a state for each of ${countOf(wanted, 'row')}, but minibatches have ${Math.min(size, rows)}; pass batchSize: ${wanted}`,
      {
        layer,
        argument: 'batchSize',
        expected: wanted,
        received: Math.min(size, rows),
      },
    );
  }
  checkWholeBatches(network, rows, 'x');
}

/** @throws DataError if rows, of what is named, do not fill whole minibatches of the rows that stateful layers keep a state for. */
export function checkWholeBatches(network: Network, rows: number, what: string): void {
  const wanted = fixedBatch(network);
  if (wanted === undefined || (rows > 0 && rows % wanted === 0)) return;
  const layer = keeperOf(network);
  throw new DataError(
    `${layer} keeps a state for each of ${countOf(wanted, 'row')}, but the ${countOf(rows, 'row')} of ${what} do not fill whole minibatches; remove ${rows % wanted} or add ${wanted - (rows % wanted)}`,
    { layer, argument: 'x', expected: `a multiple of ${wanted}`, received: rows },
  );
}

/** @throws DataError if a stream's minibatch has another number of rows than stateful layers keep a state for. */
export function checkStreamed(network: Network, rows: number): void {
  const wanted = fixedBatch(network);
  if (wanted === undefined || rows === wanted) return;
  const layer = keeperOf(network);
  throw new DataError(
    `${layer} keeps a state for each of ${wanted} rows, but a minibatch of the stream has ${rows}; all must have ${wanted}, including the last`,
    { layer, argument: 'data', expected: wanted, received: rows },
  );
}

const keeperOf = ({ layers }: Network): string => layers.find(({ batchSize }) => batchSize !== undefined)?.title ?? '';

/** Rows per engine call where nothing is trained: as many as are asked for, or suit, or as stateful layers keep a state for. @throws DataError as `checkBatches`. */
export function inferenceBatch(network: Network, inputs: readonly NdArray[], asked?: number): number {
  const wanted = fixedBatch(network);
  checkWholeBatches(network, inputs[0]?.shape[0] ?? 0, 'x');
  return wanted ?? asked ?? inferenceRows(network);
}

/** Runs a program and keeps in the state what it writes. @returns the outputs asked for. */
export async function runKeeping(
  session: Session,
  program: Program,
  state: State,
  feeds: Feeds,
  outputs: readonly string[],
): Promise<Readonly<Record<string, NdArray>>> {
  const written = program.writes.map((name) => [name, nextName(name)] as const);
  const plan = [...outputs.map((name) => [name, 'fetch'] as const), ...written.map(([, next]) => [next, 'keep'] as const)];
  const { fetched, kept } = await session.run(feeds, Object.fromEntries(plan));
  state.replace(Object.fromEntries(written.map(([name, next]) => [name, kept[next] as Resident])));
  return fetched;
}
