import { sameShape, sizeOf } from '../core/shape.js';
import type { Layer, LayerCall, Row, Signal } from './layer.js';

/**
 * How many equal blocks become a loop without being asked for: from 12 on a loop of narrow layers is as fast and loads sooner. Gradients of a loop's weights
 * are written and read once more than those of layers one by one, which wide layers take time for: they wait until their number makes the graph large.
 */
const SHORTEST_ROW = { narrow: 12, wide: 48 };

/** Most entries of an array that is narrow: 128 × 128. */
const NARROW = 2 ** 14;

/** Most layers of a block that is looked for: a residual block around two normalized layers has seven. */
const LONGEST_BLOCK = 12;

/** Equal blocks in a row: each has the same layers with the same options, shapes and wiring, and only the next one uses what it gives. */
export interface Run {
  /** The calls of each block, in one order. */
  readonly blocks: readonly (readonly LayerCall[])[];
  /** What the blocks take in: the first one's. */
  readonly entry: Signal;
  /** Place of the call that gives what a block gives. */
  readonly exit: number;
  /** Whether only every so many blocks' inputs are kept for the backward pass. */
  readonly remat: boolean;
}

/** The calls at one place of all blocks. */
export function callsAt({ blocks }: Run, place: number): LayerCall[] {
  return blocks.map((block) => block[place] as LayerCall);
}

/** What the layers at one place of all blocks are called together: `dense_2..dense_1001`. */
export function rowName({ blocks }: Run, place: number): string {
  return `${blocks[0]?.[place]?.layer.title}..${blocks[blocks.length - 1]?.[place]?.layer.title}`;
}

/** Rows that a network can run as loops: those that were asked for, and equal layers or blocks of layers that stand in a row. */
export function findRuns(calls: readonly LayerCall[], outputs: readonly Signal[]): Run[] {
  const uses = new Uses(calls, outputs);
  return [...rowsOf(calls).values()].flatMap((blocks) => runOf(blocks, uses) ?? []).concat(unaskedRuns(calls, uses));
}

/** Who uses what, and what each layer computes, described once. */
class Uses {
  readonly users = new Map<Signal, (LayerCall | undefined)[]>();
  readonly times = new Map<Layer, number>();
  readonly #described = new Map<Layer, string>();

  constructor(calls: readonly LayerCall[], outputs: readonly Signal[]) {
    for (const call of calls) {
      for (const signal of call.inputs) this.#use(signal, call);
      this.times.set(call.layer, (this.times.get(call.layer) ?? 0) + 1);
    }
    for (const signal of outputs) this.#use(signal, undefined);
  }

  of(signal: Signal): readonly (LayerCall | undefined)[] {
    return this.users.get(signal) ?? [];
  }

  describe(layer: Layer): string {
    const text = this.#described.get(layer) ?? describeLayer(layer);
    this.#described.set(layer, text);
    return text;
  }

  #use(signal: Signal, user: LayerCall | undefined): void {
    const list = this.users.get(signal);
    if (list) list.push(user);
    else this.users.set(signal, [user]);
  }
}

/** Whether a layer may stand in a loop: used once, with nothing that training looks at by itself, that comes from data or that is carried on. */
function fits({ layer }: LayerCall, { times }: Uses): boolean {
  const watched = [...layer.weights.values()].some(({ regularizer, constraint }) => regularizer !== undefined || constraint !== undefined);
  return !watched && times.get(layer) === 1 && layer.batchSize === undefined && !layer.needsData;
}

/** Runs of blocks that nobody asked for, those of the shortest blocks first. */
function unaskedRuns(calls: readonly LayerCall[], uses: Uses): Run[] {
  const places = new Map(calls.map((call, place) => [call, place]));
  const keys = calls.map((call) => keyOf(call, places, uses));
  const runs: Run[] = [];
  for (let length = 1; length <= LONGEST_BLOCK; length++) {
    for (const [from, to] of stretches(keys, length)) {
      const run = runWithin(calls.slice(from, to), length, uses);
      if (!run) continue;
      runs.push(run);
      for (const call of run.blocks.flat()) keys[places.get(call) ?? 0] = undefined;
    }
  }
  return runs;
}

/** What calls at one place of equal blocks share: the layer's options, how far back what it takes in was made, and how many take in what it gives. */
function keyOf(call: LayerCall, places: ReadonlyMap<LayerCall, number>, uses: Uses): string | undefined {
  if (call.block || !call.layer.repeatable || !fits(call, uses)) return undefined;
  const back = call.inputs.map((signal) => (places.get(call) ?? 0) - (places.get(signal.call) ?? 0));
  return JSON.stringify([uses.describe(call.layer), back, call.outputs.map((signal) => [signal.dtype, signal.shape, uses.of(signal).length])]);
}

/** Stretches in which keys come back after every `length`-th. Keys may be taken out while they are gone through. */
function* stretches(keys: readonly (string | undefined)[], length: number): Generator<readonly [from: number, to: number]> {
  let from = 0;
  for (let i = 0; i <= keys.length; i++) {
    const key = keys[i];
    if (key !== undefined && (i - from < length || key === keys[i - length])) continue;
    if (i - from > length) yield [from, i];
    // What breaks one stretch may end the first block of another.
    from = Math.max(from, i - length + 1);
    from += keys.slice(from, i + 1).lastIndexOf(undefined) + 1;
  }
}

/** The run of equal blocks of a length within a stretch, wherever in it the first of them begins. */
function runWithin(stretch: readonly LayerCall[], length: number, uses: Uses): Run | undefined {
  const isNarrow = stretch.slice(0, length).every(({ layer }) => [...layer.weights.values()].every(({ shape }) => sizeOf(shape) <= NARROW));
  const shortest = isNarrow ? SHORTEST_ROW.narrow : SHORTEST_ROW.wide;
  for (let start = 0; start < length; start++) {
    const count = Math.floor((stretch.length - start) / length);
    const blocks = Array.from({ length: count }, (_, i) => stretch.slice(start + i * length, start + (i + 1) * length));
    const run = count < shortest ? undefined : runOf(blocks, uses);
    if (run) return run;
  }
  return undefined;
}

/** Whether what comes out is as what went in: of its type, and with its mask, which a loop does not carry from block to block. */
function passesOn(entry: Signal, exit: Signal): boolean {
  return entry.dtype === exit.dtype && sameShape(entry.shape, exit.shape) && entry.maskOf === exit.maskOf;
}

/** Calls of the rows that were asked for, block by block. */
function rowsOf(calls: readonly LayerCall[]): Map<Row, LayerCall[][]> {
  const rows = new Map<Row, LayerCall[][]>();
  for (const call of calls) {
    if (!call.block) continue;
    const { row, index } = call.block;
    const blocks = rows.get(row) ?? [];
    rows.set(row, blocks);
    while (blocks.length <= index) blocks.push([]);
    blocks[index]?.push(call);
  }
  return rows;
}

/** The run that blocks make; undefined where they are not equal, or something else looks into them: then they run as layers like any other. */
function runOf(blocks: readonly (readonly LayerCall[])[], uses: Uses): Run | undefined {
  const [head, second] = blocks;
  if (!head || !second) return undefined;
  const within = blocks.map((block) => new Set(block));
  const exitOf = (at: number): number => {
    const open = (blocks[at] ?? []).flatMap((call, place) =>
      call.outputs.some((signal) => uses.of(signal).some((user) => user === undefined || !within[at]?.has(user))) ? [place] : [],
    );
    return open.length === 1 ? (open[0] as number) : -1;
  };
  const exit = exitOf(0);
  const out = (at: number): Signal | undefined => blocks[at]?.[exit]?.output;
  const result = out(0);
  // The head takes in what the second block takes from the head.
  const given = head.flatMap(({ inputs }, place) => inputs.filter((_, i) => second[place]?.inputs[i] === result))[0];
  if (!result || !given || !passesOn(given, result)) return undefined;
  const wired = (at: number): string => {
    const places = new Map<Signal, string>([[at === 0 ? given : (out(at - 1) as Signal), 'entry']]);
    blocks[at]?.forEach((call, place) => {
      call.outputs.forEach((signal) => {
        places.set(signal, `${place}/${signal.index}`);
      });
    });
    const from = (signal: Signal): string => places.get(signal) ?? `outside ${signal.call.layer.title}/${signal.index}`;
    return JSON.stringify(blocks[at]?.map((call) => [uses.describe(call.layer), call.inputs.map(from)]));
  };
  const first = wired(0);
  const equal = blocks.every((block, at) => {
    if (!block.every((call) => fits(call, uses))) return false;
    if (exitOf(at) !== exit || (at > 0 && wired(at) !== first)) return false;
    // What a block gives goes to the next one alone.
    return at === blocks.length - 1 || uses.of(out(at) as Signal).every((user) => user !== undefined && within[at + 1]?.has(user));
  });
  return equal ? { blocks, entry: given, exit, remat: head[0]?.block?.row.remat === true } : undefined;
}

/** What two layers share that compute the same function of their input and weights. */
function describeLayer(layer: Layer): string {
  return JSON.stringify([
    layer.kind,
    layer.trainable,
    layer.config(),
    [...layer.weights].map(([name, { shape, trainable }]) => [name, shape, trainable]),
  ]);
}
