import { product } from '../core/shape.js';
import type { Network } from '../network/network.js';

/** Multiplications of one matrix product from which a second thread pays for itself (measured between 300 and 512 wide). */
const WORK_PER_THREAD = 16e6;
/** More threads than this were never faster for one network. */
const MOST_THREADS = 4;

/**
 * Threads that suit a network's shapes: one below about 300 wide × batch 32, two or more from about 512 × batch 128.
 * @param available threads the machine has.
 */
export function chooseThreads(network: Network, batchSize: number, available: number): number {
  const largest = Math.max(0, ...network.variables.filter(({ shape }) => shape.length > 1).map(({ shape }) => product(shape)));
  const wanted = Math.ceil((largest * batchSize) / WORK_PER_THREAD);
  return Math.max(1, Math.min(wanted, available, MOST_THREADS));
}
