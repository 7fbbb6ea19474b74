import { dtypes } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { sameShape, showShape, sizeOf } from '../core/shape.js';
import { resolveInitializer } from '../initializers.js';
import type { Engine, Resident } from '../runtime/index.js';
import type { StateEntry } from './step.js';

interface Slot {
  readonly entry: StateEntry;
  /** The value here; absent while only the engine has the newest. */
  host?: NdArray;
  /** The value in the engine. */
  resident?: Resident;
}

/** Parameters, optimizer slots, running statistics and the step counter: here, in the engine, or both. */
export class State {
  readonly #slots = new Map<string, Slot>();
  #engine: Engine | undefined;

  /** Adds entries that are not there yet, drawn by their initializers from `seed` and their names alone. */
  add(entries: readonly StateEntry[], seed: number): void {
    for (const entry of entries) {
      const known = this.#slots.get(entry.name);
      if (known && sameShape(known.entry.shape, entry.shape)) continue;
      this.#slots.set(entry.name, { entry, host: initialValue(entry, seed) });
    }
  }

  /** Drops entries that are not named: slots of an optimizer that was replaced. */
  keepOnly(names: Iterable<string>): void {
    const wanted = new Set(names);
    for (const [name, slot] of this.#slots) {
      if (wanted.has(name)) continue;
      this.#release(slot);
      this.#slots.delete(name);
    }
  }

  get names(): string[] {
    return [...this.#slots.keys()];
  }

  has(name: string): boolean {
    return this.#slots.has(name);
  }

  /** The entries' values in the engine, put there where they are not yet. */
  async feeds(engine: Engine, names: readonly string[]): Promise<Record<string, Resident>> {
    if (this.#engine !== engine) {
      await this.read(this.names);
      for (const slot of this.#slots.values()) delete slot.resident;
      this.#engine = engine;
    }
    const missing = names.map((name) => this.#slot(name)).filter((slot) => slot.resident === undefined);
    const put = await engine.putAll(missing.map((slot) => slot.host as NdArray));
    missing.forEach((slot, i) => {
      slot.resident = put[i] as Resident;
    });
    return Object.fromEntries(names.map((name) => [name, this.#slot(name).resident as Resident]));
  }

  /** Takes over values that a run left in the engine; the ones before are freed. */
  replace(values: Readonly<Record<string, Resident>>): void {
    for (const [name, resident] of Object.entries(values)) {
      const slot = this.#slot(name);
      this.#release(slot);
      slot.resident = resident;
      delete slot.host;
    }
  }

  /** Values of entries, fetched from the engine where it has newer ones. */
  async read(names: readonly string[]): Promise<NdArray[]> {
    const stale = names.map((name) => this.#slot(name)).filter((slot) => slot.host === undefined);
    if (stale.length > 0 && this.#engine) {
      const arrays = await this.#engine.get(stale.map((slot) => slot.resident as Resident));
      stale.forEach((slot, i) => {
        slot.host = arrays[i] as NdArray;
      });
    }
    return names.map((name) => this.#slot(name).host as NdArray);
  }

  /** Sets an entry. @throws ShapeError where the shape is another. */
  write(name: string, value: NdArray): void {
    const slot = this.#slot(name);
    if (!sameShape(slot.entry.shape, value.shape)) {
      throw new ShapeError(`${name} has shape ${showShape(slot.entry.shape)}, got ${showShape(value.shape)}`, {
        argument: name,
        expected: slot.entry.shape,
        received: value.shape,
      });
    }
    this.#release(slot);
    delete slot.resident;
    const data = dtypes[slot.entry.dtype].allocate(value.size);
    slot.host = new NdArray(data, value.shape, slot.entry.dtype);
    for (let i = 0; i < value.size; i++) slot.host.set(i, value.at(i));
  }

  /** Frees what the engine holds; newer values there are lost unless read before. */
  dispose(): void {
    for (const slot of this.#slots.values()) {
      this.#release(slot);
      delete slot.resident;
    }
    this.#engine = undefined;
  }

  #release(slot: Slot): void {
    if (slot.resident) this.#engine?.free([slot.resident]);
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (!slot) throw new ArgumentError(`the state has no '${name}'; it has ${this.names.join(', ')}`, { received: name });
    return slot;
  }
}

/** A first value: the stream of random numbers is that of the entry's path, so that two layers differ and order does not matter. */
function initialValue(entry: StateEntry, seed: number): NdArray {
  const random = entry.name.split('/').reduce((stream, part) => stream.stream(part), new Random(seed));
  const sample = resolveInitializer(entry.initializer).sample(entry.shape, random);
  const array = NdArray.zeros(entry.shape, entry.dtype);
  if (sample.length !== sizeOf(entry.shape)) {
    throw new ShapeError(`the initializer of ${entry.name} gave ${sample.length} values for shape ${showShape(entry.shape)}`, {
      argument: entry.name,
    });
  }
  if (array.data instanceof Float32Array || array.data instanceof Float64Array) array.data.set(sample);
  else for (let i = 0; i < array.size; i++) array.set(i, sample[i] ?? 0);
  return array;
}
