import type { Command } from 'commander';
import { glyphs } from '../data/glyphs.js';
import { layers } from '../layers/index.js';
import { sequential } from '../model/construct.js';
import { printResult, wholeNumber } from './print.js';

const DEPTH = 20;
const WIDTH = 100;

/** `evenkeel demo`: the main job on embedded data. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(`train a net of ${DEPTH} hidden layers on the embedded glyphs`)
    .option('--epochs <N>', 'passes over the data', wholeNumber(1), 5)
    .option('--rows <N>', 'glyphs to train on', wholeNumber(100), 12_000)
    .action(async ({ epochs, rows }: { epochs: number; rows: number }) => {
      const { train, test } = glyphs({ train: rows });
      const hidden = Array.from({ length: DEPTH }, () => layers.dense(WIDTH, { activation: 'selu', kernelInitializer: 'lecunNormal' }));
      const model = sequential(
        [
          layers.input([28, 28], { dtype: 'uint8' }),
          layers.flatten(),
          layers.normalization({ axis: null }),
          ...hidden,
          layers.dense(10, { activation: 'softmax' }),
        ],
        { seed: 42, name: 'glyphs' },
      );
      model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
      printResult(`${DEPTH} hidden layers of ${WIDTH} SELU units, ${rows} pictures of 28×28, SGD, batches of 32`);
      const history = await model.fit(train, { epochs, validationSplit: 0.1 });
      const { accuracy = Number.NaN, loss = Number.NaN } = await model.evaluate(test);
      const pace = ((history.seconds / history.steps) * 1e6).toFixed(0);
      printResult(
        `test accuracy ${(100 * accuracy).toFixed(1)} %, loss ${loss.toFixed(4)}; ${history.steps} steps in ${history.seconds.toFixed(1)} s (${pace} µs each)`,
      );
    });
}
