import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { sameShape, showShape } from '../core/shape.js';
import { Layer, type LayerCall, type Row, Signal } from '../network/layer.js';
import { checkOptions, isBoolean, isCount } from './options.js';
import { isDescribed, isInside, isOwnLayer, layerFromConfig } from './registry.js';

export interface RepeatOptions {
  /**
   * Rematerialization: whether the backward pass recomputes the insides of the blocks: of n blocks it keeps the inputs of about √n, and the insides of √n
   * at a time, for the
   * time of one more forward pass. A run whose vital signs are taken keeps everything. Default false.
   */
  readonly remat?: boolean;
}

/** What stands in a row: a layer or layers in a row that others are made like, or a function that is called for each block and makes its layers. */
export type RepeatBlock = Layer | readonly Layer[] | ((input: Signal) => Signal | Layer | readonly Layer[]);

/**
 * A row of `n` equal blocks, each with weights of its own, one behind the other. Their weights are kept as one array [n, …] for each, and the forward and the
 * backward pass are one loop each, so that the graph has the same size for 10 and for 10,000 blocks. Everything else sees the layers of all blocks. Blocks with
 * regularizers or constraints, with functions of the user's own, with state that is carried on, that make or drop a mask for the next, or into which another layer looks, run one by one.
 */
export class Repeat {
  readonly n: number;
  readonly #block: RepeatBlock;
  readonly #remat: boolean;

  /** @throws ArgumentError if `n` is no whole number ≥ 1, or the block is no layer, list or function, or holds layers that cannot be made again. */
  constructor(n: number, block: RepeatBlock, options: RepeatOptions = {}) {
    checkOptions('repeat', options, { n: isCount, remat: isBoolean }, { n: n ?? null });
    if (typeof block !== 'function') checkPatterns(block);
    this.n = n;
    this.#block = block;
    this.#remat = options.remat ?? false;
  }

  /** @throws ShapeError if a block's output is of another type than its input; ArgumentError if it makes no layer. */
  apply(input: Signal): Signal {
    if (!(input instanceof Signal)) {
      throw new ArgumentError(`repeat: apply takes one output of layers.input or of another apply, got ${show(input)}`, { received: input });
    }
    const row: Row = { remat: this.#remat };
    let signal = input;
    for (let index = 0; index < this.n; index++) {
      const next = this.#once(signal);
      const calls = between(signal, next);
      const [first] = calls;
      if (!first) throw new ArgumentError(`repeat: block ${index} returns its input; a block needs at least one layer`, { argument: 'block' });
      if (next.dtype !== signal.dtype || !sameShape(next.shape, signal.shape)) {
        const [takes, gives] = [signal, next].map(({ dtype, shape }) => `${dtype}${showShape(shape)}`) as [string, string];
        throw new ShapeError(
          `repeat: the output of each block is the input of the next, so both must have the same shape; the block of ${calls.map(({ layer }) => layer.title).join(', ')} takes ${takes} and returns ${gives}. Change the units of its last layer, or put a layer that changes the shape before repeat`,
          { layer: next.call.layer.title, received: gives, expected: takes },
        );
      }
      if (calls.every(({ layer }) => isTold(layer))) for (const call of calls) call.block = { row, index };
      signal = next;
    }
    return signal;
  }

  #once(input: Signal): Signal {
    const made: unknown = typeof this.#block === 'function' ? this.#block(input) : [this.#block].flat().map(again);
    if (made instanceof Signal) return made;
    const list: readonly unknown[] = Array.isArray(made) ? made : [made];
    return list.reduce<Signal>((signal, layer) => {
      if (layer instanceof Layer) return layer.apply(signal);
      throw new ArgumentError(`repeat: the block's function must return a layer, a list of layers or the output of apply, got ${show(layer)}`, {
        argument: 'block',
        received: layer,
      });
    }, input);
  }
}

function checkPatterns(block: unknown): void {
  const list = [block].flat();
  if (list.length === 0) throw new ArgumentError('repeat: the block has no layers', { argument: 'block', received: block });
  for (const layer of list) {
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(`repeat: the block must be a layer, a list of layers or a function that creates them, got ${show(layer)}`, {
        argument: 'block',
        received: layer,
      });
    }
    if (isTold(layer)) continue;
    throw new ArgumentError(
      `repeat: '${layer.title}' uses a custom class or function, which cannot be copied; pass a function that creates the block: layers.repeat(n, () => …)`,
      { argument: 'block', layer: layer.title, received: layer.kind },
    );
  }
}

/** Another layer of the same kind and options. */
function again(layer: Layer): Layer {
  return layerFromConfig(layer.kind, { ...layer.config(), trainable: layer.trainable });
}

/** Whether a layer's kind and options say all about it. */
function isTold(layer: Layer): boolean {
  const own = (value: unknown): boolean =>
    (isDescribed(value) && value.custom === true) || ((isDescribed(value) || isInside(value)) && Object.values(value.config ?? {}).some(own));
  return isOwnLayer(layer) ? layer.repeatable : !layer.inside.some(isOwnLayer) && !Object.values(layer.config()).some(own);
}

/** Calls on the way from one signal to another, each after those it uses. */
function between(from: Signal, to: Signal): LayerCall[] {
  const on = new Map<LayerCall, boolean>([[from.call, false]]);
  const order: LayerCall[] = [];
  const stack = to === from ? [] : [{ call: to.call, next: 0 }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const { call } = top;
    const before = call.inputs[top.next++];
    if (before && !on.has(before.call)) {
      on.set(before.call, false);
      stack.push({ call: before.call, next: 0 });
    } else if (!before) {
      stack.pop();
      on.set(
        call,
        call.inputs.some((signal) => signal === from || on.get(signal.call)),
      );
      if (on.get(call)) order.push(call);
    }
  }
  return order;
}
