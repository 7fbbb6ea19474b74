import { ArgumentError, EngineError } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import type { Warn } from '../initializers.js';
import type { Layer } from '../network/layer.js';
import { type Layout, type Network, SINGLE } from '../network/network.js';
import { copyOf, State } from '../training/state.js';
import { ITERATIONS, layoutFor, networkEntries, type StateEntry, stateEntries } from '../training/step.js';
import { dataArrays, toldByArrays } from './adapted.js';
import type { Compiled } from './compiled.js';

/** What a model holds: the arrays of its network and of its training, laid out as they are needed now, and which layers know their data. */
export class ModelState {
  readonly state = new State();
  /** Layers that took from data what they need, or were given it. */
  readonly adapted = new Set<Layer>();
  readonly #network: Network;
  readonly #seed: number;
  readonly #warn: Warn;
  #compiled: Compiled | undefined;
  /** Slots and step counter of an optimizer that was replaced are still in the state. */
  #stale = false;
  /** Whether the engine ended with what only it had. */
  #lost = false;
  /** What was begun last: the state is laid out by one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(network: Network, seed: number, warn: Warn) {
    this.#network = network;
    this.#seed = seed;
    this.#warn = warn;
  }

  get compiled(): Compiled | undefined {
    return this.#compiled;
  }

  /** Takes another way of training: its slots and step counter start anew. */
  compile(compiled: Compiled): void {
    this.#compiled = compiled;
    this.#stale = true;
  }

  get layout(): Layout {
    return layoutFor(this.#compiled?.optimizer);
  }

  /** Lays the state out for the network as it is now: layers may have been frozen, or the optimizer replaced. */
  async arrange(): Promise<void> {
    await this.#inTurn(() => this.#arrange());
  }

  /** Copies of arrays by name: of the network's alone, or of the whole state. */
  async get(which: 'weights' | 'all'): Promise<Map<string, NdArray>> {
    return this.#inTurn(async () => {
      const names = which === 'weights' ? this.#network.variables.map(({ name }) => name) : this.#entries(SINGLE).map(({ name }) => name);
      await this.#arrange();
      const arrays = await this.state.read(names);
      return new Map(names.map((name, i) => [name, copyOf(arrays[i] as NdArray)]));
    });
  }

  /**
   * Sets arrays by name, all or none.
   * @param adapted names of all layers that know their data; told by the arrays unless given. @param midFit whether a fit goes on with its own count of steps.
   */
  async set(entries: ReadonlyMap<string, NdArray>, adapted?: ReadonlySet<string>, midFit = false): Promise<void> {
    await this.#inTurn(async () => {
      if (midFit) await this.#requireStep(entries.get(ITERATIONS)?.at(0));
      const held = new Set(this.#lost ? [] : this.state.names);
      const names = dataArrays(this.#network).flatMap(({ name }) => (held.has(name) && entries.has(name) && !adapted ? [name] : []));
      const before = await this.state.read(names);
      await this.#arrange(entries);
      await this.state.write(entries);
      const told = adapted
        ? this.#network.layers.map((layer) => [layer, adapted.has(layer.title)] as const)
        : toldByArrays(this.#network, entries, new Map(names.map((name, i) => [name, before[i] as NdArray])));
      for (const [layer, known] of told) this.adapted[known ? 'add' : 'delete'](layer);
    });
  }

  /** Fetches what only the engine has, and frees what it holds. @throws EngineError if the engine has ended: what it alone had is lost. */
  async dispose(): Promise<void> {
    await this.#inTurn(async () => {
      try {
        if (!this.#lost) await this.state.entries();
      } catch (error) {
        this.#lost = true;
        throw error;
      } finally {
        this.state.dispose();
      }
    });
  }

  /** @throws ArgumentError unless the step counter, where it is to be set, stays as it is. */
  async #requireStep(wanted: number | undefined): Promise<void> {
    const [counter] = await this.state.read([ITERATIONS]);
    const now = counter?.at(0);
    if (wanted === undefined || wanted === now) return;
    throw new ArgumentError(
      `setState: '${ITERATIONS}' is ${now} and cannot become ${wanted} while a fit goes on, whose schedules and records count its own steps. Leave it out of the entries, or end the fit by control.stop() and set the state in onTrainEnd or behind it`,
      { argument: ITERATIONS, received: wanted, expected: now },
    );
  }

  async #arrange(given?: ReadonlyMap<string, NdArray>): Promise<void> {
    const entries = this.#entries(this.layout);
    if (this.#lost) {
      if (!given || !this.#network.variables.every(({ name }) => given.has(name)))
        throw new EngineError(
          "this model's weights were held by an engine that was disposed or died, and are lost; restore them with setWeights or setState, or load the model again",
        );
      this.state.clear();
      this.#lost = false;
    }
    if (this.#stale) {
      this.#stale = false;
      const kept = new Set(this.#network.variables.map(({ name }) => name));
      await this.state.drop((name) => kept.has(name));
    }
    await this.state.arrange(entries, this.#seed, this.#warn, given);
  }

  #entries(layout: Layout): StateEntry[] {
    return this.#compiled ? stateEntries(this.#network, this.#compiled.optimizer, layout) : networkEntries(this.#network, layout);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
