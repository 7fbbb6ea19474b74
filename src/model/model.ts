import type { FloatDType } from '../core/dtype.js';
import { ArgumentError, EvenkeelError, show } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import type { Dataset } from '../data/dataset.js';
import { gradients } from '../graph/gradients.js';
import type { Layer, Signal } from '../network/layer.js';
import type { Network, Variable } from '../network/network.js';
import { availableThreads, type Backend, type Engine, type Session, sharedEngine } from '../runtime/index.js';
import { ArraySource, type Batch, type BatchSource, IterableSource } from '../training/batches.js';
import type { Callback, Logs } from '../training/callbacks.js';
import { runFit } from '../training/fit.js';
import { type History, RunningMeans } from '../training/history.js';
import { evaluationProgram, gradientProgram, type Program, predictionProgram, trainingProgram } from '../training/program.js';
import { progressBar } from '../training/progress.js';
import { State } from '../training/state.js';
import { type InstanceType, ITERATIONS, logNames, type StepSpec, stateEntries } from '../training/step.js';
import { adaptNormalization } from './adapt.js';
import { type Compiled, type CompileOptions, compileOptions } from './compiled.js';
import { type Arrays, checkInputs, checkTargets, commonRows } from './inputs.js';
import { summarize } from './summary.js';
import { chooseThreads } from './threads.js';

/** Rows per engine call where no gradient is needed. */
const INFERENCE_BATCH = 256;

export interface ModelOptions {
  /** What weights, shuffles and dropout masks are drawn from; default 0. One seed gives the same run again. */
  readonly seed?: number;
  /** Where graphs run; default `EVENKEEL_BACKEND`, else native in Node and wasm in a page. */
  readonly backend?: Backend;
  /** Threads of one run; chosen from the network's shapes unless given. */
  readonly threads?: number;
  /** An engine of one's own instead of the process's shared one. */
  readonly engine?: Engine;
  /** Element type of weights and computation; default float32. */
  readonly dtype?: FloatDType;
  readonly name?: string;
}

/** Minibatches from a generator: called for every epoch. Each is `{ x, y }`. */
export type BatchStream = Iterable<BatchLike> | AsyncIterable<BatchLike> | (() => Iterable<BatchLike> | AsyncIterable<BatchLike>);
export interface BatchLike {
  readonly x: Arrays;
  readonly y: Arrays;
}

export interface FitOptions {
  /** Default 1. */
  readonly epochs?: number;
  /** Index of the first epoch, for a fit that goes on; default 0. */
  readonly initialEpoch?: number;
  /** Rows per step; default 32. */
  readonly batchSize?: number;
  /** Another order of the rows in every epoch; default true. */
  readonly shuffle?: boolean;
  /** Share of the rows, the last ones, kept for validation; default 0. */
  readonly validationSplit?: number;
  readonly validationData?: BatchLike;
  readonly callbacks?: readonly Callback[];
  /** Steps per epoch of a generator; until it ends unless given. */
  readonly stepsPerEpoch?: number;
  /** 0 silent, 1 progress bar on a terminal and a line per epoch elsewhere, 2 a line per epoch; default 1. */
  readonly verbose?: 0 | 1 | 2;
  /** Most steps that one engine call may run; as many as take about 150 ms unless given. Results are the same for any. */
  readonly chunk?: number;
  readonly signal?: AbortSignal;
}

const fitOptions = [
  'epochs',
  'initialEpoch',
  'batchSize',
  'shuffle',
  'validationSplit',
  'validationData',
  'callbacks',
  'stepsPerEpoch',
  'verbose',
  'chunk',
  'signal',
];

/** A network with its state: built by `sequential` or `model`, trained by `fit`. */
export class Model {
  readonly network: Network;
  readonly seed: number;
  readonly name: string;
  readonly options: ModelOptions;
  readonly #state = new State();
  readonly #sessions = new Map<string, { session: Session; program: Program }>();
  #compiled: Compiled | undefined;
  #engine: Engine | undefined;
  #busy = false;

  constructor(network: Network, options: ModelOptions = {}) {
    this.network = network;
    this.options = options;
    this.seed = options.seed ?? 0;
    this.name = options.name ?? 'model';
    this.#state.add(network.variables, this.seed);
  }

  get layers(): readonly Layer[] {
    return this.network.layers;
  }

  get inputs(): readonly Signal[] {
    return this.network.inputs;
  }

  get outputs(): readonly Signal[] {
    return this.network.outputs;
  }

  /** Arrays of all layers, in order. */
  get variables(): readonly Variable[] {
    return this.network.variables;
  }

  /** How the model is trained. @throws ArgumentError before `compile`. */
  get compiled(): Compiled {
    if (!this.#compiled) throw new ArgumentError("the model is not compiled: call model.compile({ optimizer: 'sgd', loss: … }) first");
    return this.#compiled;
  }

  get isCompiled(): boolean {
    return this.#compiled !== undefined;
  }

  /** The layer of that name. @throws ArgumentError with the nearest name. */
  layer(name: string): Layer {
    const found = this.layers.find((layer) => layer.name === name);
    if (!found)
      throw new ArgumentError(
        `no layer is named '${name}'${suggestion(
          name,
          this.layers.map((layer) => layer.title),
        )}`,
        { argument: 'name', received: name },
      );
    return found;
  }

  /** Chooses optimizer, loss and metrics. Optimizer slots start anew; weights stay. @throws ArgumentError naming the wrong option. */
  compile(options: CompileOptions): this {
    this.#compiled = compileOptions(this.network, options);
    this.#state.keepOnly(this.network.variables.map(({ name }) => name));
    this.#dropSessions();
    return this;
  }

  /**
   * Trains on arrays, a dataset or a stream of minibatches.
   * @returns the history: means per epoch.
   * @throws ShapeError, DataError before the first step where the data do not fit; NonFiniteError where a value stops being finite, with its place;
   * AbortError on `signal`. The model keeps the state it had before the trouble.
   */
  fit(dataset: Dataset | BatchLike | BatchStream, options?: FitOptions): Promise<History>;
  fit(x: Arrays, y: Arrays, options?: FitOptions): Promise<History>;
  async fit(first: unknown, second?: unknown, third?: FitOptions): Promise<History> {
    const { data, options } = readFitArguments(first, second, third);
    return this.#exclusively(async () => {
      const { epochs = 1, initialEpoch = 0, batchSize = 32, callbacks = [], verbose = 1 } = options;
      const { source, types, validation, sample } = await this.#openData(data, options);
      const engine = await this.#openEngine(batchSize);
      await this.#adapt(engine, sample);
      const spec = this.#spec(types.inputs, types.targets);
      const { session, program } = await this.#load(engine, 'training', spec, () => trainingProgram(spec), batchSize);
      const [counter] = await this.#state.read([ITERATIONS]);
      const report = verbose === 0 ? [] : [progressBar({ bar: verbose === 1, clock: () => performance.now() })];
      return runFit({
        engine,
        session,
        program,
        spec,
        state: this.#state,
        source,
        epochs,
        initialEpoch,
        iterations: counter?.at(0) ?? 0,
        learningRate: spec.optimizer.learningRate,
        callbacks: [...report, ...callbacks],
        validate: validation && (() => this.#evaluate(engine, validation, 'val_')),
        maxChunk: options.chunk ?? Number.POSITIVE_INFINITY,
        signal: options.signal,
        clock: () => performance.now(),
      });
    });
  }

  /** Loss and metrics on data, without training. @returns values by name. */
  async evaluate(x: Arrays | BatchLike, y?: Arrays): Promise<Logs> {
    return this.#exclusively(async () => {
      const given = y === undefined ? (x as BatchLike) : { x: x as Arrays, y };
      const engine = await this.#openEngine(INFERENCE_BATCH);
      return this.#evaluate(engine, this.#check(given));
    });
  }

  /** The network's output; one array where it has one output, else one per output. */
  async predict(x: Arrays): Promise<NdArray>;
  async predict(x: Arrays, options: { readonly all: true }): Promise<NdArray[]>;
  async predict(x: Arrays, options: { readonly all?: boolean } = {}): Promise<NdArray | NdArray[]> {
    const outputs = await this.#exclusively(async () => {
      const inputs = checkInputs(this.network, x);
      commonRows(inputs, 'x');
      const engine = await this.#openEngine(INFERENCE_BATCH);
      const { session, program } = await this.#load(
        engine,
        `prediction ${typeKey(inputs)}`,
        undefined,
        () => predictionProgram(this.network, typesOf(inputs)),
        INFERENCE_BATCH,
      );
      const parts: NdArray[][] = this.network.outputs.map(() => []);
      await this.#eachBatch(engine, inputs, async (arrays) => {
        const feeds = { ...named('x', arrays), ...(await this.#state.feeds(engine, program.reads)) };
        const { fetched } = await session.run(feeds, Object.fromEntries(parts.map((_, i) => [`output_${i}`, 'fetch'] as const)));
        parts.forEach((list, i) => {
          list.push(fetched[`output_${i}`] as NdArray);
        });
      });
      return parts.map(joinRows);
    });
    return options.all || outputs.length > 1 ? outputs : (outputs[0] as NdArray);
  }

  /** One step on one minibatch. @returns its loss and metrics before the step. */
  async trainOnBatch(x: Arrays, y: Arrays): Promise<Logs> {
    const history = await this.fit({ x, y }, { epochs: 1, batchSize: Number.MAX_SAFE_INTEGER, shuffle: false, verbose: 0, chunk: 1 });
    return history.last;
  }

  /** Loss, metrics and the gradient of every trainable array on one minibatch, in training mode, without a step. */
  async gradients(x: Arrays, y: Arrays): Promise<{ readonly logs: Logs; readonly gradients: ReadonlyMap<string, NdArray> }> {
    return this.#exclusively(async () => {
      const { inputs, targets } = this.#check({ x, y });
      const engine = await this.#openEngine(inputs[0]?.shape[0] ?? 1);
      const spec = this.#spec(typesOf(inputs), typesOf(targets));
      const trained = this.variables.filter((variable) => variable.trainable).map(({ name }) => name);
      const { session, program } = await this.#load(engine, 'gradients', spec, () => gradientProgram(spec, gradients), INFERENCE_BATCH);
      const feeds = { ...named('x', inputs), ...named('y', targets), ...(await this.#state.feeds(engine, program.reads)) };
      const { fetched } = await session.run(feeds, {
        logs: 'fetch',
        ...Object.fromEntries(trained.map((_, i) => [`gradient_${i}`, 'fetch'] as const)),
      });
      const values = (fetched.logs as NdArray).data as ArrayLike<number>;
      const logs = Object.fromEntries(logNames(spec).map((name, i) => [name, values[i] ?? Number.NaN]));
      return { logs, gradients: new Map(trained.map((name, i) => [name, fetched[`gradient_${i}`] as NdArray])) };
    });
  }

  /** Takes mean and variance of every normalization layer from data; `fit` does this once by itself. */
  async adapt(x: Arrays): Promise<void> {
    await this.#exclusively(async () => {
      const inputs = checkInputs(this.network, x);
      commonRows(inputs, 'x');
      await adaptNormalization(this.network, await this.#openEngine(INFERENCE_BATCH), this.#state, inputs, true);
    });
  }

  /** Copies of all layers' arrays, in the order of `variables`. */
  async getWeights(): Promise<NdArray[]> {
    const arrays = await this.#state.read(this.variables.map(({ name }) => name));
    return arrays.map((array) => new NdArray(array.data.slice(), array.shape, array.dtype));
  }

  /** Sets all layers' arrays, in the order of `variables`. @throws ShapeError naming the array that does not fit; then none is set. */
  async setWeights(weights: readonly NdArray[]): Promise<void> {
    const { variables } = this;
    if (weights.length !== variables.length) {
      throw new ArgumentError(`the model has ${variables.length} arrays, got ${weights.length}`, {
        argument: 'weights',
        expected: variables.length,
        received: weights.length,
      });
    }
    const before = await this.getWeights();
    try {
      variables.forEach(({ name }, i) => {
        this.#state.write(name, weights[i] as NdArray);
      });
    } catch (error) {
      variables.forEach(({ name }, i) => {
        this.#state.write(name, before[i] as NdArray);
      });
      throw error;
    }
  }

  /** The whole state: weights, optimizer slots, step counter. What a checkpoint holds. */
  async getState(): Promise<Map<string, NdArray>> {
    if (this.#compiled) this.#state.add(stateEntries(this.network, this.#compiled.optimizer), this.seed);
    const { names } = this.#state;
    const arrays = await this.#state.read(names);
    return new Map(names.map((name, i) => [name, arrays[i] as NdArray]));
  }

  /** Sets entries of the state by name. @throws ArgumentError, ShapeError where one does not fit. */
  setState(entries: ReadonlyMap<string, NdArray>): void {
    if (this.#compiled) this.#state.add(stateEntries(this.network, this.#compiled.optimizer), this.seed);
    for (const [name, array] of entries) this.#state.write(name, array);
    for (const layer of this.layers) layer.restored();
  }

  /** A table of layers, shapes and parameter counts. */
  summary(): string {
    return summarize(this.network, this.name);
  }

  /** Frees what the model holds in the engine; its state is fetched first, so that it can go on later. */
  async dispose(): Promise<void> {
    await this.#state.read(this.#state.names);
    this.#state.dispose();
    this.#dropSessions();
    this.#engine = undefined;
  }

  #spec(inputs: readonly InstanceType[], targets: readonly InstanceType[]): StepSpec {
    const { compiled } = this;
    this.#state.add(stateEntries(this.network, compiled.optimizer), this.seed);
    return { network: this.network, ...compiled, seed: this.seed, inputs, targets };
  }

  #check(given: BatchLike): { inputs: NdArray[]; targets: NdArray[] } {
    const inputs = checkInputs(this.network, given.x);
    const rows = commonRows(inputs, 'x');
    return { inputs, targets: checkTargets(this.network, this.compiled.losses, given.y, rows) };
  }

  async #openData(data: BatchLike | BatchStream, options: FitOptions) {
    const { batchSize = 32, shuffle = true, validationSplit = 0, validationData } = options;
    const validation = validationData && this.#check(validationData);
    if (isBatch(data)) {
      const { inputs, targets } = this.#check(data);
      const rows = inputs[0]?.shape[0] ?? 0;
      const kept = splitRow(rows, validationSplit);
      const cut = (arrays: readonly NdArray[], from: number, to: number): NdArray[] => arrays.map((array) => array.slice(from, to));
      const train = [...cut(inputs, 0, kept), ...cut(targets, 0, kept)];
      const random = shuffle ? new Random(this.seed).stream('shuffle') : undefined;
      return {
        source: new ArraySource(train, Math.min(batchSize, kept), random) as BatchSource,
        types: { inputs: typesOf(inputs), targets: typesOf(targets) },
        validation: validation ?? (kept < rows ? { inputs: cut(inputs, kept, rows), targets: cut(targets, kept, rows) } : undefined),
        sample: cut(inputs, 0, kept),
      };
    }
    if (validationSplit > 0)
      throw new ArgumentError('validationSplit needs arrays; give a stream its validationData', { argument: 'validationSplit' });
    return { ...(await this.#openStream(data, options.stepsPerEpoch)), validation };
  }

  async #openStream(stream: BatchStream, steps: number | undefined) {
    const open = (): Iterator<BatchLike> | AsyncIterator<BatchLike> => {
      const iterable = typeof stream === 'function' ? stream() : stream;
      return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
    };
    // The first batch tells the types; it is trained on as well.
    const iterator = open();
    const head = await iterator.next();
    if (head.done) throw new ArgumentError('the stream of minibatches is empty', { argument: 'data' });
    const { inputs, targets } = this.#check(head.value);
    const self = this;
    let opened = false;
    async function* batches(): AsyncGenerator<Batch> {
      const rest = opened ? open() : iterator;
      if (!opened) yield [...inputs, ...targets];
      opened = true;
      try {
        for (let next = await rest.next(); !next.done; next = await rest.next()) {
          const checked = self.#check(next.value);
          yield [...checked.inputs, ...checked.targets];
        }
      } finally {
        await rest.return?.();
      }
    }
    return {
      source: new IterableSource(batches, steps) as BatchSource,
      types: { inputs: typesOf(inputs), targets: typesOf(targets) },
      sample: inputs,
    };
  }

  async #openEngine(batchSize: number): Promise<Engine> {
    if (this.#engine) return this.#engine;
    const { backend, engine } = this.options;
    const threads = this.options.threads ?? chooseThreads(this.network, Math.min(batchSize, 4096), availableThreads());
    this.#engine = engine ?? (await sharedEngine({ ...(backend ? { backend } : {}), threads }));
    return this.#engine;
  }

  async #adapt(engine: Engine, inputs: readonly NdArray[]): Promise<void> {
    await adaptNormalization(this.network, engine, this.#state, inputs, false);
  }

  /** A loaded program, kept for the next call; another where data types or trainable layers differ. */
  async #load(
    engine: Engine,
    kind: string,
    spec: StepSpec | undefined,
    make: () => Program,
    batchSize: number,
  ): Promise<{ session: Session; program: Program }> {
    const frozen = this.layers.map((layer) => Number(layer.trainable)).join('');
    const key = `${kind} ${spec ? JSON.stringify([spec.inputs, spec.targets]) : ''} ${frozen} ${engine.backend}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    const program = make();
    const threads = this.options.threads ?? chooseThreads(this.network, Math.min(batchSize, 4096), availableThreads());
    const loaded = { program, session: await engine.load(program.model, { name: `${this.name}, ${kind}`, threads }) };
    this.#sessions.set(key, loaded);
    return loaded;
  }

  async #evaluate(engine: Engine, data: { inputs: readonly NdArray[]; targets: readonly NdArray[] }, prefix = ''): Promise<Logs> {
    const spec = this.#spec(typesOf(data.inputs), typesOf(data.targets));
    const { session, program } = await this.#load(engine, 'evaluation', spec, () => evaluationProgram(spec), INFERENCE_BATCH);
    const means = new RunningMeans(logNames(spec));
    await this.#eachBatch(engine, [...data.inputs, ...data.targets], async (arrays, rows) => {
      const state = await this.#state.feeds(engine, program.reads);
      const feeds = { ...named('x', arrays.slice(0, data.inputs.length)), ...named('y', arrays.slice(data.inputs.length)), ...state };
      const { fetched } = await session.run(feeds, { logs: 'fetch' });
      means.add((fetched.logs as NdArray).data as ArrayLike<number>, 0, rows);
    });
    return means.logs(prefix);
  }

  async #eachBatch(engine: Engine, arrays: readonly NdArray[], visit: (batch: NdArray[], rows: number) => Promise<void>): Promise<void> {
    const epoch = new ArraySource(arrays, INFERENCE_BATCH).epoch(0);
    const buffers: ArrayBufferLike[] = [];
    for (;;) {
      let index = 0;
      const chunk = await epoch.take(1, (bytes) => {
        const at = index++;
        const known = buffers[at];
        if (known && known.byteLength >= bytes) return known;
        const made = engine.allocate(bytes);
        buffers[at] = made;
        return made;
      });
      if (!chunk) return;
      await visit(
        chunk.arrays.map((array) => array.reshape(array.shape.slice(1))),
        chunk.batchSize,
      );
    }
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new EvenkeelError('the model is busy: await the fit, evaluate or predict that is under way first');
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  #dropSessions(): void {
    for (const { session } of this.#sessions.values()) void session.dispose().catch(() => {});
    this.#sessions.clear();
  }
}

const typesOf = (arrays: readonly NdArray[]): InstanceType[] => arrays.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }));
const typeKey = (arrays: readonly NdArray[]): string => arrays.map(({ dtype }) => dtype).join(',');
const named = (prefix: string, arrays: readonly NdArray[]): Record<string, NdArray> =>
  Object.fromEntries(arrays.map((array, i) => [`${prefix}_${i}`, array]));

function isBatch(data: BatchLike | BatchStream): data is BatchLike {
  return typeof data === 'object' && 'x' in data && 'y' in data;
}

function joinRows(parts: readonly NdArray[]): NdArray {
  const head = parts[0] as NdArray;
  const joined = NdArray.zeros([parts.reduce((rows, part) => rows + (part.shape[0] ?? 0), 0), ...head.shape.slice(1)], head.dtype);
  let at = 0;
  for (const part of parts) {
    (joined.data as Float32Array).set(part.data as Float32Array, at);
    at += part.size;
  }
  return joined;
}

function splitRow(rows: number, validationSplit: number): number {
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(`validationSplit must be from 0 to below 1, got ${show(validationSplit)}`, {
      argument: 'validationSplit',
      received: validationSplit,
    });
  }
  const kept = rows - Math.floor(rows * validationSplit);
  if (kept < 1) throw new ArgumentError(`validationSplit ${validationSplit} leaves no row of ${rows} to train on`, { argument: 'validationSplit' });
  return kept;
}

function readFitArguments(first: unknown, second: unknown, third: FitOptions | undefined): { data: BatchLike | BatchStream; options: FitOptions } {
  const asData =
    typeof first === 'function' ||
    (typeof first === 'object' && first !== null && (('x' in first && 'y' in first) || (Symbol.asyncIterator in first && !Array.isArray(first))));
  const isStream =
    asData ||
    (typeof first === 'object' &&
      first !== null &&
      Symbol.iterator in first &&
      !Array.isArray(first) &&
      !ArrayBuffer.isView(first) &&
      !(first instanceof NdArray));
  const data = isStream ? (first as BatchLike | BatchStream) : ({ x: first, y: second } as BatchLike);
  const options = ((isStream ? second : third) ?? {}) as FitOptions;
  if (!isStream && second === undefined)
    throw new ArgumentError('fit needs targets: fit(x, y, options), or fit({ x, y }, options)', { argument: 'y' });
  for (const key of Object.keys(options)) {
    if (!fitOptions.includes(key))
      throw new ArgumentError(`fit: unknown option '${key}'${suggestion(key, fitOptions)}`, { argument: key, received: key });
  }
  for (const key of ['epochs', 'batchSize', 'chunk', 'stepsPerEpoch'] as const) {
    const value = options[key];
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new ArgumentError(`fit: ${key} must be a whole number ≥ 1, got ${show(value)}`, { argument: key, received: value });
    }
  }
  return { data, options };
}
