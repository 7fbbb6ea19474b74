// @ts-check
import { doctor, layers, NdArray, optimizers, sequential } from 'evenkeel';
import { missingSets, Sets } from '../../ward/data.js';
import { illRules } from '../../ward/detectors/evenkeel.js';
import { grade } from '../../ward/score.js';
import { endWhereNotFinite } from '../../ward/train.js';
import { median, printTable, short, writeReport } from '../harness/report.js';

const DATA = 'california-housing';
/** Passes of a training: 1,024 steps of 32 rows. */
const EPOCHS = 16;
/** Standard deviations of targets with mean 0, means of targets with deviation 1, and prices as they come. */
const CASES = [
  ...[0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1000, 1e5].map((deviation) => ({ deviation, mean: 0 })),
  ...[3, 10, 30, 100].map((mean) => ({ deviation: 1, mean })),
  { deviation: 1.2e5, mean: 2.1e5 },
];
/** Of the explained variance of the same network on standardized targets, what one that suffered stays below. */
const SUFFERS = 0.9;

/** Hidden layers of 64 units. */
const nets = {
  'relu 2': () => Array.from({ length: 2 }, () => layers.dense(64, { activation: 'relu', kernelInitializer: 'heNormal' })),
  'selu 8': () => Array.from({ length: 8 }, () => layers.dense(64, { activation: 'selu', kernelInitializer: 'lecunNormal' })),
  'tanh 3, normalized': () => Array.from({ length: 3 }, () => [layers.dense(64, { activation: 'tanh' }), layers.batchNormalization()]).flat(),
};
const ways = {
  'adam 0.001': () => optimizers.adam({ learningRate: 0.001 }),
  'adam 0.01': () => optimizers.adam({ learningRate: 0.01 }),
  'rmsprop 0.001': () => optimizers.rmsprop({ learningRate: 0.001 }),
  'sgd 0.01': () => optimizers.sgd({ learningRate: 0.01 }),
  'momentum 0.003': () => optimizers.sgd({ learningRate: 0.003, momentum: 0.9 }),
  'clipped momentum 0.01': () => optimizers.sgd({ learningRate: 0.01, momentum: 0.9, clipnorm: 1 }),
};

/** @typedef {{ net: string, way: string, deviation: number, mean: number, plain: number, before: boolean, after: boolean, treated: number, steps: number }} Result */

/** Rows with other targets. @param {{ x: NdArray, y: NdArray }} part @param {{ deviation: number, mean: number }} wanted */
const scaled = ({ x, y }, { deviation, mean }) => ({
  x,
  y: new NdArray(
    Float32Array.from(y.data, (one) => mean + deviation * Number(one)),
    y.shape,
  ),
});

const isIll = (/** @type {import('evenkeel').Trace} */ trace) => illRules(trace).length > 0;

/**
 * What targets that are not standardized do to networks on California housing, what the doctor says of them, and how they do treated.
 * @param {{ json?: string }} options
 */
export async function targets({ json }) {
  if (missingSets(process.env).includes(DATA)) throw new Error(`the bench 'targets' needs ${DATA} below EVENKEEL_DATA`);
  const set = await new Sets(process.env).get(DATA, 'standard');
  /** @type {Result[]} */
  const results = [];
  for (const wanted of CASES) {
    const [train, validationData, test] = [set.train, set.validation, set.test].map((part) => scaled(part, wanted));
    for (const [net, hidden] of Object.entries(nets)) {
      for (const [way, optimizer] of Object.entries(ways)) {
        const made = () =>
          sequential([layers.input([set.features]), ...hidden(), layers.dense(1)], { seed: 1 }).compile({ optimizer: optimizer(), loss: 'mse' });
        const model = made();
        const before = isIll(await model.examine(train.x.slice(0, 256), train.y.slice(0, 256)));
        const { trace } = await model.fit(train, {
          epochs: EPOCHS,
          verbose: 0,
          validationData,
          callbacks: [endWhereNotFinite, { vitals: {} }],
        });
        const plain = await grade(model, test, set);
        const treatment = await doctor.treat(made(), train, { validationData, epochs: EPOCHS, seed: 1, budget: { trials: 8, steps: 5 * 1024 } });
        const treated = await grade(treatment.model, test, set);
        results.push({
          net,
          way,
          ...wanted,
          plain,
          before,
          after: trace ? isIll(trace) : false,
          treated,
          steps: treatment.steps / treatment.plainSteps,
        });
        await treatment.model.dispose();
        await model.dispose();
      }
    }
    console.log(`${results.length} of ${CASES.length * Object.keys(nets).length * Object.keys(ways).length} networks trained and treated`);
  }
  const standard = (/** @type {Result} */ { net, way }) =>
    results.find((other) => other.net === net && other.way === way && other.deviation === 1 && other.mean === 0)?.plain ?? Number.NaN;
  const suffers = (/** @type {Result} */ result, /** @type {number} */ score) => !(score >= SUFFERS * standard(result));
  const rows = CASES.map(({ deviation, mean }) => {
    const these = results.filter((result) => result.deviation === deviation && result.mean === mean);
    const sick = these.filter((result) => suffers(result, result.plain));
    return [
      short(deviation),
      short(mean),
      Math.max(-1, median(these.map(({ plain }) => plain))).toFixed(2),
      String(sick.length),
      String(sick.filter(({ before }) => before).length),
      String(sick.filter(({ before, after }) => before || after).length),
      String(these.filter((result) => !suffers(result, result.plain) && (result.before || result.after)).length),
      median(these.map(({ treated }) => treated)).toFixed(2),
      String(these.filter((result) => suffers(result, result.treated)).length),
    ];
  });
  printTable([['deviation', 'mean', 'explained', 'sick', 'told before', 'told at all', 'healthy told ill', 'treated', 'still sick'], ...rows]);
  writeReport(json, { results, ratios: [] });
}
