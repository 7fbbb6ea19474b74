// @ts-check
import { createInterface } from 'node:readline';

/**
 * What a subject offers once it is set up.
 * @typedef {object} Prepared
 * @property {Record<string, string>} versions
 * @property {number} [threads]
 * @property {string} [note]
 * @property {Record<string, (steps: number) => Promise<{ steps: number, microseconds: number }>>} variants ways to run steps; the fastest one is measured
 */

/** Times `body`, in µs. @param {() => unknown} body */
export async function timed(body) {
  const start = process.hrtime.bigint();
  await body();
  return Number(process.hrtime.bigint() - start) / 1000;
}

/**
 * The child's side of a measurement: sets up one workload, warms up, picks the fastest variant, then runs one block of steps for every line on stdin.
 * @param {(request: any) => Promise<Prepared>} prepare
 */
export async function serve(prepare) {
  const request = JSON.parse(process.argv[2] ?? '{}');
  const print = (/** @type {unknown} */ value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  try {
    const { variants, ...facts } = await prepare(request);
    const target = request.blockSeconds * 1e6;
    const cost = /** @type {Record<string, number>} */ ({});
    for (const [name, run] of Object.entries(variants)) {
      // Kernels compile and caches fill in the first blocks: they do not count as warm-up, and the last block gives the cost.
      let perStep = (await run(1)).microseconds;
      for (let blocks = 0, steps = 1, spent = 0; blocks < 2 || spent < target; blocks++) {
        const block = await run(steps);
        perStep = block.microseconds / block.steps;
        spent += block.microseconds;
        steps = Math.max(1, Math.min(4 * steps, Math.round(target / 2 / perStep)));
      }
      cost[name] = perStep;
    }
    const [best] = Object.keys(cost).sort((a, b) => Number(cost[a]) - Number(cost[b]));
    const run = best === undefined ? undefined : variants[best];
    if (best === undefined || run === undefined) throw new Error('the subject offers no variant');
    const steps = Math.max(1, Math.round(target / Number(cost[best])));
    print({ ready: true, variant: best, warmUp: cost, ...facts });
    for await (const _ of createInterface({ input: process.stdin })) {
      const block = await run(steps);
      print({ microsecondsPerStep: block.microseconds / block.steps, steps: block.steps });
    }
    process.exit(0);
  } catch (error) {
    print({ error: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}
