import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { countOf } from '../core/count.js';
import { showShape } from '../core/shape.js';
import { availableThreads, createEngine } from '../runtime/index.js';
import { readFile } from '../storage/files.js';
import { decodeSafetensors } from '../storage/safetensors.js';
import { loadCustom, loadModel, requireFile } from './load-model.js';
import { type ContextOptions, requireContextTold, withContextOptions } from './model-context.js';
import { printResult } from './print.js';

const require = createRequire(import.meta.url);

/** The version in a package's description. */
export function versionOf(name: string): string {
  return (require(name) as { version: string }).version;
}

/** `evenkeel summary` and `evenkeel info`. */
export function addInfo(program: Command): void {
  const summary = program
    .command('summary')
    .argument('<MODEL>', 'a .ts, .js, .json or .safetensors model')
    .description("print a model's layers, shapes and parameters");
  withContextOptions(summary)
    .option('--custom <FILE>', 'module that exports the custom functions and classes of MODEL; its code is run')
    .action(async (path: string, options: ContextOptions & { readonly custom?: string }) => {
      requireContextTold(summary, path);
      const { inputShape, classes } = options;
      const custom = await loadCustom(options.custom);
      const { model } = await loadModel(path, { context: { inputShape, classes, seed: 0 }, custom });
      printResult(model.summary());
    });
  program
    .command('info')
    .argument('[FILE]', 'a .safetensors file')
    .description('print versions and engines, or the contents of a file')
    .action(async (path?: string) => {
      if (path === undefined) await describeMachine();
      else await describeFile(path);
    });
}

async function describeMachine(): Promise<void> {
  printResult(`evenkeel ${versionOf('../../package.json')}, Node ${process.versions.node}, ${countOf(availableThreads(), 'thread')}`);
  for (const backend of ['native', 'wasm'] as const) {
    const engine = await createEngine({ backend });
    printResult(`${backend}: works; denormal numbers ${engine.flushesDenormals ? 'are flushed to zero' : 'are kept'}`);
    await engine.dispose();
  }
}

async function describeFile(path: string): Promise<void> {
  await requireFile(path, 'FILE');
  const { tensors, metadata } = decodeSafetensors(await readFile(path), path);
  const keys = Object.keys(metadata);
  if (keys.length > 0)
    printResult(`metadata: ${keys.map((key) => ((metadata[key]?.length ?? 0) > 60 ? key : `${key} = ${metadata[key]}`)).join(', ')}`);
  for (const [name, array] of Object.entries(tensors)) printResult(`${name}  ${array.dtype} ${showShape(array.shape)}`);
}
