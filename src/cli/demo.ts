import type { Command } from 'commander';
import { glyphs } from '../data/glyphs.js';
import { diagnose } from '../doctor/diagnose.js';
import { forecast } from '../doctor/forecast.js';
import { treat } from '../doctor/treat.js';
import { initializers } from '../initializers.js';
import { layers } from '../layers/index.js';
import { sequential } from '../model/construct.js';
import type { Model } from '../model/model.js';
import { showFindings } from '../report/findings.js';
import { patchOf } from '../report/patch.js';
import { treatmentHtml } from '../report/treatment-html.js';
import { writeAtomically } from '../storage/files.js';
import { requireWritable } from './out-files.js';
import { printNote, printResult, showValues, wholeNumber } from './print.js';

const DEPTH = 20;
const WIDTH = 100;
/** Rows of the look before the first step. */
const LOOK_ROWS = 256;

/** Logistic units with N(0, 1) weights: they saturate, and the lower layers starve. */
function sickModel(): Model {
  const hidden = Array.from({ length: DEPTH }, () =>
    layers.dense(WIDTH, { activation: 'sigmoid', kernelInitializer: initializers.normal({ stddev: 1 }) }),
  );
  const model = sequential(
    [layers.input([28, 28], { dtype: 'uint8' }), layers.flatten(), layers.rescaling(1 / 255), ...hidden, layers.dense(10, { activation: 'softmax' })],
    { seed: 42, name: 'glyphs' },
  );
  return model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

/** `evenkeel demo`: the main job on embedded data, from forecast to proof. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(`treat a sick network of ${DEPTH} hidden layers on the built-in glyphs`)
    .option('--epochs <N>', 'epochs of the full run', wholeNumber(1), 5)
    .option('--rows <N>', 'glyphs to train on', wholeNumber(100), 12_000)
    .option('--report <FILE>', 'write a before-and-after report to this HTML file', 'treatment.html')
    .action(async ({ epochs, rows, report }: { epochs: number; rows: number; report: string }) => {
      requireWritable({ report });
      const { train, test } = glyphs({ train: rows });
      const model = sickModel();
      printResult(`${DEPTH} hidden layers of ${WIDTH} logistic units with N(0, 1) weights, ${rows} pictures of 28×28, SGD, batches of 32\n`);
      const { layers: forecasts } = forecast(model);
      const hidden = forecasts.filter(({ role }) => role === 'weights').slice(0, -1);
      const saturated = hidden.map(({ saturated: share = 0 }) => share).sort((a, b) => a - b)[Math.floor(hidden.length / 2)] ?? 0;
      printResult(
        `forecast, from theory alone: ${Math.round(100 * saturated)} % of the entries saturated; the gradient at the first layer is ${hidden[0]?.gradient?.value.toPrecision(2)} times that at the last`,
      );
      const look = await model.examine(train.x.slice(0, LOOK_ROWS), train.y.slice(0, LOOK_ROWS));
      printResult(`\none minibatch, before the first step:\n${showFindings(diagnose(look))}\n`);
      const treatment = await treat(model, train, { epochs, onProgress: printNote });
      printResult(`\n${treatment}`);
      const patch = treatment.changed ? patchOf(treatment) : undefined;
      if (patch) printResult(`\nthe change as code:\n${patch}`);
      printResult(`\ntest: ${showValues(await treatment.model.evaluate(test))}`);
      await writeAtomically(report, new TextEncoder().encode(treatmentHtml(treatment)));
      printResult(`before and after, side by side: ${report}`);
    });
}
