// @ts-check
import { createEngine, initializers as draw, layers, Random, sequential } from 'evenkeel';
import { resolveActivation, scalarForm } from '#src/activations.js';
import { forecast as forecastOf } from '#src/doctor/forecast.js';
import { criticalPoint, meanSquareSlope, varianceSlope } from '#src/theory/mean-field.js';
import { drawWeights, gainMeter, normalArray } from '../harness/gains.js';
import { printTable, writeReport } from '../harness/report.js';

/** @typedef {import('evenkeel').InitializerLike} InitializerLike */

const depth = 20;
const batch = 256;
const alternating = [128, 256];
const activations = ['linear', 'tanh', 'sigmoid', 'relu', 'leakyRelu', 'prelu', 'elu', 'selu', 'gelu', 'silu', 'softplus', 'softsign'];
/** @type {Record<string, InitializerLike>} */
const initializers = {
  glorot: 'glorotNormal',
  he: 'heNormal',
  lecun: 'lecunNormal',
  'N(0, 0.05²)': draw.normal({ stddev: 0.05 }),
  'N(0, 1)': draw.normal({ stddev: 1 }),
  orthogonal: 'orthogonal',
  critical: 'critical',
};
/** Nets narrower than this differ so much from draw to draw that their mean takes this many times the draws. */
const [NARROW, MORE] = [64, 8];
/** Widths of the logistic nets with N(0, 1) weights that a beginner builds. */
const logisticWidths = [32, 100, 300];

/**
 * One net: hidden layers of an activation, and linear sums at the end. Widths alternate, so that fans differ.
 * @param {string} activation @param {InitializerLike} kernelInitializer @param {readonly number[]} widths
 */
function build(activation, kernelInitializer, widths) {
  const width = (/** @type {number} */ i) => widths[i % widths.length] ?? 1;
  const dense = Array.from({ length: depth }, (_, i) => layers.dense(width(i + 1), { kernelInitializer, ...(i < depth - 1 ? { activation } : {}) }));
  return sequential([layers.input([width(0)]), ...dense]);
}

/** Whether a critical point exists at q = 1. @param {string} activation */
function hasCritical(activation) {
  return criticalPoint(scalarForm(resolveActivation(activation)), 1).biasVariance >= 0;
}

/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

/**
 * RMS gains per layer, forecast against measurement at initialization: geometric mean over depth, then over seeds.
 * @param {{ seeds: number, only?: readonly string[], json?: string }} options
 */
export async function forecast({ seeds, only, json }) {
  const engine = await createEngine({ threads: 1 });
  const cases = [
    ...activations
      .filter((activation) => !only || only.includes(activation))
      .flatMap((activation) =>
        Object.entries(initializers)
          .filter(([name]) => name !== 'critical' || hasCritical(activation))
          .map(([name, initializer]) => ({ activation, name, initializer, widths: alternating })),
      ),
    ...(only && !only.includes('sigmoid')
      ? []
      : logisticWidths.map((width) => ({
          activation: 'sigmoid',
          name: `N(0, 1), width ${width}`,
          initializer: draw.normal({ stddev: 1 }),
          widths: [width],
        }))),
  ];
  const rows = [];
  const all = { inside: 0, count: 0 };
  /** Draws that do not depend on the activation, by initializer and seed. @type {Map<string, Map<string, import('evenkeel').NdArray>>} */
  const drawn = new Map();
  for (const { activation, name, initializer, widths } of cases) {
    const model = build(activation, initializer, widths);
    const told = forecastOf(model, { batchSize: batch });
    const uses = told.layers.filter(({ role }) => role === 'weights');
    const meter = await gainMeter(model, engine);
    /** @type {{ z: number[], g: number[] }[]} */
    const measured = [];
    const draws = seeds * (Math.min(...widths) < NARROW ? MORE : 1);
    for (let seed = 1; seed <= draws; seed++) {
      const random = new Random(seed).stream(name);
      const key = `${name}/${seed}`;
      const fresh = drawn.get(key) ?? drawWeights(model, random);
      if (name === 'orthogonal') drawn.set(key, fresh);
      const weights = new Map(
        model.network.variables.map(({ name: array }) => [array, fresh.get(array) ?? /** @type {any} */ (drawWeights(model, random).get(array))]),
      );
      measured.push(await meter.measure(weights, normalArray(random.stream('x'), [batch, widths[0] ?? 1]), random.stream('direction')));
    }
    await meter.dispose();
    await model.dispose();
    const at = (/** @type {{ value: number } | undefined} */ estimate) => estimate?.value ?? Number.NaN;
    const forward = uses.slice(1).map(({ forwardGain }) => Math.log(at(forwardGain)));
    const backward = uses.slice(0, -1).map(({ backwardGain }) => Math.log(at(backwardGain)));
    const ratios = (/** @type {number[]} */ values) => values.slice(1).map((value, i) => value / (values[i] ?? 1));
    const upwards = measured.map(({ z }) => ratios(z));
    const downwards = measured.map(({ g }) => ratios(g).map((ratio) => 1 / ratio));
    const gain = (/** @type {number[][]} */ values) => mean(values.map((gains) => mean(gains.map(Math.log))));
    const inside = { forward: 0, backward: 0, size: 0, count: 0 };
    measured.forEach(({ z }, seed) => {
      uses.forEach((use, i) => {
        const holds = (/** @type {{ low: number, high: number } | undefined} */ estimate, /** @type {number} */ value) =>
          estimate !== undefined && value >= estimate.low && value <= estimate.high;
        if (i > 0 && holds(use.forwardGain, upwards[seed]?.[i - 1] ?? Number.NaN)) inside.forward++;
        if (i < uses.length - 1 && holds(use.backwardGain, downwards[seed]?.[i] ?? Number.NaN)) inside.backward++;
        if (holds(use.zRms, z[i] ?? Number.NaN)) inside.size++;
      });
    });
    const count = draws * (depth - 1);
    const phi = scalarForm(resolveActivation(activation));
    all.inside += inside.forward + inside.backward;
    all.count += 2 * count;
    rows.push({
      activation,
      initializer: name,
      stable: isStable(phi, uses),
      forwardError: Math.exp(gain(upwards) - mean(forward)) - 1,
      backwardError: Math.exp(gain(downwards) - mean(backward)) - 1,
      forwardCoverage: inside.forward / count,
      backwardCoverage: inside.backward / count,
      sizeCoverage: inside.size / (draws * depth),
    });
    const row = rows.at(-1);
    if (row)
      process.stderr.write(
        `${activation} ${name}: ${percent(row.forwardError)} ${percent(row.backwardError)} ${row.stable} ${row.forwardCoverage.toFixed(3)} ${row.backwardCoverage.toFixed(3)} ${row.sizeCoverage.toFixed(3)}\n`,
      );
  }
  await engine.dispose();
  const intervalCoverage = all.inside / all.count;
  printTable([
    ['activation, initializer', 'variance map', 'forward error', 'backward error', '95 % holds', 'backward'],
    ...rows.map((row) => [
      `${row.activation}, ${row.initializer}`,
      row.stable ? 'stable' : 'unstable',
      percent(row.forwardError),
      percent(row.backwardError),
      percent(row.forwardCoverage),
      percent(row.backwardCoverage),
    ]),
  ]);
  const worst = (/** @type {boolean} */ stable) =>
    Math.max(
      0,
      ...rows.filter((row) => row.stable === stable).flatMap(({ forwardError, backwardError }) => [Math.abs(forwardError), Math.abs(backwardError)]),
    );
  console.log(`largest error: ${percent(worst(true))} where the variance map is stable, ${percent(worst(false))} elsewhere`);
  console.log(`95 % intervals hold ${percent(intervalCoverage)} of ${all.count} single gains`);
  writeReport(json, { bench: 'forecast', depth, batch, widths: alternating, seeds, rows, intervalCoverage });
}

/**
 * Whether |dq'/dq| < 1 at every variance that the forecast passes through, or the activation is homogeneous.
 * @param {import('#src/graph/evaluate.js').ScalarFunction} phi
 * @param {readonly import('#src/doctor/forecast.js').LayerForecast[]} uses
 */
function isStable(phi, uses) {
  if ([0.01, 1, 30].every((k) => Math.abs(phi.value(k) - k * phi.value(1)) + Math.abs(phi.value(-k) - k * phi.value(-1)) < 1e-9 * k)) return true;
  return uses.slice(0, -1).every(({ q = 1 }, i) => {
    const next = uses[i + 1];
    const weightVariance = (next?.chi ?? 0) / meanSquareSlope(linearAtEnd(i, uses.length, phi), next?.q ?? 1);
    return Math.abs(varianceSlope(phi, { weightVariance }, q)) < 1;
  });
}

/** The last layer has no activation. @param {number} i @param {number} count @param {import('#src/graph/evaluate.js').ScalarFunction} phi */
function linearAtEnd(i, count, phi) {
  return i + 1 === count - 1 ? { value: (/** @type {number} */ x) => x, slope: () => 1 } : phi;
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
