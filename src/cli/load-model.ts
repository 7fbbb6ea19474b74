import { readFile, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createJiti } from 'jiti';
import { ArgumentError, FileError, show } from '../core/errors.js';
import { Model, type ModelOptions } from '../model/model.js';
import { fromConfig, load } from '../model/persistence.js';
import { UsageError } from './print.js';

/** What a model module's function is told. */
export interface ModelContext {
  /** Shape of one row of the data. */
  readonly inputShape: readonly number[];
  /** Number of classes, where the targets are labels. */
  readonly classes: number | undefined;
  readonly seed: number;
  readonly options: ModelOptions;
}

/** A model from a TypeScript or JavaScript module (which runs code), a JSON description or a saved file (which do not). */
export async function loadModel(path: string, context: ModelContext): Promise<Model> {
  if (!(await stat(path).catch(() => undefined)))
    throw new UsageError(`no model file '${path}'. MODEL is a .ts or .js module, a .json description or a saved .safetensors file`);
  const ending = extname(path).toLowerCase();
  if (ending === '.safetensors') return load(path, context.options);
  if (ending === '.json') return fromConfig(parse(await readFile(path, 'utf8'), path), { seed: context.seed, ...context.options });
  if (['.ts', '.mts', '.js', '.mjs'].includes(ending)) return fromModule(path, context);
  throw new UsageError(`cannot read a model from '${path}'; expected .ts, .js, .json or .safetensors`);
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FileError(`${path} is not JSON: ${(error as Error).message}`, {}, { cause: error });
  }
}

async function fromModule(path: string, context: ModelContext): Promise<Model> {
  // The module's `evenkeel` is this very package, also where it is run from a clone.
  const jiti = createJiti(import.meta.url, { alias: { evenkeel: fileURLToPath(new URL('../index.js', import.meta.url)) } });
  const value: unknown = await jiti.import(resolve(path), { default: true });
  const made: unknown = typeof value === 'function' ? await (value as (context: ModelContext) => unknown)(context) : value;
  if (made instanceof Model) return made;
  if (made !== null && typeof made === 'object' && 'layers' in made) return fromConfig(made, { seed: context.seed, ...context.options });
  throw new ArgumentError(`${path} must export a model by default, or a function that returns one; got ${show(made)}`, { received: made });
}
