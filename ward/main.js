#!/usr/bin/env node
// @ts-check
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { STEP_FACTOR, TRIALS } from './arms/arm.js';
import { arms } from './arms/index.js';
import { treatmentMissing } from './arms/treat.js';
import { missingSets, otherSources, sources } from './data.js';
import { patientOf, STEPS } from './patients.js';
import { runTasks } from './pool.js';
import { progress } from './progress.js';
import { Records, writeWhole } from './records.js';
import { recipes, referenceKey } from './reference.js';
import { summarize } from './summary.js';
import { tableOf } from './table.js';

/** Changes where the same seeds would give other networks, or other figures of them. */
const VERSION = 1;

const readme = fileURLToPath(new URL('README.md', import.meta.url));
const cached = fileURLToPath(new URL('../node_modules/.cache/evenkeel-ward/references.jsonl', import.meta.url));

const range = (/** @type {string} */ text) => {
  const [, from, to] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined || Number(to) <= Number(from))
    throw new InvalidArgumentError('Expected A:B with A < B; seed B is not run.');
  return [Number(from), Number(to)];
};

const whole = (/** @type {string} */ text) => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Expected a whole number ≥ 1.');
  return Number(text);
};

const armList = (/** @type {string} */ text) => {
  const names = text.split(',').filter((name) => name !== 'none');
  const unknown = names.find((name) => !Object.hasOwn(arms, name));
  if (unknown !== undefined) throw new InvalidArgumentError(`No arm is named '${unknown}'; there are none, ${Object.keys(arms).join(', ')}.`);
  return names;
};

const program = new Command('ward')
  .description('Grades the doctor on networks drawn from seeds. README.md has the rules.')
  .requiredOption('--seeds <A:B>', 'networks to draw', range)
  .option(
    '--json <file>',
    'write summary and records; each network stands in the .jsonl beside it as soon as it is done, and a run goes on from there',
  )
  .addOption(new Option('--half <half>', 'only networks of this half').choices(['open', 'closed']))
  .addOption(new Option('--sets <sets>', "data sets to draw from: the ward's, or others").choices(['ward', 'others']).default('ward'))
  .option('--steps <count>', 'of one training, and of references', whole, STEPS)
  .option('--arms <names>', 'some of none, evenkeel, random, autotrainer', armList, Object.keys(arms))
  .option('--cores <count>', 'processes at a time', whole, availableParallelism())
  .option('--references <file>', 'where references are kept', cached)
  .option('--readme', 'put the figures into README.md')
  .parse();

/** @type {{ seeds: [number, number], json?: string, half?: 'open' | 'closed', sets: import('./patients.js').WhichSets, steps: number, arms: string[], cores: number, references: string, readme?: true }} */
const options = program.opts();

const fail = (/** @type {string} */ message) => program.error(`ward: ${message}`);
const missing = options.arms.some((name) => arms[name]?.treats) ? treatmentMissing() : undefined;
if (missing !== undefined) fail(missing);

if (options.sets === 'others' && (options.half !== undefined || options.readme)) {
  fail('--sets others has no halves and no place in README.md: leave out --half and --readme');
}
if (options.readme && options.steps !== STEPS) fail(`the table in README.md is of ${STEPS} steps: leave out --readme or --steps`);
const absent = missingSets(process.env, options.sets === 'others' ? otherSources : sources);
if (absent.length > 0) {
  const where =
    process.env.EVENKEEL_DATA === undefined ? 'EVENKEEL_DATA names no folder' : `they are not below EVENKEEL_DATA (${process.env.EVENKEEL_DATA})`;
  console.error(`Networks on ${absent.join(', ')} are left out: ${where}. Figures without them are not the ward's.`);
}

const [from, to] = options.seeds;
const patients = Array.from({ length: to - from }, (_, i) => ({ ...patientOf(from + i, options.sets), steps: options.steps })).filter(
  ({ half, dataset }) => (options.half === undefined || half === options.half) && !absent.includes(dataset),
);

// No task is begun after an interrupt; a second one ends at once.
const stop = new AbortController();
process.once('SIGINT', () => {
  stop.abort();
  console.error('\nStopping when the networks under way are done; run the same command to go on. Once more to stop at once.');
  process.once('SIGINT', () => process.exit(130));
});

/** @type {string[]} */
const failures = [];
const told = { out: process.stderr, clock: () => performance.now() };

/** @type {Records<import('./reference.js').Reference>} */
const references = open(
  options.references,
  { kind: 'references', version: VERSION, recipes },
  'was made with other recipes; name another file, or delete it',
);
const needed = new Map(patients.map((patient) => [referenceKey(patient), patient]));
for (const { key } of references.items) needed.delete(key);
const tickReference = progress('References', needed.size, told);
await runTasks(
  [...needed.values()].map((patient) => ({ kind: 'reference', patient })),
  {
    cores: options.cores,
    signal: stop.signal,
    onOutcome: ({ patient }, { done, error }) => {
      tickReference();
      if (done) references.add(done);
      else failures.push(`reference ${referenceKey(patient)}: ${error}`);
    },
  },
);
const scores = new Map(references.items.map(({ key, score }) => [key, score]));

/** @type {Records<import('./run.js').WardRecord>} */
const records = open(
  options.json?.replace(/(\.json)?$/, '.jsonl'),
  {
    kind: 'ward',
    version: VERSION,
    ...(options.sets === 'others' ? { sets: options.sets } : {}),
    arms: options.arms,
    steps: options.steps,
    trials: TRIALS,
    stepFactor: STEP_FACTOR,
  },
  'holds records of other arms or another version; name another --json, or delete it',
);
const done = new Set(records.items.map(({ seed }) => seed));
const left = patients.filter((patient) => !done.has(patient.seed) && scores.has(referenceKey(patient)));
if (done.size > 0) console.error(`Going on: ${patients.length - left.length} of ${patients.length} networks are done.`);
const tick = progress('Networks', left.length, told);
await runTasks(
  left.map((patient) => ({ kind: 'patient', patient, reference: scores.get(referenceKey(patient)), arms: options.arms })),
  {
    cores: options.cores,
    signal: stop.signal,
    onOutcome: ({ patient }, outcome) => {
      tick();
      if (outcome.done) records.add(outcome.done);
      else failures.push(`network ${patient.seed}: ${outcome.error}`);
    },
  },
);

for (const failure of failures) console.error(failure);
const asked = new Set(patients.map(({ seed }) => seed));
const finished = records.items.filter(({ seed }) => asked.has(seed)).sort((a, b) => a.seed - b.seed);
const sick = new Set(finished.filter(({ truth }) => truth.health === 'sick').map(({ seed }) => seed));
const measuredBy = new Set(patients.filter(({ seed }) => sick.has(seed)).map(referenceKey));
const summary = summarize(
  finished,
  references.items.filter(({ key }) => measuredBy.has(key)),
);
const table = tableOf(summary);
console.log(table);
if (options.json !== undefined) {
  const run = {
    seeds: options.seeds,
    half: options.half ?? 'both',
    steps: options.steps,
    arms: options.arms,
    absent,
    failures,
    node: process.version,
  };
  writeWhole(options.json, `${JSON.stringify({ summary, run, records: finished }, undefined, 1)}\n`);
}
if (options.readme) {
  const command = `npm run ward -- --seeds ${from}:${to}${options.half ? ` --half ${options.half}` : ''} --arms ${['none', ...options.arms].join(',')}`;
  const text = readFileSync(readme, 'utf8');
  writeWhole(
    readme,
    text.replace(/(<!-- figures -->\n)[\s\S]*(<!-- \/figures -->)/, (_, head, tail) => `${head}\n\`${command}\`\n\n${table}\n\n${tail}`),
  );
}
process.exitCode = failures.length > 0 ? 1 : 0;

/** @template T @param {string | undefined} path @param {unknown} header @param {string} otherwise @returns {Records<T>} */
function open(path, header, otherwise) {
  try {
    return new Records(path, header, (file) => `${file} ${otherwise}`);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}
