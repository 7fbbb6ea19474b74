// @ts-check

/** @typedef {ReturnType<typeof import('./summary.js').summarize>} Summary */

const digits = (/** @type {number} */ value) => String(Number(value.toPrecision(3)));
const percent = (/** @type {number} */ value) => `${digits(100 * value)} %`;
const times = (/** @type {number} */ value) => `×${digits(value)}`;

/** Figures that the table has, each with what is aimed at. @type {readonly (readonly [key: string, title: string, aim: string, say: (value: number) => string])[]} */
const rows = [
  ['balancedAccuracy', 'sick or healthy, balanced accuracy', '98 %', percent],
  ['falseAlarmRate', 'healthy networks called ill', '≤ 1 %', percent],
  ['namedBeforeFirstStep', 'sick networks called ill before the first step', '70 %', percent],
  ['rightFault', 'injected fault named', '95 %', percent],
  ['repairedRate', 'sick networks repaired', '98 %', percent],
  ['meanGain', 'mean gain, in parts of the reference', '', digits],
  ['medianStepRatio', 'median cost in steps of one plain training', '≤ ×1.3', times],
  ['medianTimeRatio', 'median cost in time', '≤ ×1.3', times],
  ['randomRepairedRate', 'repaired by random remedies', '', percent],
  ['healthyLeftAlone', 'healthy networks left alone', '99 %', percent],
];

/** @param {number | null | undefined} value @param {readonly [number, number] | null | undefined} interval @param {(value: number) => string} say */
const cell = (value, interval, say) =>
  value === null || value === undefined ? '–' : `${say(value)}${interval ? ` [${say(interval[0])}, ${say(interval[1])}]` : ''}`;

/** The figures as a table of Markdown. @param {Summary} summary @returns {string} */
export function tableOf(summary) {
  const main = rows.map(([key, title, aim, say]) => {
    const value = /** @type {Record<string, number | null>} */ (/** @type {unknown} */ (summary))[key];
    return [title, aim, cell(value, summary.intervals[key], say), String(summary.of[key] ?? '')];
  });
  const { agreed, detectors } = summary;
  const { evenkeelAfter: afterwards, sagemaker } = detectors;
  const { autotrainer } = summary.arms;
  const figure = (/** @type {import('./summary.js').Figure} */ { value, interval, of }, /** @type {(value: number) => string} */ say) => [
    cell(value, interval, say),
    String(of),
  ];
  const others = [
    ['by what the training showed alone: balanced accuracy', '', ...figure(afterwards.balancedAccuracy, percent)],
    ['– healthy ones called ill', '', ...figure(afterwards.falseAlarmRate, percent)],
    ['of those whose three trainings agree: balanced accuracy', '', ...figure(agreed.balancedAccuracy, percent)],
    ['– healthy ones called ill', '', ...figure(agreed.falseAlarmRate, percent)],
    ['– sick ones repaired', '', ...figure(agreed.repairedRate, percent)],
    ['their reference’s own recipe, trained with another seed, comes as close', '', ...figure(summary.recipeRepeated, percent)],
    ["balanced accuracy of SageMaker's thresholds", '', ...figure(sagemaker.balancedAccuracy, percent)],
    ['healthy networks that they alarm about', '', ...figure(sagemaker.falseAlarmRate, percent)],
    ['repaired by AUTOTRAINER (classification)', '', ...figure(autotrainer.repairedRate, percent)],
    ['sick ones in which it sees a symptom', '', ...figure(autotrainer.changedRate, percent)],
    ['its median cost in steps', '', ...figure(autotrainer.medianStepRatio, times)],
    ['repaired where random remedies fail', '50 %', ...figure(summary.repairedWhereRandomFails, percent)],
    ['McNemar against random, p', '< 0.01', summary.mcnemarP === null ? '–' : summary.mcnemarP.toPrecision(2), ''],
  ];
  const counts = `${summary.networks} networks: ${summary.healthy} healthy, ${summary.sick} sick, ${summary.grey} between.`;
  const faultRows = Object.entries(summary.byFault).map(([name, of]) => [
    name,
    ...[
      of.networks,
      of.healthy,
      of.falseAlarms,
      of.sick,
      of.namedBefore,
      of.named,
      of.rightlyNamed,
      of.repaired,
      of.repairedByRandom,
      of.repairedByAutotrainer,
    ].map(String),
  ]);
  const kinds = [
    'fault or oddity',
    'networks',
    'healthy',
    'false alarms',
    'sick',
    'named before',
    'named',
    'rightly',
    'repaired',
    'by random',
    'by AUTOTRAINER',
  ];
  return [counts, '', markdown(['', 'aim', 'measured [95 %]', 'of'], [...main, ...others]), '', markdown(kinds, faultRows)].join('\n');
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} body */
function markdown(head, body) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}
