import type { FloatDType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import { checkOptionNames, checkWhole } from '../core/expect.js';
import { suggestion } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import type { Dataset } from '../data/dataset.js';
import type { Warn } from '../initializers.js';
import { isKeptState } from '../layers/recurrent.js';
import { Layer, type Signal } from '../network/layer.js';
import type { Network, Variable } from '../network/network.js';
import type { Engine } from '../runtime/index.js';
import { type Logs, neighboursGiven, vitalsWanted } from '../training/callbacks.js';
import { runFit } from '../training/fit.js';
import type { History, RunningMeans } from '../training/history.js';
import { progressBar } from '../training/progress.js';
import { takeAverages } from '../training/state.js';
import { type InstanceType, ITERATIONS, type StepSpec } from '../training/step.js';
import type { Trace } from '../vitals/trace.js';
import { adaptLayers } from './adapt.js';
import type { Adaptable } from './adaptable.js';
import {
  type BatchLike,
  type BatchOptions,
  type BatchStream,
  checkEntries,
  commonEntries,
  type EvaluateOptions,
  entriesOf,
  type FitOptions,
  type PredictOptions,
  readArguments,
  readEvaluateArguments,
  readFitArguments,
} from './arguments.js';
import { type Compiled, type CompileOptions, compileOptions } from './compiled.js';
import { batchCurvature, type Curvature, type CurvatureOptions } from './curvature.js';
import { dependsOnBatch, evaluateRows, predictRows } from './evaluation.js';
import { INFERENCE_BATCH } from './feeding.js';
import { type FitData, typesOf, withFitData } from './fit-data.js';
import { type Arrays, checkInputs, checkTargets, commonRows } from './inputs.js';
import type { BatchParts } from './minibatch.js';
import { ModelState } from './model-state.js';
import { type EngineChoice, Programs } from './programs.js';
import { type SaveOptions, saveModel } from './saving.js';
import { type BatchGradients, batchGradients, type ExamineOptions, examineBatch } from './single-batch.js';
import { checkBatches } from './stateful.js';
import { structureOf } from './structure.js';
import { summarize } from './summary.js';
import { fitHeader } from './trace-header.js';
import { Turns } from './turns.js';
import { checkValidation } from './validation.js';
import { type Checked, checkSampleWeight } from './weights.js';

export interface ModelOptions extends EngineChoice {
  /** Seed of weights, shuffles and dropout masks; default 0. The same seed gives the same run. */
  readonly seed?: number;
  /** Element type of weights and computation; default float32. */
  readonly dtype?: FloatDType;
  readonly name?: string;
  /** Receives warnings of initializers; default `console.warn`. */
  readonly warn?: Warn;
}

/** A network with its state: built by `sequential` or `model`, trained by `fit`. */
export class Model {
  readonly network: Network;
  readonly seed: number;
  readonly name: string;
  readonly options: ModelOptions;
  readonly #held: ModelState;
  readonly #programs: Programs;
  readonly #turns = new Turns();

  constructor(network: Network, options: ModelOptions = {}) {
    this.network = network;
    this.options = options;
    this.seed = options.seed ?? 0;
    this.name = options.name ?? 'model';
    this.#held = new ModelState(network, this.seed, options.warn ?? console.warn);
    this.#programs = new Programs(network, options, (trains) => structureOf(this, this.#held.layout, trains));
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
    const { compiled } = this.#held;
    if (!compiled) throw new ArgumentError("the model is not compiled: call model.compile({ optimizer: 'sgd', loss: … }) first");
    return compiled;
  }

  get isCompiled(): boolean {
    return this.#held.compiled !== undefined;
  }

  /** Names of the layers that have been adapted to data, by a fit, `adapt`, or arrays that were set. */
  get adapted(): ReadonlySet<string> {
    return new Set([...this.#held.adapted].map(({ title }) => title));
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

  /**
   * Sets optimizer, loss and metrics. Optimizer slots are reset; weights are kept.
   * @throws ArgumentError naming the wrong option; EvenkeelError while the model is busy, in callbacks too.
   */
  compile(options: CompileOptions): this {
    this.#turns.requireIdle();
    this.#held.compile(compileOptions(this.network, options));
    this.#programs.drop();
    return this;
  }

  /**
   * Trains on arrays, a dataset or a stream of minibatches.
   * @returns the history: means per epoch.
   * @throws ShapeError, DataError before the first step if the data do not fit, for minibatches of a stream as they come; NonFiniteError if the loss or
   * a value of the state stops being finite, with its place (a metric may be NaN);
   * AbortError on `signal`. The model then keeps the state it had before the failure.
   */
  fit(dataset: Dataset | BatchLike | BatchStream, options?: FitOptions): Promise<History>;
  fit(x: Arrays, y: Arrays, options?: FitOptions): Promise<History>;
  async fit(first: unknown, second?: unknown, third?: FitOptions): Promise<History> {
    return this.#fit(first, second, third, () => takeAverages(this.network, this.compiled.optimizer, this.#held.state));
  }

  async #fit(first: unknown, second: unknown, third: FitOptions | undefined, settle: () => Promise<void>): Promise<History> {
    const { data, options } = readFitArguments(first, second, third);
    const train = async (opened: FitData): Promise<History> => {
      const { epochs = 1, initialEpoch = 0, batchSize = 32, callbacks = [], verbose = 1 } = options;
      const engine = await this.#programs.engine(batchSize);
      const vitals = vitalsWanted(callbacks);
      const plain = await this.#spec(opened.inputTypes, opened.targetTypes, opened.weightTypes);
      const spec = { ...plain, ...(vitals ? { vitals } : {}) };
      if (opened.validation) checkValidation(spec, opened.validation);
      await adaptLayers(this.#adaptable(engine), opened.sample.inputs, false);
      const { session, program } = await this.#programs.training(spec, batchSize);
      const [counter] = await this.#held.state.read([ITERATIONS]);
      const clock = (): number => performance.now();
      const report = verbose === 0 ? [] : [progressBar({ bar: verbose === 1, clock })];
      const { validation } = opened;
      const validationBatch = options.validationBatchSize ?? (dependsOnBatch(this.network, spec.losses) ? opened.batchSize : undefined);
      return runFit({
        engine,
        session,
        program,
        spec,
        state: this.#held.state,
        source: opened.source,
        epochs,
        initialEpoch,
        iterations: counter?.at(0) ?? 0,
        learningRate: spec.optimizer.learningRate,
        callbacks: [...report, ...callbacks.map((callback) => this.#turns.lent(callback))],
        validate: validation && (() => this.#evaluate(validation, validationBatch, program.vitals?.penalized)),
        maxChunk: options.chunk ?? Number.POSITIVE_INFINITY,
        signal: options.signal,
        clock,
        save: (path) => this.save(path),
        settle,
        ...(vitals
          ? {
              header: () =>
                fitHeader({ model: this.name, spec, vitals, layout: program.vitals, engine, opened, batchSize, epochs }, neighboursGiven(callbacks)),
            }
          : {}),
      });
    };
    return this.#turns.exclusively(() => Layer.settled(this.layers, () => withFitData(data, options, this, (given) => this.#check(given), train)));
  }

  /** Loss and metrics on data, without training; sample weights count in the loss and in weighted metrics. @returns values by name. */
  evaluate(dataset: Dataset | BatchLike, options?: EvaluateOptions): Promise<Logs>;
  evaluate(x: Arrays | BatchLike, y?: Arrays, options?: EvaluateOptions): Promise<Logs>;
  async evaluate(first: unknown, second?: unknown, third?: EvaluateOptions): Promise<Logs> {
    const { data, batchSize } = readEvaluateArguments(first, second, third);
    return this.#turns.reading(async () => (await this.#evaluate(this.#check(data), batchSize)).logs());
  }

  /** The network's output; one array where it has one output, else one per output. */
  async predict(x: Arrays, options?: PredictOptions): Promise<NdArray>;
  async predict(x: Arrays, options: PredictOptions & { readonly all: true }): Promise<NdArray[]>;
  async predict(x: Arrays, options: PredictOptions & { readonly all?: boolean } = {}): Promise<NdArray | NdArray[]> {
    checkOptionNames('predict', options, ['all', 'batchSize']);
    checkWhole('predict', 'batchSize', options.batchSize);
    const outputs = await this.#turns.reading(async () => {
      const inputs = checkInputs(this.network, x);
      commonRows(inputs, 'x');
      await this.#held.arrange();
      const { layout, state } = this.#held;
      return predictRows({ network: this.network, layout, programs: this.#programs, state, inputs, batchSize: options.batchSize });
    });
    return options.all || outputs.length > 1 ? outputs : (outputs[0] as NdArray);
  }

  /** One step on one minibatch. @returns its loss and metrics before the step. */
  trainOnBatch(batch: BatchLike, options?: BatchOptions): Promise<Logs>;
  trainOnBatch(x: Arrays, y: Arrays, options?: BatchOptions): Promise<Logs>;
  async trainOnBatch(first: unknown, second?: unknown, third?: BatchOptions): Promise<Logs> {
    const { data, options } = readArguments('trainOnBatch', [first, second, third], ['sampleWeight', 'classWeight']);
    const single = { ...options, epochs: 1, batchSize: Number.MAX_SAFE_INTEGER, shuffle: false, verbose: 0, chunk: 1 } as const;
    const history = await this.#fit(data, single, undefined, async () => {});
    return history.last;
  }

  /** Loss, metrics and the gradient of every trainable array on one minibatch, in training mode, without a step. */
  gradients(batch: BatchLike): Promise<BatchGradients>;
  gradients(x: Arrays, y: Arrays): Promise<BatchGradients>;
  async gradients(first: unknown, second?: unknown): Promise<BatchGradients> {
    const { data } = readArguments('gradients', [first, second, undefined], []);
    return this.#turns.exclusively(async () => batchGradients(await this.#batch(data)));
  }

  /**
   * Curvature of the loss on one minibatch, in training mode: the extreme eigenvalues of its Hessian by all trained weights, and the largest stable rate.
   * @param options `steps` of Lanczos's iteration (default 20), each as much work as 2 to 3 gradients; callbacks may call it. @throws ArgumentError if nothing is trained.
   */
  curvature(batch: BatchLike, options?: CurvatureOptions): Promise<Curvature>;
  curvature(x: Arrays, y: Arrays, options?: CurvatureOptions): Promise<Curvature>;
  async curvature(first: unknown, second?: unknown, third?: CurvatureOptions): Promise<Curvature> {
    const { data, options } = readArguments('curvature', [first, second, third], ['steps']);
    checkWhole('curvature', 'steps', options.steps, 2);
    return this.#turns.reading(async () => batchCurvature(await this.#look(data), options));
  }

  /**
   * Vital signs of one minibatch, forward and backward, without a step: a trace for `doctor.diagnose`. Layers that need data take it from these rows,
   * and once more at the first fit.
   * @param options `sharpness`: whether the largest eigenvalue of the loss's Hessian is among them, see `curvature`, or of how many rows; default where the optimizer's steps have a bound that follows from it, on as many rows as take some seconds.
   */
  examine(batch: BatchLike, options?: ExamineOptions): Promise<Trace>;
  examine(x: Arrays, y: Arrays, options?: ExamineOptions): Promise<Trace>;
  async examine(first: unknown, second?: unknown, third?: ExamineOptions): Promise<Trace> {
    const { data, options } = readArguments('examine', [first, second, third], ['sharpness']);
    if (typeof options.sharpness !== 'boolean') checkWhole('examine', 'sharpness', options.sharpness, 0);
    return this.#turns.exclusively(async () => examineBatch(await this.#look(data), options));
  }

  /** A minibatch from which layers that need data take it, for now: the first fit takes it again. */
  async #look(given: BatchLike): Promise<BatchParts> {
    const parts = await this.#batch(given);
    const known = new Set(this.#held.adapted);
    await adaptLayers(this.#adaptable(await this.#programs.engine(INFERENCE_BATCH)), parts.checked.inputs, false);
    for (const layer of this.layers) if (!known.has(layer)) this.#held.adapted.delete(layer);
    return parts;
  }

  async #batch(given: BatchLike): Promise<BatchParts> {
    const checked = this.#check(given);
    checkBatches(this.network, checked.inputs[0]?.shape[0] ?? 0, Number.POSITIVE_INFINITY);
    return { model: this.name, spec: await this.#specFor(checked), programs: this.#programs, state: this.#held.state, checked };
  }

  /** Takes mean and variance of every normalization layer, and LSUV's scales, from data; `fit` does this once by itself. */
  async adapt(x: Arrays): Promise<void> {
    await this.#turns.exclusively(async () => {
      const inputs = checkInputs(this.network, x);
      commonRows(inputs, 'x');
      await this.#held.arrange();
      await adaptLayers(this.#adaptable(await this.#programs.engine(INFERENCE_BATCH)), inputs, true);
    });
  }

  /** Sets the state that stateful recurrent layers keep from minibatch to minibatch to zeros. */
  async resetStates(): Promise<void> {
    await this.#turns.exclusively(async () => {
      await this.#held.arrange();
      const kept = this.variables.filter(({ layer, weight }) => isKeptState(layer, weight));
      await this.#held.state.write(kept.map(({ name, shape, dtype }) => [name, NdArray.zeros(shape, dtype)]));
    });
  }

  /** Copies of all layers' arrays, in the order of `variables`; a consistent snapshot even during training. */
  async getWeights(): Promise<NdArray[]> {
    return [...(await this.#held.get('weights')).values()];
  }

  /** Sets all layers' arrays, in the order of `variables`. @throws ShapeError naming the array that does not fit; then none is set. */
  async setWeights(weights: readonly NdArray[]): Promise<void> {
    await this.setState(entriesOf(weights, this.variables));
  }

  /** Copies the arrays of all layers that another model, made of some of the same, has too. @throws ArgumentError if there is none, or it is no model. */
  async copyWeights(from: Model): Promise<void> {
    await this.setState(await commonEntries(this.variables, from));
  }

  /** Copies of the whole state by name: weights, optimizer slots, step counter; a consistent snapshot even during training. This is what a checkpoint holds. */
  async getState(): Promise<Map<string, NdArray>> {
    return this.#held.get('all');
  }

  /**
   * Sets entries of the state by name, all or none. A normalization layer whose moments change knows its data from then on, unless they become mean 0 and
   * variance 1, with which it begins; weights that `lsuv` would scale stay as they are set.
   * @param options.adapted names of all layers that know their data, where that is known; told by the arrays unless given.
   * @throws ArgumentError, ShapeError if one does not fit, or sets the step counter of a fit in progress; EvenkeelError while the model is busy, unless in a callback.
   */
  async setState(entries: ReadonlyMap<string, NdArray>, options: { readonly adapted?: Iterable<string> } = {}): Promise<void> {
    checkEntries('setState', entries);
    const { midFit } = this.#turns;
    await this.#turns.reading(() => this.#held.set(entries, options.adapted && new Set(options.adapted), midFit));
  }

  /**
   * Saves the whole model in one `.safetensors` file, even during training; `load(path)` restores it.
   * @throws FileError if it cannot be written; the file that was there is whole then.
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    await saveModel(this, path, options);
  }

  /** A table of layers, shapes and parameter counts. */
  summary(): string {
    return summarize(this.network, this.name);
  }

  /**
   * Frees the model's memory in the engine; its state is fetched first, so the model remains usable.
   * @throws EvenkeelError while the model is busy, in callbacks too: a fit is ended by its `signal` or by `control.stop()`, and waited for.
   */
  async dispose(): Promise<void> {
    await this.#turns.exclusively(async () => {
      await this.#held.dispose().finally(() => this.#programs.dispose());
    });
  }

  #adaptable(engine: Engine): Adaptable {
    const { layout, state, adapted } = this.#held;
    return { network: this.network, layout, engine, state, adapted };
  }

  async #specFor({ inputs, targets, weights }: Checked): Promise<StepSpec> {
    return this.#spec(typesOf(inputs), typesOf(targets), typesOf(weights));
  }

  async #spec(inputs: readonly InstanceType[], targets: readonly InstanceType[], weights: readonly InstanceType[]): Promise<StepSpec> {
    const { compiled } = this;
    await this.#held.arrange();
    return {
      network: this.network,
      ...compiled,
      seed: this.seed,
      layout: this.#held.layout,
      flush: await this.#needsFlush(),
      inputs,
      targets,
      weights,
    };
  }

  /** Float32 alone is at risk: float64 reaches its denormal numbers 270 powers of ten later. */
  async #needsFlush(): Promise<boolean> {
    const engine = await this.#programs.engine(INFERENCE_BATCH);
    return this.network.dtype === 'float32' && !engine.flushesDenormals;
  }

  #check(given: BatchLike): Checked {
    const inputs = checkInputs(this.network, given.x);
    const rows = commonRows(inputs, 'x');
    const targets = checkTargets(this.network, this.compiled.losses, given.y, rows);
    return { inputs, targets, weights: checkSampleWeight(this.network, given.sampleWeight, rows) };
  }

  async #evaluate(checked: Checked, batchSize: number | undefined, penalized = false): Promise<RunningMeans> {
    return evaluateRows({ spec: await this.#specFor(checked), programs: this.#programs, state: this.#held.state, checked, batchSize, penalized });
  }
}
