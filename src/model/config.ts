import { describeEntry, originalOf } from '../core/catalogue.js';
import { dtypes, type FloatDType } from '../core/dtype.js';
import { ArgumentError, show } from '../core/errors.js';
import { isRecord } from '../core/expect.js';
import { suggestion } from '../core/names.js';
import { InputLayer } from '../layers/core.js';
import { type Custom, handedBack, isDescribed, isInside, isOwnLayer, type LayerConfig, layerFromConfig } from '../layers/registry.js';
import { type Layer, LayerCall, type Row, type Signal } from '../network/layer.js';
import type { Network } from '../network/network.js';
import type { Compiled } from './compiled.js';

/** Version of the description. */
const VERSION = 1;

/** One layer as data; `custom` where its class is the user's own. */
export interface DescribedLayer {
  readonly kind: string;
  readonly name?: string;
  readonly trainable?: boolean;
  readonly custom?: true;
  readonly config: LayerConfig;
}

/** How a model is compiled, as data: names, or names with options. */
export interface DescribedCompile {
  readonly optimizer?: unknown;
  readonly loss?: unknown;
  readonly metrics?: unknown;
  readonly weightedMetrics?: unknown;
  readonly lossWeights?: unknown;
}

/** An output of a call, by the call's index; `[call, which]` where it is not the call's first. */
export type SignalIndex = number | readonly [number, number];

/** One use of a layer. */
export interface DescribedCall {
  readonly layer: number;
  readonly inputs: readonly SignalIndex[];
  /** Which of the `rows` it belongs to, and to which of its blocks. */
  readonly block?: readonly [row: number, index: number];
}

/** A model's wiring and training as data, without its weights. */
export interface ModelConfig {
  readonly version: number;
  readonly name?: string;
  readonly seed?: number;
  readonly dtype?: FloatDType;
  readonly layers: readonly DescribedLayer[];
  /** Uses of the layers, by index, each after those it takes its inputs from; a layer that is used twice is shared. */
  readonly calls: readonly DescribedCall[];
  /** Rows of equal blocks that `layers.repeat` made. */
  readonly rows?: readonly Row[];
  /** Calls that are the model's inputs. */
  readonly inputs: readonly number[];
  readonly outputs: readonly SignalIndex[];
  readonly compile?: DescribedCompile;
}

/** What of a model is described. */
export interface Describable {
  readonly name: string;
  readonly seed: number;
  readonly network: Network;
  readonly isCompiled: boolean;
  readonly compiled: Compiled;
}

/**
 * The model as JSON data: layers, connections, seed, optimizer, losses and metrics, but not its weights. Custom functions are kept by name only.
 * @throws ArgumentError if a layer's own `config()` holds what JSON cannot.
 */
export function toConfig(model: Describable): ModelConfig {
  return plain(describeModel(model), '') as ModelConfig;
}

/** Whether a function has no name of its own: one written where it is used is called after the option, the last part of its place, or not at all. */
const isNameless = (name: string, place: string): boolean => name === 'custom' || /[^./]+$/.exec(place)?.[0] === name;

/** A model's description, and the functions of the user's own that it names. */
export interface OwnConfig {
  readonly config: ModelConfig;
  /** As `custom` hands them back, wherever a changed description has them. Classes are not among them: nothing says whether a layer's `config()` holds all that its constructor takes. */
  readonly functions: Custom;
}

/** The same, in which each function of the user's own has a name that no other has. */
export function toOwnConfig(model: Describable): OwnConfig {
  const names = new Map<unknown, string>();
  const nameOf = (original: unknown, name: string, place: string): string => {
    const taken = new Set(names.values());
    let [free, number] = [isNameless(name, place) ? `${name}1` : name, 1];
    while (taken.has(free)) free = `${name}${++number}`;
    names.set(original, free);
    return free;
  };
  const config = plain(describeModel(model), '', (value, place) => {
    const original = originalOf(value);
    if (original === undefined || !isDescribed(value)) return value;
    return { ...value, name: names.get(original) ?? nameOf(original, value.name, place) };
  });
  return { config: config as ModelConfig, functions: Object.fromEntries([...names].map(([original, name]) => [name, original])) };
}

/** The same as values that layers and entries gave, which JSON may not hold. */
function describeModel(model: Describable): ModelConfig {
  const { layers, calls, inputs, outputs, dtype } = model.network;
  const places = new Map(calls.map((call, i) => [call, i]));
  const layerPlaces = new Map(layers.map((layer, i) => [layer, i]));
  const rows = [...new Set(calls.flatMap(({ block }) => block?.row ?? []))];
  const callOf = (signal: Signal): number => places.get(signal.call) as number;
  const at = (signal: Signal): SignalIndex => (signal.index === 0 ? callOf(signal) : [callOf(signal), signal.index]);
  return {
    version: VERSION,
    name: model.name,
    seed: model.seed,
    dtype,
    layers: layers.map((layer) => ({
      kind: layer.kind,
      name: layer.title,
      trainable: layer.trainable,
      ...(isOwnLayer(layer) ? { custom: true } : {}),
      config: described(layer),
    })),
    calls: calls.map(({ layer, inputs: from, block }) => ({
      layer: layerPlaces.get(layer) as number,
      inputs: from.map(at),
      ...(block ? { block: [rows.indexOf(block.row), block.index] as const } : {}),
    })),
    ...(rows.length > 0 ? { rows: rows.map(({ remat }) => ({ remat })) } : {}),
    inputs: inputs.map(callOf),
    outputs: outputs.map(at),
    ...(model.isCompiled ? { compile: describeCompile(model.network, model.compiled) } : {}),
  };
}

/** A layer's options; of a class of the user's own inside of it that it is one. */
function described(layer: Layer): DescribedLayer['config'] {
  const inside = [...layer.inside];
  const told = (value: unknown): unknown => {
    const inner = isInside(value) ? inside.shift() : undefined;
    return inner && isOwnLayer(inner) ? { ...(value as object), custom: true } : value;
  };
  return Object.fromEntries(Object.entries(layer.config()).map(([key, value]) => [key, told(value)]));
}

function describeCompile(network: Network, { optimizer, losses, lossWeights, metrics }: Compiled): DescribedCompile {
  const names = network.outputs.map((signal) => signal.call.layer.title);
  const listed = (wanted: boolean) =>
    Object.fromEntries(names.map((name, i) => [name, (metrics[i] ?? []).filter(({ weighted = false }) => weighted === wanted).map(describeEntry)]));
  return {
    optimizer: describeEntry(optimizer),
    loss: losses.map(describeEntry),
    lossWeights,
    metrics: listed(false),
    ...(metrics.flat().some(({ weighted }) => weighted) ? { weightedMetrics: listed(true) } : {}),
  };
}

/** A copy that JSON holds as it is. @param told what is copied instead of an object @throws ArgumentError naming the place of what it does not hold. */
function plain(value: unknown, place: string, told: (value: object, place: string) => object = (one) => one): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return value;
  if (Array.isArray(value)) return value.map((item, i) => plain(item, `${place}[${i}]`, told));
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    const entries = Object.entries(told(value, place)).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([key, item]) => [key, plain(item, `${place}.${key}`, told)]));
  }
  throw new ArgumentError(
    `the model cannot be described as data: ${place.slice(1)} is ${show(value)}. A layer's config() must hold numbers, strings, booleans, lists and plain objects`,
    { received: value },
  );
}

/**
 * Reads a description: what `toConfig` gives, or layers in a row as people write them:
 * `{ "layers": [{ "kind": "input", "shape": [4] }, { "kind": "dense", "units": 3 }], "compile": { "loss": "mse" } }`.
 * @throws ArgumentError if it is of another version or does not hold together.
 */
export function readConfig(value: unknown): ModelConfig {
  const {
    version = VERSION,
    name,
    seed,
    dtype,
    layers,
    calls,
    rows = [],
    inputs,
    outputs,
    compile,
    ...rest
  } = record(value, "a model's description");
  if (version !== VERSION) {
    throw new ArgumentError(
      `the description has format version ${show(version)}, but this release reads version ${VERSION}; use the release that wrote it`,
      {
        argument: 'version',
        received: version,
        expected: VERSION,
      },
    );
  }
  const [unknown] = Object.keys(rest);
  const known = ['version', 'name', 'seed', 'dtype', 'layers', 'calls', 'rows', 'inputs', 'outputs', 'compile'];
  if (unknown !== undefined)
    throw new ArgumentError(`a model's description has no entry '${unknown}'${suggestion(unknown, known)}`, { argument: unknown });
  if (dtype !== undefined && (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype)))
    throw new ArgumentError(`dtype must be 'float32' or 'float64', got ${show(dtype)}`, { argument: 'dtype', received: dtype });
  if (name !== undefined && typeof name !== 'string') throw new ArgumentError(`name must be a string, got ${show(name)}`, { argument: 'name' });
  if (seed !== undefined && typeof seed !== 'number') throw new ArgumentError(`seed must be a number, got ${show(seed)}`, { argument: 'seed' });
  const described = list(layers, 'layers').map(readLayer);
  const common = {
    version: VERSION,
    ...(name === undefined ? {} : { name }),
    ...(seed === undefined ? {} : { seed }),
    ...(dtype === undefined ? {} : { dtype: dtype as FloatDType }),
    layers: described,
    ...(compile === undefined ? {} : { compile: record(compile, "'compile'") }),
  };
  if (calls === undefined) return { ...common, ...inRow(described) };
  const inRows = list(rows, 'rows').map((row, i) => ({ remat: record(row, `row ${i}`).remat === true }));
  const given = list(calls, 'calls');
  const read = given.map((call, i) => {
    const { layer, inputs: from, block } = record(call, `call ${i}`);
    return {
      layer: index(layer, described.length, `the layer of call ${i}`),
      inputs: signalIndices(from, i, `the inputs of call ${i}`),
      ...(block === undefined ? {} : { block: blockOf(block, inRows.length, given.length, `the block of call ${i}`) }),
    };
  });
  return {
    ...common,
    calls: read,
    ...(inRows.length > 0 ? { rows: inRows } : {}),
    inputs: indices(inputs, read.length, 'inputs'),
    outputs: signalIndices(outputs, read.length, 'outputs'),
  };
}

function inRow(layers: readonly DescribedLayer[]): Pick<ModelConfig, 'calls' | 'inputs' | 'outputs'> {
  const [head] = layers;
  if (head?.kind !== 'input' || layers.length < 2) {
    throw new ArgumentError(
      `a list of layers must start with { "kind": "input", "shape": [...] }, followed by at least one more layer; got ${show(layers.map(({ kind }) => kind))}`,
      {
        argument: 'layers',
      },
    );
  }
  return { calls: layers.map((_, i) => ({ layer: i, inputs: i === 0 ? [] : [i - 1] })), inputs: [0], outputs: [layers.length - 1] };
}

function readLayer(value: unknown, i: number): DescribedLayer {
  const { kind, name, trainable, custom, config, ...options } = record(value, `layer ${i}`);
  if (typeof kind !== 'string')
    throw new ArgumentError(`layer ${i} needs a kind, such as "dense"; got ${show(kind)}`, { argument: 'kind', received: kind });
  return {
    kind,
    ...(name === undefined ? {} : { name: name as string }),
    ...(trainable === undefined ? {} : { trainable: trainable as boolean }),
    ...(custom === true ? { custom } : {}),
    config: config === undefined ? options : record(config, `the config of layer ${i}`),
  };
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  throw new ArgumentError(`${what} must be an object, got ${show(value)}`, { received: value });
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ArgumentError(`'${what}' of a model's description must be a list, got ${show(value)}`, { argument: what, received: value });
}

function index(value: unknown, below: number, what: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < below) return value as number;
  throw new ArgumentError(`${what}: expected a whole number from 0 to ${below - 1}, got ${show(value)}`, { received: value });
}

function signalIndices(value: unknown, below: number, what: string): SignalIndex[] {
  return list(value, what).map((item) => {
    if (!Array.isArray(item)) return index(item, below, what);
    return [index(item[0], below, what), index(item[1], Number.POSITIVE_INFINITY, what)];
  });
}

function blockOf(value: unknown, rows: number, calls: number, what: string): readonly [number, number] {
  const [row, number] = list(value, what);
  return [index(row, rows, what), index(number, calls, what)];
}

const indices = (value: unknown, below: number, what: string): number[] => list(value, what).map((item) => index(item, below, what));

/** A function or class that a description leaves to the user and that was not handed back: the places that need it, and the keys under which it is asked for. */
export interface Missing {
  readonly name: string;
  readonly places: readonly string[];
  readonly keys: readonly string[];
}

/** All that a description leaves to the user and that was not handed back. */
export function missingCustom({ layers, compile = {} }: ModelConfig, custom: Custom): Missing[] {
  const [classes, functions] = [new Map<string, Set<string>>(), new Map<string, Set<string>>()];
  const note = (to: Map<string, Set<string>>, name: string, place: string): void => {
    to.set(name, (to.get(name) ?? new Set()).add(place));
  };
  const need = (value: unknown, place: string): void => {
    if (!isInside(value) && !isDescribed(value)) return;
    if (!isInside(value) && value.custom) note(functions, value.name, place);
    if (isInside(value) && value.custom) {
      if (handedBack(custom, value.kind, place) === undefined) note(classes, value.kind, place);
    } else for (const [key, inner] of Object.entries(value.config ?? {})) need(inner, `${place}/${key}`);
  };
  for (const { kind, name = kind, custom: own, config } of layers) {
    if (!own) for (const [key, value] of Object.entries(config)) need(value, `${name}/${key}`);
    else if (handedBack(custom, kind) === undefined) note(classes, kind, `layer ${name}`);
  }
  need(compile.optimizer, 'optimizer');
  for (const loss of [compile.loss].flat()) need(loss, 'loss');
  for (const metric of [compile.metrics, compile.weightedMetrics].flatMap((lists) => Object.values(lists ?? {}).flat())) need(metric, 'metrics');
  return [
    ...[...classes].map(([name, places]) => ({ name, places: [...places], keys: [name] })),
    ...[...functions].flatMap(([name, all]) => {
      // One function in the place of several that have no name would be taken for all of them.
      const byPlace = all.size > 1 && [...all].every((place) => isNameless(name, place));
      const places = [...all].filter((place) => (byPlace ? !Object.hasOwn(custom, place) : handedBack(custom, name, place) === undefined));
      return places.length === 0 ? [] : [{ name, places, keys: byPlace ? places : [name] }];
    }),
  ];
}

const keyOf = (name: string): string => (/^[\w$]+$/.test(name) ? name : `'${name}': …`);

/** Wires the layers of a description. @throws ArgumentError, ShapeError naming the layer that cannot be built. */
export function signalsFromConfig(config: ModelConfig, custom: Custom): { inputs: Signal[]; outputs: Signal[] } {
  const missing = missingCustom(config, custom);
  if (missing.length > 0) {
    const places = missing.map(({ name, places: list }) => `'${name}' (${list.join(', ')})`).join(', ');
    const keys = missing.flatMap(({ keys: list }) => list).map(keyOf);
    throw new ArgumentError(
      `custom functions and classes are no part of a description: ${places}. Pass them as an option: { custom: { ${keys.join(', ')} } }, keyed by name or by place`,
      { argument: 'custom', received: places, expected: missing.map(({ name }) => name) },
    );
  }
  const layers = config.layers.map(({ kind, name, trainable, config: options }) => {
    const layer = layerFromConfig(
      kind,
      { ...options, ...(name === undefined ? {} : { name }), ...(trainable === undefined ? {} : { trainable }) },
      custom,
    );
    if (name !== undefined) layer.name = name;
    if (trainable !== undefined) layer.trainable = trainable;
    return layer;
  });
  const calls: LayerCall[] = [];
  const pick = (list: readonly SignalIndex[]): Signal[] =>
    list.map((at) => {
      const [call, which] = typeof at === 'number' ? [at, 0] : at;
      const found = calls[call]?.outputs[which];
      if (found) return found;
      throw new ArgumentError(`the description refers to output ${which} of call ${call}, which '${calls[call]?.layer.title}' does not have`, {
        received: at,
      });
    });
  const rows = (config.rows ?? []).map((row) => ({ ...row }));
  for (const [i, { layer: at, inputs, block }] of config.calls.entries()) {
    const layer = layers[at];
    if (!layer) continue;
    if (inputs.length === 0 && !(layer instanceof InputLayer))
      throw new ArgumentError(`call ${i} of the description gives '${layer.title}' no inputs; name the calls whose outputs it takes`, {
        layer: layer.title,
        received: inputs,
      });
    const call = layer instanceof InputLayer ? layer.enter().call : new LayerCall(layer, pick(inputs));
    const row = block && rows[block[0]];
    if (row) call.block = { row, index: block[1] };
    calls.push(call);
  }
  return { inputs: pick(config.inputs), outputs: pick(config.outputs) };
}
