import type { Layer } from '../network/layer.js';
import type { Network } from '../network/network.js';
import { availableThreads, type Backend, type Engine, type Session, sharedEngine } from '../runtime/index.js';
import type { Program } from '../training/program.js';
import { chooseThreads } from './threads.js';

/** Where a model's graphs run. */
export interface EngineChoice {
  /** Default `EVENKEEL_BACKEND`, else native in Node and wasm in a page. */
  readonly backend?: Backend;
  /** Threads of one run; chosen from the network's shapes unless given. */
  readonly threads?: number;
  /** An engine of one's own instead of the process's shared one. */
  readonly engine?: Engine;
}

export interface Loaded {
  readonly session: Session;
  readonly program: Program;
}

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
  readonly #loaded = new Map<string, Loaded>();
  #engine: Engine | undefined;

  constructor(network: Network, choice: EngineChoice) {
    this.#network = network;
    this.#choice = choice;
  }

  async engine(batchSize: number): Promise<Engine> {
    const { backend, engine } = this.#choice;
    this.#engine ??= engine ?? (await sharedEngine({ ...(backend ? { backend } : {}), threads: this.#threads(batchSize) }));
    return this.#engine;
  }

  /** A program, loaded once for each key and choice of trainable layers. */
  async load(kind: string, key: unknown, batchSize: number, make: () => Program): Promise<Loaded> {
    const frozen = this.#network.layers.map(trainability).join('');
    const id = JSON.stringify([kind, key, frozen]);
    const known = this.#loaded.get(id);
    if (known) return known;
    const engine = await this.engine(batchSize);
    const program = make();
    const loaded = { program, session: await engine.load(program.model, { name: kind, threads: this.#threads(batchSize) }) };
    this.#loaded.set(id, loaded);
    return loaded;
  }

  /** Unloads every program. */
  drop(): void {
    // A session of an engine that has ended has nothing left to free.
    for (const { session } of this.#loaded.values()) void session.dispose().catch(() => {});
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
