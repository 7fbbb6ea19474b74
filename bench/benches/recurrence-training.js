// @ts-check
import { doctor, initializers, layers, optimizers, Random, sequential, synthetic } from 'evenkeel';
import { short, writeReport } from '../harness/report.js';

/** Steps of each sequence: two of its numbers are marked, their sum is asked for at the end (Hochreiter and Schmidhuber 1997). */
const STEPS = 200;
/** Fresh sequences of one epoch, so that none can be learned by heart, and of the test. */
const ROWS = 6400;
const BATCH = 64;
/** A squared error below this has solved it; answering 1 always has 1/6. */
const SOLVED = 0.01;

/**
 * @typedef {object} Plan
 * @property {string} title
 * @property {() => import('evenkeel').Layer} layer
 * @property {number} learningRate of Adam, clipped at a global norm of 1
 * @property {number} epochs at most
 */

/** @type {readonly Plan[]} */
const plans = [
  { title: 'simpleRnn of 100 as drawn by default (tanh, orthogonal)', layer: () => layers.simpleRnn(100), learningRate: 1e-3, epochs: 40 },
  {
    title: 'simpleRnn of 100, ReLU from the identity',
    layer: () =>
      layers.simpleRnn(100, { activation: 'relu', recurrentInitializer: 'identity', kernelInitializer: initializers.normal({ stddev: 0.01 }) }),
    learningRate: 1e-4,
    epochs: 60,
  },
  { title: 'lstm of 100', layer: () => layers.lstm(100), learningRate: 3e-3, epochs: 60 },
];

/**
 * The adding problem: what the doctor says before the first step, and whether training solves it.
 * @param {{ json?: string, only?: readonly string[] }} options
 */
export async function recurrenceTraining({ json }) {
  const draw = (/** @type {number} */ seed) => synthetic.addingProblem({ rows: ROWS, steps: STEPS, seed });
  const test = draw(0);
  const results = [];
  for (const { title, layer, learningRate, epochs } of plans) {
    console.log(`\n${title}; ${STEPS} steps, batch ${BATCH}, Adam at ${learningRate}, gradients clipped at a norm of 1`);
    const model = sequential([layers.input([STEPS, 2]), layer(), layers.dense(1)], { seed: 1 });
    model.compile({ optimizer: optimizers.adam({ learningRate, globalClipNorm: 1 }), loss: 'mse' });
    const findings = doctor.diagnose(await model.examine(test.x.slice(0, 256), test.y.slice(0, 256))).filter(({ severity }) => severity === 'ill');
    for (const { cause } of findings) console.log(`  before the first step: ${cause}`);
    const seeds = new Random(1).stream('epochs');
    const start = performance.now();
    let [error, epoch] = [Number.NaN, 0];
    for (; epoch < epochs && !(error < SOLVED); epoch++) {
      const rows = draw(1 + seeds.integer(2 ** 30));
      await model.fit(rows.x, rows.y, { epochs: epoch + 1, initialEpoch: epoch, batchSize: BATCH, verbose: 0 });
      error = (await model.evaluate(test.x, test.y)).loss ?? Number.NaN;
      if (epoch % 5 === 4) console.log(`  after ${((epoch + 1) * ROWS) / BATCH} steps: squared error ${short(error)}`);
    }
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `  ${error < SOLVED ? 'solved' : 'not solved'} after ${(epoch * ROWS) / BATCH} steps: squared error ${short(error)}, ${Math.round(seconds)} s`,
    );
    results.push({ title, ill: findings.map(({ rule }) => rule), solved: error < SOLVED, error, steps: (epoch * ROWS) / BATCH, seconds });
    await model.dispose();
  }
  writeReport(json, { steps: STEPS, results });
}
