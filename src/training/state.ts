import { countOf } from '../core/count.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { copyElements, NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { type StaticShape, sameShape, showShape, sizeOf } from '../core/shape.js';
import { resolveInitializer, type Warn } from '../initializers.js';
import type { Network } from '../network/network.js';
import type { Optimizer } from '../optimizers.js';
import type { Engine, Resident } from '../runtime/index.js';
import { type EntryPart, ITERATIONS, type StateEntry } from './step.js';
import { averageName, updatesBefore } from './update.js';

interface Slot {
  readonly entry: StateEntry;
  /** The value here; absent while only the engine has the newest. */
  host?: NdArray;
  /** The value in the engine. */
  resident?: Resident;
}

interface Place {
  readonly slot: Slot;
  readonly shape: StaticShape;
  /** Where in the entry its elements begin. */
  readonly start: number;
}

/** Parameters, optimizer slots, running statistics and the step counter: here, in the engine, or both. Known by the names of the layers' own arrays. */
export class State {
  readonly #slots = new Map<string, Slot>();
  readonly #places = new Map<string, Place>();
  /** How often values in the engine are kept beside the slots that held them. */
  readonly #pins = new Map<Resident, number>();
  #engine: Engine | undefined;

  /**
   * Holds exactly these entries from now on. Arrays that were there stay, laid out as the entries want them;
   * new ones begin as the array that they start as, or are drawn by their initializers from `seed` and their names alone, each warning told once;
   * others are dropped.
   * @param given values of new ones, which need not be drawn; none of them unless all fit.
   */
  async arrange(entries: readonly StateEntry[], seed: number, warn: Warn, given?: ReadonlyMap<string, NdArray>): Promise<void> {
    if (entries.length === this.#slots.size && entries.every((entry) => sameEntry(entry, this.#slots.get(entry.name)?.entry))) return;
    const before = await this.entries();
    const known = given && allFit(given, entries) ? new Map([...given, ...before]) : before;
    this.clear();
    const told = new Set<string>();
    const warnOnce: Warn = (message) => {
      if (!told.has(message)) warn(message);
      told.add(message);
    };
    for (const entry of entries) {
      const host = NdArray.zeros(entry.shape, entry.dtype);
      const slot: Slot = { entry, host };
      let start = 0;
      for (const part of entry.parts ?? [entry]) {
        const kept = known.get(part.name);
        const value = kept && sameShape(kept.shape, part.shape) ? kept : (this.#origin(part) ?? initialValue(part, entry.dtype, seed, warnOnce));
        const place = { slot, shape: part.shape, start };
        copyElements(value, arrayAt(host, place));
        this.#places.set(part.name, place);
        start += value.size;
      }
      this.#slots.set(entry.name, slot);
    }
  }

  /** Forgets entries, so that they start anew when they are wanted again. */
  async drop(keep: (name: string) => boolean): Promise<void> {
    const entries = await this.entries();
    this.clear();
    for (const [name, host] of entries) {
      if (!keep(name)) continue;
      const slot: Slot = { entry: { name, shape: host.shape, dtype: host.dtype, initializer: 'zeros' }, host };
      this.#slots.set(name, slot);
      this.#places.set(name, { slot, shape: host.shape, start: 0 });
    }
  }

  /** Names of the arrays, each layer's on its own. */
  get names(): string[] {
    return [...this.#places.keys()];
  }

  /** Every array by name, fetched from the engine where it has newer values. */
  async entries(): Promise<Map<string, NdArray>> {
    const arrays = await this.read(this.names);
    return new Map(this.names.map((name, i) => [name, arrays[i] as NdArray]));
  }

  /** Entries' values in the engine, put there where they are not yet. */
  async feeds(engine: Engine, entryNames: readonly string[]): Promise<Record<string, Resident>> {
    if (this.#engine !== engine) {
      await this.#fetch([...this.#slots.values()]);
      this.dispose();
      this.#engine = engine;
    }
    const slots = entryNames.map((name) => this.#slot(name));
    const missing = slots.filter((slot) => slot.resident === undefined);
    const put = missing.length === 0 ? [] : await engine.putAll(missing.map((slot) => slot.host as NdArray));
    missing.forEach((slot, i) => {
      slot.resident = put[i] as Resident;
    });
    return Object.fromEntries(slots.map((slot) => [slot.entry.name, slot.resident as Resident]));
  }

  /** Takes over entries that a run left in the engine; the ones before are freed. */
  replace(values: Readonly<Record<string, Resident>>): void {
    const entries = Object.entries(values).map(([name, resident]) => ({ slot: this.#slot(name), resident }));
    this.#release(entries.map(({ slot }) => slot));
    for (const { slot, resident } of entries) {
      slot.resident = resident;
      delete slot.host;
    }
  }

  /** Entries as they are now, without a copy where the engine has them; another run leaves them whole until they are released. */
  keep(entryNames: readonly string[]): { restore(): void; release(): void } {
    const engine = this.#engine;
    const values = entryNames.map((name) => {
      const slot = this.#slot(name);
      if (!slot.resident) return { slot, host: copyOf(slot.host as NdArray) };
      this.#pins.set(slot.resident, (this.#pins.get(slot.resident) ?? 0) + 1);
      return { slot, resident: slot.resident };
    });
    let released = false;
    return {
      restore: () => {
        if (released) throw new ArgumentError('these weights were released; restore them before the fit ends');
        this.#release(values.map(({ slot }) => slot));
        for (const { slot, host, resident } of values) {
          if (resident) {
            slot.resident = resident;
            delete slot.host;
          } else slot.host = copyOf(host);
        }
      },
      release: () => {
        if (released) return;
        released = true;
        const unused = values.flatMap(({ slot, resident }) => (resident && this.#unpin(resident) && slot.resident !== resident ? [resident] : []));
        if (unused.length > 0) engine?.free(unused);
      },
    };
  }

  /** Entries' values as they are now, in the engine, where they stay whole until they are released. */
  async pin(engine: Engine, entryNames: readonly string[]): Promise<{ readonly residents: Readonly<Record<string, Resident>>; release(): void }> {
    const residents = await this.feeds(engine, entryNames);
    const { release } = this.keep(entryNames);
    return { residents, release };
  }

  /**
   * Arrays by name as they are at the call, all of the same step, however the state goes on meanwhile; fetched from the engine where it has newer values.
   * They may share the state's memory: copy them before writing.
   */
  async read(names: readonly string[]): Promise<NdArray[]> {
    const places = names.map((name) => this.#place(name));
    const values = await this.#fetch(places.map(({ slot }) => slot));
    return places.map((place) => arrayAt(values.get(place.slot) as NdArray, place));
  }

  /** Sets arrays by name, all or none. @throws ArgumentError for an unknown name, ShapeError if a shape differs. */
  async write(values: Iterable<readonly [string, NdArray]>): Promise<void> {
    const list = [...values];
    const places = list.map(([name, value]) => {
      const place = this.#place(name);
      const { shape: expected } = place;
      if (!sameShape(expected, value.shape)) {
        throw new ShapeError(`${name} has shape ${showShape(expected)}, got ${showShape(value.shape)}`, {
          argument: name,
          expected,
          received: value.shape,
        });
      }
      return place;
    });
    const parted = places.map(({ slot }) => slot).filter(({ entry }) => entry.parts);
    const held = await this.#fetch(parted);
    // Into memory of its own: whoever reads meanwhile keeps what was there.
    const hosts = new Map<Slot, NdArray>();
    list.forEach(([, value], i) => {
      const { slot, ...place } = places[i] as Place;
      const before = held.get(slot);
      const host = hosts.get(slot) ?? (before ? copyOf(before) : NdArray.zeros(slot.entry.shape, slot.entry.dtype));
      copyElements(value, arrayAt(host, place));
      hosts.set(slot, host);
    });
    this.#release([...hosts.keys()]);
    for (const [slot, host] of hosts) slot.host = host;
  }

  /** Frees what the engine holds; newer values there are lost unless read before. */
  dispose(): void {
    this.#release([...this.#slots.values()]);
    this.#engine = undefined;
  }

  /** Forgets all entries. */
  clear(): void {
    this.dispose();
    this.#slots.clear();
    this.#places.clear();
  }

  /** Values of slots as they are at the call: the engine gives them before it hears what is freed later. */
  async #fetch(slots: readonly Slot[]): Promise<Map<Slot, NdArray>> {
    const now = [...new Set(slots)].map((slot) => ({ slot, ...slot }));
    const stale = now.filter(({ host }) => host === undefined);
    const arrays = stale.length > 0 && this.#engine ? await this.#engine.get(stale.map(({ resident }) => resident as Resident)) : [];
    const values = new Map(now.flatMap(({ slot, host }) => (host ? [[slot, host] as const] : [])));
    stale.forEach(({ slot, resident }, i) => {
      const array = arrays[i] as NdArray;
      values.set(slot, array);
      // A run may have put another value in its place meanwhile.
      if (slot.resident === resident) slot.host ??= array;
    });
    return values;
  }

  /** Lets go of a pin. @returns whether it was the last. */
  #unpin(resident: Resident): boolean {
    const left = (this.#pins.get(resident) ?? 1) - 1;
    if (left > 0) this.#pins.set(resident, left);
    else this.#pins.delete(resident);
    return left <= 0;
  }

  /** Frees what the engine holds of slots, but for what is pinned, in one message. */
  #release(slots: readonly Slot[]): void {
    const held = slots.flatMap(({ resident }) => (resident && !this.#pins.has(resident) ? [resident] : []));
    if (held.length > 0) this.#engine?.free(held);
    for (const slot of slots) delete slot.resident;
  }

  /** The array that another begins as, while entries are laid out. */
  #origin({ startsAs }: EntryPart): NdArray | undefined {
    const place = startsAs === undefined ? undefined : this.#places.get(startsAs);
    return place?.slot.host && arrayAt(place.slot.host, place);
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (!slot) throw new ArgumentError(`the state has no entry '${name}'; it has ${[...this.#slots.keys()].join(', ')}`, { received: name });
    return slot;
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (!place) throw new ArgumentError(`the state has no array '${name}'; it has ${this.names.join(', ')}`, { received: name });
    return place;
  }
}

function sameEntry(a: StateEntry, b: StateEntry | undefined): boolean {
  const names = ({ parts }: StateEntry): string | undefined => parts?.map(({ name }) => name).join();
  return b !== undefined && a.dtype === b.dtype && sameShape(a.shape, b.shape) && names(a) === names(b);
}

/** Whether each value has a place of its shape among the entries. */
function allFit(values: ReadonlyMap<string, NdArray>, entries: readonly StateEntry[]): boolean {
  const shapes = new Map(entries.flatMap((entry) => (entry.parts ?? [entry]).map(({ name, shape }) => [name, shape] as const)));
  return [...values].every(([name, { shape }]) => {
    const expected = shapes.get(name);
    return expected !== undefined && sameShape(expected, shape);
  });
}

/** One of the arrays that lie in an entry; shares memory. */
function arrayAt(entry: NdArray, { shape, start }: Pick<Place, 'shape' | 'start'>): NdArray {
  if (sameShape(entry.shape, shape)) return entry;
  return new NdArray(entry.data.subarray(start, start + sizeOf(shape)), shape);
}

/** The arrays that lie in an entry, by name; they share its memory. */
export function partsOf(entry: NdArray, parts: readonly EntryPart[]): Map<string, NdArray> {
  let start = 0;
  return new Map(
    parts.map(({ name, shape }) => {
      const array = arrayAt(entry, { shape, start });
      start += array.size;
      return [name, array];
    }),
  );
}

/** The same values in memory of their own. */
export function copyOf(array: NdArray): NdArray {
  return new NdArray(array.data.slice(), array.shape, array.dtype);
}

/** A first value: the stream of random numbers is that of the entry's path, so that two layers differ and order does not matter. */
export function initialValue(entry: EntryPart, dtype: DType, seed: number, warn: Warn): NdArray {
  const random = entry.name.split('/').reduce((stream, part) => stream.stream(part), new Random(seed));
  const sample = resolveInitializer(entry.initializer).sample(entry.shape, random, warn);
  if (sample.length !== sizeOf(entry.shape)) {
    throw new ShapeError(`the initializer of ${entry.name} returned ${countOf(sample.length, 'value')} for shape ${showShape(entry.shape)}`, {
      argument: entry.name,
    });
  }
  return new NdArray(sample, entry.shape).cast(dtype);
}

/** Puts moving averages, where the optimizer keeps them, in their arrays' places. */
export async function takeAverages(network: Network, optimizer: Optimizer, state: State): Promise<void> {
  if (!optimizer.averaging) return;
  const [iterations] = await state.read([ITERATIONS]);
  // Gradients that were only summed changed nothing yet; the weights may have been set since the average began.
  if (updatesBefore(optimizer, iterations?.at(0) ?? 0) === 0) return;
  const names = network.variables.filter(({ trainable }) => trainable).map(({ name }) => name);
  const averages = await state.read(names.map(averageName));
  await state.write(names.map((name, i) => [name, averages[i] as NdArray]));
}
