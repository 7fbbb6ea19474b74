// @ts-check
import { layers, sequential } from 'evenkeel';
import { missingSets, Sets } from '../../ward/data.js';
import { printTable, writeReport } from '../harness/report.js';

const DATA = ['glyphs', 'pendigits', 'letter'];
const WIDTHS = [64, 16, 13, 10, 8, 6, 5, 4, 3, 2, 1];

/**
 * How much a narrow second hidden layer leaves of the accuracy of one of 64 units, on validation rows.
 * @param {{ json?: string }} options
 */
export async function width({ json }) {
  const absent = missingSets(process.env);
  const sets = new Sets(process.env);
  const results = [];
  for (const data of DATA.filter((name) => !absent.includes(name))) {
    const set = await sets.get(data, 'standard');
    for (const activation of ['relu', 'tanh']) {
      for (const units of WIDTHS) {
        const hidden = [64, units].map((count) => layers.dense(count, { activation, kernelInitializer: 'auto' }));
        const head = layers.dense(set.classes, { activation: 'softmax' });
        const model = sequential([layers.input([set.features]), ...hidden, head], { seed: 1 });
        model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
        await model.fit(set.train.x, set.train.y, { epochs: 16, verbose: 0 });
        const { accuracy } = await model.evaluate(set.validation.x, set.validation.y);
        results.push({ data, classes: set.classes, activation, units, accuracy: Number(accuracy) });
        await model.dispose();
      }
    }
  }
  const wide = (/** @type {(typeof results)[number]} */ { data, activation }) =>
    results.find((other) => other.data === data && other.activation === activation && other.units === WIDTHS[0])?.accuracy ?? Number.NaN;
  const groups = [...new Set(results.map(({ data, classes, activation }) => `${data}, ${classes} classes, ${activation}`))];
  const rows = groups.map((group) => {
    const these = results.filter(({ data, classes, activation }) => `${data}, ${classes} classes, ${activation}` === group);
    return [group, ...these.map((one) => (one.units === WIDTHS[0] ? one.accuracy.toFixed(3) : `${Math.round((100 * one.accuracy) / wide(one))} %`))];
  });
  printTable([['units', ...WIDTHS.map(String)], ...rows]);
  writeReport(json, { results, ratios: [] });
}
