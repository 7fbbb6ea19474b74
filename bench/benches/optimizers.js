// @ts-check
import { layers, NdArray, Random, sequential, optimizers as table } from 'evenkeel';
import { median, printTable, short, writeReport } from '../harness/report.js';

/** Units of the one dense layer: its kernel of 64 MiB is in no cache, so a step costs what it moves. */
const width = 4096;
const steps = 16;

/** SGD reads and writes the weights to update them and reads them once more in the forward pass; the gradient never leaves the product. */
const passesOfSgd = 3;

/**
 * Passes over an array of the weights' size that a step cannot do without: weights read in the forward pass; gradient written once; weights,
 * gradient and every slot of that size read; weights and slots written.
 * @param {number} slots
 */
const least = (slots) => 1 + 1 + (2 + slots) + (1 + slots);

/**
 * What a step of every optimizer costs over the memory passes that its state needs, one layer of 4096×4096 at batch 1, where nothing but memory counts.
 * @param {{ rounds: number, json?: string }} options
 */
export async function optimizers({ rounds, json }) {
  const random = new Random(1);
  const x = new NdArray(
    Float32Array.from({ length: steps * width }, () => random.normal()),
    [steps, width],
  );
  const y = NdArray.zeros([steps, width], 'float32');
  const entries = Object.entries(table).map(([name, make]) => {
    const optimizer = make({ learningRate: 1e-4 });
    const shape = [width, width];
    const sizes = optimizer.slots.map((slot) => (optimizer.slotShape ? optimizer.slotShape(slot, shape) : shape)?.reduce((size, of) => size * of, 1));
    const slots = sizes.filter((size) => size === width * width);
    return { name, optimizer, slots: slots.length, milliseconds: /** @type {number[]} */ ([]) };
  });
  for (let round = 0; round < rounds; round++) {
    for (const { optimizer, milliseconds } of entries) {
      const model = sequential([layers.input([width]), layers.dense(width, { useBias: false })]);
      model.compile({ optimizer, loss: 'meanSquaredError' });
      await model.fit(x.slice(0, 2), y.slice(0, 2), { batchSize: 1, verbose: 0 });
      const { seconds } = await model.fit(x, y, { batchSize: 1, verbose: 0 });
      milliseconds.push((1000 * seconds) / steps);
      await model.dispose();
    }
  }
  const sgd = entries.find(({ name }) => name === 'sgd');
  const pass = median(sgd?.milliseconds ?? []) / passesOfSgd;
  const results = entries.map(({ name, slots, milliseconds }) => {
    const passes = name === 'sgd' ? passesOfSgd : least(slots);
    const took = median(milliseconds);
    return { optimizer: name, passes, medianMilliseconds: took, ratio: took / (passes * pass), rounds: milliseconds };
  });
  printTable([
    ['one step, 4096×4096', 'passes', 'ms for them', 'median ms', 'ratio'],
    ...results.map((result) => [
      result.optimizer,
      String(result.passes),
      short(result.passes * pass),
      short(result.medianMilliseconds),
      short(result.ratio),
    ]),
  ]);
  writeReport(json, { results, ratios: results.map(({ optimizer, ratio }) => ({ workload: optimizer, subject: 'step', against: 'passes', ratio })) });
}
