// @ts-check
import { datasets, doctor, initializers, layers, optimizers, sequential } from 'evenkeel';
import { printTable, short, writeReport } from '../harness/report.js';

/**
 * A plain net on images, without skip connections or normalization between its layers.
 * @typedef {object} Plan
 * @property {string} title
 * @property {number} depth
 * @property {number} width
 * @property {number} batch
 * @property {number} learningRate
 * @property {number} [q] variance of the sums that orthogonal, critical tanh layers are drawn for; logistic layers drawn by Glorot where not given
 * @property {number} epochs
 * @property {number} [rows] rows of the training set; all unless given
 */

/** @type {readonly Plan[]} */
const plans = [
  { title: '1,000 tanh layers, orthogonal, critical', depth: 1000, width: 64, batch: 64, learningRate: 2e-4, q: 0.0025, epochs: 12 },
  { title: '1,000 logistic layers, Glorot', depth: 1000, width: 64, batch: 64, learningRate: 2e-4, epochs: 1, rows: 64 * 200 },
  { title: '10,000 tanh layers, orthogonal, critical', depth: 10000, width: 32, batch: 32, learningRate: 1e-5, q: 1e-4, epochs: 1, rows: 32 * 200 },
];

/** @param {Plan} plan */
function build({ depth, width, learningRate, q }) {
  const drawn = q === undefined ? undefined : initializers.critical({ q, distribution: 'orthogonal' });
  const hidden = drawn
    ? layers.dense(width, { activation: 'tanh', kernelInitializer: drawn, biasInitializer: drawn })
    : layers.dense(width, { activation: 'sigmoid' });
  const model = sequential(
    [
      layers.input([28, 28], { dtype: 'uint8' }),
      layers.flatten(),
      layers.normalization({ axis: null }),
      // Brings inputs of variance 1 to the size that the deep layers keep.
      layers.dense(width, { kernelInitializer: initializers.normal({ stddev: Math.sqrt((q ?? 1) / 784) }) }),
      layers.repeat(depth, hidden),
      layers.dense(10, { activation: 'softmax' }),
    ],
    { seed: 1, threads: 1 },
  );
  const optimizer = optimizers.sgd({ learningRate, momentum: 0.9 });
  return model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

const mean = (/** @type {readonly number[]} */ list) => list.reduce((sum, value) => sum + value, 0) / list.length;

/**
 * RMS of ∂L/∂z in the first deep layer over that in the last one, before the first step.
 * @param {ReturnType<typeof build>} model @param {import('evenkeel').Dataset} data @param {number} depth
 */
async function gradientRatio(model, data, depth) {
  const { header, steps } = await model.examine(data.x.slice(0, 256), data.y.slice(0, 256));
  const rms = (/** @type {string} */ name) => {
    const column = header.watched.findIndex((at) => header.network.layers[at]?.name === name);
    return Number(steps[0]?.signals.gRms[column]);
  };
  return rms('dense_2') / rms(`dense_${depth + 1}`);
}

/**
 * What great depth does to training, on MNIST: the forecast before, the gradient before, loss and accuracy after.
 * @param {{ json?: string }} options
 */
export async function depthTraining({ json }) {
  const { train, test } = await datasets.load('mnist');
  const results = [];
  for (const plan of plans) {
    const { title, depth, batch, epochs, rows = train.x.shape[0] ?? 0 } = plan;
    console.log(`\n${title}, ${plan.width} wide, batch ${batch}, SGD at ${plan.learningRate} with momentum 0.9`);
    const model = build(plan);
    const { trainableDepth } = doctor.forecast(model);
    const ratio = await gradientRatio(model, train, depth);
    /** @type {number[]} */
    const losses = [];
    const note = { /** @param {unknown} _ @param {Record<string, number>} logs */ onBatchEnd: (_, logs) => void losses.push(Number(logs.loss)) };
    const start = performance.now();
    for (let epoch = 0; epoch < epochs; epoch++) {
      const watched = epoch === 0 ? { callbacks: [note] } : {};
      await model.fit(train.x.slice(0, rows), train.y.slice(0, rows), {
        epochs: epoch + 1,
        initialEpoch: epoch,
        batchSize: batch,
        verbose: 0,
        ...watched,
      });
      const { loss, accuracy } = await model.evaluate(test);
      console.log(
        `  epoch ${epoch + 1}: test loss ${short(loss ?? Number.NaN)}, accuracy ${short(100 * (accuracy ?? 0))} %, ${Math.round((performance.now() - start) / 1000)} s`,
      );
      results.push({ title, epoch: epoch + 1, testLoss: loss, testAccuracy: accuracy });
    }
    const facts = {
      trainableDepth,
      gradientFirstOverLast: ratio,
      firstLosses: mean(losses.slice(0, 20)),
      lossesToStep100: mean(losses.slice(80, 100)),
    };
    results.push({ title, ...facts, seconds: (performance.now() - start) / 1000 });
    printTable([
      ['forecast: trainable depth', 'gradient, first layer over last', 'loss, steps 1 to 20', 'steps 81 to 100'],
      [trainableDepth === null ? 'without bound' : short(trainableDepth), short(ratio), short(facts.firstLosses), short(facts.lossesToStep100)],
    ]);
    await model.dispose();
  }
  writeReport(json, { versions: { node: process.versions.node }, results });
}
