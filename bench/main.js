#!/usr/bin/env node
// @ts-check
import { Command, InvalidArgumentError } from 'commander';
import { dense } from './benches/dense.js';

const list = (/** @type {string} */ value) => value.split(',').filter((item) => item !== '');

const positive = (/** @type {string} */ value) => {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return number;
};

/** Every bench by name. @type {Record<string, { about: string, run: (options: any) => Promise<void> }>} */
const benches = {
  dense: { about: 'dense nets A to E against TF.js, jax-js and PyTorch', run: dense },
};

const program = new Command('bench').description('Measures Evenkeel. Fails for no timing.');
for (const [name, { about, run }] of Object.entries(benches)) {
  program
    .command(name)
    .description(about)
    .option('--json <file>', 'write machine, versions, raw medians and ratios')
    .option('--only <workloads>', 'such as A,B', list)
    .option('--against <peers>', 'tfjs-wasm,tfjs-js,jax-js,pytorch, or none', list)
    .option('--rounds <count>', 'interleaved rounds; the median stands', positive, 5)
    .option('--seconds <time>', 'length of one block', positive, 1)
    .action(run);
}
await program.parseAsync();
