import { countOf } from '../core/count.js';
import { isFloat } from '../core/dtype.js';
import { EvenkeelError, FileError } from '../core/errors.js';
import { checkOptionNames, isRecord, refuse } from '../core/expect.js';
import type { NdArray } from '../core/ndarray.js';
import { sameShape, showShape } from '../core/shape.js';
import { type Custom, handedBack, isDescribed, type Restorer, restore } from '../layers/registry.js';
import { type LossLike, lossFromConfig, resolveLoss } from '../losses.js';
import { type MetricLike, metricFromConfig } from '../metrics.js';
import { SINGLE } from '../network/network.js';
import { optimizerFromConfig, resolveOptimizer } from '../optimizers.js';
import { readFile } from '../storage/files.js';
import { decodeSafetensors } from '../storage/safetensors.js';
import { networkEntries, stateEntries } from '../training/step.js';
import type { CompileOptions } from './compiled.js';
import { type DescribedCompile, type ModelConfig, readConfig, signalsFromConfig } from './config.js';
import { model as wire } from './construct.js';
import type { Model, ModelOptions } from './model.js';
import type { EngineChoice } from './programs.js';
import { FORMAT, KEYS } from './saving.js';

export interface LoadOptions extends EngineChoice {
  /** Custom functions, records and layer classes used by the file. */
  readonly custom?: Custom;
}

export interface ConfigOptions extends ModelOptions {
  /** Custom functions, records and layer classes used by the description. */
  readonly custom?: Custom;
}

/**
 * A model from its description, with new weights: what `toConfig` gives, or layers in a row as people write them:
 * `{ "layers": [{ "kind": "input", "shape": [4] }, { "kind": "dense", "units": 3 }], "compile": { "loss": "mse" } }`.
 * Options come before what the description says.
 * @throws ArgumentError on an unknown layer or option, or a function of your own that was not handed back; ShapeError if layers do not fit.
 */
export function fromConfig(description: unknown, { custom = {}, ...options }: ConfigOptions = {}): Model {
  checkCustom('fromConfig', custom);
  const { name, seed, dtype, compile, ...wiring } = readConfig(description);
  const said = { ...(name === undefined ? {} : { name }), ...(seed === undefined ? {} : { seed }), ...(dtype === undefined ? {} : { dtype }) };
  const made = wire(signalsFromConfig({ ...wiring, ...(compile ? { compile } : {}) }, custom), { ...said, ...options });
  return compile ? made.compile(compileFromConfig(compile, custom)) : made;
}

function checkCustom(owner: string, custom: unknown): void {
  if (custom !== undefined && !isRecord(custom)) refuse(owner, 'custom', 'custom functions and classes by name, such as { swish }', custom);
}

/** What `compile` takes, from its description. @throws ArgumentError on an unknown name or option. */
export function compileFromConfig({ optimizer, loss, metrics, weightedMetrics, ...rest }: DescribedCompile, custom: Custom = {}): CompileOptions {
  const losses: Restorer<object> = { resolve: resolveLoss, fromConfig: lossFromConfig };
  const own = (value: object): object => value;
  const optimizers: Restorer<object> = { resolve: resolveOptimizer, fromConfig: optimizerFromConfig };
  const metric = (value: unknown): unknown => {
    const name = isDescribed(value) ? value.name : value;
    const given = typeof name === 'string' ? handedBack(custom, name, 'metrics') : undefined;
    if (typeof given === 'function') return namedFunction(given as (...values: never[]) => unknown, name as string);
    if (given !== undefined || !isDescribed(value) || name === 'accuracy') return given ?? name;
    return restore(value, 'metrics', custom, { resolve: own, fromConfig: metricFromConfig });
  };
  const each = (value: unknown, make: (one: unknown) => unknown): unknown => {
    if (Array.isArray(value)) return value.map(make);
    if (value === null || typeof value !== 'object' || isDescribed(value)) return make(value);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, make(one)]));
  };
  const metricList = (value: unknown): unknown => (Array.isArray(value) ? value.map(metric) : value);
  const metricLists = (lists: unknown) => (Array.isArray(lists) ? metricList(lists) : each(lists, metricList)) as MetricLike[];
  const restored = {
    ...rest,
    ...(optimizer === undefined ? {} : { optimizer: restore(withOwn(optimizer, 'optimizer', custom), 'optimizer', custom, optimizers) }),
    ...(loss === undefined ? {} : { loss: each(loss, (one) => restore(one, 'loss', custom, losses)) as LossLike }),
    ...(metrics === undefined ? {} : { metrics: metricLists(metrics) }),
    ...(weightedMetrics === undefined ? {} : { weightedMetrics: metricLists(weightedMetrics) }),
  };
  // `compile` itself checks what is left.
  return restored as unknown as CompileOptions;
}

/** A description whose options that are of the user's own, such as a learning rate's schedule, are handed back. */
function withOwn(value: unknown, place: string, custom: Custom): unknown {
  if (!isDescribed(value) || !value.config) return value;
  const options = Object.entries(value.config).map(([key, option]) => {
    const given = isDescribed(option) && option.custom ? handedBack(custom, option.name, `${place}/${key}`) : undefined;
    const named = isDescribed(option) && typeof given === 'function' ? namedFunction(given as (...values: never[]) => unknown, option.name) : given;
    return [key, named ?? option];
  });
  return { ...value, config: Object.fromEntries(options) };
}

/** The function under the name that the model knows it by. */
function namedFunction(call: (...values: never[]) => unknown, name: string): (...values: never[]) => unknown {
  return Object.defineProperty((...values: never[]) => call(...values), 'name', { value: name });
}

/** A model's file, read and checked but not yet built. */
export interface ModelFile {
  /** The file's, for messages. */
  readonly name: string;
  readonly config: ModelConfig;
  readonly state: ReadonlyMap<string, NdArray>;
  /** Normalization layers that know the moments of their data. */
  readonly adapted: readonly string[];
  /** What was noted beside the model. */
  readonly notes: Readonly<Record<string, string>>;
}

/** Runs what reads a file; its mistakes become errors of that file. */
function reading<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FileError) throw error;
    if (error instanceof SyntaxError) throw new FileError(`${name}: the model's description is not JSON; the file is corrupt`, {}, { cause: error });
    const details = error instanceof EvenkeelError ? error.details : {};
    throw new FileError(`${name}: ${error instanceof Error ? error.message : String(error)}`, details, { cause: error });
  }
}

/** Reads the bytes of a model's file. @throws FileError if they are truncated, corrupt, of another version or no model. */
export function decodeModelFile(bytes: Uint8Array, name = 'model file'): ModelFile {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const { [KEYS.format]: format, [KEYS.model]: description = '', [KEYS.adapted]: adapted = '[]', ...notes } = metadata;
  if (format !== FORMAT) {
    throw new FileError(
      `${name}: a safetensors file, but not a model saved by Evenkeel: its metadata do not describe a model. Save the model with model.save(path)`,
      {
        received: format,
        expected: FORMAT,
      },
    );
  }
  return reading(name, () => {
    const titles: unknown = JSON.parse(adapted);
    if (!Array.isArray(titles)) throw new FileError(`${name}: its list of adapted layers is invalid; the file is corrupt`);
    return { name, config: readConfig(JSON.parse(description)), state: new Map(Object.entries(tensors)), adapted: titles, notes };
  });
}

/** The model that a file describes, in the state that it holds. @throws FileError if description and arrays do not fit. */
export async function modelFromFile(file: ModelFile, { custom = {}, ...choice }: LoadOptions = {}): Promise<Model> {
  const model = reading(file.name, () => fromConfig(file.config, { custom, ...choice }));
  await restoreState(model, file);
  return model;
}

/** Puts a model of the same wiring and optimizer into the state that a file holds. @throws FileError if they do not fit; then nothing changes. */
export async function restoreState(model: Model, { name, state, adapted }: ModelFile): Promise<void> {
  // Shapes first: a description may claim arrays that no memory holds.
  const entries = model.isCompiled ? stateEntries(model.network, model.compiled.optimizer, SINGLE) : networkEntries(model.network, SINGLE);
  for (const entry of entries) {
    const array = state.get(entry.name);
    if (!array)
      throw new FileError(
        `${name}: the array '${entry.name}' is missing; the model has ${countOf(entries.length, 'array')}, the file has ${state.size}`,
      );
    if (sameShape(array.shape, entry.shape) && (array.dtype === entry.dtype || (isFloat(array.dtype) && isFloat(entry.dtype)))) continue;
    throw new FileError(
      `${name}: '${entry.name}' is ${array.dtype} ${showShape(array.shape)}, but the model needs ${entry.dtype} ${showShape(entry.shape)}; the file does not match the model`,
      { argument: entry.name, expected: entry.shape, received: array.shape },
    );
  }
  const wanted = new Set(entries.map((entry) => entry.name));
  const extra = [...state.keys()].find((key) => !wanted.has(key));
  if (extra !== undefined)
    throw new FileError(`${name}: the file holds '${extra}', which the model does not have; the file does not match the model`);
  await model.setState(state, { adapted });
}

/**
 * Loads a saved model, ready to predict or to continue its training, bit for bit as if it had never stopped. No code runs from the file.
 * @throws FileError if the file is missing, corrupt, of another version, or names custom functions that `custom` does not hold.
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  checkOptionNames('load', options, ['custom', 'backend', 'threads', 'engine', 'programs']);
  checkCustom('load', options.custom);
  return modelFromFile(decodeModelFile(await readFile(path), path), options);
}
