// @ts-check
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { confidenceOf } from '#src/doctor/confidence.js';
import { groupOf, ruleGroups } from '#src/doctor/rule-groups.js';
import { drawNetwork, healthyNetworks, sets, sizes, trainNetwork } from '../harness/networks.js';
import { brier, calibrationError, fitLogistic, reliability } from '../harness/reliability.js';
import { printTable, writeReport } from '../harness/report.js';

/** @typedef {import('../harness/networks.js').Drawn & { readonly score: number, readonly start: readonly Found[], readonly early: readonly Found[] }} Trained */
/** @typedef {{ readonly rule: string, readonly severity: 'ill' | 'risk', readonly margin: number }} Found */
/** @typedef {import('../harness/reliability.js').Told} Told */
/** @typedef {{ readonly references: readonly Reference[], readonly networks: readonly Trained[] }} Samples */
/** @typedef {{ readonly data: string, readonly depth: number, readonly activation: string, readonly score: number }} Reference */

/** Of the best score of its data and size, what a network must reach: below, training suffered. */
const SUFFERS = 0.9;
const TABLE = 'src/doctor/confidence-table.ts';
const stages = /** @type {const} */ ([
  ['start', 'before the first step'],
  ['early', 'after 256 steps'],
]);

/** Trains healthy networks of every data set and size, and `count` that are drawn. @param {number} count @returns {Promise<Samples>} */
async function trainAll(count) {
  const names = /** @type {(keyof typeof sets)[]} */ (Object.keys(sets));
  const rows = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await sets[name]()])));
  const references = [];
  for (const { data, depth, width } of names.flatMap((data) => sizes.map(([depth, width]) => ({ data, depth, width })))) {
    for (const healthy of healthyNetworks(data, depth, width)) {
      const { score } = await trainNetwork(healthy, rows[data]);
      references.push({ data, depth, width, activation: healthy.activation, score });
    }
  }
  console.log(`${references.length} healthy networks trained`);
  const networks = [];
  for (let seed = 1; seed <= count; seed++) {
    const drawn = drawNetwork(seed);
    networks.push({ ...drawn, ...(await trainNetwork(drawn, rows[drawn.data])) });
    if (seed % 50 === 0) console.log(`${seed} of ${count} networks trained`);
  }
  return { references, networks };
}

/** Findings with whether training suffered; of one rule's findings in one look the farthest. @param {Samples} samples @returns {(Told & { readonly seed: number })[]} */
function toldOf({ references, networks }) {
  const best = (/** @type {Trained} */ { data, depth }) =>
    Math.max(...[...references, ...networks].filter((other) => other.data === data && other.depth === depth).map(({ score }) => score));
  return networks.flatMap((network) => {
    const held = network.score < SUFFERS * best(network);
    return stages.flatMap(([when]) =>
      network[when].flatMap(({ rule, severity, margin }, i, all) => {
        const alike = all.filter((other) => other.rule === rule && other.severity === severity);
        if (alike.some((other) => other.margin > margin) || all.findIndex((other) => other.rule === rule && other.margin === margin) < i) return [];
        return [{ seed: network.seed, group: groupOf(rule), when, severity, margin, told: confidenceOf(rule, severity, margin), held }];
      }),
    );
  });
}

/** The table in src/doctor, from one half of the networks. @param {readonly Told[]} list */
function tableOf(list) {
  const of = (/** @type {string} */ severity, /** @type {string} */ group) => {
    const alike = list.filter((one) => one.severity === severity);
    const [common] = fitLogistic(alike);
    const fitted = fitLogistic(
      alike.filter((one) => one.group === group),
      common,
    );
    return fitted.map((number) => Number(number.toFixed(2))).join(', ');
  };
  const lines = ruleGroups.map((group) => `  ${group}: { ill: [${of('ill', group)}], risk: [${of('risk', group)}] },`);
  const text = readFileSync(TABLE, 'utf8');
  return `${text.slice(0, text.indexOf('= {') + 3)}\n${lines.join('\n')}\n};\n`;
}

const share = (/** @type {number} */ value) => value.toFixed(2);
/** @param {readonly Told[]} list */
function summary(list) {
  if (list.length === 0) return ['0', '', ''];
  const [{ count, told, found, interval }] = /** @type {[ReturnType<typeof reliability>[number]]} */ (reliability(list, [0, 1]));
  return [String(count), share(told), `${share(found)} [${interval.map(share).join(', ')}]`];
}

/** @param {readonly Told[]} list */
function printReliability(list) {
  for (const [when, title] of stages) {
    const ill = list.filter((one) => one.when === when && one.severity === 'ill');
    console.log('');
    printTable([
      [`ill, ${title}`, 'findings', 'told', 'found'],
      ...reliability(ill).map(({ from, to, count, told, found, interval }) => [
        `${share(from)} to ${share(to)}`,
        String(count),
        share(told),
        `${share(found)} [${interval.map(share).join(', ')}]`,
      ]),
      ['all', ...summary(ill)],
    ]);
    console.log('');
    printTable([
      [`${title}, by rules`, 'ill', 'told', 'found', 'risk', 'told', 'found'],
      ...ruleGroups.map((group) => [
        group,
        ...['ill', 'risk'].flatMap((severity) =>
          summary(list.filter((one) => one.when === when && one.group === group && one.severity === severity)),
        ),
      ]),
    ]);
  }
}

/** Expected calibration error and Brier score, of what is told and of what was told when confidence followed from the margin by a fixed formula. @param {readonly Told[]} list */
function errorsOf(list) {
  const fixed = list.map((one) => ({ ...one, told: 1 - 0.5 / Math.sqrt(Math.min(one.margin, 1e6)) }));
  return Object.fromEntries(
    Object.entries({ fitted: list, fixed }).map(([name, told]) => [name, { calibrationError: calibrationError(told), brier: brier(told) }]),
  );
}

/**
 * How often findings hold of which a confidence is told. Networks with odd seeds serve for fitting the table in src/doctor (`fit` writes it), those with
 * even seeds show what it is worth.
 * @param {{ networks?: number, from?: string, fit?: boolean, json?: string }} options
 */
export async function confidence({ networks: count = 280, from, fit, json }) {
  /** @type {Samples} */
  const samples = from === undefined ? await trainAll(count) : JSON.parse(readFileSync(from, 'utf8'));
  const all = toldOf(samples);
  const even = all.filter(({ seed }) => seed % 2 === 0);
  if (fit) {
    writeFileSync(TABLE, tableOf(all.filter(({ seed }) => seed % 2 === 1)));
    const formatted = spawnSync('npx', ['biome', 'check', '--write', TABLE], { encoding: 'utf8' });
    if (formatted.status !== 0) throw new Error(`biome check ${TABLE}: ${formatted.stderr}`);
    console.log(`written: ${TABLE}; run the bench again, with --from and what --json wrote, for what it is worth`);
  } else {
    printReliability(even);
    for (const severity of ['ill', 'risk']) {
      const errors = errorsOf(even.filter((one) => one.severity === severity));
      console.log('');
      printTable([
        [severity, 'calibration error', 'Brier score'],
        ...Object.entries(errors).map(([name, { calibrationError: error, brier: score }]) => [name, error.toFixed(3), score.toFixed(3)]),
      ]);
    }
  }
  writeReport(json, { ...samples, findings: all });
}
