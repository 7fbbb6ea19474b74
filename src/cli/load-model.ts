import { stat } from 'node:fs/promises';
import { register } from 'node:module';
import { extname, resolve } from 'node:path';
import { createJiti } from 'jiti';
import { ArgumentError, EvenkeelError, FileError, show } from '../core/errors.js';
import { isNumber } from '../data/cell.js';
import { TableReader } from '../data/table-reader.js';
import * as evenkeel from '../index.js';
import type { Custom } from '../layers/registry.js';
import { Model } from '../model/model.js';
import { decodeModelFile, fromConfig, modelFromFile } from '../model/persistence.js';
import type { EngineChoice } from '../model/programs.js';
import { readFile } from '../storage/files.js';
import { missing, UsageError } from './print.js';
import { rebuilt } from './rebuild.js';
import { keepLongStacks } from './user-code.js';

/** What a model module's function is told. */
export interface ModelContext {
  /** Shape of one row of the data. */
  readonly inputShape: readonly number[];
  /** Number of classes, where the targets are labels. */
  readonly classes: number | undefined;
  readonly seed: number;
}

export interface ModelSource {
  readonly context?: ModelContext;
  /** The seed, where it was asked for. */
  readonly seed?: number | undefined;
  readonly engine?: EngineChoice;
  readonly custom?: Custom;
}

const modules = ['.ts', '.mts', '.js', '.mjs'];

/** A model, and what was noted beside it where it came from a saved file. */
export interface LoadedModel {
  readonly model: Model;
  /** Names of the classes that it tells apart, where they were noted. */
  readonly classNames?: readonly string[];
  /** How the table that it was trained on became numbers, where it was noted. */
  readonly reader?: TableReader;
}

/** A model from a TypeScript or JavaScript module (which runs code), a JSON description or a saved file (which do not). */
export async function loadModel(path: string, { context, seed, engine = {}, custom = {} }: ModelSource): Promise<LoadedModel> {
  await requireFile(path, 'MODEL');
  const ending = extname(path).toLowerCase();
  if (isSaved(path)) {
    if (seed !== undefined) throw new UsageError('--seed: a saved model keeps its own seed');
    return openModel(path, engine, custom);
  }
  const overrides = { ...engine, ...(seed === undefined ? {} : { seed }) };
  if (ending === '.json') {
    const described = parse(new TextDecoder().decode(await readFile(path)), path);
    refuseForeign(described, path);
    return { model: handing(path, () => fromConfig(described, { ...overrides, custom })) };
  }
  if (!modules.includes(ending)) throw new UsageError(`MODEL: '${path}' has none of the endings ${modelEndings.join(', ')}`);
  const { default: value } = await importModule(path);
  const made: unknown = typeof value === 'function' ? await (value as (context?: ModelContext) => unknown)(context) : value;
  if (made instanceof Model) return { model: await rebuilt(made, overrides) };
  if (made !== null && typeof made === 'object' && 'layers' in made)
    return { model: handing(path, () => fromConfig(made, { ...overrides, custom })) };
  throw new ArgumentError(`${path}: its default export must be a model, a function that returns one, or a description; got ${show(made)}`, {
    received: made,
  });
}

/** A saved model. @throws FileError */
export async function openModel(path: string, engine: EngineChoice = {}, custom: Custom = {}): Promise<LoadedModel> {
  const file = decodeModelFile(await readFile(path), path);
  const model = await modelFromFile(file, { ...engine, custom }).catch((error: unknown) => blameFile(path, error));
  const { [CLASS_NAMES]: names, [TABLE]: table } = file.notes;
  const reader = table === undefined ? undefined : ofItsLoss(TableReader.from(parse(table, path)), model);
  const classNames = names === undefined ? reader?.classNames : (parse(names, path) as string[]);
  return { model, ...(classNames ? { classNames } : {}), ...(reader ? { reader } : {}) };
}

/** A reader whose classes are numbers that the model's loss takes as numbers reads any numbers there: whole ones looked like classes. */
function ofItsLoss(reader: TableReader, model: Model): TableReader {
  const { target, ...schema } = reader.schema;
  if (!target?.classNames?.every(isNumber) || !model.isCompiled || model.compiled.losses[0]?.targets !== 'real') return reader;
  return TableReader.from({ ...schema, target: { name: target.name, index: target.index } });
}

/** What a description becomes. @throws FileError that names the file where it describes no model */
function handing<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    return blameFile(path, error);
  }
}

/** An error of a model's description as one of its file, with the option that hands functions back instead of code. @throws FileError */
export function blameFile(path: string, error: unknown): never {
  if (!(error instanceof EvenkeelError)) throw error;
  const { argument, received } = error.details;
  const words =
    argument === 'custom' && typeof received === 'string'
      ? `custom functions and classes are no part of a description: ${received}. Pass the module that exports them: --custom FILE`
      : error.message;
  throw new FileError(words.startsWith(path) ? words : `${path}: ${words}`, error.details, { cause: error });
}

/** Keys by which descriptions of others are known. */
const foreign = [
  { key: 'modelTopology', says: 'a TF.js model' },
  { key: 'class_name', says: 'a Keras model’s JSON' },
] as const;

/** @throws FileError if a description is another library's. */
function refuseForeign(described: unknown, path: string): void {
  if (described === null || typeof described !== 'object') return;
  const other = foreign.find(({ key }) => Object.hasOwn(described, key));
  if (!other) return;
  throw new FileError(
    `${path}: this is ${other.says}, which Evenkeel cannot read; describe its layers in Evenkeel's format: { "layers": [{ "kind": "input", "shape": [4] }, { "kind": "dense", "units": 3 }] }`,
    { received: other.key, expected: 'layers' },
  );
}

/** Notes beside a saved model, as JSON: the names of its classes, and the reader of the table that it was trained on. Notes of the user's own have other names. */
const [CLASS_NAMES, TABLE] = ['evenkeel.classNames', 'evenkeel.table'];

/** What to note beside a model that was trained on such data. */
export function notesOf(classNames: readonly string[] | undefined, reader: TableReader | undefined): Record<string, string> {
  if (reader) return { [TABLE]: JSON.stringify(reader) };
  return classNames ? { [CLASS_NAMES]: JSON.stringify(classNames) } : {};
}

/** Endings of models that are no code. */
const data: readonly string[] = ['.json', '.safetensors'];

/** How a model's path may end. */
export const modelEndings: readonly string[] = [...modules, ...data];

/** Whether a path names a description or a saved model, which no function makes. */
export const isData = (path: string): boolean => data.includes(extname(path).toLowerCase());

/** Whether a path names a saved model. */
export function isSaved(path: string): boolean {
  return extname(path).toLowerCase() === '.safetensors';
}

/** What a module hands back by name: functions and classes of the user's own. */
export async function loadCustom(path: string | undefined): Promise<Custom> {
  if (path === undefined) return {};
  await requireFile(path, '--custom');
  return importModule(path);
}

/** @throws UsageError if nothing has that path, or a folder; pipes can be read. */
export async function requireFile(path: string, argument: string): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry) throw new UsageError(`${argument}: ${missing(path, [])}; expected the path of a file`);
  if (entry.isDirectory()) throw new UsageError(`${argument}: '${path}' is a folder; pass a file in it`);
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FileError(`${path} is not JSON: ${(error as Error).message}`, {}, { cause: error });
  }
}

let registered = false;

/** Makes `evenkeel` this very package in modules that Node itself loads: in a project with another copy, a layer of that one would be none of ours. */
function shareThisCopy(): void {
  if (registered) return;
  registered = true;
  const url = JSON.stringify(new URL('../index.js', import.meta.url));
  const hook = `export const resolve = (name, context, next) => (name === 'evenkeel' ? { url: ${url}, shortCircuit: true } : next(name, context));`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** Runs a module. Its `evenkeel` is this very package, wherever the module lies. */
async function importModule(path: string): Promise<Record<string, unknown>> {
  keepLongStacks();
  shareThisCopy();
  const jiti = createJiti(import.meta.url, { virtualModules: { evenkeel }, interopDefault: false, moduleCache: false });
  try {
    return await jiti.import<Record<string, unknown>>(resolve(path));
  } catch (error) {
    // The loader's own words for code that cannot be read; its place stands on a second line.
    const [, reason, place] = /^ParseError: (.*?)\s*\n\s*(\S.*)/.exec(error instanceof Error ? error.message : '') ?? [];
    throw place === undefined ? error : new FileError(`${place}: ${reason}; the module cannot be read`, {}, { cause: error });
  }
}
