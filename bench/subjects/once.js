// @ts-check
// A fresh process that answers one question about Evenkeel with one JSON line.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { buildData, buildModel } from '../harness/evenkeel.js';
import { rows } from '../harness/workloads.js';

/** @typedef {import('../harness/evenkeel.js').Request & { steps: number }} Request */

/** @type {Record<string, (request: Request) => Promise<object>>} */
const questions = {
  /** Time from `fit` on the whole data set to the end of the first step. */
  async startup(request) {
    const model = buildModel(request);
    const { x, y } = buildData(request.workload);
    const controller = new AbortController();
    const start = performance.now();
    let milliseconds = Number.NaN;
    const onBatchEnd = () => {
      if (Number.isNaN(milliseconds)) milliseconds = performance.now() - start;
      controller.abort();
    };
    try {
      await model.fit(x, y, {
        epochs: 1,
        batchSize: request.workload.batch,
        verbose: 0,
        signal: controller.signal,
        callbacks: [{ every: 1, onBatchEnd }],
      });
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    }
    return { milliseconds };
  },

  /** Resident memory at the end of each epoch. */
  async memory(request) {
    const model = buildModel(request);
    const { x, y } = buildData(request.workload);
    /** @type {number[]} */
    const megabytes = [];
    const onEpochEnd = () => {
      megabytes.push(process.memoryUsage.rss() / 1e6);
    };
    const epochs = Math.ceil((request.steps * request.workload.batch) / rows);
    await model.fit(x, y, { epochs, batchSize: request.workload.batch, verbose: 0, callbacks: [{ every: 'epoch', onEpochEnd }] });
    return { megabytes };
  },

  /** Largest pause of the caller's event loop while steps run. */
  async eventloop(request) {
    const model = buildModel(request);
    const { x, y } = buildData(request.workload);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    let largestGap = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      largestGap = Math.max(largestGap, now - last);
      last = now;
    }, 1);
    // The first epoch compiles; what blocks then is start-up, not stepping.
    let duringStart = 0;
    const onEpochEnd = () => {
      if (duringStart === 0) {
        duringStart = largestGap;
        largestGap = 0;
        delay.enable();
      }
    };
    const epochs = 1 + Math.ceil((request.steps * request.workload.batch) / rows);
    await model.fit(x, y, { epochs, batchSize: request.workload.batch, verbose: 0, callbacks: [{ every: 'epoch', onEpochEnd }] });
    clearInterval(timer);
    delay.disable();
    return { largestGap, duringStart, largestDelay: delay.max / 1e6, p99Delay: delay.percentile(99) / 1e6 };
  },
};

const request = JSON.parse(process.argv[2] ?? '{}');
try {
  const question = questions[request.question];
  if (question === undefined) throw new Error(`unknown question ${request.question}; known: ${Object.keys(questions).join(', ')}`);
  process.stdout.write(`${JSON.stringify(await question(request))}\n`);
  process.exit(0);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
  process.exit(1);
}
