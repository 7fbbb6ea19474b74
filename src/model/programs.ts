import type { Layer } from '../network/layer.js';
import type { Network } from '../network/network.js';
import { availableThreads, type Backend, type Engine, sharedEngine } from '../runtime/index.js';
import { type Program, trainingProgram } from '../training/program.js';
import type { StepSpec } from '../training/step.js';
import type { Loaded, SharedPrograms } from './shared-programs.js';
import { chooseThreads } from './threads.js';

/** Where a model's graphs run. */
export interface EngineChoice {
  /** Default `EVENKEEL_BACKEND`, else native in Node and wasm in a page. */
  readonly backend?: Backend;
  /** Number of threads; default chosen from the network's shapes. */
  readonly threads?: number;
  /** A separate engine instead of the process's shared one. */
  readonly engine?: Engine;
  /** Compiled programs to share between models; default: each model has its own. */
  readonly programs?: SharedPrograms;
}

/** Programs that take no step, so that the optimizer is nothing to them. */
const passive: ReadonlySet<string> = new Set(['evaluation', 'prediction', 'gradients', 'curvature']);

/** Batches larger than this count as this when threads are chosen. */
const LARGEST_BATCH = 4096;

/** Which of a layer and those inside of it are trained: 0 and 1. */
function trainability({ trainable, inside }: Layer): string {
  return `${Number(trainable)}${inside.map(trainability).join('')}`;
}

/** A model's engine and the programs it has loaded there. */
export class Programs {
  readonly #network: Network;
  readonly #choice: EngineChoice;
  readonly #structure: (trains: boolean) => string | undefined;
  readonly #loaded = new Map<string, Loaded>();
  #engine: Engine | undefined;

  /** @param structure what programs depend on, where other models may have the same. */
  constructor(network: Network, choice: EngineChoice, structure: (trains: boolean) => string | undefined) {
    this.#network = network;
    this.#choice = choice;
    this.#structure = structure;
  }

  async engine(batchSize: number): Promise<Engine> {
    const { backend, engine } = this.#choice;
    this.#engine ??= engine ?? (await sharedEngine({ ...(backend ? { backend } : {}), threads: this.#threads(batchSize) }));
    return this.#engine;
  }

  /** A program, loaded once for each key and choice of trainable layers. */
  async load(kind: string, key: unknown, batchSize: number, make: () => Program): Promise<Loaded> {
    const frozen = this.#network.layers.map(trainability).join('');
    const threads = this.#threads(batchSize);
    const id = JSON.stringify([kind, key, frozen, threads]);
    const known = this.#loaded.get(id);
    if (known) return known;
    const engine = await this.engine(batchSize);
    const load = async (): Promise<Loaded> => {
      const program = make();
      const session = await engine.load(program.model, { name: kind, threads });
      // A session of an engine that has ended has nothing left to free.
      return { program, session, release: () => void session.dispose().catch(() => {}) };
    };
    const { programs } = this.#choice;
    const structure = programs && this.#structure(!passive.has(kind));
    const loaded = programs && structure !== undefined ? await programs.take(engine, `${id} ${structure}`, load) : await load();
    this.#loaded.set(id, loaded);
    return loaded;
  }

  /** The program that trains, and measures what the spec says. */
  async training(spec: StepSpec, batchSize: number): Promise<Loaded> {
    return this.load('training', [spec.inputs, spec.targets, spec.weights, spec.vitals], batchSize, () => trainingProgram(spec));
  }

  /** Unloads every program. */
  drop(): void {
    for (const loaded of this.#loaded.values()) loaded.release();
    this.#loaded.clear();
  }

  dispose(): void {
    this.drop();
    this.#engine = undefined;
  }

  #threads(batchSize: number): number {
    return this.#choice.threads ?? chooseThreads(this.#network, Math.min(batchSize, LARGEST_BATCH), availableThreads());
  }
}
