// @ts-check
import { compareOwn } from '../harness/compare.js';
import { workloads } from '../harness/workloads.js';

/** What Adam costs over SGD on workload B. @param {{ rounds: number, seconds: number, json?: string }} options */
export async function adam(options) {
  const workload = workloads.filter(({ id }) => id === 'B');
  await compareOwn(
    workload.flatMap((net) => [
      { label: 'sgd', workload: net, optimizer: 'sgd' },
      { label: 'adam', workload: net, optimizer: 'adam' },
    ]),
    options,
  );
}
