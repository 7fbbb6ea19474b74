#!/usr/bin/env node
// @ts-check
import { Command, InvalidArgumentError } from 'commander';
import { adam } from './benches/adam.js';
import { confidence } from './benches/confidence.js';
import { convolution, dense } from './benches/dense.js';
import { depth } from './benches/depth.js';
import { forecast } from './benches/forecast.js';
import { kinds } from './benches/kinds.js';
import { eventloop, memory, startup } from './benches/once.js';
import { optimizers } from './benches/optimizers.js';
import { recurrence } from './benches/recurrence.js';
import { targets } from './benches/targets.js';
import { treatment } from './benches/treatment.js';
import { vanishing } from './benches/vanishing.js';
import { watch } from './benches/watch.js';
import { width } from './benches/width.js';

const list = (/** @type {string} */ value) => value.split(',').filter((item) => item !== '');

const positive = (/** @type {string} */ value) => {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return number;
};

/** @type {Record<string, (command: Command) => Command>} */
const choices = {
  only: (command) => command.option('--only <workloads>', 'such as A,B; of the forecast, activations such as tanh,relu', list),
  against: (command) => command.option('--against <peers>', 'some of tfjs-wasm,tfjs-js,jax-js,pytorch, or none', list),
  rounds: (command) => command.option('--rounds <count>', 'rounds, interleaved; the median stands', positive, 5),
  seconds: (command) => command.option('--seconds <time>', 'length of one block of steps', positive, 1),
  seeds: (command) => command.option('--seeds <count>', 'draws of the weights', positive, 12),
  networks: (command) => command.option('--networks <count>', 'networks that are drawn and trained', positive),
  from: (command) => command.option('--from <file>', 'take networks that were trained before, from what --json wrote'),
  train: (command) =>
    command.option('--train', 'train instead, and say what the doctor said before: deep nets on MNIST, recurrent ones on the adding problem'),
  fit: (command) => command.option('--fit', 'write the table of confidences in src/doctor anew'),
  steps: (command) => command.option('--steps <count>', 'steps of each run', positive),
};

/** Every bench by name. @type {Record<string, { about: string, run: (options: any) => Promise<void>, takes: readonly string[] }>} */
const benches = {
  dense: { about: 'dense nets A to E against TF.js, jax-js and PyTorch', run: dense, takes: ['only', 'against', 'rounds', 'seconds'] },
  recurrence: {
    about: 'an LSTM of 128 over 100 steps (--only lstm,gru,simpleRnn) against PyTorch and TF.js',
    run: recurrence,
    takes: ['only', 'against', 'rounds', 'seconds', 'train'],
  },
  depth: {
    about: 'plain nets of 100, 1,000 and 10,000 layers (--only 100,1000) against PyTorch',
    run: depth,
    takes: ['only', 'against', 'rounds', 'seconds', 'train'],
  },
  convolution: {
    about: 'a LeNet (L) and a ResNet-20 (R) against PyTorch and TF.js',
    run: convolution,
    takes: ['only', 'against', 'rounds', 'seconds'],
  },
  adam: { about: 'Adam against SGD on B', run: adam, takes: ['rounds', 'seconds'] },
  optimizers: { about: "every optimizer's step against the memory passes that its state needs", run: optimizers, takes: ['rounds'] },
  vanishing: { about: 'a net whose gradients vanish against a healthy one of the same shape', run: vanishing, takes: ['rounds', 'seconds'] },
  forecast: { about: 'gains forecast against gains measured at initialization', run: forecast, takes: ['only', 'seeds'] },
  watch: { about: 'what vital signs cost on A to D, natively and in WASM', run: watch, takes: ['only', 'rounds', 'seconds'] },
  confidence: { about: 'how often findings hold of which a confidence is told', run: confidence, takes: ['networks', 'from', 'fit'] },
  treatment: {
    about: 'what a treatment costs, in plain trainings as long as the ward’s and longer',
    run: treatment,
    takes: ['networks'],
  },
  targets: { about: 'what targets that are not standardized do, and treatments of them', run: targets, takes: [] },
  kinds: {
    about:
      'kinds of networks that the ward does not draw (--only transformer,words), from far too low rates to far too high ones, and treatments of them',
    run: kinds,
    takes: ['only'],
  },
  width: { about: 'what a narrow hidden layer leaves of the accuracy', run: width, takes: [] },
  startup: { about: 'time from fit to the first step, in fresh processes', run: startup, takes: ['only', 'rounds'] },
  memory: { about: 'resident memory over 20,000 steps of A', run: memory, takes: ['only', 'steps'] },
  eventloop: { about: 'largest pause of the event loop while steps run', run: eventloop, takes: ['only', 'rounds', 'steps'] },
};

const program = new Command('bench').description('Measures Evenkeel. Fails for no timing.');
for (const [name, { about, run, takes }] of Object.entries(benches)) {
  const command = program.command(name).description(about).option('--json <file>', 'write machine, versions, raw figures and ratios');
  for (const choice of takes) choices[choice]?.(command);
  command.action(run);
}
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof InvalidArgumentError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
