import type { DType, FloatDType } from '../core/dtype.js';
import { ArgumentError, EvenkeelError, FileError, show } from '../core/errors.js';
import { input } from '../layers/core.js';
import { type Custom, type LayerConfig, layerFromConfig } from '../layers/registry.js';
import { lossFromConfig } from '../losses.js';
import { metricFromConfig } from '../metrics.js';
import type { Layer, Signal } from '../network/layer.js';
import { optimizerFromConfig } from '../optimizers.js';
import { readFile, writeAtomically } from '../storage/files.js';
import { decodeSafetensors, encodeSafetensors } from '../storage/safetensors.js';
import type { CompileOptions } from './compiled.js';
import { model as wire } from './construct.js';
import type { Model, ModelOptions } from './model.js';

/** Version of the description in a saved file. */
const VERSION = '1';

interface Described {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** A model's wiring and training, as data. */
export interface ModelConfig {
  readonly name: string;
  readonly seed: number;
  readonly dtype: FloatDType;
  readonly layers: readonly { readonly kind: string; readonly name: string; readonly trainable: boolean; readonly config: LayerConfig }[];
  /** Uses of the layers, by index; `inputs` are earlier calls. A layer that is used twice is shared. */
  readonly calls: readonly { readonly layer: number; readonly inputs: readonly number[] }[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly compiled?: {
    readonly optimizer: Described;
    readonly losses: readonly Described[];
    readonly lossWeights: readonly number[];
    readonly metrics: readonly (readonly Described[])[];
  };
}

export interface LoadOptions extends ModelOptions {
  /** Functions, activations, losses and layers of your own that the file names. */
  readonly custom?: Custom;
}

const describe = ({ name, config }: Described): Described => ({ name, config });

/** The model as data: wiring, seed, optimizer, losses, metrics; not its weights. */
export function toConfig(model: Model): ModelConfig {
  const { layers, calls, inputs, outputs } = model.network;
  const at = (signal: Signal): number => calls.indexOf(signal.call);
  return {
    name: model.name,
    seed: model.seed,
    dtype: model.network.dtype,
    layers: layers.map((layer) => ({ kind: layer.kind, name: layer.title, trainable: layer.trainable, config: layer.config() })),
    calls: calls.map((call) => ({ layer: layers.indexOf(call.layer), inputs: call.inputs.map(at) })),
    inputs: inputs.map(at),
    outputs: outputs.map(at),
    ...(model.isCompiled
      ? {
          compiled: {
            optimizer: describe(model.compiled.optimizer),
            losses: model.compiled.losses.map(describe),
            lossWeights: model.compiled.lossWeights,
            metrics: model.compiled.metrics.map((list) => list.map(describe)),
          },
        }
      : {}),
  };
}

/** What people write by hand: layers in a row, and how to compile them. */
interface SimpleConfig {
  readonly layers: readonly (Readonly<Record<string, unknown>> & { readonly kind: string })[];
  readonly compile?: CompileOptions;
}

/**
 * A model from its description: what `toConfig` gives, or layers in a row:
 * `{ "layers": [{ "kind": "input", "shape": [4] }, { "kind": "dense", "units": 3 }], "compile": { "loss": "mse" } }`.
 * @throws ArgumentError on an unknown layer, option, or custom name that was not handed back.
 */
export function fromConfig(config: unknown, options: LoadOptions = {}): Model {
  if (config === null || typeof config !== 'object' || !Array.isArray((config as SimpleConfig).layers)) {
    throw new ArgumentError(`a model's description needs a list 'layers', got ${show(config)}`, { received: config });
  }
  const { custom = {}, ...modelOptions } = options;
  return 'calls' in config ? fromWiring(config as ModelConfig, custom, modelOptions) : fromRow(config as SimpleConfig, custom, modelOptions);
}

function fromRow({ layers, compile }: SimpleConfig, custom: Custom, options: ModelOptions): Model {
  const [head, ...rest] = layers;
  if (head?.kind !== 'input')
    throw new ArgumentError(`the first layer must be { "kind": "input", "shape": [...] }, got ${show(head)}`, { argument: 'layers' });
  const { kind: _, shape, ...inputOptions } = head;
  const entry = input(shape as number[], inputOptions);
  const output = rest.reduce<Signal>((signal, { kind, ...config }) => layerFromConfig(kind, config, custom).apply(signal), entry);
  const model = wire({ inputs: entry, outputs: output }, options);
  return compile ? model.compile(compile) : model;
}

function fromWiring(config: ModelConfig, custom: Custom, options: ModelOptions): Model {
  const built: (Layer | undefined)[] = [];
  const signals: Signal[] = [];
  const pick = <T>(list: readonly T[], index: number, what: string): T => {
    const found = list[index];
    if (found === undefined) throw new ArgumentError(`the description names ${what} ${index}, which does not exist`, { received: index });
    return found;
  };
  for (const { layer: index, inputs } of config.calls) {
    const { kind, name, trainable, config: own } = pick(config.layers, index, 'layer');
    if (kind === 'input') {
      const { shape, dtype } = own as { shape: number[]; dtype: DType };
      signals.push(input(shape, { name, dtype }));
      continue;
    }
    const layer = built[index] ?? layerFromConfig(kind, { ...own, name, trainable }, custom);
    built[index] = layer;
    signals.push(layer.apply(inputs.map((at) => pick(signals, at, 'call'))));
  }
  const ends = (indices: readonly number[]): Signal[] => indices.map((at) => pick(signals, at, 'call'));
  const { name, seed, dtype, compiled } = config;
  const model = wire({ inputs: ends(config.inputs), outputs: ends(config.outputs) }, { name, seed, dtype, ...options });
  if (!compiled) return model;
  const own = <T>(what: Described, make: (name: string, config: Described['config']) => T): T | string =>
    custom[what.name] !== undefined ? (custom[what.name] as T) : make(what.name, what.config);
  return model.compile({
    optimizer: optimizerFromConfig(compiled.optimizer.name, compiled.optimizer.config),
    loss: compiled.losses.map((loss) => own(loss, lossFromConfig)),
    lossWeights: compiled.lossWeights,
    metrics: Object.fromEntries(
      model.outputs.map((signal, i) => [
        signal.call.layer.title,
        (compiled.metrics[i] ?? []).map((metric) => (metric.name === 'accuracy' ? 'accuracy' : own(metric, metricFromConfig))),
      ]),
    ),
  });
}

/** The whole model in one `.safetensors` file: weights, optimizer slots, step counter, and its description in the metadata. */
export async function encodeModel(model: Model): Promise<Uint8Array> {
  const state = await model.getState();
  return encodeSafetensors(Object.fromEntries(state), { format: 'evenkeel', version: VERSION, model: JSON.stringify(toConfig(model)) });
}

/** Saves a model; a file that was there stays whole until the new one is. @throws FileError where it cannot be written. */
export async function saveModel(model: Model, path: string): Promise<void> {
  await writeAtomically(path, await encodeModel(model));
}

/** A model from bytes that `encodeModel` made. @throws FileError where they are no such file, or corrupt. */
export async function decodeModel(bytes: Uint8Array, name: string, options: LoadOptions = {}): Promise<Model> {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  if (metadata.format !== 'evenkeel')
    throw new FileError(
      `${name} is a safetensors file, but holds no Evenkeel model: its metadata lack the description. Only weights can be read from it`,
    );
  if (metadata.version !== VERSION) throw new FileError(`${name} has format version ${metadata.version}, this release reads version ${VERSION}`);
  try {
    const model = fromConfig(JSON.parse(metadata.model ?? ''), options);
    await model.setState(new Map(Object.entries(tensors)));
    return model;
  } catch (error) {
    if (error instanceof SyntaxError) throw new FileError(`${name}: the description is not JSON`, {}, { cause: error });
    if (error instanceof EvenkeelError) throw new FileError(`${name}: ${error.message}`, error.details, { cause: error });
    throw error;
  }
}

/** A saved model, ready to predict or to train on: it goes on bit for bit where it stopped. No code runs from the file. @throws FileError */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  return decodeModel(await readFile(path), path, options);
}
